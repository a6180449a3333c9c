// A set of small numbers: topics that wait for their turn.
#ifndef SMT_RELAY_OUTBOUND_BITS_H_
#define SMT_RELAY_OUTBOUND_BITS_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace smt::relay {

class Bits {
 public:
  void set(uint32_t i) {
    if (i / 64 >= words_.size()) words_.resize(i / 64 + 1, 0);
    count_ += (words_[i / 64] >> i % 64 & 1) == 0;
    words_[i / 64] |= uint64_t{1} << i % 64;
  }
  void clear(uint32_t i) {
    if (!test(i)) return;
    words_[i / 64] &= ~(uint64_t{1} << i % 64);
    --count_;
  }
  bool test(uint32_t i) const { return i / 64 < words_.size() && (words_[i / 64] >> i % 64 & 1) != 0; }
  bool any() const { return count_ != 0; }
  size_t count() const { return count_; }

  // Calls `f` with each number, rising, beginning after the one where the last walk was told to stop, and
  // around. `f` returns false to stop the walk there (that number comes first next time). It may clear the
  // number.
  template <class F>
  void walk(F f) {
    const size_t n = words_.size();
    if (n == 0 || count_ == 0) return;
    const size_t first = next_ / 64 < n ? next_ / 64 : 0;
    const uint32_t skip = next_ / 64 < n ? next_ % 64 : 0;
    for (size_t k = 0; k <= n; ++k) {
      const size_t w = (first + k) % n;
      uint64_t word = words_[w];
      if (k == 0) word &= ~uint64_t{0} << skip;
      if (k == n) word &= (uint64_t{1} << skip) - 1;
      for (; word != 0; word &= word - 1) {
        const auto i = static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(word)));
        if (!f(i)) {
          next_ = i;
          return;
        }
      }
    }
  }

 private:
  std::vector<uint64_t> words_;
  size_t count_ = 0;
  uint32_t next_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_BITS_H_
