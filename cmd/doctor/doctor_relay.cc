// Of the doctor: the keys of a relay, the ports it listens at and those it dials.
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "cmd/doctor/doctor.h"
#include "cmd/text/text.h"
#include "relay/keys/endpoint.h"
#include "relay/keys/keyring.h"
#include "shm/clock.h"
#include "shm/fd.h"

namespace smt::cmd {
namespace {

using Kind = Finding::Kind;
using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

// "HOST:PORT" or "[HOST]:PORT" of a tcp endpoint.
std::pair<std::string, std::string> HostAndPort(const std::string& endpoint) {
  std::string host = endpoint.substr(relay::kTcp.size());
  const size_t colon = host.rfind(':');
  std::string port = host.substr(colon + 1);
  host.resize(colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {host, port};
}

Addresses Resolve(const std::string& host, const std::string& port, bool binding, std::string* why) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (binding) hints.ai_flags = AI_PASSIVE;
  const int error = getaddrinfo(host == "*" ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) *why = gai_strerror(error);
  return Addresses(found, [](addrinfo* a) {
    if (a != nullptr) freeaddrinfo(a);
  });
}

// 0: somebody listens there, else the errno.
int Dial(const addrinfo& address, int64_t deadline_ns) {
  const Fd fd(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok()) return errno;
  if (connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd ready = {fd.get(), POLLOUT, 0};
  const int64_t left_ms = std::max<int64_t>(0, (deadline_ns - BoottimeNs()) / 1'000'000);
  if (poll(&ready, 1, static_cast<int>(left_ms)) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

Finding CheckBind(const std::string& endpoint) {
  const auto problem = [&](std::string text, std::string cure) {
    return Finding{Kind::kProblem, "bind", endpoint + ": " + text, std::move(cure)};
  };
  const auto [host, port] = HostAndPort(endpoint);
  std::string why;
  const Addresses addresses = Resolve(host, port == "*" ? "0" : port, true, &why);
  if (!addresses) return problem(why, "ip -brief address   # one of these, or *");
  const Fd fd(socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (!fd.ok() || bind(fd.get(), addresses->ai_addr, addresses->ai_addrlen) != 0 ||
      listen(fd.get(), 1) != 0) {
    if (errno == EADDRINUSE) {
      return problem("somebody listens there already",
                     fmt::format("ss -ltnp 'sport = :{}'   # who it is", port));
    }
    if (errno == EACCES)
      return problem("ports below 1024 are root's", "sysctl net.ipv4.ip_unprivileged_port_start=0");
    return problem(strerror(errno), "ip -brief address   # one of these, or *");
  }
  return {Kind::kFine, "bind", endpoint + " is free", ""};
}

Finding CheckConnect(const DoctorOptions& options, const std::string& endpoint) {
  const auto problem = [&](std::string text, std::string cure) {
    return Finding{Kind::kProblem, "connect", endpoint + ": " + text, std::move(cure)};
  };
  const auto [host, port] = HostAndPort(relay::SplitPeer(endpoint).first);
  std::string why;
  const Addresses addresses = Resolve(host, port, false, &why);
  if (!addresses)
    return problem(why, fmt::format("getent hosts {}   # or write its address", ShellWord(host)));
  const int64_t begin = BoottimeNs();
  int error = 0;
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) {
    error = Dial(*a, begin + options.timeout_ns);
    if (error == 0) break;
  }
  if (error == 0) {
    return {Kind::kFine, "connect",
            fmt::format("{} answers within {}", endpoint, DurationText(BoottimeNs() - begin)), ""};
  }
  if (error == ECONNREFUSED) {
    return problem("the machine is there, nobody listens at this port",
                   fmt::format("ssh {} smtrelay_pub --bind 'tcp://*:{}' --keys DIR", ShellWord(host), port));
  }
  return problem(strerror(error),
                 error == ETIMEDOUT
                     ? fmt::format("ssh {} nft add rule inet filter input tcp dport {} accept   # if it is "
                                   "a firewall",
                                   ShellWord(host), port)
                     : fmt::format("ip route get {}", ShellWord(host)));
}

}  // namespace

std::vector<Finding> CheckKeys(const DoctorOptions& options) {
  const std::string& dir = options.keys;
  if (dir.empty()) return {};
  Result<std::shared_ptr<const relay::Keyring>> keys = relay::Keyring::read(dir);
  if (keys.ok()) {
    if ((*keys)->names().empty()) {
      return {{Kind::kProblem, "keys", fmt::format("{}/peers has no key: nobody is let in", dir),
               fmt::format("cp PEER.pub {}/peers/", ShellWord(dir))}};
    }
    return {{Kind::kFine, "keys",
             fmt::format("{} ({}), {} peers", (*keys)->self().name,
                         relay::Fingerprint((*keys)->self().public_key), (*keys)->names().size()),
             ""}};
  }
  const std::string& text = keys.status().message();
  // Its own words have the command where a change of rights is all.
  const size_t run = text.find("run ");
  std::string cure = fmt::format("smtrelay_keygen NAME --out {}", ShellWord(dir));
  if (keys.status().code() == Code::kDenied && run != text.npos) cure = text.substr(run + 4);
  if (keys.status().code() == Code::kInvalid)
    cure = fmt::format("rm {}   # and have it anew", ShellWord(text.substr(0, text.find(':'))));
  return {{Kind::kProblem, "keys", text, cure}};
}

std::vector<Finding> CheckEndpoints(const DoctorOptions& options) {
  std::vector<Finding> findings;
  const auto each = [&](const std::vector<std::string>& endpoints, bool binding, const auto& check) {
    for (const std::string& endpoint : endpoints) {
      const Status sane = relay::CheckEndpoint(endpoint, binding);
      if (!sane.ok()) {
        findings.push_back({Kind::kProblem, binding ? "bind" : "connect", sane.message(),
                            binding ? "smtrelay_pub --help" : "smtrelay_sub --help"});
      } else if (endpoint.starts_with(relay::kTcp)) {
        findings.push_back(check(endpoint));
      }
    }
  };
  each(options.bind, true, CheckBind);
  each(options.connect, false, [&](const std::string& endpoint) { return CheckConnect(options, endpoint); });
  return findings;
}

}  // namespace smt::cmd
