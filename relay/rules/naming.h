// The local name of a topic that arrives. A rule keeps the sender's name, or has one of
//
//   prefix = "r1"           camera/front -> r1/camera/front
//   prefix = "{peer}"       the same with the name of the peer that sends it
//   as = "robot1/arm/**"    of `topic = "arm/**"`: arm/left -> robot1/arm/left, arm -> robot1/arm. Each
//   wildcard
//                           stands for what the same one of the pattern stands for: as many, `*` for `*` and
//                           `**` for `**`, in the same order
//   as = "front"            of `topic = "camera/front"`: one topic gets another name
//   as = 'robot/\1/x'       of `topic = "re:..."`: \1 is its first group, \0 the whole name, \\ one backslash
//
// `{peer}` may stand anywhere in both; '{' begins nothing else.
#ifndef SMT_RELAY_RULES_NAMING_H_
#define SMT_RELAY_RULES_NAMING_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "relay/rules/rules.h"
#include "shm/status.h"

namespace smt::relay {

inline constexpr std::string_view kPeerWord = "{peer}";

// The naming of one rule. Immutable; copies are cheap. Thread-safe.
class Naming {
 public:
  Naming() = default;  // keeps names

  // kInvalid, with the text and the reason: both prefix and as, an unknown {...}, what can be no name, `as`
  // for several patterns, other wildcards than its pattern's, a group that its expression has not.
  static Result<Naming> parse(const ReceiveRule& rule);

  // The name here of what `peer` calls `topic`. None if that is no topic name (too long, an empty segment),
  // if {peer} is used and the peer has no proper name, or if `as` is used and its pattern does not match.
  // Else the rule's patterns are not looked at: which rule decides is a RuleSet's matter. REQUIRES:
  // check_topic_name(topic) is OK. `peer` may be anything.
  std::optional<std::string> local(std::string_view topic, std::string_view peer) const;
  // The same, and why there is none.
  Result<std::string> local_or_why(std::string_view topic, std::string_view peer) const;

  bool keeps_names() const { return rule_ == nullptr; }

 private:
  struct Rule;
  explicit Naming(std::shared_ptr<const Rule> rule) : rule_(std::move(rule)) {}
  std::shared_ptr<const Rule> rule_;  // null: names are kept
};

// The naming of one rule turned round: what `peer` calls a topic that the rule names so here.
class NamingBack {
 public:
  NamingBack(const ReceiveRule& rule, std::string_view peer);

  // None: the rule names no topic so, or its `as` belongs to an expression, of which it cannot be told. As
  // with Naming, the rule's patterns are not looked at otherwise. REQUIRES: check_topic_name(local) is OK.
  std::optional<std::string> original(const std::string& local) const;

 private:
  std::string prefix_;            // with its '/'; "": there is none
  bool renames_ = false;          // by `as`
  std::optional<Naming> naming_;  // of `as`, the other way round
};

// A prefix without the '/' at its end.
std::string_view prefix_text(std::string_view prefix);

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_NAMING_H_
