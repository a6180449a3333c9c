// Values by small numbers, such as what is known of topics by their ids, of which most have none: in pages,
// so that numbers which nobody has asked for take no room.
#ifndef SMT_RELAY_STORE_PAGED_H_
#define SMT_RELAY_STORE_PAGED_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace smt::relay {

// A page has the values of as many numbers as a word of Bits, and of the same ones. A value is T() until it
// is set.
template <class T>
class Paged {
 public:
  static constexpr uint32_t kPage = 64;

  // No number has a page.
  bool is_empty() const { return pages_.empty(); }
  // What is not here is T().
  bool has(uint32_t i) const { return i / kPage < pages_.size() && pages_[i / kPage] != nullptr; }
  // Makes the page if there is none. Valid until clear().
  T& at(uint32_t i) {
    if (i / kPage >= pages_.size()) pages_.resize(i / kPage + 1);
    std::unique_ptr<Page>& page = pages_[i / kPage];
    if (page == nullptr) page = std::make_unique<Page>();
    return (*page)[i % kPage];
  }
  // REQUIRES: has(i)
  T& operator[](uint32_t i) { return (*pages_[i / kPage])[i % kPage]; }
  const T& operator[](uint32_t i) const { return (*pages_[i / kPage])[i % kPage]; }
  // The values of the numbers from kPage * page on. REQUIRES: has() one of them.
  T* page(size_t page) { return pages_[page]->data(); }

  // Calls `f(number, value)` with all that has a page, by rising numbers.
  template <class F>
  void for_each(F f) {
    for (size_t p = 0; p < pages_.size(); ++p) {
      for (uint32_t i = 0; pages_[p] != nullptr && i < kPage; ++i) {
        f(static_cast<uint32_t>(p * kPage + i), (*pages_[p])[i]);
      }
    }
  }

 private:
  using Page = std::array<T, kPage>;
  std::vector<std::unique_ptr<Page>> pages_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_PAGED_H_
