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

relay::RelayOptions EngineOptions(const RelayConfig& config) {
  relay::RelayOptions relay;
  relay.name = config.name;
  relay.proxy = config.role == Role::kProxy;
  for (const auto& rule : config.send) relay.send.push_back(rule.value);
  for (const auto& rule : config.receive) relay.receive.push_back(rule.value);
  for (const auto& rule : config.write) {
    relay.write.push_back(rule.value);
    relay.write.back().origin = "[[write]] at " + rule.place.origin();
  }
  const auto add = [](const auto& entries, auto* rules) {
    for (const auto& rule : entries) {
      rules->push_back(rule.value);
      rules->back().origin = rule.place.text();
    }
  };
  add(config.allow, &relay.access.allow);
  add(config.deny, &relay.access.deny);
  relay.write_node = std::string(relay::kWritePrefix) + config.name;
  if (!config.cache.empty()) {
    relay::Selection kept{config.cache, {}};
    // What the only rule does not pass on is not asked for either.
    if (config.send.size() == 1) kept.exclude = config.send.front().value.exclude;
    relay.cache = {kept};
  }
  return relay;
}

relay::ShmStoreOptions MirrorOptions(const RelayConfig& config) {
  relay::ShmStoreOptions mirror;
  if (!config.receive.empty()) mirror.mirror = config.name;
  if (!config.write.empty()) mirror.sets = config.name;
  mirror.segment_bytes = config.segment_bytes;
  mirror.remove_on_exit = config.remove_on_exit;
  return mirror;
}

}  // namespace smt::cmd
