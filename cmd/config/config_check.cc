#include "cmd/config/config_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <vector>

#include "cmd/text/text.h"
#include "relay/http/http_address.h"
#include "relay/keys/endpoint.h"
#include "relay/rules/access.h"
#include "relay/rules/naming.h"
#include "relay/rules/subscription.h"
#include "relay/rules/targets.h"
#include "shm/identity.h"

namespace smt::cmd {
namespace {

using relay::OnStale;
using relay::Right;
using relay::Rights;

constexpr size_t kMaxPeers = 1000;

// Of the value, or of the table where it is the default.
template <class T>
const Place& at(const Entry<T>& entry, std::string_view key) {
  const auto it = entry.places.find(key);
  return it == entry.places.end() ? entry.place : it->second;
}

template <class Rule>
void check_pacing(const Entry<Rule>& entry, ConfigErrors* errors) {
  if (!entry.whole) return;
  const relay::Pacing& p = entry.value.pacing;
  const auto no = [&](bool wrong, const char* key, std::string_view message) {
    if (wrong) errors->add(at(entry, key), message);
  };
  // Who sends only allows it.
  if (p.every && std::is_same_v<Rule, relay::ReceiveRule>) {
    for (const auto& [wrong, key] :
         {std::pair(p.period_ns != 0, "rate"), std::pair(p.tick, "tick"), std::pair(p.one_of != 1, "one_of"),
          std::pair(p.on_change, "on_change")}) {
      no(wrong, key,
         fmt::format("mode = \"every\" asks for each sample: leave {} out, or use mode \"latest\"", key));
    }
  } else {
    no(p.tick && p.period_ns == 0, "tick", "tick needs a rate");
  }
  no(!p.on_change && p.deadband != 0, "deadband", "deadband needs on_change = true");
  no(!p.on_change && p.heartbeat_ns != 0, "heartbeat", "heartbeat needs on_change = true");
  no(p.heartbeat_ns > relay::kMaxPeriodNs, "heartbeat", "a heartbeat is 104 days at most");
  no(p.on_change && p.heartbeat_ns != 0 && p.heartbeat_ns < p.period_ns, "heartbeat",
     "a heartbeat more often than rate allows");
}

void check_naming(const Entry<relay::ReceiveRule>& entry, ConfigErrors* errors) {
  if (!entry.whole) return;
  if (const auto naming = relay::Naming::parse(entry.value); !naming.ok()) {
    errors->add(at(entry, entry.value.as.empty() ? "prefix" : "as"), naming.status().message());
  }
}

void check_stale(const Entry<relay::ReceiveRule>& entry, ConfigErrors* errors) {
  const relay::ReceiveRule& rule = entry.value;
  if (!entry.whole) return;
  if (rule.on_stale == OnStale::kBytes && rule.fail_safe.empty()) {
    errors->add(at(entry, "on_stale"), "on_stale = \"bytes\" needs fail_safe, the bytes in base64");
  }
  if (rule.on_stale != OnStale::kBytes && !rule.fail_safe.empty()) {
    errors->add(at(entry, "fail_safe"), "fail_safe needs on_stale = \"bytes\"");
  }
  if (rule.on_stale != OnStale::kHold && rule.max_age_ns == 0) {
    errors->add(at(entry, "on_stale"), "with max_age = \"0s\" nothing becomes stale; leave on_stale out");
  }
}

void check_write(const Entry<relay::WriteRule>& entry, ConfigErrors* errors) {
  if (!entry.whole) return;
  const relay::WriteRule& rule = entry.value;
  const auto no = [&](bool wrong, const char* key, std::string_view message) {
    if (wrong) errors->add(at(entry, key), message);
  };
  if (rule.topic.empty())
    return errors->add(entry.place, "a [[write]] rule says which topics peers may set: write topic");
  no(rule.lease_ns == 0, "lease", "with a lease of 0s anybody could set it at any time");
  no(rule.dead_man_ns != 0 && rule.lease() > rule.dead_man_ns, "lease",
     "the lease ends with the dead man's time: a longer lease never lasts; make dead_man longer, or \"0s\"");
  no(rule.dead_man_ns == 0 && rule.on_expiry != OnStale::kZero, "on_expiry",
     "with dead_man = \"0s\" nothing expires; leave on_expiry out");
  no(rule.on_expiry == OnStale::kBytes && rule.fail_safe.empty(), "on_expiry",
     "on_expiry = \"bytes\" needs fail_safe, the bytes in base64");
  no(rule.on_expiry != OnStale::kBytes && !rule.fail_safe.empty(), "fail_safe",
     "fail_safe needs on_expiry = \"bytes\"");
  for (const relay::Limit& max : rule.max) {
    for (const relay::Limit& min : rule.min) {
      const bool both = min.field == max.field || min.field.empty() || max.field.empty();
      no(both && min.value > max.value, "max",
         fmt::format("max {} is below min {}: nothing would pass", max.value, min.value));
    }
  }
}

const std::vector<std::string>& peers_of(const relay::SendRule& rule) { return rule.to; }
const std::vector<std::string>& peers_of(const relay::ReceiveRule& rule) { return rule.from; }
const std::vector<std::string>& peers_of(const relay::WriteRule& rule) { return rule.from; }
const std::vector<std::string>& peers_of(const relay::AccessRule& rule) { return rule.peer; }

bool has(const std::vector<std::string>& list, std::string_view what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

bool for_any_peer(const std::vector<std::string>& peers) { return has(peers, "*") || has(peers, "**"); }

// Whether the later rule can never decide: the earlier one names all that it names. False where that is not
// plain to see.
template <class Rule>
bool covers_rule(const Rule& earlier, const Rule& later) {
  if (!earlier.exclude.empty()) return false;
  if (!for_any_peer(peers_of(earlier)) && peers_of(earlier) != peers_of(later)) return false;
  return std::all_of(later.topic.begin(), later.topic.end(), [&](const std::string& topic) {
    const bool system = topic.starts_with("smt/") || topic.starts_with("re:smt/");
    return has(earlier.topic, topic) || (!system && has(earlier.topic, "**"));
  });
}

template <class Rule>
void check_order(const std::vector<Entry<Rule>>& rules, ConfigErrors* errors) {
  for (size_t later = 1; later < rules.size(); ++later) {
    for (size_t earlier = 0; earlier < later; ++earlier) {
      if (!rules[earlier].whole || !rules[later].whole) continue;
      if (!covers_rule(rules[earlier].value, rules[later].value)) continue;
      errors->add(rules[later].place,
                  fmt::format("this rule never decides: the one at {} comes first and names the same topics",
                              rules[earlier].place.text()));
      break;
    }
  }
}

// kInvalid: none, one whose key is not known, or one that reaches beyond this machine without keys.
Status check_peer_endpoint(const std::string& endpoint, bool binding, const RelayConfig& config) {
  if (Status s = relay::check_endpoint(endpoint, binding); !s.ok()) return s;
  if (config.keyring != nullptr) {
    return binding || endpoint.starts_with(relay::kInproc)
               ? Status()
               : relay::peer_at(endpoint, *config.keyring).status();
  }
  if (!binding && !relay::split_peer(endpoint).second.empty())
    return Status(Code::kInvalid, fmt::format("{} says whose key is to be there: give --keys DIR", endpoint));
  if (config.insecure || relay::is_loopback(endpoint)) return Status();
  return Status(
      Code::kInvalid,
      fmt::format("{} reaches other machines, and nothing on it would be encrypted or asked who it is; make "
                  "keys with smtrelay_keygen and give --keys DIR, use tcp://127.0.0.1:PORT or ipc://PATH, or "
                  "say --insecure (insecure = true) if all who reach it may read and write these topics",
                  endpoint));
}

// Access: those that deny come first, then the first that names a topic decides.
struct AccessEntry {
  const relay::AccessRule* rule;
  const Place* place;
  bool allows;
};

// As covers_rule() of rules to send.
bool covers_rule(const AccessEntry& earlier, const AccessEntry& later) {
  const auto all = [](const AccessEntry& e) {
    return e.allows ? relay::given_by(e.rule->rights) : relay::taken_by(e.rule->rights);
  };
  if ((all(later) & ~all(earlier)) != 0) return false;
  return covers_rule(*earlier.rule, *later.rule);
}

void check_access(const RelayConfig& config, ConfigErrors* errors) {
  std::vector<AccessEntry> rules;
  const auto add = [&](const auto& entries, bool allows) {
    for (const auto& entry : entries) {
      if (entry.whole) rules.push_back({&entry.value, &entry.place, allows});
    }
  };
  add(config.deny, false);
  add(config.allow, true);
  for (size_t later = 0; later < rules.size(); ++later) {
    const auto end = rules.begin() + static_cast<ptrdiff_t>(later);
    const auto covers =
        std::find_if(rules.begin(), end, [&](const AccessEntry& e) { return covers_rule(e, rules[later]); });
    if (covers == end) continue;
    errors->add(*rules[later].place,
                fmt::format("this rule never decides: the [[{}]] at {} {}, for the same topics and peers",
                            covers->allows ? "allow" : "deny", covers->place->text(),
                            covers->allows == rules[later].allows ? "says so already" : "wins"));
  }
  // A proxy passes on what is set.
  if (config.role == Role::kProxy || !config.write.empty()) return;
  for (const Entry<relay::AllowRule>& entry : config.allow) {
    if (!entry.whole || entry.value.rights != Rights(Right::kWrite)) continue;
    errors->add(at(entry, "do"), "nothing can be set here: that takes a [[write]] rule too");
  }
}

// All patterns of a direction travel in one message. False: there are too many.
template <class Rule>
bool check_number(const std::vector<Entry<Rule>>& rules, ConfigErrors* errors) {
  size_t count = 0, patterns = 0, bytes = 0;
  for (const Entry<Rule>& rule : rules) {
    for (const auto* list : {&rule.value.topic, &rule.value.exclude}) {
      patterns += list->size();
      for (const std::string& pattern : *list) bytes += pattern.size();
    }
    if (++count <= relay::kMaxSubscriptions && patterns <= relay::kMaxPatterns &&
        bytes <= relay::kMaxTotalPatternBytes) {
      continue;
    }
    errors->add(rule.place,
                fmt::format("too many rules: {} with {} patterns of {} bytes in all are the most",
                            relay::kMaxSubscriptions, relay::kMaxPatterns, relay::kMaxTotalPatternBytes));
    return false;
  }
  return true;
}

// Two rules that give two topics one name here.
void check_targets(const std::vector<Entry<relay::ReceiveRule>>& rules, ConfigErrors* errors) {
  std::vector<relay::ReceiveRule> plain;
  for (const Entry<relay::ReceiveRule>& entry : rules) {
    if (!entry.whole || !relay::Naming::parse(entry.value).ok()) return;
    plain.push_back(entry.value);
  }
  const auto found = relay::find_target_clash(plain);
  if (!found.ok()) return errors->add(rules.front().place, found.status().message());
  if (!*found) return;
  const relay::TargetClash& clash = **found;
  const bool swapped = clash.side[0].rule > clash.side[1].rule;
  const auto& [first, second] = std::pair(clash.side[swapped ? 1 : 0], clash.side[swapped ? 0 : 1]);
  const auto text = [](const relay::TargetClash::Side& side) {
    return (side.topic.empty() ? "a topic" : "topic " + side.topic) +
           (side.peer.empty() ? "" : " of peer " + side.peer);
  };
  const Entry<relay::ReceiveRule>& entry = rules[second.rule];
  errors->add(
      at(entry, entry.value.as.empty() ? "topic" : "as"),
      fmt::format("{} would be {} of the rule at {}, and {} of this one; give one of them another prefix "
                  "or as, exclude such topics, or say in from which peers it is for",
                  clash.name, text(first), rules[first.rule].place.text(), text(second)));
}

}  // namespace

Result<relay::KeySource> key_source(const std::string& keys, const std::string& self_key,
                                    const std::string& domain_group, bool key_group) {
  relay::KeySource source{.dir = keys, .self_key = self_key};
  if (!self_key.empty() && self_key.find('/') == std::string::npos) {
    const char* const folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr || *folder == '\0') {
      return Status(Code::kInvalid,
                    fmt::format("self_key: {0} is the name of a credential, and there are none "
                                "($CREDENTIALS_DIRECTORY); write LoadCredential={0}:FILE into the unit, or "
                                "./{0} for a file",
                                self_key));
    }
    source.self_key = fmt::format("{}/{}", folder, self_key);
    source.credential = true;
  }
  if (domain_group.empty() || key_group) return source;
  // An unknown group is told where the domain is opened.
  if (const Result<gid_t> group = group_id(domain_group); group.ok()) source.domain_group = *group;
  return source;
}

void read_keys(RelayConfig* config, ConfigErrors* errors) {
  if (config->keys.empty()) {
    if (const auto at = config->places.find("self_key"); at != config->places.end())
      errors->add(at->second, "self_key without keys: say in keys in which folder the peers' keys are");
    return;
  }
  const Place& place = config->places.find("keys")->second;
  if (const auto insecure = config->places.find("insecure"); config->insecure) {
    return errors->add(insecure->second, "keys and insecure: leave one of them out");
  }
  const Result<relay::KeySource> source =
      key_source(config->keys, config->self_key, config->domain.group, config->key_group);
  if (!source.ok()) return errors->add(config->places.find("self_key")->second, source.status().message());
  Result<std::shared_ptr<const relay::Keyring>> keys = relay::Keyring::read(*source);
  if (!keys.ok()) return errors->add(place, keys.status().message());
  config->keyring = std::move(*keys);
  if (config->places.contains("name")) return;
  const std::string& name = config->keyring->self().name;
  if (Status s = check_relay_name(name); !s.ok()) return errors->add(place, s.message());
  config->name = name;
}

void complete_liveness(RelayConfig* config, ConfigErrors* errors) {
  using relay::Liveness;
  constexpr int64_t kMin = Liveness::kMinHeartbeats;
  const auto [heartbeat, patience] = config->liveness;
  if (heartbeat < Liveness::kMinHeartbeatNs || heartbeat > Liveness::kMaxHeartbeatNs) {
    return errors->add(
        config->places.find("heartbeat")->second,
        fmt::format("heartbeat: {} is out of range: from {} to {}", duration_text(heartbeat),
                    duration_text(Liveness::kMinHeartbeatNs), duration_text(Liveness::kMaxHeartbeatNs)));
  }
  const auto place = config->places.find("patience");
  if (place == config->places.end()) {
    config->liveness.patience_ns = Liveness::patience_for(heartbeat);
  } else if (patience < kMin * heartbeat || patience > Liveness::kMaxPatienceNs) {
    errors->add(place->second, fmt::format("patience: {} is out of range: from {} heartbeats, {}, to {}",
                                           duration_text(patience), kMin, duration_text(kMin * heartbeat),
                                           duration_text(Liveness::kMaxPatienceNs)));
  }
}

void check_peers(const RelayConfig& config, ConfigErrors* errors) {
  if (config.peers.size() > kMaxPeers) {
    return errors->add(config.peers[kMaxPeers].place, fmt::format("more than {} peers", kMaxPeers));
  }
  std::map<std::string, Place> seen;
  const auto check = [&](const std::string& endpoint, const Place& place, bool binding) {
    if (Status s = check_peer_endpoint(endpoint, binding, config); !s.ok()) {
      return errors->add(place, s.message());
    }
    const auto [it, added] = seen.emplace(endpoint, place);
    if (!added && !endpoint.ends_with(":*")) {
      errors->add(place, fmt::format("{} is at {} already", endpoint, it->second.text()));
    }
  };
  for (const Entry<PeerConfig>& entry : config.peers) {
    if (!entry.whole) continue;
    const PeerConfig& peer = entry.value;
    const std::string& first = peer.bind.empty() && !peer.connect.empty() ? peer.connect.front() : peer.bind;
    if (peer.dscp != 0 && !first.empty() && !first.starts_with(relay::kTcp))
      errors->add(at(entry, "dscp"), fmt::format("dscp is that of packets, and {} has none", first));
    if (peer.connect.empty() == peer.bind.empty()) {
      const char* const message = peer.bind.empty() ? "a peer without an endpoint: write connect or bind"
                                                    : "connect and bind: a peer has one of them";
      errors->add(at(entry, "bind"), config.role == Role::kClient ? "a peer without connect" : message);
    }
    if (peer.random_order && peer.connect.empty())
      errors->add(at(entry, "order"), "order is that of several endpoints in connect");
    for (const std::string& endpoint : peer.connect) check(endpoint, at(entry, "connect"), false);
    if (!peer.bind.empty()) check(peer.bind, at(entry, "bind"), true);
  }
}

void check_metrics(const RelayConfig& config, ConfigErrors* errors) {
  if (config.metrics.empty() || config.metrics_open) return;
  const Result<relay::HttpAddress> address = relay::HttpAddress::parse(config.metrics);
  if (!address.ok() || address->is_loopback()) return;  // what is none is told already
  errors->add(config.places.find("metrics")->second,
              fmt::format("{} is open to other machines, and nobody who asks there is asked who it is; use "
                          "127.0.0.1:PORT, or say --metrics-open (metrics_open = true) if all who reach it "
                          "may have the numbers of this relay",
                          config.metrics));
}

void check_rules(const RelayConfig& config, ConfigErrors* errors) {
  for (const Entry<relay::SendRule>& entry : config.send) check_pacing(entry, errors);
  for (const Entry<relay::ReceiveRule>& entry : config.receive) {
    check_pacing(entry, errors);
    check_naming(entry, errors);
    check_stale(entry, errors);
  }
  for (const Entry<relay::WriteRule>& entry : config.write) check_write(entry, errors);
  check_order(config.write, errors);
  if (check_number(config.allow, errors) && check_number(config.deny, errors)) check_access(config, errors);
  if (check_number(config.send, errors)) check_order(config.send, errors);
  if (!check_number(config.receive, errors)) return;
  check_order(config.receive, errors);
  check_targets(config.receive, errors);
}

}  // namespace smt::cmd
