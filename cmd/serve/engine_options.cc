#include "cmd/serve/engine_options.h"

#include <string>

#include "relay/rules/subscription.h"

namespace smt::cmd {

relay::RelayOptions engine_options(const RelayConfig& config) {
  relay::RelayOptions relay;
  relay.name = config.name;
  relay.proxy = config.role == Role::kProxy;
  relay.liveness = config.liveness;
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
    relay::Subscription kept{config.cache, {}};
    // What the only rule does not pass on is not asked for either.
    if (config.send.size() == 1) kept.exclude = config.send.front().value.exclude;
    relay.cache = {kept};
  }
  return relay;
}

relay::ShmStoreOptions mirror_options(const RelayConfig& config) {
  relay::ShmStoreOptions mirror;
  if (!config.receive.empty()) mirror.mirror = is_named(config) ? config.name : "";
  for (const auto& rule : config.receive) mirror.receive.push_back(rule.value);
  if (!config.write.empty()) mirror.sets = config.name;
  mirror.segment_bytes = config.segment_bytes;
  mirror.remove_on_exit = config.remove_on_exit;
  return mirror;
}

}  // namespace smt::cmd
