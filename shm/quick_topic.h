// The quick path of a Reader: what it needs of a topic that has exactly one writer. Internal to libsmt.
#ifndef SMT_SHM_QUICK_TOPIC_H_
#define SMT_SHM_QUICK_TOPIC_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shm/ordering.h"
#include "shm/pin.h"
#include "shm/sample.h"

namespace smt::internal {

// `max_bytes` is 0 where there is not exactly one writer, or its samples are to be compared with those of
// another one; then the other fields mean nothing.
struct QuickTopic {
  uint64_t max_bytes = 0;
  uint64_t bytes = 0;  // of each value; 0: they have no fixed size
  const layout::Word* counter = nullptr;
  const layout::Entry* entry = nullptr;
  const layout::Half* retired = nullptr;
  const std::byte* ring = nullptr;
  uint64_t mask = 0, stride = 0, first_position = 0, generation = 0;
  // Of the reader: how far it has come, and what keeps all this mapped.
  uint64_t* next = nullptr;
  uint64_t* last_sequence = nullptr;
  const Pin* pin = nullptr;
  // Where the reader keeps the sample that it returns; null until one of this writer was returned.
  Sample* sample = nullptr;

  // The slot of the newest sample, `*at`; null: it is not there, or just written over.
  const layout::Slot* newest(uint64_t* at) const {
    *at = read_newest_head(*counter);
    const auto* slot = reinterpret_cast<const layout::Slot*>(ring + (*at & mask) * stride);
    return *at >= first_position && slot_holds(slot, *at) ? slot : nullptr;
  }
  // What was read from the slot since newest() counts, and the segment has no successor.
  bool holds(const layout::Slot* slot, uint64_t at) const {
    return still_holds(slot, at, entry, generation) && retired->load(std::memory_order_relaxed) == 0;
  }
  // That sample was returned.
  void pass(uint64_t at, uint64_t sequence) const {
    *next = at + 1;
    *last_sequence = sequence;
  }
};

}  // namespace smt::internal

#endif  // SMT_SHM_QUICK_TOPIC_H_
