// Which names topics may have here by the rules to receive, whichever peers send them: what a mirror that is
// taken over may keep.
#ifndef SMT_RELAY_RULES_LOCAL_NAMES_H_
#define SMT_RELAY_RULES_LOCAL_NAMES_H_

#include <memory>
#include <string>
#include <vector>

#include "relay/rules/rules.h"
#include "shm/status.h"

namespace smt::relay {

// Immutable; copies are cheap. Thread-safe.
class LocalNames {
 public:
  LocalNames() = default;  // any name

  // Of no rules: any name. kInvalid, with the pattern and the reason.
  static Result<LocalNames> parse(const std::vector<ReceiveRule>& rules);

  // False: no peer can send a topic that is called `name` here. True also where that cannot be told, as of a
  // rule with an expression and `as`. REQUIRES: check_topic_name(name) is OK.
  bool may_have(const std::string& name) const;

 private:
  struct Rule;
  std::shared_ptr<const std::vector<Rule>> rules_;  // null: any name
};

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_LOCAL_NAMES_H_
