#include "relay/rules/rule_set.h"

#include "shm/domain.h"

namespace smt::relay {
namespace {

Status of_rule(size_t index, const std::string& why) {
  return Status(Code::kInvalid, "rule " + std::to_string(index + 1) + ": " + why);
}

}  // namespace

Status check_peer_pattern(const std::string& text) {
  const Result<Pattern> pattern = Pattern::parse(text);
  if (!pattern.ok()) return pattern.status();
  if (pattern->is_expression() || text == "**") return Status();
  if (text.find('/') != text.npos)
    return Status(Code::kInvalid, "pattern \"" + text + "\": no name of a peer has a '/'");
  return pattern->names_one_topic() ? check_name("peer", text) : Status();
}

Result<RuleSet> RuleSet::parse(const std::vector<Rule>& rules) {
  RuleSet set;
  std::vector<PatternSets::Lists> topics;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].topic.empty()) return of_rule(i, "names no topic; leave `topic` out to name all");
    if (rules[i].peers.empty()) return of_rule(i, "names no peer; leave `from` or `to` out to name all");
    Result<std::vector<Pattern>> topic = parse_patterns(rules[i].topic);
    if (!topic.ok()) return of_rule(i, topic.status().message());
    Result<std::vector<Pattern>> exclude = parse_patterns(rules[i].exclude);
    if (!exclude.ok()) return of_rule(i, exclude.status().message());
    for (const std::string& peer : rules[i].peers) {
      if (Status s = check_peer_pattern(peer); !s.ok()) return of_rule(i, s.message());
    }
    Result<PatternSet> peers = PatternSet::parse(rules[i].peers);
    if (!peers.ok()) return of_rule(i, peers.status().message());
    topics.push_back({std::move(*topic), std::move(*exclude)});
    set.peers_.push_back(std::move(*peers));
  }
  set.topics_ = PatternSets(std::move(topics));
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
  for (const PatternSets::Named& named : topics_.named(topic)) {
    if (named.deny == nullptr && peers_[named.set].matches(peer)) return named.set;
  }
  return {};
}

RuleSet::Decision RuleSet::explain(std::string_view topic, std::optional<std::string_view> peer) const {
  Decision nearest;
  for (const PatternSets::Named& named : topics_.named(topic)) {
    const bool for_peer = !peer || peers_[named.set].matches(*peer);
    const bool allowed = named.deny == nullptr;
    if (allowed && for_peer) return {Why::kPasses, named.set, {}, named.allow};
    const Why why = for_peer ? Why::kExcluded : allowed ? Why::kOtherPeer : Why::kNotNamed;
    if (why < nearest.why) nearest = {why, {}, named.set, allowed ? named.allow : named.deny};
  }
  return nearest;
}

}  // namespace smt::relay
