#include "cmd/relays/relay_explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <vector>

#include "cmd/config/config_keys.h"
#include "relay/names/pattern_set.h"
#include "relay/rules/access.h"
#include "relay/rules/naming.h"

namespace smt::cmd {
namespace {

// "--topic PATTERN", or "topic PATTERN of [[send]] at FILE:3".
template <class Rule>
std::string named_by(const Entry<Rule>& entry, const char* key, const std::string& pattern) {
  if (entry.place.from != From::kFile) return fmt::format("--{} {}", key, pattern);
  return fmt::format("{} {} of [[{}]] at {}", key, pattern, table_name<Rule>(), entry.place.origin());
}

template <class Rule>
const std::vector<std::string>& peers_of(const Rule& rule) {
  if constexpr (std::is_same_v<Rule, relay::SendRule>) {
    return rule.to;
  } else {
    return rule.from;
  }
}

std::string local_name(const relay::WriteRule&, const std::string&) { return ""; }
std::string local_name(const relay::SendRule&, const std::string&) { return ""; }
std::string local_name(const relay::ReceiveRule& rule, const std::string& topic) {
  if (!rule.prefix.empty()) return fmt::format("; it is {}/{} here", rule.prefix, topic);
  if (rule.as.empty()) return "";
  return fmt::format("; it is {} here", relay::Naming::parse(rule)->local(topic, "PEER").value_or("no name"));
}

template <class Rule>
std::string decide(const std::vector<Entry<Rule>>& rules, const std::string& topic, const char* verb) {
  std::string passes, stopped;
  for (const Entry<Rule>& entry : rules) {
    const auto set = relay::PatternSet::parse(entry.value.topic, entry.value.exclude);
    const auto names = relay::PatternSet::parse(entry.value.topic);
    const relay::PatternSet::Decision decision = set->decide(topic);
    if (!decision.allowed) {
      if (stopped.empty() && names->matches(topic)) {
        stopped = "stopped by " + named_by(entry, "exclude", decision.pattern->text());
      }
      continue;
    }
    const std::vector<std::string>& peers = peers_of(entry.value);
    const bool all = std::find(peers.begin(), peers.end(), "*") != peers.end();
    const std::string who =
        all ? "" : fmt::format(" {} {}", table_name<Rule>() == "send" ? "to" : "from", fmt::join(peers, " "));
    passes += fmt::format("{}{}{} passes by {}{}\n", topic, verb, who,
                          named_by(entry, "topic", decision.pattern->text()), local_name(entry.value, topic));
    if (all) return passes;
  }
  if (!passes.empty()) return passes;
  const bool filed = !rules.empty() && rules.front().place.from == From::kFile;
  const std::string unnamed =
      filed ? fmt::format("stopped: no [[{}]] names it", table_name<Rule>()) : "stopped: no --topic names it";
  return fmt::format("{}{} {}\n", topic, verb, stopped.empty() ? unnamed : stopped);
}

std::string right_words(relay::Rights rights) {
  std::vector<std::string_view> names;
  for (const relay::Right right : {relay::Right::kRead, relay::Right::kList, relay::Right::kWrite}) {
    if (relay::has(rights, right)) names.push_back(relay::right_name(right));
  }
  return fmt::format("{}", fmt::join(names, " "));
}

// "arm/pose denied to visitor*: read list by topic arm/** of [[deny]] at FILE:3"
template <class Rule>
std::string access_of(const std::vector<Entry<Rule>>& rules, const std::string& topic) {
  constexpr bool kAllows = std::is_same_v<Rule, relay::AllowRule>;
  std::string out;
  for (const Entry<Rule>& entry : rules) {
    const auto set = relay::PatternSet::parse(entry.value.topic, entry.value.exclude);
    const relay::PatternSet::Decision decision = set->decide(topic);
    if (!decision.allowed) continue;
    const relay::Rights named = entry.value.rights;
    out += fmt::format("{} {} to {}: {} by {}\n", topic, kAllows ? "allowed" : "denied",
                       fmt::join(entry.value.peer, " "),
                       right_words(kAllows ? relay::given_by(named) : relay::taken_by(named)),
                       named_by(entry, "topic", decision.pattern->text()));
  }
  return out;
}

// What each rule of access says of the topic, those that win first.
std::string explain_access(const RelayConfig& config, const std::string& topic) {
  std::string out = access_of(config.deny, topic) + access_of(config.allow, topic);
  relay::Rights given = 0;
  for (const auto& entry : config.allow)
    given = static_cast<relay::Rights>(given | relay::given_by(entry.value.rights));
  if (given == 0) return out;
  return out +
         fmt::format("{} denied to all others: {}, as no [[allow]] gives it\n", topic, right_words(given));
}

// The peers whose packets are of a class of their own.
std::string explain_packets(const RelayConfig& config) {
  std::string out;
  const Key<PeerConfig>& key = *find_key<PeerConfig>("dscp");
  for (const Entry<PeerConfig>& entry : config.peers) {
    const PeerConfig& peer = entry.value;
    if (peer.dscp == 0) continue;
    const std::string where =
        peer.bind.empty() ? fmt::format("{}", fmt::join(peer.connect, " ")) : "peers that dial " + peer.bind;
    out += fmt::format("to {} all goes in packets of DSCP {}, by [[peer]] at {}\n", where, key.print(peer),
                       entry.place.origin());
  }
  return out;
}

}  // namespace

std::string explain_topic(const RelayConfig& config, const std::string& topic) {
  const auto told = [](const auto& rules) {
    return !rules.empty() && rules.front().place.from != From::kDefault;
  };
  // The proxy's default is to take all that it passes on.
  const bool send = config.role != Role::kSub || told(config.send);
  const bool receive = config.role == Role::kSub || told(config.receive);
  std::string out;
  if (send) out += decide(config.send, topic, receive ? " sent" : "");
  if (receive) out += decide(config.receive, topic, send ? " received" : "");
  if (!config.write.empty()) out += decide(config.write, topic, " set by peers");
  out += explain_access(config, topic);
  if (send && out.find(" passes by ") != out.npos) out += explain_packets(config);
  if (config.cache.empty() || out.find(" passes by ") == out.npos) return out;
  const auto cache = relay::PatternSet::parse(config.cache);
  const relay::PatternSet::Decision cached = cache->decide(topic);
  return out + (cached.allowed ? fmt::format("{} is kept by --cache {}\n", topic, cached.pattern->text())
                               : fmt::format("{} is asked for only while somebody wants it\n", topic));
}

}  // namespace smt::cmd
