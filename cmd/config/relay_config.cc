#include "cmd/config/relay_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace smt::cmd {
namespace {

// So that "relay-proxy-<name>" is a name of a node.
constexpr size_t kLongestName = 52;

}  // namespace

std::string_view RoleName(Role role) {
  return role == Role::kPub ? "pub" : role == Role::kSub ? "sub" : role == Role::kProxy ? "proxy" : "client";
}

Status CheckRelayName(const std::string& name) {
  if (Status s = CheckName("relay", name); !s.ok()) return s;
  if (name.size() <= kLongestName) return Status();
  return Status(Code::kInvalid, fmt::format("relay name '{}': longer than {} bytes", name, kLongestName));
}

std::string HostRelayName() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  std::string name = host;
  for (char& c : name) {
    const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!legal) c = '-';
  }
  name.erase(0, name.find_first_not_of('.'));
  if (name.size() > kLongestName) name.resize(kLongestName);
  return CheckRelayName(name).ok() ? name : "host";
}

RelayConfig DefaultConfig(Role role) {
  RelayConfig config;
  config.role = role;
  config.name = HostRelayName();
  return config;
}

}  // namespace smt::cmd
