#include "relay/keys/endpoint.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>

#include "shm/domain.h"

namespace smt::relay {
namespace {

Status check_address(const std::string& endpoint, bool binding) {
  const auto bad = [&](const std::string& why) {
    return Status(Code::kInvalid, "endpoint '" + endpoint + "': " + why);
  };
  if (endpoint.starts_with(kIpc)) {
    const size_t bytes = endpoint.size() - kIpc.size();
    return bytes == 0 || bytes >= sizeof(sockaddr_un::sun_path)
               ? bad("a path of 1 to " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                     " bytes follows ipc://")
               : Status();
  }
  if (endpoint.starts_with(kInproc))
    return endpoint.size() == kInproc.size() ? bad("a name follows inproc://") : Status();
  if (!endpoint.starts_with(kTcp)) return bad("it begins with tcp://, ipc:// or inproc://");
  const auto [host, port] = host_and_port(endpoint);
  if (host.empty() || port.empty()) return bad("tcp:// is followed by HOST:PORT");
  if (host == "*" && !binding) return bad("`*` is for --bind; name the host to dial");
  const auto strange = [](unsigned char c) {
    return !std::isalnum(c) &&
           std::string_view("._-*:[]%").find(static_cast<char>(c)) == std::string_view::npos;
  };
  if (std::any_of(host.begin(), host.end(), strange)) return bad("'" + host + "' is no host");
  if (host.find(':') != std::string::npos && (host.front() != '[' || host.back() != ']')) {
    return bad("an IPv6 address stands in brackets: tcp://[::1]:7000");
  }
  if (port == "*") return binding ? Status() : bad("a free port is for --bind; name the port to dial");
  const bool digits = port.size() <= 5 &&
                      std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c); });
  if (!digits || std::stoi(port) < 1 || std::stoi(port) > 65535)
    return bad("port '" + port + "' is not 1 to 65535");
  return Status();
}

}  // namespace

std::pair<std::string, std::string> host_and_port(const std::string& endpoint) {
  const std::string rest = endpoint.substr(kTcp.size());
  const size_t colon = rest.rfind(':');
  if (colon == std::string::npos) return {rest, ""};
  return {rest.substr(0, colon), rest.substr(colon + 1)};
}

bool has_host_name(const std::string& text) {
  const std::string endpoint = split_peer(text).first;
  if (!endpoint.starts_with(kTcp)) return false;
  const std::string host = host_and_port(endpoint).first;
  in_addr v4;
  return !host.starts_with('[') && inet_pton(AF_INET, host.c_str(), &v4) != 1;
}

std::pair<std::string, std::string> split_peer(const std::string& endpoint) {
  const size_t hash = endpoint.rfind('#');
  if (hash == std::string::npos) return {endpoint, ""};
  return {endpoint.substr(0, hash), endpoint.substr(hash + 1)};
}

Result<std::string> peer_at(const std::string& endpoint, const Keyring& keys) {
  const std::string peer = split_peer(endpoint).second;
  std::vector<std::string> names = keys.names();
  std::string known;
  for (const std::string& name : names) known += " " + name;
  if (!peer.empty()) {
    if (keys.keys_of(peer) != nullptr) return peer;
    return Status(Code::kInvalid,
                  "no key of " + peer + " in peers/, which has" + (known.empty() ? " none" : known));
  }
  std::erase(names, keys.self().name);
  if (names.size() == 1) return names.front();
  return Status(Code::kInvalid, names.empty()
                                    ? "no key in peers/: put there NAME.pub of who is dialled"
                                    : "whose key is there? write " + endpoint + "#PEER; peers/ has" + known +
                                          ", and this relay itself is " + keys.self().name);
}

Status check_endpoint(const std::string& text, bool binding) {
  const auto [endpoint, peer] = binding ? std::pair(text, std::string()) : split_peer(text);
  if (endpoint.size() != text.size()) {
    if (Status s = check_name("peer", peer); !s.ok())
      return Status(Code::kInvalid,
                    "endpoint '" + text + "': after # stands whose key is there: " + s.message());
  }
  return check_address(endpoint, binding);
}

bool is_loopback(const std::string& text) {
  const std::string endpoint = split_peer(text).first;
  if (!endpoint.starts_with(kTcp)) return true;
  const std::string host = host_and_port(endpoint).first;
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return host == "localhost" || host == "[::1]";
}

}  // namespace smt::relay
