// Which of many patterns match a topic, found in time that hardly depends on how many they are: names of one
// topic are looked up, all others are walked through at once.
#ifndef SMT_RELAY_NAMES_PATTERN_INDEX_H_
#define SMT_RELAY_NAMES_PATTERN_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "relay/names/pattern.h"

namespace smt::relay {

// Immutable; copies are cheap, they share everything. Thread-safe.
class PatternIndex {
 public:
  // What matching all at once may take, whatever the patterns: some of them would take more than there is.
  // Where it is not enough they are matched one by one, with the same result.
  static constexpr int64_t kMaxBytes = 8 << 20;

  PatternIndex() = default;  // none matches
  explicit PatternIndex(std::vector<Pattern> patterns, int64_t max_bytes = kMaxBytes);

  // As Pattern::matches of each of them.
  // The least index of those that match; nothing: none does.
  std::optional<size_t> first(std::string_view topic) const;
  // The indices of all that match, rising.
  std::vector<size_t> all(std::string_view topic) const;

  const std::vector<Pattern>& patterns() const;
  // All at once; false: few patterns, or not enough memory.
  bool at_once() const;

 private:
  struct Shared;
  // Calls `f` with the index of each that matches, in any order.
  template <class F>
  void for_each(std::string_view topic, F f) const;
  std::shared_ptr<const Shared> shared_;  // null: no patterns
};

}  // namespace smt::relay

#endif  // SMT_RELAY_NAMES_PATTERN_INDEX_H_
