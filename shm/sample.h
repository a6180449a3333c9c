// A sample as a Reader hands it out, and which samples it takes.
#ifndef SMT_SHM_SAMPLE_H_
#define SMT_SHM_SAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "shm/layout.h"
#include "shm/schema.h"

namespace smt {

struct Sample {
  uint64_t sequence = 0;
  int64_t stamp_ns = 0;
  int64_t born_ns = 0;
  int64_t written_ns = 0;
  uint64_t missed = 0;               // samples before this one, see Reader::next
  std::span<const std::byte> bytes;  // the reader's own copy, until its next call
};

// The sample that Reader::next() begins with.
enum class Begin {
  kOldest,  // the oldest one that the ring holds
  kNewest,  // the newest one when the reader is opened; then those that come, in order
  // As kOldest, but what the ring lost before the reader was opened is missed too. A program that looks for
  // topics opens the readers of those that have appeared since its last look so.
  kFirst,
};

struct ReaderOptions {
  // If given, a topic of another schema is not read, and refresh() says why (kMismatch, with both layouts).
  std::optional<Schema> schema = {};
  // If given, instead of the topic's own maximum age.
  std::optional<int64_t> max_age_ns = {};
  Begin begin = Begin::kOldest;
};

}  // namespace smt

#endif  // SMT_SHM_SAMPLE_H_
