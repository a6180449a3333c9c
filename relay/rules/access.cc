#include "relay/rules/access.h"

#include <algorithm>
#include <utility>

#include "relay/rules/rule_set.h"
#include "shm/domain.h"

namespace smt::relay {

namespace {

// Names of peers that come and go are kept no longer than this many.
constexpr size_t kMaxKnown = 4096;

}  // namespace

std::string_view right_name(Right right) {
  return right == Right::kRead ? "read" : right == Right::kList ? "list" : "write";
}

std::string Access::Decision::text() const {
  if (rule == nullptr) return allowed ? "no rule is about it" : "it has no name that a rule could be for";
  if (named) return (allowed ? "allowed by [[allow]] at " : "denied by [[deny]] at ") + rule->rule.origin;
  return "no [[allow]] gives it " + std::string(right_name(right)) + " (the first is at " +
         rule->rule.origin + ")";
}

Status Access::compile(const AccessRules& rules) {
  std::vector<Rule> all;
  for (const DenyRule& rule : rules.deny) all.push_back({rule, false, all.size()});
  for (const AllowRule& rule : rules.allow) all.push_back({rule, true, all.size() - rules.deny.size()});
  std::vector<PatternSets::Lists> topics, peers;
  Rights about = 0;
  for (Rule& r : all) {
    r.rule.rights = r.allows ? given_by(r.rule.rights) : taken_by(r.rule.rights);
    about = static_cast<Rights>(about | r.rule.rights);
    const Result<RuleSet> checked =
        RuleSet::parse(std::vector<RuleSet::Rule>{{r.rule.topic, r.rule.exclude, r.rule.peer}});
    if (!checked.ok()) return Status(Code::kInvalid, r.rule.origin + ": " + checked.status().message());
    topics.push_back({*parse_patterns(r.rule.topic), *parse_patterns(r.rule.exclude)});
    peers.push_back({*parse_patterns(r.rule.peer), {}});
  }
  rules_ = std::move(all);
  topics_ = std::move(topics);
  peers_ = PatternSets(std::move(peers));
  about_ = has(about, Right::kList) ? about | Right::kRead : about;
  classes_.clear();
  known_.clear();
  const auto needs = [&](Right right) {
    const auto first = std::find_if(rules_.begin(), rules_.end(),
                                    [&](const Rule& r) { return r.allows && has(r.rule.rights, right); });
    return first == rules_.end() ? Needed() : Needed{Rights(right), &*first};
  };
  list_ = needs(Right::kList);
  read_ = needs(Right::kRead);
  // Who may not list it may not read it.
  if (read_.rights == 0) read_ = list_;
  write_ = needs(Right::kWrite);
  return Status();
}

const Access::Class& Access::class_of(std::string_view peer) const {
  if (const auto known = known_.find(peer); known != known_.end()) return *known->second;
  if (known_.size() >= kMaxKnown) {
    known_.clear();
    classes_.clear();
  }
  if (!check_name("peer", peer).ok()) {
    auto nameless = std::make_shared<Class>();
    nameless->nameless = true;
    return *known_.emplace(peer, std::move(nameless)).first->second;
  }
  std::vector<size_t> rules;
  for (const PatternSets::Named& named : peers_.named(peer)) rules.push_back(named.set);
  std::shared_ptr<const Class>& of_rules = classes_[rules];
  if (of_rules == nullptr) {
    auto made = std::make_shared<Class>();
    std::vector<PatternSets::Lists> topics;
    for (const size_t rule : rules) topics.push_back(topics_[rule]);
    made->rules = std::move(rules);
    made->topics = PatternSets(std::move(topics));
    of_rules = std::move(made);
  }
  return *known_.emplace(peer, of_rules).first->second;
}

const Access::Needed& Access::needed_for(Right right) const {
  return right == Right::kRead ? read_ : right == Right::kList ? list_ : write_;
}

Access::Decision Access::decide(std::string_view peer, std::string_view topic, Right right) const {
  Decision d;
  d.right = right;
  if (!has(about_, right)) return d;
  const Class& c = class_of(peer);
  if (c.nameless) {
    d.allowed = false;
    return d;
  }
  const Needed& needed = needed_for(right);
  for (const PatternSets::Named& named : c.topics.named(topic)) {
    const Rule& r = rules_[c.rules[named.set]];
    const Rights decides = r.allows ? needed.rights : Rights(right);
    if (named.deny != nullptr || (r.rule.rights & decides) == 0) continue;
    d.allowed = r.allows;
    d.named = true;
    d.rule = &r;
    return d;
  }
  d.allowed = needed.rights == 0;
  d.rule = needed.first;
  return d;
}

bool Access::may_list_all(std::string_view peer) const {
  if (!has(about_, Right::kList)) return true;
  const Class& c = class_of(peer);
  if (c.nameless) return false;
  bool all = list_.rights == 0;
  for (const size_t i : c.rules) {
    const Rule& r = rules_[i];
    if (!has(r.rule.rights, Right::kList)) continue;
    if (!r.allows) return false;
    const auto names = [&](const char* pattern) {
      return std::find(r.rule.topic.begin(), r.rule.topic.end(), pattern) != r.rule.topic.end();
    };
    all = all || (r.rule.exclude.empty() && names("**") && names("smt/**"));
  }
  return all;
}

std::string Access::words(std::string_view peer, std::string_view topic, const Decision& denied) {
  return "peer " + std::string(peer) + " may not " + std::string(right_name(denied.right)) + " " +
         std::string(topic) + ": " + denied.text();
}

std::string Access::key(std::string_view peer, const Decision& denied) {
  return "denied " + std::string(peer) + (denied.rule == nullptr ? "" : " " + denied.rule->rule.origin);
}

}  // namespace smt::relay
