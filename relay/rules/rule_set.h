// Which rule decides about a topic, and why (for --explain).
#ifndef SMT_RELAY_RULES_RULE_SET_H_
#define SMT_RELAY_RULES_RULE_SET_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/names/pattern.h"
#include "relay/names/pattern_set.h"
#include "relay/rules/rules.h"
#include "shm/status.h"

namespace smt::relay {

// kInvalid, with the pattern and the reason: a bad one, or one that no name of a peer can match.
Status check_peer_pattern(const std::string& text);

// Rules in their order; the first that names a topic decides: one of its `topic` patterns matches, none of
// its `exclude` does, and one of its patterns of peers matches the peer's name. Immutable. Thread-safe.
class RuleSet {
 public:
  struct Rule {
    std::vector<std::string> topic, exclude, peers;
  };

  RuleSet() = default;  // decides about nothing
  // kInvalid, with the number of the rule (the first is 1) and the pattern: a bad one, one of peers that no
  // peer can match, no pattern at all.
  static Result<RuleSet> parse(const std::vector<Rule>& rules);
  static Result<RuleSet> parse(const std::vector<SendRule>& rules);
  static Result<RuleSet> parse(const std::vector<ReceiveRule>& rules);
  static Result<RuleSet> parse(const std::vector<WriteRule>& rules);

  // Its index, from 0. `peer` may be anything. REQUIRES: check_topic_name(topic) is OK.
  std::optional<size_t> decide(std::string_view topic, std::string_view peer) const;

  enum class Why {
    kPasses,     // `rule` decides, by its topic pattern `pattern`
    kExcluded,   // `nearest` names the topic and the peer, but its exclude pattern `pattern` matches too
    kOtherPeer,  // `nearest` names the topic by `pattern`, but is for other peers
    kNotNamed,   // no rule's topic patterns match
  };
  struct Decision {
    Why why = Why::kNotNamed;
    std::optional<size_t> rule;        // with kPasses only
    std::optional<size_t> nearest;     // where no rule decides: the first of those that came nearest
    const Pattern* pattern = nullptr;  // lives as long as the set
  };
  // No peer: as if every rule were for it.
  Decision explain(std::string_view topic, std::optional<std::string_view> peer) const;

  size_t size() const { return peers_.size(); }

 private:
  PatternSets topics_;             // by rule
  std::vector<PatternSet> peers_;  // by rule
};

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_RULE_SET_H_
