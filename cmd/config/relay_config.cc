#include "cmd/config/relay_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace smt::cmd {
namespace {

// So that "relay-proxy-<name>" is a name of a node.
constexpr size_t kMaxName = 52;

}  // namespace

std::string_view role_name(Role role) {
  return role == Role::kPub ? "pub" : role == Role::kSub ? "sub" : role == Role::kProxy ? "proxy" : "client";
}

Status check_relay_name(const std::string& name) {
  if (Status s = check_name("relay", name); !s.ok()) return s;
  if (name.size() <= kMaxName) return Status();
  return Status(Code::kInvalid, fmt::format("relay name '{}': longer than {} bytes", name, kMaxName));
}

std::string host_relay_name() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  std::string name = host;
  for (char& c : name) {
    const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!legal) c = '-';
  }
  name.erase(0, name.find_first_not_of('.'));
  if (name.size() > kMaxName) name.resize(kMaxName);
  return check_relay_name(name).ok() ? name : "host";
}

bool is_named(const RelayConfig& config) {
  return config.places.contains("name") || config.keyring != nullptr;
}

RelayConfig default_config(Role role) {
  RelayConfig config;
  config.role = role;
  config.name = host_relay_name();
  return config;
}

}  // namespace smt::cmd
