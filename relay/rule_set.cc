#include "relay/rule_set.h"

#include "shm/domain.h"

namespace smt::relay {
namespace {

Status OfRule(size_t index, const std::string& why) {
  return Status(Code::kInvalid, "rule " + std::to_string(index + 1) + ": " + why);
}

Status CheckPeers(const PatternSet& peers) {
  for (const Pattern& pattern : peers.allow()) {
    if (pattern.is_expression() || pattern.text() == "**") continue;
    if (pattern.text().find('/') != std::string::npos) {
      return Status(Code::kInvalid, "pattern \"" + pattern.text() + "\": no name of a peer has a '/'");
    }
    if (pattern.names_one_topic()) {
      if (Status s = CheckName("peer", pattern.text()); !s.ok()) return s;
    }
  }
  return Status();
}

}  // namespace

Result<RuleSet> RuleSet::parse(const std::vector<Rule>& rules) {
  RuleSet set;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].topic.empty()) return OfRule(i, "names no topic; leave `topic` out to name all");
    if (rules[i].peers.empty()) return OfRule(i, "names no peer; leave `from` or `to` out to name all");
    Result<PatternSet> topics = PatternSet::parse(rules[i].topic, rules[i].exclude);
    if (!topics.ok()) return OfRule(i, topics.status().message());
    Result<PatternSet> peers = PatternSet::parse(rules[i].peers);
    if (!peers.ok()) return OfRule(i, peers.status().message());
    if (Status s = CheckPeers(*peers); !s.ok()) return OfRule(i, s.message());
    set.rules_.push_back({std::move(*topics), std::move(*peers)});
  }
  return set;
}

Result<RuleSet> RuleSet::parse(const std::vector<SendRule>& rules) {
  std::vector<Rule> out;
  for (const SendRule& rule : rules) out.push_back({rule.topic, rule.exclude, rule.to});
  return parse(out);
}

Result<RuleSet> RuleSet::parse(const std::vector<ReceiveRule>& rules) {
  std::vector<Rule> out;
  for (const ReceiveRule& rule : rules) out.push_back({rule.topic, rule.exclude, rule.from});
  return parse(out);
}

Result<RuleSet> RuleSet::parse(const std::vector<WriteRule>& rules) {
  std::vector<Rule> out;
  for (const WriteRule& rule : rules) out.push_back({rule.topic, rule.exclude, rule.from});
  return parse(out);
}

std::optional<size_t> RuleSet::decide(std::string_view topic, std::string_view peer) const {
  for (size_t i = 0; i < rules_.size(); ++i) {
    if (rules_[i].peers.matches(peer) && rules_[i].topics.matches(topic)) return i;
  }
  return {};
}

RuleSet::Decision RuleSet::explain(std::string_view topic, std::optional<std::string_view> peer) const {
  Decision nearest;
  for (size_t i = 0; i < rules_.size(); ++i) {
    const bool for_peer = !peer || rules_[i].peers.matches(*peer);
    const PatternSet::Decision named = rules_[i].topics.decide(topic);
    if (named.allowed && for_peer) return {Why::kPasses, i, {}, named.pattern};
    // An exclude pattern that matches says little where no topic pattern would have.
    bool excluded = false;
    for (const Pattern& pattern : rules_[i].topics.allow()) {
      excluded = excluded || (!named.allowed && named.pattern != nullptr && pattern.matches(topic));
    }
    const Why why = excluded && for_peer         ? Why::kExcluded
                    : named.allowed && !for_peer ? Why::kOtherPeer
                                                 : Why::kNotNamed;
    if (why < nearest.why) nearest = {why, {}, i, named.pattern};
  }
  return nearest;
}

}  // namespace smt::relay
