// How large a test is. SMT_SCALE chooses:
//   (unset)  quick: seconds, for whoever has just changed something
//   ci       a tenth of the size of the promises, or what the test says: `./run test --full`
//   full     the size of the promises (docs/promises.md): `./run soak`
//   N        N times that, from 1 on: `./run soak --scale N`
// SMT_ROUND=R, from 0 on, is how often a soak has run the test before: fixed choices (seeds) move on with it.
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
    static Scale* scale = new Scale(getenv("SMT_SCALE"));  // rows are printed by destructors too
    return *scale;
  }

  // How often, or for how long: grows with N. `ci` takes the place of a tenth where that would prove nothing.
  uint64_t scaled(uint64_t quick, uint64_t full, std::optional<uint64_t> ci = {}) {
    used_ = true;
    if (name_ == "ci") return ci.value_or(std::max(quick, (full + 9) / 10));
    return times_full_ == 0 ? quick : full * times_full_;
  }

  // How large a thing is: never beyond `full`, and in CI as `quick` unless the test says otherwise.
  uint64_t sized(uint64_t quick, uint64_t full, std::optional<uint64_t> ci = {}) {
    used_ = true;
    if (name_ == "ci") return ci.value_or(quick);
    return times_full_ == 0 ? quick : full;
  }

  // "quick", "ci", "full" or N; "" as long as nobody has asked for a size: the test has only one.
  std::string used() const { return used_ ? name_ : ""; }
  // The size was chosen elsewhere (tests/sized.sh).
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
