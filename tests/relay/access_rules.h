// Rules of access, each on one line, and what they say, by the letter of docs/config.md: without RE2, without
// an order of rules, without anything of relay/.
#ifndef SMT_TESTS_RELAY_ACCESS_RULES_H_
#define SMT_TESTS_RELAY_ACCESS_RULES_H_

#include <stdio.h>
#include <stdlib.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "relay/rules/rules.h"

namespace smt::relay {

inline constexpr Rights kReadList = Right::kRead | Right::kList;
inline constexpr Rights kAllRights = kReadList | Right::kWrite;
using Texts = std::vector<std::string>;

inline AllowRule allow_rule(Texts peer, Texts topic, Rights rights = kReadList,
                            const std::string& origin = "F:1:1") {
  AllowRule rule;
  rule.peer = std::move(peer);
  rule.topic = std::move(topic);
  rule.rights = rights;
  rule.origin = origin;
  return rule;
}
inline DenyRule deny_rule(Texts peer, Texts topic, Rights rights = kAllRights,
                          const std::string& origin = "F:2:1") {
  DenyRule rule;
  rule.peer = std::move(peer);
  rule.topic = std::move(topic);
  rule.rights = rights;
  rule.origin = origin;
  return rule;
}

// Text of one segment: `*` is any text.
inline bool text_matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] != '*')
    return !text.empty() && pattern[0] == text[0] && text_matches(pattern.substr(1), text.substr(1));
  return text_matches(pattern.substr(1), text) || (!text.empty() && text_matches(pattern, text.substr(1)));
}
inline Texts segments_of(std::string_view text) {
  Texts out;
  for (size_t at; (at = text.find('/')) != text.npos; text.remove_prefix(at + 1))
    out.emplace_back(text.substr(0, at));
  out.emplace_back(text);
  return out;
}
inline bool segments_match(const Texts& pattern, size_t i, const Texts& name, size_t k) {
  if (i == pattern.size()) return k == name.size();
  if (pattern[i] == "**") {
    return segments_match(pattern, i + 1, name, k) ||
           (k < name.size() && segments_match(pattern, i, name, k + 1));
  }
  return k < name.size() && text_matches(pattern[i], name[k]) && segments_match(pattern, i + 1, name, k + 1);
}
inline bool any_matches(const Texts& patterns, const std::string& name) {
  for (const std::string& pattern : patterns) {
    if (name.starts_with("smt/") && !pattern.starts_with("smt/")) continue;
    if (segments_match(segments_of(pattern), 0, segments_of(name), 0)) return true;
  }
  return false;
}
inline bool names(const AccessRule& rule, const std::string& peer, const std::string& topic) {
  return any_matches(rule.peer, peer) && any_matches(rule.topic, topic) && !any_matches(rule.exclude, topic);
}

inline bool should_allow(const AccessRules& rules, const std::string& peer, const std::string& topic,
                         Right right) {
  if (right == Right::kRead && !should_allow(rules, peer, topic, Right::kList)) return false;
  for (const DenyRule& rule : rules.deny) {
    if (has(rule.rights, right) && names(rule, peer, topic)) return false;
  }
  bool given = false;
  for (const AllowRule& rule : rules.allow) {
    const bool gives = has(rule.rights, right) || (right == Right::kList && has(rule.rights, Right::kRead));
    if (gives && names(rule, peer, topic)) return true;
    given = given || gives;
  }
  return !given;
}

// Of random rules: another one each time, unless SMT_SEED says which.
inline uint32_t seed_of_run() {
  const char* given = getenv("SMT_SEED");
  const auto seed =
      given != nullptr ? static_cast<uint32_t>(strtoul(given, nullptr, 10)) : std::random_device()();
  printf("seed %u (SMT_SEED=%u repeats it)\n", seed, seed);
  return seed;
}

// Rules, peers and topics of few words, so that they meet often.
class AccessMaker {
 public:
  explicit AccessMaker(uint32_t seed) : random_(seed) {}

  size_t below(size_t n) { return random_() % n; }
  const std::string& one_of(const Texts& texts) { return texts[below(texts.size())]; }
  std::string join(const Texts& words, size_t max) {
    std::string out;
    for (size_t n = 1 + below(max); n-- > 0;) out += (out.empty() ? "" : "/") + one_of(words);
    return out;
  }
  std::string peer() { return one_of({"p1", "p2", "q1", "p", "p10"}); }
  std::string topic() { return (below(8) == 0 ? "smt/" : "") + join({"a", "b", "ab", "ba", "aa", "smt"}, 3); }
  Rights rights() { return static_cast<Rights>(1 + below(7)); }
  AccessRules rules() {
    AccessRules out;
    for (size_t n = below(4); n-- > 0;) {
      fill_rule(&out.allow.emplace_back());
      if (below(3) != 0) out.allow.back().rights = rights();
    }
    for (size_t n = below(3); n-- > 0;) {
      fill_rule(&out.deny.emplace_back());
      if (below(3) != 0) out.deny.back().rights = rights();
    }
    return out;
  }

 private:
  Texts patterns(size_t min) {
    Texts out;
    for (size_t n = min + below(3); n-- > 0;)
      out.push_back((below(8) == 0 ? "smt/" : "") + join({"**", "**", "*", "a", "b", "a*", "*b", "ab"}, 3));
    return out;
  }
  void fill_rule(AccessRule* rule) {
    if (below(2) == 0) rule->peer = {one_of({"p*", "p1", "q1", "*1", "**", "p", "p*0"})};
    if (below(4) == 0) rule->peer.push_back(peer());
    if (below(3) != 0) rule->topic = patterns(1);
    if (below(3) == 0) rule->exclude = patterns(0);
    rule->origin = "F:" + std::to_string(below(1000)) + ":1";
  }
  std::mt19937 random_;
};

// What `rules` say, for the message of a test that fails.
inline std::string shown(const AccessRules& rules) {
  std::string out;
  const auto show = [&](const char* table, const AccessRule& rule) {
    const auto list = [](const Texts& texts) {
      std::string all;
      for (const std::string& text : texts) all += " " + text;
      return all;
    };
    out += std::string(table) + list(rule.peer) + ":" + list(rule.topic) + " but" + list(rule.exclude) +
           ", " + std::to_string(rule.rights) + "; ";
  };
  for (const AllowRule& rule : rules.allow) show("allow", rule);
  for (const DenyRule& rule : rules.deny) show("deny", rule);
  return out;
}

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_ACCESS_RULES_H_
