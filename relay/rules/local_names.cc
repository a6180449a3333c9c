#include "relay/rules/local_names.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "relay/names/pattern.h"
#include "relay/names/pattern_set.h"
#include "relay/rules/naming.h"

namespace smt::relay {
namespace {

// A name here, turned back by one rule.
struct Sender {
  bool possible = false;
  std::optional<std::string> name = {};  // of the topic there; none: it cannot be told
};

bool says_peer(const std::string& text) { return text.find(kPeerWord) != text.npos; }

// A glob that matches the text, whatever the peer is called. None: it would be taken for an expression.
std::optional<Pattern> with_any_peer(std::string text) {
  for (size_t at; (at = text.find(kPeerWord)) != text.npos;) text.replace(at, kPeerWord.size(), "*");
  if (text.starts_with("re:")) return std::nullopt;
  Result<Pattern> pattern = Pattern::parse(text);
  return pattern.ok() ? std::optional(std::move(*pattern)) : std::nullopt;
}

// Where the first `segments` segments of the name end: at a '/'. npos: it has no more than those.
size_t end_of_segments(const std::string& name, size_t segments) {
  size_t at = name.find('/');
  while (at != name.npos && --segments > 0) at = name.find('/', at + 1);
  return at;
}

}  // namespace

struct LocalNames::Rule {
  PatternSet senders;
  bool of_all_peers = false;
  // One of these, by the rule's prefix or `as`.
  std::optional<NamingBack> back;  // no {peer} and no expression with `as`
  std::optional<Pattern> prefix;   // with {peer}
  size_t prefix_segments = 0;
  std::optional<Pattern> as;  // with {peer}
  std::string beginning;      // of an expression with `as`: what all names begin with

  Sender turn_back(const std::string& name) const {
    if (back) {
      std::optional<std::string> original = back->original(name);
      const bool possible = original.has_value();
      return {possible, std::move(original)};
    }
    if (prefix) {
      const size_t end = end_of_segments(name, prefix_segments);
      if (end == name.npos || !prefix->matches(name.substr(0, end))) return {};
      return {true, name.substr(end + 1)};
    }
    if (as) return {as->matches(name)};
    return {name.starts_with(beginning)};
  }
};

Result<LocalNames> LocalNames::parse(const std::vector<ReceiveRule>& rules) {
  LocalNames names;
  if (rules.empty()) return names;
  auto made = std::make_shared<std::vector<Rule>>();
  for (const ReceiveRule& r : rules) {
    Result<PatternSet> senders = PatternSet::parse(r.topic, r.exclude);
    if (!senders.ok()) return senders.status();
    Rule rule;
    rule.senders = std::move(*senders);
    rule.of_all_peers = std::any_of(r.from.begin(), r.from.end(),
                                    [](const std::string& from) { return from == "*" || from == "**"; });
    const std::string prefix(prefix_text(r.prefix));
    if (!r.as.empty() && !r.topic.empty() && r.topic[0].starts_with("re:")) {
      rule.beginning = r.as.substr(0, r.as.find_first_of("\\{"));
    } else if (says_peer(r.as)) {
      rule.as = with_any_peer(r.as);
    } else if (says_peer(prefix)) {
      rule.prefix = with_any_peer(prefix);
      rule.prefix_segments = 1 + static_cast<size_t>(std::count(prefix.begin(), prefix.end(), '/'));
    } else {
      rule.back.emplace(r, "");
    }
    made->push_back(std::move(rule));
  }
  names.rules_ = std::move(made);
  return names;
}

bool LocalNames::may_have(const std::string& name) const {
  if (rules_ == nullptr) return true;
  for (size_t i = 0; i < rules_->size(); ++i) {
    const Rule& rule = (*rules_)[i];
    const Sender sender = rule.turn_back(name);
    if (!sender.possible) continue;
    if (!sender.name) return true;
    // An earlier rule that is for all peers has the topic before this one.
    const bool withheld = std::any_of(
        rules_->begin(), rules_->begin() + static_cast<std::ptrdiff_t>(i),
        [&](const Rule& earlier) { return earlier.of_all_peers && earlier.senders.matches(*sender.name); });
    if (!withheld && rule.senders.matches(*sender.name)) return true;
  }
  return false;
}

}  // namespace smt::relay
