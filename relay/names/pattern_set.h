// Topics that some patterns name and others do not.
#ifndef SMT_RELAY_NAMES_PATTERN_SET_H_
#define SMT_RELAY_NAMES_PATTERN_SET_H_

#include <string>
#include <string_view>
#include <vector>

#include "relay/names/pattern.h"
#include "relay/names/pattern_index.h"
#include "shm/status.h"

namespace smt::relay {

// kInvalid as Pattern::parse, of the first that is none.
Result<std::vector<Pattern>> parse_patterns(const std::vector<std::string>& texts);

// A topic is matched if an allowing pattern matches it and no denying one does. Immutable; copies are cheap.
class PatternSet {
 public:
  // kInvalid as Pattern::parse.
  static Result<PatternSet> parse(const std::vector<std::string>& allow,
                                  const std::vector<std::string>& deny = {});

  bool matches(std::string_view topic) const;

  // The pattern that decides: the first that denies, else the first that allows, else null (no rule names
  // it). Lives as long as the set or one of its copies.
  struct Decision {
    bool allowed = false;
    const Pattern* pattern = nullptr;
  };
  Decision decide(std::string_view topic) const;

  const std::vector<Pattern>& allow() const { return allow_.patterns(); }
  const std::vector<Pattern>& deny() const { return deny_.patterns(); }

 private:
  PatternIndex allow_, deny_;
};

// The texts of its allowing patterns that match none of the topics, in their order.
std::vector<std::string> unmatched_patterns(const PatternSet& set, const std::vector<std::string>& topics);

// Several such sets, all asked at once. Immutable; copies are cheap.
class PatternSets {
 public:
  struct Lists {
    std::vector<Pattern> allow, deny;
  };
  PatternSets() = default;
  explicit PatternSets(std::vector<Lists> sets);

  struct Named {
    size_t set = 0;                  // its index
    const Pattern* allow = nullptr;  // the first of its allowing patterns that matches
    const Pattern* deny = nullptr;   // the first of its denying ones; null: the set matches the topic
  };
  // The sets of which an allowing pattern matches, by rising index. The patterns live as long as this.
  std::vector<Named> named(std::string_view topic) const;

 private:
  PatternIndex allow_;              // of all sets
  std::vector<size_t> set_of_;      // by index there
  std::vector<PatternIndex> deny_;  // by set
};

}  // namespace smt::relay

#endif  // SMT_RELAY_NAMES_PATTERN_SET_H_
