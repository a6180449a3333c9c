// A sample in its slot: how a writer fills it in, and how a reader copies it and finds out whether what it
// copied is whole. The orderings are those of shm/ordering.h.
//
// Writer: BeginSample, the words, EndSample. Reader: SlotHolds, the words, StillHolds; only then are they
// believed.
#ifndef SMT_SHM_SEQLOCK_H_
#define SMT_SHM_SEQLOCK_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "shm/layout.h"
#include "shm/ordering.h"

namespace smt {

// One word of up to 8 bytes; a shorter one is zero-padded in shared memory.
[[gnu::always_inline]] inline void StoreWord(layout::Word* to, const char* from, size_t bytes = 8) {
  uint64_t w = 0;
  memcpy(&w, from, bytes);
  write_word(to, w);
}
[[gnu::always_inline]] inline void LoadWord(char* to, const layout::Word* from, size_t bytes = 8) {
  const uint64_t w = read_word(from);
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

// Of the writer, one thread at a time for each ring: the sample is complete, and the newest of its topic.
inline void EndSample(layout::Slot* slot, layout::Word* counter, uint64_t position, const SampleHead& head,
                      uint64_t bytes) {
  write_word(&slot->sequence, head.sequence);
  write_word(&slot->stamp, static_cast<uint64_t>(head.stamp_ns));
  write_word(&slot->born, static_cast<uint64_t>(head.born_ns));
  write_word(&slot->written, static_cast<uint64_t>(head.written_ns));
  write_word(&slot->bytes, bytes);
  complete_sample(slot, position);
  publish_head(counter, position);
}

// Of a reader, after SlotHolds. Returns the size of the payload.
inline uint64_t LoadSampleHead(const layout::Slot* slot, SampleHead* head) {
  head->sequence = read_word(&slot->sequence);
  head->stamp_ns = static_cast<int64_t>(read_word(&slot->stamp));
  head->born_ns = static_cast<int64_t>(read_word(&slot->born));
  head->written_ns = static_cast<int64_t>(read_word(&slot->written));
  return read_word(&slot->bytes);
}

}  // namespace smt

#endif  // SMT_SHM_SEQLOCK_H_
