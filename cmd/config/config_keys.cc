#include "cmd/config/config_keys.h"

#include <cctype>
#include <type_traits>

namespace smt::cmd {
namespace {

constexpr uint8_t kPub = 1, kSub = 2, kProxy = 4, kClient = 8;
constexpr uint8_t kDomains = kPub | kSub, kRelays = kDomains | kProxy, kAll = kRelays | kClient;

// `at` gives the member, of a const table too.
template <class T, class U, class At>
Key<T> make(std::string_view name, uint8_t roles, const ConfigType<U>& type, At at,
            std::string_view what = "") {
  Key<T> key{name, roles, what, type.name, type.list};
  key.read = [&type, at](const Value& value, T* table) { return type.read(value, &at(*table)); };
  key.print = [&type, at](const T& table) { return type.print(at(table)); };
  return key;
}

#define SMT_AT(member) \
  [](auto& table) -> auto& { return table.member; }

// Of either direction.
template <class Rule>
void add_pacing(std::vector<Key<Rule>>* keys, std::string_view rate) {
  keys->push_back(make<Rule>("mode", kRelays, kModeType, SMT_AT(pacing.every)));
  keys->push_back(make<Rule>("priority", kRelays, kPriorityType, SMT_AT(pacing.priority)));
  keys->push_back(make<Rule>("rate", kRelays, kHertzType, SMT_AT(pacing.period_ns), rate));
  keys->push_back(make<Rule>("tick", kRelays, kBoolType, SMT_AT(pacing.tick)));
  keys->push_back(make<Rule>("one_of", kRelays, kCountType, SMT_AT(pacing.one_of)));
  keys->push_back(make<Rule>("on_change", kRelays, kBoolType, SMT_AT(pacing.on_change)));
  keys->push_back(make<Rule>("deadband", kRelays, kDeadbandType, SMT_AT(pacing.deadband)));
  keys->push_back(make<Rule>("heartbeat", kRelays, kDurationType, SMT_AT(pacing.heartbeat_ns)));
}

std::vector<Key<RelayConfig>> top_keys() {
  using T = RelayConfig;
  return {
      make<T>("version", kAll, kVersionType, SMT_AT(version)),
      make<T>("name", kRelays, kNameType, SMT_AT(name), "Of this relay, as others log it"),
      make<T>("domain", kDomains, kDomainType, SMT_AT(domain.domain), "Name of the domain"),
      make<T>("root", kDomains, kPathType, SMT_AT(domain.root), "Folder that holds the domains"),
      make<T>("group", kDomains, kGroupType, SMT_AT(domain.group),
              "Unix group that shares the domain; without one only this user has it"),
      make<T>("shared_root", kDomains, kBoolType, SMT_AT(domain.shared_root),
              "With --group, the folder may be a mount of root's that all may write, as in a pod"),
      make<T>("log", kAll, kLogType, SMT_AT(log),
              "Least level of what is logged on stderr: trace, debug, info, warn, error or off"),
      make<T>("keys", kAll, kPathType, SMT_AT(keys),
              "Encrypt, and speak with those only whose key is in DIR/peers; made by smtrelay_keygen"),
      make<T>("self_key", kAll, kFileType, SMT_AT(self_key),
              "Its own key, else DIR/self.key; without a / it is a credential of the systemd unit"),
      make<T>("key_group", kDomains, kBoolType, SMT_AT(key_group),
              "The group that shares the domain may read its own key, as where no other program sees the "
              "file"),
      make<T>("insecure", kAll, kBoolType, SMT_AT(insecure),
              "Allow endpoints that other machines reach, without encryption"),
      make<T>("heartbeat", kRelays, kDurationType, SMT_AT(liveness.heartbeat_ns),
              "Let each peer hear from here at least so often, or as seldom as it says itself"),
      make<T>(
          "patience", kRelays, kDurationType, SMT_AT(liveness.patience_ns),
          "End a session after so long a silence, or as late as the peer says; else after 2.5 heartbeats"),
      make<T>("spin", kRelays, kBoolType, SMT_AT(spin), "Never sleep: less delay for a whole processor"),
      make<T>(
          "segment_size", kDomains, kSegmentSizeType, SMT_AT(segment_bytes),
          "Virtual size of the mirror's segment, as 64M or 2G; else that of the one that is there, or 1G"),
      make<T>("remove_on_exit", kDomains, kBoolType, SMT_AT(remove_on_exit),
              "Remove the mirrored topics at the end; else their last values stay"),
      make<T>("on_lost", kDomains, kOnLostType, SMT_AT(on_lost), kOnLostHelp),
      make<T>(
          "audit", kDomains, kFileType, SMT_AT(audit),
          "Append a line of JSON to this file for each value that a peer sets, and for each that is refused"),
      make<T>("metrics", kRelays, kHttpAddressType, SMT_AT(metrics),
              "Serve /livez, /readyz, /metrics for Prometheus and /status as JSON here, as 127.0.0.1:9464"),
      make<T>("metrics_open", kRelays, kBoolType, SMT_AT(metrics_open),
              "Allow other machines to ask there: for numbers, without the names of topics and peers"),
      make<T>("metrics_names", kRelays, kExcludesType, SMT_AT(metrics_names),
              "Tell other machines there of peers, of the status, and of topics that it names"),
      make<T>(
          "ready", kRelays, kExcludesType, SMT_AT(ready),
          "Be ready, as /readyz says, only while there are topics that it names and all of them are fresh"),
      make<T>("cache", kProxy, kExcludesType, SMT_AT(cache),
              "Ask for these even while nobody wants them, so that a late joiner has them at once"),
      make<T>("timeout", kClient, kDurationType, SMT_AT(timeout_ns), "How long to wait for an answer"),
      make<T>("format", kClient, kFormatType, SMT_AT(format), "How data is printed"),
  };
}

std::vector<Key<PeerConfig>> peer_keys() {
  using T = PeerConfig;
  return {
      make<T>(
          "connect", kAll, kConnectType, SMT_AT(connect),
          "Dial tcp://HOST:PORT or ipc://PATH, and dial again when it is lost; after commas other ways to "
          "the same peer, tried in this order"),
      make<T>("order", kRelays, kOrderType, SMT_AT(random_order)),
      make<T>("bind", kRelays, kBindType, SMT_AT(bind),
              "Take connections at tcp://ADDR:PORT (ADDR * is all of them, PORT * a free one) or ipc://PATH"),
      make<T>("bytes_per_s", kRelays, kByteRateType, SMT_AT(bytes_per_s)),
      make<T>("compress", kRelays, kBoolType, SMT_AT(compress), "Compress what is sent, on all connections"),
      make<T>("dscp", kRelays, kDscpType, SMT_AT(dscp)),
  };
}

std::vector<Key<relay::SendRule>> send_keys() {
  using T = relay::SendRule;
  std::vector<Key<T>> keys = {
      make<T>("topic", kRelays, kPatternsType, SMT_AT(topic), "Send topics that it names"),
      make<T>("exclude", kRelays, kExcludesType, SMT_AT(exclude), "But not these"),
      make<T>("to", kRelays, kPeersType, SMT_AT(to)),
  };
  add_pacing(&keys, "Send each topic to each subscriber at most so often a second");
  keys.push_back(make<T>("bytes_per_s", kRelays, kByteRateType, SMT_AT(bytes_per_s)));
  keys.push_back(make<T>("max_size", kRelays, kSizeType, SMT_AT(max_bytes)));
  keys.push_back(make<T>("drop_older", kRelays, kDurationType, SMT_AT(drop_older_ns)));
  return keys;
}

std::vector<Key<relay::ReceiveRule>> receive_keys() {
  using T = relay::ReceiveRule;
  std::vector<Key<T>> keys = {
      make<T>("topic", kRelays, kPatternsType, SMT_AT(topic),
              "Ask for topics that it names, as the sender calls them"),
      make<T>("exclude", kRelays, kExcludesType, SMT_AT(exclude), "But not these"),
      make<T>("from", kRelays, kPeersType, SMT_AT(from)),
  };
  add_pacing(&keys, "Ask for each topic at most so often a second");
  keys.push_back(
      make<T>("prefix", kRelays, kPrefixType, SMT_AT(prefix),
              "Put before the names of topics that arrive, with a '/'; {peer} is the peer's name"));
  keys.push_back(make<T>("as", kRelays, kPatternType, SMT_AT(as)));
  keys.push_back(make<T>("max_age", kRelays, kMaxAgeType, SMT_AT(max_age_ns),
                         "A sample older than this is stale, whatever its source says"));
  keys.push_back(make<T>(
      "on_stale", kRelays, kOnStaleType, SMT_AT(on_stale),
      "What becomes of a topic with a maximum age when that is over: hold (its last value), zero, tombstone "
      "(it is removed), or bytes (what `fail_safe` of the file says)"));
  keys.push_back(make<T>("fail_safe", kRelays, kBytesType, SMT_AT(fail_safe)));
  keys.push_back(make<T>("drop_older", kRelays, kDurationType, SMT_AT(drop_older_ns)));
  return keys;
}

std::vector<Key<relay::WriteRule>> write_keys() {
  using T = relay::WriteRule;
  return {
      make<T>("topic", kDomains, kPatternsType, SMT_AT(topic)),
      make<T>("exclude", kDomains, kExcludesType, SMT_AT(exclude)),
      make<T>("from", kDomains, kPeersType, SMT_AT(from)),
      make<T>("type", kDomains, kValueTypeType, SMT_AT(type)),
      make<T>("lease", kDomains, kMaxAgeType, SMT_AT(lease_ns)),
      make<T>("dead_man", kDomains, kDurationType, SMT_AT(dead_man_ns)),
      make<T>("on_expiry", kDomains, kOnStaleType, SMT_AT(on_expiry)),
      make<T>("fail_safe", kDomains, kBytesType, SMT_AT(fail_safe)),
      make<T>("min", kDomains, kLimitsType, SMT_AT(min)),
      make<T>("max", kDomains, kLimitsType, SMT_AT(max)),
      make<T>("rate", kDomains, kHertzType, SMT_AT(period_ns)),
  };
}

// Of either table.
template <class Rule>
std::vector<Key<Rule>> access_keys() {
  return {
      make<Rule>("peer", kRelays, kPeersType, SMT_AT(peer)),
      make<Rule>("topic", kRelays, kPatternsType, SMT_AT(topic)),
      make<Rule>("exclude", kRelays, kExcludesType, SMT_AT(exclude)),
      make<Rule>("do", kRelays, kRightsType, SMT_AT(rights)),
  };
}

#undef SMT_AT

std::string spelt(std::string prefix, std::string_view name, char parting, bool upper) {
  for (const char c : name) {
    prefix += c == '_' ? parting : upper ? static_cast<char>(toupper(static_cast<unsigned char>(c))) : c;
  }
  return prefix;
}

}  // namespace

template <class T>
std::string Key<T>::flag() const {
  return spelt("--", name, '-', false);
}

template <class T>
std::string Key<T>::environment() const {
  return spelt("SMT_", name, '_', true);
}

template struct Key<RelayConfig>;
template struct Key<PeerConfig>;
template struct Key<relay::SendRule>;
template struct Key<relay::ReceiveRule>;
template struct Key<relay::WriteRule>;
template struct Key<relay::AllowRule>;
template struct Key<relay::DenyRule>;

template <>
const std::vector<Key<RelayConfig>>& keys_of<RelayConfig>() {
  static const std::vector<Key<RelayConfig>> keys = top_keys();
  return keys;
}
template <>
const std::vector<Key<PeerConfig>>& keys_of<PeerConfig>() {
  static const std::vector<Key<PeerConfig>> keys = peer_keys();
  return keys;
}
template <>
const std::vector<Key<relay::SendRule>>& keys_of<relay::SendRule>() {
  static const std::vector<Key<relay::SendRule>> keys = send_keys();
  return keys;
}
template <>
const std::vector<Key<relay::ReceiveRule>>& keys_of<relay::ReceiveRule>() {
  static const std::vector<Key<relay::ReceiveRule>> keys = receive_keys();
  return keys;
}
template <>
const std::vector<Key<relay::WriteRule>>& keys_of<relay::WriteRule>() {
  static const std::vector<Key<relay::WriteRule>> keys = write_keys();
  return keys;
}
template <>
const std::vector<Key<relay::AllowRule>>& keys_of<relay::AllowRule>() {
  static const std::vector<Key<relay::AllowRule>> keys = access_keys<relay::AllowRule>();
  return keys;
}
template <>
const std::vector<Key<relay::DenyRule>>& keys_of<relay::DenyRule>() {
  static const std::vector<Key<relay::DenyRule>> keys = access_keys<relay::DenyRule>();
  return keys;
}

}  // namespace smt::cmd
