// A set of small numbers, such as the ids of topics that wait for their turn: a bit for each number.
#ifndef SMT_RELAY_STORE_BITS_H_
#define SMT_RELAY_STORE_BITS_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace smt::relay {

// Bit i of word w stands for the number 64 * w + i.
class Bits {
 public:
  void set(uint32_t i) { add_word(i / 64, uint64_t{1} << i % 64); }
  void clear(uint32_t i) { remove_word(i / 64, uint64_t{1} << i % 64); }
  bool test(uint32_t i) const { return (word(i / 64) >> i % 64 & 1) != 0; }
  bool any() const { return count_ != 0; }
  size_t count() const { return count_; }

  size_t word_count() const { return words_.size(); }
  // 0 from word_count() on.
  uint64_t word(size_t w) const { return w < words_.size() ? words_[w] : 0; }
  void add_word(size_t w, uint64_t bits) {
    if (w >= words_.size()) words_.resize(w + 1, 0);
    count_ += count_of(bits & ~words_[w]);
    words_[w] |= bits;
  }
  void remove_word(size_t w, uint64_t bits) {
    if (w >= words_.size()) return;
    count_ -= count_of(bits & words_[w]);
    words_[w] &= ~bits;
  }

  // The 64 numbers from `first` on: bit i is for first + i.
  uint64_t word_from(uint32_t first) const {
    const uint32_t low = first % 64;
    return low == 0 ? word(first / 64) : word(first / 64) >> low | word(first / 64 + 1) << (64 - low);
  }
  void add_from(uint32_t first, uint64_t bits) {
    const uint32_t low = first % 64;
    const uint64_t high = low == 0 ? 0 : bits >> (64 - low);
    add_word(first / 64, bits << low);
    if (high != 0) add_word(first / 64 + 1, high);
  }

  void add(const Bits& other) {
    for (size_t w = 0; other.any() && w < other.words_.size(); ++w) {
      if (other.words_[w] != 0) add_word(w, other.words_[w]);
    }
  }
  // Adds the numbers that are in both of the others.
  void add_common(const Bits& a, const Bits& b) {
    if (!a.any() || !b.any()) return;
    for (size_t w = 0, n = std::min(a.words_.size(), b.words_.size()); w < n; ++w) {
      if (const uint64_t both = a.words_[w] & b.words_[w]; both != 0) add_word(w, both);
    }
  }
  void remove(const Bits& other) {
    for (size_t w = 0; any() && other.any() && w < other.words_.size(); ++w) {
      if (other.words_[w] != 0) remove_word(w, other.words_[w]);
    }
  }
  void clear() {
    if (any()) std::fill(words_.begin(), words_.end(), 0);
    count_ = 0;
  }

  // Calls `f` with each number, rising. It may clear the number.
  template <class F>
  void for_each(F f) const {
    for_each_beside(Bits(), f);
  }
  // The same with each number that is in both.
  template <class F>
  void for_each_common(const Bits& other, F f) const {
    for (size_t w = 0; any() && other.any() && w < words_.size(); ++w) {
      for (uint64_t word = words_[w] & other.word(w); word != 0; word &= word - 1) f(number(w, word));
    }
  }
  // The same with each number that is not in the other.
  template <class F>
  void for_each_beside(const Bits& other, F f) const {
    for (size_t w = 0; any() && w < words_.size(); ++w) {
      for (uint64_t word = words_[w] & ~other.word(w); word != 0; word &= word - 1) f(number(w, word));
    }
  }

  // Calls `f` with each number, rising, beginning after the one where the last walk was told to stop, and
  // around; after a walk to the end with the lowest. `f` returns false to stop the walk there (that number
  // comes first next time). It may clear the number.
  template <class F>
  void walk(F f) {
    walk_words([&](size_t w, uint64_t word) {
      for (; word != 0; word &= word - 1) {
        if (!f(number(w, word))) return word;
      }
      return word;
    });
  }
  // The same with the numbers of one word at a time: `f(w, numbers)` returns those that it has not come to,
  // where it stops the walk, else 0. The first word comes in two parts if the walk begins inside it.
  template <class F>
  void walk_words(F f) {
    const size_t n = words_.size();
    if (n == 0 || count_ == 0) return;
    const size_t first = next_ / 64 < n ? next_ / 64 : 0;
    const uint32_t skip = next_ / 64 < n ? next_ % 64 : 0;
    for (size_t k = 0; k <= n; ++k) {
      const size_t w = (first + k) % n;
      uint64_t word = words_[w];
      if (k == 0) word &= ~uint64_t{0} << skip;
      if (k == n) word &= (uint64_t{1} << skip) - 1;
      if (word == 0) continue;
      if (const uint64_t rest = f(w, word); rest != 0) {
        next_ = number(w, rest);
        return;
      }
    }
    next_ = 0;  // all have had their turn
  }

  // The lowest number of those that `word` has of word w. REQUIRES: word != 0
  static uint32_t number(size_t w, uint64_t word) {
    return static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(word)));
  }

 private:
  // Mostly one bit or none.
  static size_t count_of(uint64_t word) {
    return (word & (word - 1)) == 0 ? word != 0 : static_cast<size_t>(std::popcount(word));
  }

  std::vector<uint64_t> words_;
  size_t count_ = 0;
  uint32_t next_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_BITS_H_
