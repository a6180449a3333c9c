// What keeps a segment mapped while a reader, or something that it has lent, points into it. Internal to
// libsmt.
#ifndef SMT_SHM_PIN_H_
#define SMT_SHM_PIN_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "shm/segment_view.h"

namespace smt::internal {

// A shared_ptr that counts without atomics: all that hold one segment by copies of one Pin belong to one
// thread at a time. Whoever is last lets the segment go.
class Pin {
 public:
  Pin() = default;
  explicit Pin(std::shared_ptr<const SegmentView> segment) : held_(new Held{std::move(segment)}) {}
  Pin(const Pin& o) : held_(o.held_) {
    if (held_ != nullptr) ++held_->pins;
  }
  Pin(Pin&& o) noexcept : held_(std::exchange(o.held_, nullptr)) {}
  Pin& operator=(Pin o) noexcept {
    std::swap(held_, o.held_);
    return *this;
  }
  ~Pin() {
    if (held_ != nullptr && --held_->pins == 0) [[unlikely]]
      delete held_;
  }

 private:
  struct Held {
    std::shared_ptr<const SegmentView> segment;
    uint64_t pins = 1;
  };
  Held* held_ = nullptr;
};

}  // namespace smt::internal

#endif  // SMT_SHM_PIN_H_
