// The shared memory of all baselines: dense counters, a ring of four seqlock slots for each topic, a futex
// word. As good as one would write it by hand, and the same for each of them.
#ifndef SMT_BENCH_RELAY_MEMORY_H_
#define SMT_BENCH_RELAY_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bench/ordering.h"
#include "bench/relay/load.h"
#include "shm/seqlock.h"

namespace smt::bench {

// One process writes, others read. Lives as long as the process that made it, and in its forked children.
class Memory {
 public:
  Memory(int topics, size_t bytes);

  int topics() const { return topics_; }
  size_t bytes() const { return bytes_; }

  // Wakes nobody: ring() does, once for as many puts as belong together.
  void put(int topic, const void* value) {
    const uint64_t position = counters_[topic].load(std::memory_order_relaxed) + 1;
    Slot* slot = at(topic, position);
    begin_write(&slot->lock, 2 * position - 1);
    store_words(slot->words(), value, bytes_);
    end_write(&slot->lock, 2 * position);
    publish_position(&counters_[topic], position);
  }
  void ring() {
    move_word(&word_->count);
    if (read_word(word_->asleep) != 0) wake();
  }

  // Of the newest value of a topic; 0: none yet.
  uint64_t position(int topic) const { return read_position(counters_[topic]); }
  // All values put so far.
  uint64_t updates() const;
  // False: written over meanwhile.
  bool read(int topic, uint64_t position, void* value) const {
    const Slot* slot = at(topic, position);
    if (begin_read(slot->lock) != 2 * position) return false;
    load_words(value, slot->words(), bytes_);
    return still_reads(slot->lock, 2 * position);
  }
  // As read, of the words that are looked at.
  bool look(int topic, uint64_t position, ValueWords* value) const;

  // Sleeps until ring() is called after `seen` = word() was taken, 100 ms at most.
  uint32_t word() const { return read_word(word_->count); }
  void wait(uint32_t seen) const;

 private:
  struct Slot {
    std::atomic<uint64_t> lock;
    layout::Word* words() { return reinterpret_cast<layout::Word*>(this + 1); }
    const layout::Word* words() const { return reinterpret_cast<const layout::Word*>(this + 1); }
  };
  struct alignas(64) FutexWord {
    std::atomic<uint32_t> count;
    alignas(64) std::atomic<uint32_t> asleep;
  };
  Slot* at(int topic, uint64_t position) const {
    return reinterpret_cast<Slot*>(slots_ + (static_cast<size_t>(topic) * 4 + position % 4) * stride_);
  }
  void wake();

  int topics_;
  size_t bytes_, stride_;
  FutexWord* word_;
  std::atomic<uint64_t>* counters_;
  std::byte* slots_;
};

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_MEMORY_H_
