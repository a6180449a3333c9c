#include "bench/relay/memory.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

#include "bench/baselines.h"

namespace smt::bench {

// Zeroed memory is a valid state of all of it.
Memory::Memory(int topics, size_t bytes)
    : topics_(topics),
      bytes_(bytes),
      stride_((sizeof(Slot) + bytes + 63) / 64 * 64),
      word_(static_cast<FutexWord*>(shared_memory(sizeof(FutexWord)))),
      counters_(static_cast<std::atomic<uint64_t>*>(shared_memory(static_cast<size_t>(topics) * 8))),
      slots_(static_cast<std::byte*>(shared_memory(static_cast<size_t>(topics) * 4 * stride_))) {}

uint64_t Memory::updates() const {
  uint64_t sum = 0;
  for (int t = 0; t < topics_; ++t) sum += position(t);
  return sum;
}

bool Memory::look(int topic, uint64_t position, ValueWords* value) const {
  const Slot* slot = at(topic, position);
  if (begin_read(slot->lock) != 2 * position) return false;
  const layout::Word* words = slot->words();
  const auto word = [&](size_t i) { return words[i].load(std::memory_order_relaxed); };
  *value = has_all_words(bytes_) ? ValueWords{word(0), word(1), word(2), word(bytes_ / 8 - 1)}
                                 : ValueWords{word(0), static_cast<uint64_t>(topic), 0, word(0)};
  return still_reads(slot->lock, 2 * position);
}

// A sleeper says so before it compares the word, and the word grows before it is looked for: either it sees
// the new word, or it is seen. The second add is for one that says so between the first and the exchange.
void Memory::wake() {
  if (!take_asleep(&word_->asleep)) return;
  move_word(&word_->count);
  syscall(SYS_futex, &word_->count, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void Memory::wait(uint32_t seen) const {
  set_asleep(&word_->asleep);
  if (read_word(word_->count) != seen) return;
  const timespec limit = {0, 100'000'000};
  syscall(SYS_futex, &word_->count, FUTEX_WAIT, seen, &limit, nullptr, 0);
}

}  // namespace smt::bench
