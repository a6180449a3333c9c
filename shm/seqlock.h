// Every memory ordering on shared memory is in this file, in shm/bell.cc (waking) and nowhere else.
// shm/LAYOUT.md, "Orderings", shows for each of them the interleaving that would break without it.
#ifndef SMT_SHM_SEQLOCK_H_
#define SMT_SHM_SEQLOCK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "shm/layout.h"

namespace smt {

// ThreadSanitizer does not know fences. Under it each word is stored with release and loaded with acquire,
// which orders at least as much; otherwise words are relaxed and one fence per sample does the work.
#if defined(__SANITIZE_THREAD__)
#define SMT_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SMT_THREAD_SANITIZER 1
#endif
#endif
#ifdef SMT_THREAD_SANITIZER
inline constexpr bool kThreadSanitizer = true;
inline constexpr auto kStoreWord = std::memory_order_release;
inline constexpr auto kLoadWord = std::memory_order_acquire;
inline void FenceRelease() {}
inline void FenceAcquire() {}
#else
inline constexpr bool kThreadSanitizer = false;
inline constexpr auto kStoreWord = std::memory_order_relaxed;
inline constexpr auto kLoadWord = std::memory_order_relaxed;
inline void FenceRelease() { std::atomic_thread_fence(std::memory_order_release); }
inline void FenceAcquire() { std::atomic_thread_fence(std::memory_order_acquire); }
#endif

// One word of up to 8 bytes; a shorter one is zero-padded in shared memory.
[[gnu::always_inline]] inline void StoreWord(layout::Word* to, const char* from, size_t bytes = 8) {
  uint64_t w = 0;
  memcpy(&w, from, bytes);
  to->store(w, kStoreWord);
}
[[gnu::always_inline]] inline void LoadWord(char* to, const layout::Word* from, size_t bytes = 8) {
  const uint64_t w = from->load(kLoadWord);
  memcpy(to, &w, bytes);
}

// Copies `bytes` bytes from private to shared memory, in words. The last word is zero-padded.
// REQUIRES: room for AlignUp(bytes, 8) at `to`.
[[gnu::always_inline]] inline void StoreWords(layout::Word* to, const void* from, size_t bytes) {
  const char* p = static_cast<const char*>(from);
  for (; bytes >= 64; to += 8, p += 64, bytes -= 64) {
    StoreWord(to, p), StoreWord(to + 1, p + 8), StoreWord(to + 2, p + 16), StoreWord(to + 3, p + 24);
    StoreWord(to + 4, p + 32), StoreWord(to + 5, p + 40), StoreWord(to + 6, p + 48),
        StoreWord(to + 7, p + 56);
  }
  for (; bytes >= 8; ++to, p += 8, bytes -= 8) StoreWord(to, p);
  if (bytes != 0) StoreWord(to, p, bytes);
}

// Copies `bytes` bytes from shared to private memory, in words.
[[gnu::always_inline]] inline void LoadWords(void* to, const layout::Word* from, size_t bytes) {
  char* p = static_cast<char*>(to);
  for (; bytes >= 64; from += 8, p += 64, bytes -= 64) {
    LoadWord(p, from), LoadWord(p + 8, from + 1), LoadWord(p + 16, from + 2), LoadWord(p + 24, from + 3);
    LoadWord(p + 32, from + 4), LoadWord(p + 40, from + 5), LoadWord(p + 48, from + 6),
        LoadWord(p + 56, from + 7);
  }
  for (; bytes >= 8; ++from, p += 8, bytes -= 8) LoadWord(p, from);
  if (bytes != 0) LoadWord(p, from, bytes);
}

// The head of a sample, beside its payload.
struct SampleHead {
  uint64_t sequence;   // the source's position, carried unchanged over every hop
  int64_t stamp_ns;    // the program's own label, REALTIME unless it says otherwise
  int64_t born_ns;     // BOOTTIME at publish; in a mirror local BOOTTIME at arrival minus the age on arrival
  int64_t written_ns;  // BOOTTIME of writing into this ring
};

inline layout::Word* Payload(layout::Slot* slot) { return reinterpret_cast<layout::Word*>(slot + 1); }
inline const layout::Word* Payload(const layout::Slot* slot) {
  return reinterpret_cast<const layout::Word*>(slot + 1);
}

// --- Writer: one thread at a time per ring
// -------------------------------------------------------------------

// SLOT-W1: the odd lock is visible before any word of the new sample.
inline void BeginSample(layout::Slot* slot, uint64_t position) {
  slot->lock.store(2 * position - 1, std::memory_order_relaxed);
  FenceRelease();
}

// SLOT-W2: the words are visible before the even lock.  HEAD-W: the even lock is visible before the counter.
inline void EndSample(layout::Slot* slot, layout::Word* counter, uint64_t position, const SampleHead& head,
                      uint64_t bytes) {
  slot->sequence.store(head.sequence, kStoreWord);
  slot->stamp.store(static_cast<uint64_t>(head.stamp_ns), kStoreWord);
  slot->born.store(static_cast<uint64_t>(head.born_ns), kStoreWord);
  slot->written.store(static_cast<uint64_t>(head.written_ns), kStoreWord);
  slot->bytes.store(bytes, kStoreWord);
  slot->lock.store(2 * position, std::memory_order_release);
  counter->store(position, std::memory_order_release);
}

// --- Reader: anybody, any time
// -------------------------------------------------------------------------------

// HEAD-R pairs with HEAD-W: the slot of the position read here is complete, or already used again.
inline uint64_t LoadHead(const layout::Word& counter) { return counter.load(std::memory_order_acquire); }

// SLOT-R1 pairs with SLOT-W2: true = the words read after this are at least as new as that position's.
inline bool SlotHolds(const layout::Slot* slot, uint64_t position) {
  return slot->lock.load(std::memory_order_acquire) == 2 * position;
}

inline uint64_t LoadSampleHead(const layout::Slot* slot, SampleHead* head) {
  head->sequence = slot->sequence.load(kLoadWord);
  head->stamp_ns = static_cast<int64_t>(slot->stamp.load(kLoadWord));
  head->born_ns = static_cast<int64_t>(slot->born.load(kLoadWord));
  head->written_ns = static_cast<int64_t>(slot->written.load(kLoadWord));
  return slot->bytes.load(kLoadWord);
}

// SLOT-R2 pairs with SLOT-W1, GEN-R with GEN-W: if any word read before this was of a later sample, or of
// another topic that was given this memory, the lock or the generation has moved. Only what passes this is
// believed.
inline bool StillHolds(const layout::Slot* slot, uint64_t position, const layout::Entry* entry,
                       uint64_t generation) {
  FenceAcquire();
  return slot->lock.load(std::memory_order_relaxed) == 2 * position &&
         entry->generation.load(std::memory_order_relaxed) == generation;
}

// --- Directory
// -----------------------------------------------------------------------------------------------

// GEN-P: a record and its ring are complete before the generation that points at them.
inline void PublishGeneration(layout::Entry* entry, uint64_t generation) {
  entry->generation.store(generation, std::memory_order_release);
}

// GEN-P and GEN-W in one: a topic's next record, after which the memory of the one before may be used again.
inline void ReplaceGeneration(layout::Entry* entry, uint64_t generation) {
  entry->generation.store(generation, std::memory_order_release);
  FenceRelease();
}

// GEN-W: the entry is dead (or moved on) before its memory is written for another use.
inline void RetireGeneration(layout::Entry* entry, uint64_t generation) {
  entry->generation.store(generation, std::memory_order_relaxed);
  FenceRelease();
}

// GEN-A pairs with GEN-P: what is read of the record after this is at least as new as that generation.
inline uint64_t LoadGeneration(const layout::Entry* entry) {
  return entry->generation.load(std::memory_order_acquire);
}

// GEN-R: the words read before this belong to that generation.
inline bool StillGeneration(const layout::Entry* entry, uint64_t generation) {
  FenceAcquire();
  return entry->generation.load(std::memory_order_relaxed) == generation;
}

}  // namespace smt

#endif  // SMT_SHM_SEQLOCK_H_
