// Of the doctor: the keys of a relay, the ports it listens at and those it dials.
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "cmd/config/config_check.h"
#include "cmd/doctor/cures.h"
#include "cmd/doctor/doctor.h"
#include "cmd/serve/meeting.h"
#include "cmd/serve/relay_loop.h"
#include "cmd/text/text.h"
#include "relay/keys/endpoint.h"
#include "relay/keys/keyring.h"
#include "relay/store/mem_store.h"
#include "shm/clock.h"
#include "shm/fd.h"

namespace smt::cmd {
namespace {

using Kind = Finding::Kind;
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
  const auto [host, port] = relay::host_and_port(endpoint);
  int unknown = 0;
  const Addresses addresses = resolve(host, port == "*" ? "0" : port, true, &unknown);
  if (!addresses) return problem(gai_strerror(unknown), "hostname -I   # one of these, or *");
  const int error = host == "*" ? try_to_listen_at_all(addresses.get()) : try_to_listen(*addresses);
  if (error == EADDRINUSE) {
    return problem("somebody listens there already",
                   fmt::format("ss -ltnp 'sport = :{}'   # who it is", port));
  }
  if (error == EACCES) return problem("ports below 1024 are root's: choose a greater one", "");
  if (error != 0) return problem(strerror(error), "hostname -I   # one of these, or *");
  return {Kind::kFine, "bind", endpoint + " is free", ""};
}

Result<std::shared_ptr<const relay::Keyring>> read_keyring(const DoctorOptions& options) {
  const Result<relay::KeySource> source =
      key_source(options.keys, options.self_key, options.domain.group, options.key_group);
  if (!source.ok()) return source.status();
  return relay::Keyring::read(*source);
}

// Whoever listens at `bound` is reached by dialling `endpoint`.
bool is_same_place(const std::string& bound, const std::string& endpoint) {
  const auto [host, port] = relay::host_and_port(relay::split_peer(endpoint).first);
  const auto [bound_host, bound_port] = relay::host_and_port(bound);
  int unknown = 0;
  const Addresses dialled = resolve(host, "0", false, &unknown);
  if (port != bound_port || !dialled) return false;
  if (bound_host == "*") return try_to_listen(*dialled) == 0;  // an address of this machine
  const Addresses own = resolve(bound_host, "0", true, &unknown);
  return own && own->ai_addrlen == dialled->ai_addrlen &&
         memcmp(own->ai_addr, dialled->ai_addr, own->ai_addrlen) == 0;
}

Finding check_connect(const DoctorOptions& options, const std::string& endpoint) {
  const auto problem = [&](std::string text, std::string cure) {
    return Finding{Kind::kProblem, "connect", endpoint + ": " + text, std::move(cure)};
  };
  for (const std::string& bound : options.bind) {
    if (endpoint.starts_with(relay::kTcp) && bound.starts_with(relay::kTcp) && is_same_place(bound, endpoint))
      return problem("is this relay itself, as it listens at " + bound, "");
  }
  std::shared_ptr<const relay::Keyring> keyring;
  if (!options.keys.empty()) {
    Result<std::shared_ptr<const relay::Keyring>> keys = read_keyring(options);
    if (!keys.ok()) return problem("it is not dialled without the keys", "");
    keyring = std::move(*keys);
  }
  relay::MemStore store;
  RelayLoop loop(&store, asking_options("doctor"),
                 {.keys = keyring,
                  .tells_silence = false,
                  .probe_after_ns = std::min(DialWatch::kProbeAfterNs, options.timeout_ns / 4)});
  Result<RelayLoop::Links> links = loop.dial({endpoint});
  if (!links.ok()) return problem(links.status().message(), "");
  loop.add(std::move(*links));
  const int64_t begin = boottime_ns();
  const Meeting meeting = meet(&loop, begin + options.timeout_ns);
  if (meeting.outcome == Meeting::Outcome::kMet) {
    return {Kind::kFine, "connect",
            fmt::format("{}: relay {} answers within {}; it {}", endpoint, meeting.text,
                        duration_text(boottime_ns() - begin),
                        meeting.serves ? "sends topics" : "takes topics and sends none"),
            ""};
  }
  if (meeting.outcome != Meeting::Outcome::kNobody) return problem(meeting.text, "");
  const bool unknown = meeting.answer == Answer::kNoName || meeting.answer == Answer::kNoServer;
  return problem(
      meeting.text.empty() ? "nobody has answered for " + duration_text(options.timeout_ns) : meeting.text,
      unknown ? fmt::format("getent hosts {}   # or write its address",
                            shell_word(relay::host_and_port(relay::split_peer(endpoint).first).first))
              : "");
}

// The file that the text begins with; "": it begins with none.
std::string file_named_in(const std::string& text) {
  for (size_t end = text.find_last_of(": "); end != text.npos && end > 0;
       end = text.find_last_of(": ", end - 1)) {
    if (access(text.substr(0, end).c_str(), F_OK) == 0) return text.substr(0, end);
  }
  return "";
}

// Of why a folder of keys, or a key of its own place, cannot be used.
std::string cure_of_keys(const std::string& dir, bool has_own_place, const Status& why) {
  const std::string& text = why.message();
  const std::string file = file_named_in(text);
  struct stat st = {};
  const bool found = !file.empty() && stat(file.c_str(), &st) == 0;
  switch (why.code()) {
    case Code::kNotFound:
      if (has_own_place) return "";  // the text says who puts it there
      if (access((dir + "/self.key").c_str(), F_OK) == 0) return "mkdir -m 700 " + shell_word(dir + "/peers");
      return "smtrelay_keygen \"$(hostname)\" --out " + shell_word(dir);
    case Code::kDenied:
      if (!found) return "";
      if (text.find("; run cp --remove-destination ") != text.npos) {
        std::error_code none;
        const std::string target = std::filesystem::canonical(file, none);
        return as_owner_or_root(
            st.st_uid, fmt::format("cp --remove-destination {} {}", shell_word(target), shell_word(file)));
      }
      // The text says so where a change of rights is all.
      for (const char* rights : {"chmod 600", "chmod 640", "chmod go-w"}) {
        if (text.find("; run " + std::string(rights)) != text.npos)
          return as_owner_or_root(st.st_uid, fmt::format("{} {}", rights, shell_word(file)));
      }
      if (const std::string give = fmt::format("chown {}", geteuid());
          text.find("; run " + give) != text.npos)
        return as_root(fmt::format("{0} {1} && {2}chmod 600 {1}", give, shell_word(file),
                                   geteuid() == 0 ? "" : "sudo "));
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
  const Result<std::shared_ptr<const relay::Keyring>> keys = read_keyring(options);
  if (keys.ok()) {
    if ((*keys)->names().empty()) {
      return {{Kind::kProblem, "keys",
               fmt::format("{}/peers has no key, and nobody is let in: copy the .pub file of each peer there",
                           dir),
               ""}};
    }
    return {{Kind::kFine, "keys",
             fmt::format("{} ({}), {} peer{}", (*keys)->self().name,
                         relay::fingerprint_of((*keys)->self().public_key), (*keys)->names().size(),
                         (*keys)->names().size() == 1 ? "" : "s"),
             ""}};
  }
  return {{Kind::kProblem, "keys", keys.status().message(),
           cure_of_keys(dir, !options.self_key.empty(), keys.status())}};
}

std::vector<Finding> check_endpoints(const DoctorOptions& options) {
  std::vector<Finding> findings;
  const auto each = [&](const std::vector<std::string>& endpoints, bool binding, const auto& check) {
    for (const std::string& endpoint : endpoints) {
      const Status sane = relay::check_endpoint(endpoint, binding);
      if (!sane.ok()) {
        findings.push_back({Kind::kProblem, binding ? "bind" : "connect", sane.message(),
                            binding ? "smtrelay_pub --help" : "smtrelay_sub --help"});
      } else if (endpoint.starts_with(relay::kTcp) || (endpoint.starts_with(relay::kIpc) && !binding)) {
        findings.push_back(check(endpoint));
      }
    }
  };
  each(options.bind, true, check_bind);
  each(options.connect, false, [&](const std::string& endpoint) { return check_connect(options, endpoint); });
  return findings;
}

}  // namespace smt::cmd
