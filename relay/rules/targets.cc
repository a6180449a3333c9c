#include "relay/rules/targets.h"

#include <algorithm>

#include "relay/rules/naming.h"
#include "relay/rules/rule_set.h"
#include "relay/rules/target_walk.h"
#include "shm/domain.h"

namespace smt::relay {
namespace {

using Kind = GlobPart::Kind;

bool is_expression(const std::string& pattern) { return pattern.starts_with("re:"); }

bool matches(const std::string& pattern, const std::string& name) {
  Result<Pattern> parsed = Pattern::parse(pattern);
  return parsed.ok() && parsed->matches(name);
}

bool keeps_names(const ReceiveRule& rule) {
  if (rule.as.empty()) return rule.prefix.empty();
  return rule.as == rule.topic[0] && rule.as.find(kPeerWord) == rule.as.npos;
}

// Is each peer that `peer` matches one of those of `from`?
bool covers(const std::vector<std::string>& from, const std::string& peer) {
  return std::any_of(from.begin(), from.end(), [&](const std::string& f) {
    const bool one = !is_expression(peer) && peer.find('*') == peer.npos;
    return f == peer || f == "*" || f == "**" || (one && matches(f, peer));
  });
}

// A name that both give begins with segments that are alike in both and tell the peer: it is from one peer.
bool name_tells_peer(const ReceiveRule& a, const ReceiveRule& b) {
  const auto text = [](const ReceiveRule& r) {
    return (r.as.empty() ? std::string(prefix_text(r.prefix)) : r.as) + "/";
  };
  const std::string first = text(a), second = text(b);
  for (size_t begin = 0, end; (end = first.find('/', begin)) != first.npos; begin = end + 1) {
    const std::string segment = first.substr(begin, end + 1 - begin);
    if (second.compare(begin, segment.size(), segment) != 0) return false;
    if (segment.find_first_of("*\\") != segment.npos) return false;
    if (segment.find(kPeerWord) != segment.npos) return true;
  }
  return false;
}

// Text of `as` or `prefix`, which may say {peer}.
void add_here(std::string_view here, const std::string& from, TargetMachine* machine) {
  for (;;) {
    const size_t word = here.find(kPeerWord);
    machine->text(here.substr(0, word), "");
    if (word == here.npos) return;
    machine->peer(from);
    here.remove_prefix(word + kPeerWord.size());
  }
}

// The names that a rule gives to topics of `topic` from peers that match `from`. None: not looked at.
std::optional<TargetMachine> machine_of(const ReceiveRule& rule, const std::string& topic,
                                        const std::string& from) {
  TargetMachine machine;
  if (is_expression(topic)) {
    if (rule.as.empty() || rule.as.find('\\') != rule.as.npos) return {};
    machine.text("", "x");  // some topic
    add_here(rule.as, from, &machine);
    return machine;
  }
  Result<std::vector<GlobPart>> there = parse_glob(topic);
  if (!there.ok()) return {};
  if (rule.as.empty()) {
    const std::string prefix(prefix_text(rule.prefix));
    if (!prefix.empty()) add_here(prefix + "/", from, &machine);
    machine.glob(*there);
    return machine;
  }
  Result<std::vector<GlobPart>> here = parse_glob(rule.as);
  if (!here.ok()) return {};
  // Both have the same wildcards; between them stands text in one, in both or in none.
  auto source = there->begin();
  const auto skip_text = [&] {
    for (; source != there->end() && source->kind == Kind::kText; ++source) machine.text("", source->text);
  };
  for (const GlobPart& part : *here) {
    if (part.kind == Kind::kText) {
      add_here(part.text, from, &machine);
      continue;
    }
    skip_text();
    if (part.kind == Kind::kStar) machine.star();
    if (part.kind == Kind::kStars) machine.stars(part, *source);
    ++source;
  }
  skip_text();
  return machine;
}

// One pattern of a rule's topics, for the peers of one of its patterns of peers.
struct Target {
  const std::vector<ReceiveRule>* rules;
  size_t rule;
  const std::string *topic, *from;
  // The peer is one that the rule with this index is for too.
  std::optional<size_t> also_for;

  const ReceiveRule& of() const { return (*rules)[rule]; }

  // What does not get to the rule: what it excludes, and what earlier rules take from all of these peers.
  std::vector<Withheld> withheld() const {
    std::vector<Withheld> out = {{of().exclude, {}}};
    for (size_t i = 0; i < rule; ++i) {
      const ReceiveRule& earlier = (*rules)[i];
      if (also_for == i || covers(earlier.from, *from)) out.push_back({earlier.topic, earlier.exclude});
    }
    return out;
  }
};

void drop_expressions(std::vector<Withheld>* withheld) {
  for (Withheld& w : *withheld) {
    std::erase_if(w.names, is_expression);
    std::erase_if(w.but_not, is_expression);
  }
}

// Looks at the one name of a meeting, and at all that the walk cannot: expressions, the name of a peer in two
// places, an earlier rule for just this peer.
bool stands(const Target& target, const Meeting& meeting, int side) {
  const std::string &topic = meeting.source[side], &peer = meeting.peer[side];
  const bool some_topic = is_expression(*target.topic);
  if (!peer.empty()) {
    Result<RuleSet> set = RuleSet::parse(*target.rules);
    Result<Naming> naming = Naming::parse(target.of());
    if (!set.ok() || !naming.ok() || !check_name("peer", peer).ok()) return false;
    if (some_topic) return matches(*target.from, peer);
    return set->decide(topic, peer) == target.rule && naming->local(topic, peer) == meeting.name;
  }
  if (some_topic) return true;
  for (const Withheld& w : target.withheld()) {
    Result<PatternSet> set = PatternSet::parse(w.names, w.but_not);
    if (set.ok() && set->matches(topic)) return false;
  }
  return true;
}

Result<std::optional<Meeting>> meeting_of(const Target& a, const Target& b) {
  TargetSide first, second;
  const std::pair<const Target*, TargetSide*> both[] = {{&a, &first}, {&b, &second}};
  for (auto [target, side] : both) {
    std::optional<TargetMachine> machine = machine_of(target->of(), *target->topic, *target->from);
    if (!machine) return std::optional<Meeting>();
    side->machine = std::move(*machine);
    side->system = target->topic->starts_with("smt/");
  }
  // Most rules have nothing in common, which is found without looking at what does not get to them.
  Result<std::optional<Meeting>> meeting = meet(first, second);
  if (!meeting.ok() || !*meeting) return meeting;
  for (auto [target, side] : both) {
    for (const ReceiveRule& rule : *target->rules) {
      for (const std::string& from : rule.from) side->known += from;
    }
    if (is_expression(*target->topic)) continue;
    side->withheld = target->withheld();
    drop_expressions(&side->withheld);
  }
  meeting = meet(first, second);
  if (!meeting.ok() || !*meeting) return meeting;
  if (!stands(a, **meeting, 0) || !stands(b, **meeting, 1)) return std::optional<Meeting>();
  return meeting;
}

std::string rule_text(size_t index, const std::string& pattern, const ReceiveRule& rule) {
  std::string from;
  for (const std::string& f : rule.from) from += (from.empty() ? "" : ", ") + f;
  return "rule " + std::to_string(index + 1) + " (topic \"" + pattern + "\" from " + from +
         (rule.as.empty() ? rule.prefix.empty() ? std::string() : ", prefix \"" + rule.prefix + "\""
                          : ", as \"" + rule.as + "\"") +
         ")";
}

// What all names that the rule gives to topics of this pattern begin with, with a '/' behind them: of `a/**`
// that is a/ too.
std::string beginning_of(const ReceiveRule& rule, const std::string& topic) {
  std::string text = rule.as;
  if (text.empty()) {
    const std::string_view prefix = prefix_text(rule.prefix);
    text = prefix.empty() ? "" : std::string(prefix) + "/";
    if (!is_expression(topic)) text += topic;
  }
  text.resize(std::min(text.find_first_of("*\\{"), text.size()));
  return text;
}

using Beginnings = std::vector<std::vector<std::string>>;  // by rule and pattern

bool may_meet(const std::string& a, const std::string& b) { return a.starts_with(b) || b.starts_with(a); }

Result<std::optional<TargetClash>> clash_of(const std::vector<ReceiveRule>& rules,
                                            const Beginnings& beginnings, size_t i, size_t j) {
  const ReceiveRule &a = rules[i], &b = rules[j];
  if (keeps_names(a) && keeps_names(b)) return std::optional<TargetClash>();
  std::optional<size_t> also_for;
  if (name_tells_peer(a, b)) also_for = i;
  for (size_t m = 0; m < a.topic.size(); ++m) {
    for (size_t n = 0; n < b.topic.size(); ++n) {
      // Most have nothing in common.
      if (!may_meet(beginnings[i][m], beginnings[j][n])) continue;
      const std::string &first = a.topic[m], &second = b.topic[n];
      for (const std::string& first_from : a.from) {
        for (const std::string& second_from : b.from) {
          Result<std::optional<Meeting>> meeting =
              meeting_of({&rules, i, &first, &first_from, {}}, {&rules, j, &second, &second_from, also_for});
          if (!meeting.ok()) {
            return {Code::kInvalid, rule_text(i, first, a) + " and " + rule_text(j, second, b) +
                                        " cannot be compared: " + meeting.status().message()};
          }
          if (!*meeting) continue;
          TargetClash clash;
          clash.name = (*meeting)->name;
          clash.side[0] = {i, first, is_expression(first) ? "" : (*meeting)->source[0], (*meeting)->peer[0]};
          clash.side[1] = {j, second, is_expression(second) ? "" : (*meeting)->source[1],
                           (*meeting)->peer[1]};
          return std::optional(clash);
        }
      }
    }
  }
  return std::optional<TargetClash>();
}

}  // namespace

Result<std::optional<TargetClash>> find_target_clash(const std::vector<ReceiveRule>& rules) {
  if (Result<RuleSet> set = RuleSet::parse(rules); !set.ok()) return set.status();
  for (size_t i = 0; i < rules.size(); ++i) {
    if (Result<Naming> naming = Naming::parse(rules[i]); !naming.ok()) {
      return {Code::kInvalid, "rule " + std::to_string(i + 1) + ": " + naming.status().message()};
    }
  }
  Beginnings beginnings;
  for (const ReceiveRule& rule : rules) {
    std::vector<std::string>& of_rule = beginnings.emplace_back();
    for (const std::string& topic : rule.topic) of_rule.push_back(beginning_of(rule, topic));
  }
  for (size_t j = 0; j < rules.size(); ++j) {
    for (size_t i = 0; i < j; ++i) {
      Result<std::optional<TargetClash>> clash = clash_of(rules, beginnings, i, j);
      if (!clash.ok() || *clash) return clash;
    }
  }
  return std::optional<TargetClash>();
}

Status check_targets(const std::vector<ReceiveRule>& rules) {
  Result<std::optional<TargetClash>> found = find_target_clash(rules);
  if (!found.ok()) return found.status();
  if (!*found) return Status();
  const TargetClash& clash = **found;
  std::string text[2], topic[2];
  for (int i : {0, 1}) {
    const TargetClash::Side& side = clash.side[i];
    text[i] = rule_text(side.rule, side.pattern, rules[side.rule]);
    topic[i] = (side.topic.empty() ? "a topic" : "topic " + side.topic) +
               (side.peer.empty() ? "" : " of peer " + side.peer) + " by rule " +
               std::to_string(side.rule + 1);
  }
  return Status(Code::kInvalid,
                text[0] + " and " + text[1] + " can give two topics one name: " + clash.name + " would be " +
                    topic[0] + " and " + topic[1] +
                    "; give one another prefix or `as`, exclude such topics, or say in `from` "
                    "which peers it is for");
}

}  // namespace smt::relay
