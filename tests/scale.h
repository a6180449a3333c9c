// The size of a test. SMT_SCALE chooses it:
//   (unset)  quick: seconds
//   ci       a tenth of the full size, or what the test says; `./run test --full` uses it
//   full     the size of the promises (docs/promises.md); `./run soak` uses it
//   N        N times the full size, from 1 on; `./run soak --scale N` uses it
// SMT_ROUND, from 0 on, counts the rounds of a soak: a test whose seeds are fixed takes other seeds in each round.
#ifndef SMT_TESTS_SCALE_H_
#define SMT_TESTS_SCALE_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

namespace smt {

class Scale {
 public:
  // REQUIRES: SMT_SCALE is one of the above, or an exception says so.
  static Scale& get() {
    static Scale* scale = new Scale(getenv("SMT_SCALE"));  // destructors print rows too
    return *scale;
  }

  // A count or a duration, which grows with N. `ci` replaces a tenth where a tenth would prove nothing.
  uint64_t scaled(uint64_t quick, uint64_t full, std::optional<uint64_t> ci = {}) {
    used_ = true;
    if (name_ == "ci") return ci.value_or(std::max(quick, (full + 9) / 10));
    return times_full_ == 0 ? quick : full * times_full_;
  }

  // The size of one thing, which never exceeds `full`. In CI it is `quick` unless `ci` says otherwise.
  uint64_t sized(uint64_t quick, uint64_t full, std::optional<uint64_t> ci = {}) {
    used_ = true;
    if (name_ == "ci") return ci.value_or(quick);
    return times_full_ == 0 ? quick : full;
  }

  // "quick", "ci", "full" or N. "" if the test has not asked for a size: it has only one.
  std::string used() const { return used_ ? name_ : ""; }
  // tests/sized.sh has chosen the size: the test need not ask.
  void chosen_outside() { used_ = true; }

  static uint64_t round() {
    const char* given = getenv("SMT_ROUND");
    return given != nullptr ? strtoull(given, nullptr, 10) : 0;
  }

 private:
  explicit Scale(const char* given) : name_(given != nullptr ? given : "quick") {
    if (name_ == "quick" || name_ == "ci") return;
    times_full_ = name_ == "full" ? 1 : strtoull(name_.c_str(), nullptr, 10);
    if (times_full_ == 0) throw std::runtime_error("SMT_SCALE is ci, full or a number from 1 on, not " + name_);
  }

  std::string name_;
  uint64_t times_full_ = 0;
  bool used_ = false;
};

}  // namespace smt

#endif  // SMT_TESTS_SCALE_H_
