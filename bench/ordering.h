// The memory orderings of the baselines: a seqlock and a futex word, as one would write them by hand. They
// are those of shm/ordering.h, so that a comparison does not measure another degree of care.
#ifndef SMT_BENCH_ORDERING_H_
#define SMT_BENCH_ORDERING_H_

#include <atomic>
#include <cstdint>

namespace smt::bench {

using Lock = std::atomic<uint64_t>;

// The odd lock is visible before any byte of the value.
inline void begin_write(Lock* lock, uint64_t odd) {
  lock->store(odd, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
}

// The value is visible before the even lock.
inline void end_write(Lock* lock, uint64_t even) { lock->store(even, std::memory_order_release); }

// The even lock is visible before the position.
inline void publish_position(Lock* counter, uint64_t position) {
  counter->store(position, std::memory_order_release);
}
inline uint64_t read_position(const Lock& counter) { return counter.load(std::memory_order_acquire); }

// The bytes read after this are at least as new as the lock.
inline uint64_t begin_read(const Lock& lock) { return lock.load(std::memory_order_acquire); }

// The bytes read before this are of `before`.
inline bool still_reads(const Lock& lock, uint64_t before) {
  std::atomic_thread_fence(std::memory_order_acquire);
  return lock.load(std::memory_order_relaxed) == before;
}

// A sleeper stores `asleep` and then reads the word; a writer moves the word and then reads `asleep`. In the
// one order of all seq_cst accesses one of them sees the other.
inline void move_word(std::atomic<uint32_t>* word) { word->fetch_add(1, std::memory_order_seq_cst); }
inline uint32_t read_word(const std::atomic<uint32_t>& word) { return word.load(std::memory_order_seq_cst); }
inline void set_asleep(std::atomic<uint32_t>* asleep) { asleep->store(1, std::memory_order_seq_cst); }
inline bool take_asleep(std::atomic<uint32_t>* asleep) {
  return asleep->exchange(0, std::memory_order_seq_cst) != 0;
}

}  // namespace smt::bench

#endif  // SMT_BENCH_ORDERING_H_
