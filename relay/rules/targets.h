// Two rules may not give two topics one name here: the second would be refused for as long as the first is
// there, whichever comes first. This is found out when the rules are read.
#ifndef SMT_RELAY_RULES_TARGETS_H_
#define SMT_RELAY_RULES_TARGETS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "relay/rules/rules.h"
#include "shm/status.h"

namespace smt::relay {

// Two topics, of one peer or of two, are both called `name` here.
struct TargetClash {
  struct Side {
    size_t rule = 0;  // that decides about the topic; from 0
    std::string pattern;
    std::string topic;  // empty: some topic of an expression
    std::string peer;   // empty: one that the rule is for
  };
  std::string name;
  Side side[2];
};

// A shortest example of the first two rules that clash, or none. For globs it is true, and it finds all there
// is, with this understood:
// - Two rules that keep names do not clash: each sender has names of its own.
// - Nor do topics of one rule, even from different peers (say {peer} to keep those apart).
// - What an earlier rule takes from the same peers does not get to a later one.
// - A rule with an expression (re:) as its topic is looked at only if its `as` has no groups; then it is
// taken
//   to get some topic. An expression as `exclude` or in an earlier rule counts only as to whether the example
//   that was found without it stands.
// - {peer} is any name that `from` allows; a `from` that is an expression allows all.
// kInvalid: a bad rule (with its number, from 1), or two whose patterns are too long to be compared.
Result<std::optional<TargetClash>> find_target_clash(const std::vector<ReceiveRule>& rules);

// kInvalid if there is a clash or a bad rule: both rules, the example, and what to do.
Status check_targets(const std::vector<ReceiveRule>& rules);

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_TARGETS_H_
