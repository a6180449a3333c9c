// A sample in its slot: how a writer fills it in, and how a reader copies it and finds out whether what it
// copied is whole. The orderings are those of shm/ordering.h.
//
// Writer: begin_sample, the words, end_sample. Reader: slot_holds, the words, still_holds; only then are they
// believed.
#ifndef SMT_SHM_SEQLOCK_H_
#define SMT_SHM_SEQLOCK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "shm/layout.h"
#include "shm/ordering.h"

namespace smt {

// One word of up to 8 bytes; a shorter one is zero-padded in shared memory.
[[gnu::always_inline]] inline void store_word(layout::Word* to, const char* from, size_t bytes = 8) {
  uint64_t w = 0;
  memcpy(&w, from, bytes);
  write_word(to, w);
}
[[gnu::always_inline]] inline void load_word(char* to, const layout::Word* from, size_t bytes = 8) {
  const uint64_t w = read_word(from);
  memcpy(to, &w, bytes);
}

// Copies `bytes` bytes from private to shared memory, in words. The last word is zero-padded.
// REQUIRES: room for align_up(bytes, 8) at `to`.
[[gnu::always_inline]] inline void store_words(layout::Word* to, const void* from, size_t bytes) {
  const char* p = static_cast<const char*>(from);
  if (bytes == 8) return store_word(to, p, std::min<size_t>(bytes, 8));  // a number: most values are one
  if (kCopyLines && bytes >= kLineBytes) {
    const size_t lines = bytes / kLineBytes * kLineBytes;
    copy_lines(to, p, lines);
    to += lines / 8, p += lines, bytes -= lines;
  }
  for (; bytes >= 64; to += 8, p += 64, bytes -= 64) {
    store_word(to, p), store_word(to + 1, p + 8), store_word(to + 2, p + 16), store_word(to + 3, p + 24);
    store_word(to + 4, p + 32), store_word(to + 5, p + 40), store_word(to + 6, p + 48),
        store_word(to + 7, p + 56);
  }
  for (; bytes >= 8; ++to, p += 8, bytes -= 8) store_word(to, p);
  if (bytes != 0) store_word(to, p, bytes);
}

// Copies `bytes` bytes from shared to private memory, in words.
[[gnu::always_inline]] inline void load_words(void* to, const layout::Word* from, size_t bytes) {
  char* p = static_cast<char*>(to);
  if (bytes == 8) return load_word(p, from, std::min<size_t>(bytes, 8));  // a number
  if (kCopyLines && bytes >= kLineBytes) {
    const size_t lines = bytes / kLineBytes * kLineBytes;
    copy_lines(p, from, lines);
    from += lines / 8, p += lines, bytes -= lines;
  }
  for (; bytes >= 64; from += 8, p += 64, bytes -= 64) {
    load_word(p, from), load_word(p + 8, from + 1), load_word(p + 16, from + 2), load_word(p + 24, from + 3);
    load_word(p + 32, from + 4), load_word(p + 40, from + 5), load_word(p + 48, from + 6),
        load_word(p + 56, from + 7);
  }
  for (; bytes >= 8; ++from, p += 8, bytes -= 8) load_word(p, from);
  if (bytes != 0) load_word(p, from, bytes);
}

// The head of a sample, beside its payload.
struct SampleHead {
  uint64_t sequence;   // the source's position, carried unchanged over every hop
  int64_t stamp_ns;    // the program's own label, REALTIME unless it says otherwise
  int64_t born_ns;     // BOOTTIME at publish; in a mirror local BOOTTIME at arrival minus the age on arrival
  int64_t written_ns;  // BOOTTIME of writing into this ring
};

inline layout::Word* payload_of(layout::Slot* slot) { return reinterpret_cast<layout::Word*>(slot + 1); }
inline const layout::Word* payload_of(const layout::Slot* slot) {
  return reinterpret_cast<const layout::Word*>(slot + 1);
}

// Called by the writer, one thread at a time for each ring: the sample is complete, and the newest of its
// topic.
inline void end_sample(layout::Slot* slot, layout::Word* counter, uint64_t position, const SampleHead& head,
                       uint64_t bytes) {
  write_word(&slot->sequence, head.sequence);
  write_word(&slot->stamp, static_cast<uint64_t>(head.stamp_ns));
  write_word(&slot->born, static_cast<uint64_t>(head.born_ns));
  write_word(&slot->written, static_cast<uint64_t>(head.written_ns));
  write_word(&slot->bytes, bytes);
  complete_sample(slot, position);
  publish_head(counter, position);
}

// Called by a reader after slot_holds. Returns the size of the payload.
inline uint64_t load_sample_head(const layout::Slot* slot, SampleHead* head) {
  head->sequence = read_word(&slot->sequence);
  head->stamp_ns = static_cast<int64_t>(read_word(&slot->stamp));
  head->born_ns = static_cast<int64_t>(read_word(&slot->born));
  head->written_ns = static_cast<int64_t>(read_word(&slot->written));
  return read_word(&slot->bytes);
}

}  // namespace smt

#endif  // SMT_SHM_SEQLOCK_H_
