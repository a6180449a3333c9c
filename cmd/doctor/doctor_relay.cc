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

#include "cmd/doctor/cures.h"
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
std::pair<std::string, std::string> host_and_port(const std::string& endpoint) {
  std::string host = endpoint.substr(relay::kTcp.size());
  const size_t colon = host.rfind(':');
  std::string port = host.substr(colon + 1);
  host.resize(colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {host, port};
}

Addresses resolve(const std::string& host, const std::string& port, bool binding, std::string* why) {
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
int dial(const addrinfo& address, int64_t deadline_ns) {
  const Fd fd(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok()) return errno;
  if (connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd ready = {fd.get(), POLLOUT, 0};
  const int64_t left_ms = std::max<int64_t>(0, (deadline_ns - boottime_ns()) / 1'000'000);
  if (poll(&ready, 1, static_cast<int>(left_ms)) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

// 0: a relay can listen there, else the errno. The other family is left to others, so that each is tried
// alone.
int try_to_listen(const addrinfo& address) {
  const Fd fd(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return errno;
  const int yes = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (address.ai_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  const bool listens = bind(fd.get(), address.ai_addr, address.ai_addrlen) == 0 && listen(fd.get(), 1) == 0;
  return listens ? 0 : errno;
}

// The errno of the first address that cannot be had. `*` takes both families, or the one that this machine
// has.
int try_to_listen_at_all(const addrinfo* addresses) {
  int missing = 0;
  bool any = false;
  for (const addrinfo* a = addresses; a != nullptr; a = a->ai_next) {
    const int error = try_to_listen(*a);
    const bool no_family = error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
    if (error != 0 && !no_family) return error;
    if (no_family) missing = error;
    any = any || error == 0;
  }
  return any ? 0 : missing;
}

Finding check_bind(const std::string& endpoint) {
  const auto problem = [&](std::string text, std::string cure) {
    return Finding{Kind::kProblem, "bind", endpoint + ": " + text, std::move(cure)};
  };
  const auto [host, port] = host_and_port(endpoint);
  std::string why;
  const Addresses addresses = resolve(host, port == "*" ? "0" : port, true, &why);
  if (!addresses) return problem(why, "hostname -I   # one of these, or *");
  const int error = host == "*" ? try_to_listen_at_all(addresses.get()) : try_to_listen(*addresses);
  if (error == EADDRINUSE) {
    return problem("somebody listens there already",
                   fmt::format("ss -ltnp 'sport = :{}'   # who it is", port));
  }
  if (error == EACCES) return problem("ports below 1024 are root's: choose a greater one", "");
  if (error != 0) return problem(strerror(error), "hostname -I   # one of these, or *");
  return {Kind::kFine, "bind", endpoint + " is free", ""};
}

Finding check_connect(const DoctorOptions& options, const std::string& endpoint) {
  const auto problem = [&](std::string text, std::string cure) {
    return Finding{Kind::kProblem, "connect", endpoint + ": " + text, std::move(cure)};
  };
  const auto [host, port] = host_and_port(relay::split_peer(endpoint).first);
  std::string why;
  const Addresses addresses = resolve(host, port, false, &why);
  if (!addresses)
    return problem(why, fmt::format("getent hosts {}   # or write its address", shell_word(host)));
  const int64_t begin = boottime_ns();
  int error = 0;
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) {
    error = dial(*a, begin + options.timeout_ns);
    if (error == 0) break;
  }
  if (error == 0) {
    return {Kind::kFine, "connect",
            fmt::format("{} answers within {}", endpoint, duration_text(boottime_ns() - begin)), ""};
  }
  if (error == ECONNREFUSED) {
    return problem("the machine is there, and nobody listens at this port: start a relay there that binds it",
                   "");
  }
  if (error == ETIMEDOUT)
    return problem(
        fmt::format("nobody has answered for {}: is it this address, and does no firewall hold up port {}?",
                    duration_text(options.timeout_ns), port),
        "");
  return problem(fmt::format("{}: is the network to it up?", strerror(error)), "");
}

// The file that the text begins with; "": it begins with none.
std::string file_named_in(const std::string& text) {
  for (size_t end = text.find_last_of(": "); end != text.npos && end > 0;
       end = text.find_last_of(": ", end - 1)) {
    if (access(text.substr(0, end).c_str(), F_OK) == 0) return text.substr(0, end);
  }
  return "";
}

// Of why a folder of keys cannot be used.
std::string cure_of_keys(const std::string& dir, const Status& why) {
  const std::string& text = why.message();
  const std::string file = file_named_in(text);
  struct stat st = {};
  const bool found = !file.empty() && stat(file.c_str(), &st) == 0;
  switch (why.code()) {
    case Code::kNotFound:
      if (access((dir + "/self.key").c_str(), F_OK) == 0) return "mkdir -m 700 " + shell_word(dir + "/peers");
      return "smtrelay_keygen \"$(hostname)\" --out " + shell_word(dir);
    case Code::kDenied:
      if (!found) return "";
      // The text says so where a change of rights is all.
      for (const char* rights : {"chmod 600", "chmod go-w"}) {
        if (text.find(rights) != text.npos)
          return as_owner_or_root(st.st_uid, fmt::format("{} {}", rights, shell_word(file)));
      }
      return as_owner(st.st_uid, st.st_gid, "smtdoctor --keys " + shell_word(dir));
    case Code::kInvalid:
      return found && S_ISREG(st.st_mode) ? move_aside(file) + "   # and have it anew" : "";
    default:
      return "";
  }
}

}  // namespace

std::vector<Finding> check_keys(const DoctorOptions& options) {
  const std::string& dir = options.keys;
  if (dir.empty()) return {};
  Result<std::shared_ptr<const relay::Keyring>> keys = relay::Keyring::read(dir);
  if (keys.ok()) {
    if ((*keys)->names().empty()) {
      return {{Kind::kProblem, "keys",
               fmt::format("{}/peers has no key, and nobody is let in: copy the .pub file of each peer there",
                           dir),
               ""}};
    }
    return {{Kind::kFine, "keys",
             fmt::format("{} ({}), {} peers", (*keys)->self().name,
                         relay::fingerprint_of((*keys)->self().public_key), (*keys)->names().size()),
             ""}};
  }
  return {{Kind::kProblem, "keys", keys.status().message(), cure_of_keys(dir, keys.status())}};
}

std::vector<Finding> check_endpoints(const DoctorOptions& options) {
  std::vector<Finding> findings;
  const auto each = [&](const std::vector<std::string>& endpoints, bool binding, const auto& check) {
    for (const std::string& endpoint : endpoints) {
      const Status sane = relay::check_endpoint(endpoint, binding);
      if (!sane.ok()) {
        findings.push_back({Kind::kProblem, binding ? "bind" : "connect", sane.message(),
                            binding ? "smtrelay_pub --help" : "smtrelay_sub --help"});
      } else if (endpoint.starts_with(relay::kTcp)) {
        findings.push_back(check(endpoint));
      }
    }
  };
  each(options.bind, true, check_bind);
  each(options.connect, false, [&](const std::string& endpoint) { return check_connect(options, endpoint); });
  return findings;
}

}  // namespace smt::cmd
