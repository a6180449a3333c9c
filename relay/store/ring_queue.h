// A queue in one block of memory, and in none as long as nothing was put into it.
#ifndef SMT_RELAY_STORE_RING_QUEUE_H_
#define SMT_RELAY_STORE_RING_QUEUE_H_

#include <cstddef>
#include <utility>
#include <vector>

namespace smt::relay {

// Elements count from 0, the first in the queue. REQUIRES: T() is cheap.
template <class T>
class RingQueue {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  // REQUIRES: it is below size()
  T& operator[](size_t i) { return slots_[(first_ + i) & (slots_.size() - 1)]; }
  const T& operator[](size_t i) const { return slots_[(first_ + i) & (slots_.size() - 1)]; }
  // REQUIRES: !empty(), as the next ones
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  void pop_front() {
    slots_[first_] = T();
    first_ = (first_ + 1) & (slots_.size() - 1);
    --size_;
  }
  void pop_back() {
    back() = T();
    --size_;
  }
  void push_back(T value) {
    if (size_ == slots_.size()) grow();
    ++size_;
    back() = std::move(value);
  }
  // Gives its memory back.
  void clear() { *this = RingQueue(); }

 private:
  static constexpr size_t kMinSlots = 4;

  void grow() {
    std::vector<T> more(slots_.empty() ? kMinSlots : 2 * slots_.size());
    for (size_t i = 0; i < size_; ++i) more[i] = std::move((*this)[i]);
    slots_ = std::move(more);
    first_ = 0;
  }

  std::vector<T> slots_;  // a power of two, or none
  size_t first_ = 0, size_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_RING_QUEUE_H_
