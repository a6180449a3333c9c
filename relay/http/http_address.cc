#include "relay/http/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace smt::relay {
namespace {

constexpr std::string_view kLocalhost = "localhost";

// HOST of "HOST:PORT", with its brackets, and PORT; "": there is none.
std::pair<std::string_view, std::string_view> split_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  const size_t bracket = text.rfind(']');
  if (colon == text.npos || (bracket != text.npos && colon < bracket)) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_loopback_v4(const in_addr& address) { return ntohl(address.s_addr) >> 24 == 127; }
bool is_loopback_v6(const in6_addr& address) {
  if (!IN6_IS_ADDR_V4MAPPED(&address)) return IN6_IS_ADDR_LOOPBACK(&address);
  in_addr v4;
  memcpy(&v4, address.s6_addr + 12, sizeof v4);
  return is_loopback_v4(v4);
}

// A number. False: it is none.
bool parse_host(std::string_view host, uint16_t port, HttpAddress* out) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out->storage);
  if (inet_pton(AF_INET, std::string(host).c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out->size = sizeof *v4;
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out->storage);
  if (!host.starts_with('[') || !host.ends_with(']')) return false;
  host.remove_prefix(1);
  host.remove_suffix(1);
  if (inet_pton(AF_INET6, std::string(host).c_str(), &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  out->size = sizeof *v6;
  return true;
}

}  // namespace

Result<HttpAddress> HttpAddress::parse(const std::string& text) {
  const auto [host, port] = split_port(text);
  const auto bad = [&](const std::string& why) { return Status(Code::kInvalid, "'" + text + "' " + why); };
  if (host.empty() || port.empty()) return bad("is no ADDR:PORT, as 127.0.0.1:9464");
  int number = 0;
  if (port != "*") {
    number = is_number(port) ? std::stoi(std::string(port)) : 0;
    if (number < 1 || number > 65535) return bad("has a port that is not 1 to 65535");
  }
  HttpAddress address;
  const std::string_view numeric = host == "*" ? "0.0.0.0" : host == kLocalhost ? "127.0.0.1" : host;
  if (!parse_host(numeric, static_cast<uint16_t>(number), &address))
    return bad("has no address of this machine: write a number, as 127.0.0.1 or [::1], or localhost, or *");
  return address;
}

HttpAddress HttpAddress::of_socket(int fd) {
  HttpAddress address;
  address.size = sizeof address.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) address = {};
  return address;
}

bool HttpAddress::is_loopback() const {
  if (storage.ss_family == AF_INET)
    return is_loopback_v4(reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr);
  return storage.ss_family == AF_INET6 &&
         is_loopback_v6(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr);
}

HttpAddress HttpAddress::to_dial() const {
  HttpAddress to = *this;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&to.storage);
  if (to.storage.ss_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY))
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&to.storage);
  if (to.storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
    v6->sin6_addr = in6addr_loopback;
  return to;
}

std::string HttpAddress::text() const {
  char host[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
    return std::string(host) + ":" + std::to_string(ntohs(v4->sin_port));
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
  inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
  return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6->sin6_port));
}

Result<Fd> listen_at(const HttpAddress& address) {
  Fd fd = above_standard(
      Fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP)));
  const int on = 1;
  // What a relay before this one had connected does not keep the port from this one.
  if (!fd.ok() || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(fd.get(), address.get(), address.size) != 0 || listen(fd.get(), SOMAXCONN) != 0) {
    const int error = errno;
    if (error == EADDRINUSE)
      return Status(Code::kInUse, "cannot listen at " + address.text() +
                                      ": another process has the port; `ss -ltnp` shows which one");
    return Status::from_errno("cannot listen at " + address.text(), error);
  }
  return fd;
}

bool is_own_host(std::string_view text) {
  const std::string_view host = split_port(text).first;
  if (host == kLocalhost) return true;
  HttpAddress address;
  return parse_host(host, 0, &address) && address.is_loopback();
}

}  // namespace smt::relay
