// Samples of several topics without their values, as a TopicSource reads them for a batch.
#ifndef SMT_RELAY_STORE_SAMPLE_ROWS_H_
#define SMT_RELAY_STORE_SAMPLE_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "shm/clock.h"
#include "shm/seqlock.h"

namespace smt::relay {

struct SampleRow {
  SampleHead head;
  uint64_t step;         // the sequence less that of the topic sent last; it wraps
  int64_t age_ns;        // at the time of the batch, below 0 if it was published after that
  int64_t age_error_ns;  // see Provenance
  uint32_t id;
  uint32_t bytes;  // of the value

  // All but the head, which is there.
  void complete(uint32_t of, uint64_t sent, int64_t now_ns, int64_t error_ns, uint64_t size) {
    step = head.sequence - sent;
    age_ns = age_at(now_ns, head.born_ns);
    age_error_ns = error_ns;
    id = of;
    bytes = static_cast<uint32_t>(size);
  }
};

class SampleRows {
 public:
  std::span<const SampleRow> all() const { return {rows_.data(), count_}; }
  size_t count() const { return count_; }
  // The age of each has no error.
  bool is_exact() const { return errors_ns_ == 0; }
  void clear() {
    count_ = 0;
    errors_ns_ = 0;
  }

  // Places for so many samples after those that are there; grow() takes the first of them in, `errors_ns` are
  // their errors of age, or-ed. Valid until the next call.
  SampleRow* places(size_t count) {
    if (rows_.size() < count_ + count) rows_.resize(2 * (count_ + count));
    return rows_.data() + count_;
  }
  void grow(size_t count, int64_t errors_ns) {
    count_ += count;
    errors_ns_ |= errors_ns;
  }

 private:
  std::vector<SampleRow> rows_;  // as long as the longest batch so far
  size_t count_ = 0;
  int64_t errors_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_SAMPLE_ROWS_H_
