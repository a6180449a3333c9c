// Names that look like one that is not there: mistyped, or with other segments in front.
#ifndef SMT_RELAY_NAMES_NEAR_NAMES_H_
#define SMT_RELAY_NAMES_NEAR_NAMES_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace smt::relay {

class NearNames {
 public:
  explicit NearNames(std::string wanted) : wanted_(std::move(wanted)) {}

  void add(const std::string& name);
  // So many names were looked at that this must do.
  bool full() const { return looked_at_ >= 20'000; }

  // The nearest first.
  std::vector<std::string> prefixed(size_t max) const { return best_of(prefixed_, max); }
  std::vector<std::string> similar(size_t max) const { return best_of(similar_, max); }

 private:
  using Ranked = std::vector<std::pair<size_t, std::string>>;
  static std::vector<std::string> best_of(Ranked names, size_t max);

  const std::string wanted_;
  size_t looked_at_ = 0;
  Ranked prefixed_, similar_;
};

// Letters to change, add or leave out, of two neighbours exchanged counting as one; `most` + 1 if it takes
// more than `most`.
size_t edit_distance(std::string_view a, std::string_view b, size_t max);

// The candidate that somebody who wrote `text` most likely meant; "": none is near.
std::string_view did_you_mean(std::string_view text, const std::vector<std::string_view>& candidates);

}  // namespace smt::relay

#endif  // SMT_RELAY_NAMES_NEAR_NAMES_H_
