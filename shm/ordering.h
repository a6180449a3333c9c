// Every memory ordering on shared memory that is more than relaxed, each in a function named for what it
// does.
//
// Elsewhere an atomic call says std::memory_order_relaxed: its value is only compared or shown, or a function
// of this file orders it. The labels (SLOT-W1, HEAD-R, ...) are those of shm/LAYOUT.md, "Orderings" and
// "Bell", which show the interleaving that goes wrong without each of them. A label's two sides stand
// together here. An owner may be killed between any two of its stores, so a release also keeps the compiler
// from moving what comes before it behind it: the process that adopts the segment finds the stores in the
// order of this page.
#ifndef SMT_SHM_ORDERING_H_
#define SMT_SHM_ORDERING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shm/layout.h"

namespace smt {

// ThreadSanitizer does not know fences. Under it each word is stored with release and loaded with acquire,
// which orders at least as much; otherwise words are relaxed, and one fence for each sample orders them all.
#if defined(__SANITIZE_THREAD__)
#define SMT_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SMT_THREAD_SANITIZER 1
#endif
#endif
// Neither does it see what assembly touches, nor does AddressSanitizer.
#if defined(__x86_64__) && !defined(SMT_THREAD_SANITIZER) && !defined(__SANITIZE_ADDRESS__)
#define SMT_COPY_LINES 1
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef SMT_COPY_LINES
#endif
#endif
#endif
#ifdef SMT_THREAD_SANITIZER
inline constexpr bool kThreadSanitizer = true;
inline constexpr auto kStoreWord = std::memory_order_release;
inline constexpr auto kLoadWord = std::memory_order_acquire;
inline void fence_release() {}
inline void fence_acquire() {}
#else
inline constexpr bool kThreadSanitizer = false;
inline constexpr auto kStoreWord = std::memory_order_relaxed;
inline constexpr auto kLoadWord = std::memory_order_relaxed;
inline void fence_release() { std::atomic_thread_fence(std::memory_order_release); }
inline void fence_acquire() { std::atomic_thread_fence(std::memory_order_acquire); }
#endif

// --- Words of samples, records and blobs ---

// A word that SLOT-W2 or GEN-P publishes.
[[gnu::always_inline]] inline void write_word(layout::Word* to, uint64_t value) {
  to->store(value, kStoreWord);
}

// A word that SLOT-R2 or GEN-R validates: nothing that it says is believed before.
[[gnu::always_inline]] inline uint64_t read_word(const layout::Word* from) { return from->load(kLoadWord); }

// Of what copy_lines() copies at a time.
inline constexpr size_t kLineBytes = 64;

// Stands for write_word() and read_word() of all words of these lines. It is assembly, so that it is no race
// in the language; it is volatile and clobbers memory, so that the compiler leaves it between the fences and
// locks below; and its loads and stores are ordinary ones, which an x86 processor keeps in order as it keeps
// relaxed words. At 1 KiB and at 64 KiB it takes half the time that words take. Stores past the cache (movnt)
// and string copies (rep movs) are not kept in order: they would need an sfence before SLOT-W2. Nor are they
// faster: at 64 KiB they take 2.4 and 1.1 times as long, and what passes the cache is not there when a reader
// looks for it.
// REQUIRES: `bytes` is a multiple of kLineBytes and not 0; kCopyLines. Any alignment will do.
#ifdef SMT_COPY_LINES
inline constexpr bool kCopyLines = true;
inline void copy_lines(void* to, const void* from, size_t bytes) {
  asm volatile(
      "1:\n\t"
      "movups (%[from]), %%xmm0\n\t"
      "movups 16(%[from]), %%xmm1\n\t"
      "movups 32(%[from]), %%xmm2\n\t"
      "movups 48(%[from]), %%xmm3\n\t"
      "movups %%xmm0, (%[to])\n\t"
      "movups %%xmm1, 16(%[to])\n\t"
      "movups %%xmm2, 32(%[to])\n\t"
      "movups %%xmm3, 48(%[to])\n\t"
      "add $64, %[from]\n\t"
      "add $64, %[to]\n\t"
      "sub $64, %[bytes]\n\t"
      "jnz 1b"
      : [to] "+r"(to), [from] "+r"(from), [bytes] "+r"(bytes)
      :
      : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3");
}
#else
inline constexpr bool kCopyLines = false;
inline void copy_lines(void*, const void*, size_t) {}
#endif

// --- Samples ---

// SLOT-W1: the odd lock is visible before any word of the new sample. Only a fence orders a store before
// later ones.
inline void begin_sample(layout::Slot* slot, uint64_t position) {
  slot->lock.store(2 * position - 1, std::memory_order_relaxed);
  fence_release();
}

// SLOT-W2: the words of the sample are visible before the even lock that vouches for them.
inline void complete_sample(layout::Slot* slot, uint64_t position) {
  slot->lock.store(2 * position, std::memory_order_release);
}

// HEAD-W: the even lock is visible before the counter, so that no reader goes to a slot that is not complete,
// and no adoption takes a complete sample for one that its writer was killed in.
inline void publish_head(layout::Word* counter, uint64_t position) {
  counter->store(position, std::memory_order_release);
}

// HEAD-R pairs with HEAD-W: the slot of the position read here is complete, or already used again.
inline uint64_t read_newest_head(const layout::Word& counter) {
  return counter.load(std::memory_order_acquire);
}

// SLOT-R1 pairs with SLOT-W2: true = the words read after this are at least as new as that position's.
inline bool slot_holds(const layout::Slot* slot, uint64_t position) {
  return slot->lock.load(std::memory_order_acquire) == 2 * position;
}

// SLOT-R2 pairs with SLOT-W1, GEN-R with GEN-W: if any word read before this was of a later sample, or of
// another topic that was given this memory, the lock or the generation has moved. Only what passes this is
// believed. The fence keeps the words before the two loads; an acquire load would only keep what comes after
// it.
inline bool still_holds(const layout::Slot* slot, uint64_t position, const layout::Entry* entry,
                        uint64_t generation) {
  fence_acquire();
  return slot->lock.load(std::memory_order_relaxed) == 2 * position &&
         entry->generation.load(std::memory_order_relaxed) == generation;
}

// --- Directory entries ---

// GEN-P: a record and its ring are complete before the generation that points at them.
inline void publish_entry(layout::Entry* entry, uint64_t generation) {
  entry->generation.store(generation, std::memory_order_release);
}

// GEN-P and GEN-W in one: a topic's next record, after which the memory of the one before may be used again.
inline void replace_entry(layout::Entry* entry, uint64_t generation) {
  entry->generation.store(generation, std::memory_order_release);
  fence_release();
}

// GEN-W: the entry is dead before its memory is written for another use. Nothing is published by it, so the
// store itself is relaxed; the fence keeps the later stores behind it.
inline void retire_entry(layout::Entry* entry, uint64_t generation) {
  entry->generation.store(generation, std::memory_order_relaxed);
  fence_release();
}

// GEN-A pairs with GEN-P: what is read of the record after this is at least as new as that generation.
inline uint64_t read_generation(const layout::Entry* entry) {
  return entry->generation.load(std::memory_order_acquire);
}

// GEN-R pairs with GEN-W: the words read before this belong to that generation.
inline bool still_generation(const layout::Entry* entry, uint64_t generation) {
  fence_acquire();
  return entry->generation.load(std::memory_order_relaxed) == generation;
}

// --- The directory as a whole ---

// RESERVED-W: the memory is there, by fallocate(), before the figure that lets readers touch it.
inline void publish_reserved(layout::Header* header, uint64_t bytes) {
  header->reserved.store(bytes, std::memory_order_release);
}

// RESERVED-R pairs with RESERVED-W.
inline uint64_t read_reserved(const layout::Header* header) {
  return header->reserved.load(std::memory_order_acquire);
}

// BLOCK-W: the zeros of a directory block, then its offset, then the count. An adoption refuses a segment
// that counts a block which has no offset or is not empty; readers come to the block by LIMIT-W.
inline void publish_block(layout::Header* header, uint32_t block, uint64_t offset) {
  header->block[block].store(offset, std::memory_order_release);
  header->block_count.store(block + 1, std::memory_order_release);
}

// LIMIT-W: the block and its zeros are visible before the limit that lets readers look for entries in it.
inline void publish_topic_limit(layout::Header* header, uint64_t limit) {
  header->topic_limit.store(limit, std::memory_order_release);
}

// LIMIT-R pairs with LIMIT-W.
inline uint64_t read_topic_limit(const layout::Header* header) {
  return header->topic_limit.load(std::memory_order_acquire);
}

// DIR-W: the generation is visible before the version, so that a reader of the new version finds the change.
// Only the owner writes it, under the node's mutex.
inline void publish_directory_version(layout::Header* header) {
  header->directory_version.store(header->directory_version.load(std::memory_order_relaxed) + 1,
                                  std::memory_order_release);
}

// DIR-R pairs with DIR-W: it is read before the entries, which are then at least as new.
inline uint64_t read_directory_version(const layout::Header* header) {
  return header->directory_version.load(std::memory_order_acquire);
}

// --- The life of a topic and of a segment ---

// EPOCH-W: the counter is visible before the epoch, so that no value of the last epoch is taken for one of
// this.
inline void publish_epoch(layout::Record* record, uint64_t epoch) {
  record->epoch.store(epoch, std::memory_order_release);
}

// EPOCH-R pairs with EPOCH-W: a counter read after an epoch of now is of now.
inline uint64_t read_epoch(const layout::Record* record) {
  return record->epoch.load(std::memory_order_acquire);
}

// CLOSED-W: an adoption's epoch is visible before `closed` is 0, so that no topic of the last epoch passes
// for a live one.
inline void reopen_segment(layout::Header* header) { header->closed.store(0, std::memory_order_release); }

// The clean end: every sample is visible before the mark, so that a reader of the mark has the last values.
inline void close_segment(layout::Header* header, uint32_t how) {
  header->closed.store(how, std::memory_order_release);
}

// CLOSED-R pairs with both: the epoch read after it is at least that of the adoption.
inline bool read_closed(const layout::Header* header) {
  return header->closed.load(std::memory_order_acquire) != 0;
}

// --- The bell ---
//
// Each side stores and then loads what the other stores: only the one order of all seq_cst accesses rules out
// that both miss each other. With less than seq_cst the load may come before the store, on x86 too.

// BELL-W: the word moves, then the bell is read. True: somebody sleeps or is armed and must be woken.
inline bool ring_bell(layout::Half* word, const layout::Half* bell) {
  word->fetch_add(1, std::memory_order_seq_cst);
  return bell->load(std::memory_order_seq_cst) != 0;
}

// BELL-X: the bits are taken, not read and cleared: a bit that is set between a load and a store would be
// lost.
inline uint32_t take_bell_bits(layout::Half* bell) { return bell->exchange(0, std::memory_order_seq_cst); }

// BELL-2: the word moves once more after the exchange, so that a sleeper that has read the word but does not
// sleep yet finds it moved.
inline void ring_bell_again(layout::Half* word) { word->fetch_add(1, std::memory_order_seq_cst); }

// BELL-R: what a sleeper reads before it sets its bit and sleeps on, and what a waiter compares after setting
// its bit.
inline uint32_t read_bell_word(const layout::Half* word) { return word->load(std::memory_order_seq_cst); }

// BELL-R: from here on a publisher that moves the word finds the bit.
inline void set_bell_bits(layout::Half* bell, uint32_t bits) {
  bell->fetch_or(bits, std::memory_order_seq_cst);
}

// --- Within one process ---

// A descriptor that one thread has opened for all of them; -1: not yet. The kernel has it open before another
// thread uses its number.
inline int read_descriptor(const std::atomic<int>& kept) { return kept.load(std::memory_order_acquire); }

// False: another thread was first, and `*known` becomes its descriptor.
inline bool keep_descriptor(std::atomic<int>* kept, int* known, int fd) {
  return kept->compare_exchange_strong(*known, fd, std::memory_order_acq_rel, std::memory_order_acquire);
}

}  // namespace smt

#endif  // SMT_SHM_ORDERING_H_
