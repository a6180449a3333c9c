// What the benches compare with: the two topics one would write by hand.
#ifndef SMT_BENCH_BASELINES_H_
#define SMT_BENCH_BASELINES_H_

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "bench/ordering.h"

namespace smt::bench {

// Zeroed memory that forked children share. Lives as long as the process.
inline void* shared_memory(size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (p == MAP_FAILED) abort();
  return p;
}

// A value of up to `bytes` bytes: one slot, one writer, readers that retry. The copy is a plain memcpy, as
// most have it.
class OneSlotSeqlock {
 public:
  explicit OneSlotSeqlock(size_t bytes)
      : slot_(new (shared_memory(sizeof(Slot) + bytes)) Slot), value_(slot_ + 1) {}

  void publish(const void* value, size_t bytes) {
    const uint64_t lock = slot_->lock.load(std::memory_order_relaxed);
    begin_write(&slot_->lock, lock + 1);
    memcpy(value_, value, bytes);
    end_write(&slot_->lock, lock + 2);
  }

  // One attempt. False: a write was under way.
  bool read(void* value, size_t bytes) const {
    const uint64_t lock = begin_read(slot_->lock);
    if (lock % 2 != 0) return false;
    memcpy(value, value_, bytes);
    return still_reads(slot_->lock, lock);
  }

  // Grows by two with each publish.
  uint64_t lock() const { return begin_read(slot_->lock); }

 private:
  struct alignas(64) Slot {
    std::atomic<uint64_t> lock{0};
  };
  Slot* slot_;
  void* value_;
};

// A value of up to `bytes` bytes behind a process-shared pthread_rwlock, as TISM has it.
class RwlockTopic {
 public:
  explicit RwlockTopic(size_t bytes)
      : slot_(new (shared_memory(sizeof(Slot) + bytes)) Slot), value_(slot_ + 1) {
    pthread_rwlockattr_t shared;
    pthread_rwlockattr_init(&shared);
    pthread_rwlockattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(&slot_->lock, &shared);
    pthread_rwlockattr_destroy(&shared);
  }

  void publish(const void* value, size_t bytes) {
    pthread_rwlock_wrlock(&slot_->lock);
    ++slot_->sequence;
    memcpy(value_, value, bytes);
    pthread_rwlock_unlock(&slot_->lock);
  }

  void read(void* value, size_t bytes) const {
    pthread_rwlock_rdlock(&slot_->lock);
    memcpy(value, value_, bytes);
    pthread_rwlock_unlock(&slot_->lock);
  }

  // Copies the value only if it is another one than `*seen`.
  bool read_new(void* value, size_t bytes, uint64_t* seen) const {
    pthread_rwlock_rdlock(&slot_->lock);
    const bool is_new = slot_->sequence != *seen;
    if (is_new) memcpy(value, value_, bytes);
    *seen = slot_->sequence;
    pthread_rwlock_unlock(&slot_->lock);
    return is_new;
  }

 private:
  struct alignas(64) Slot {
    pthread_rwlock_t lock;
    uint64_t sequence = 0;
  };
  Slot* slot_;
  void* value_;
};

}  // namespace smt::bench

#endif  // SMT_BENCH_BASELINES_H_
