// A Batch as Protocol Buffers writes it, row by row: what proto/batch_writer.h and proto/batch_reader.h are
// compared with, and messages for tests.
#ifndef SMT_TESTS_PROTO_BATCH_ROWS_H_
#define SMT_TESTS_PROTO_BATCH_ROWS_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "proto/batch_writer.h"
#include "proto/smtrelay.pb.h"

namespace smt::proto {

// For one topic.
struct BatchRow {
  uint32_t id = 0;
  uint64_t sequence = 0;  // difference, see Batch.sequence
  int64_t stamp_ns = 0;
  int64_t age_ns = 0;  // at Batch.sent_ns
  int64_t age_error_ns = 0;
  bool operator==(const BatchRow&) const = default;
};

// Drops the numbers at the end that are the same as the one before them.
template <class Column>
void trim(Column* column) {
  int n = column->size();
  while (n > 1 && column->Get(n - 2) == column->Get(n - 1)) --n;
  column->Truncate(n);
}

// At the source all errors are 0, and their column is left out.
inline bool is_exact(const std::vector<BatchRow>& rows) {
  return std::all_of(rows.begin(), rows.end(), [](const BatchRow& row) { return row.age_error_ns == 0; });
}

// Appends the columns of `rows` and their number. Sizes and sent_ns are the caller's.
inline void append_rows(const std::vector<BatchRow>& rows, Batch* batch) {
  // Differences wrap around, so that no two numbers are too far apart.
  const auto minus = [](int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  };
  const bool exact = is_exact(rows);
  BatchRow before;
  for (const BatchRow& row : rows) {
    batch->add_id(static_cast<int32_t>(row.id - before.id));
    batch->add_sequence(row.sequence);
    batch->add_stamp_ns(minus(row.stamp_ns, before.stamp_ns));
    batch->add_age_ns(minus(row.age_ns, before.age_ns));
    if (!exact) batch->add_age_error_ns(row.age_error_ns);
    before = row;
  }
  batch->set_topics(static_cast<uint32_t>(rows.size()));
  trim(batch->mutable_id());
  trim(batch->mutable_sequence());
  trim(batch->mutable_stamp_ns());
  trim(batch->mutable_age_ns());
  trim(batch->mutable_age_error_ns());
}

// The same rows for a BatchWriter. REQUIRES: there is one; both live as long as the view.
inline BatchView view_of(const std::vector<BatchRow>& rows, std::span<const uint64_t> sizes = {}) {
  constexpr size_t kStride = sizeof(BatchRow);
  const BatchRow& first = rows.front();
  return {.topics = rows.size(),
          .id = {&first.id, kStride},
          .sequence = {&first.sequence, kStride},
          .stamp_ns = {&first.stamp_ns, kStride},
          .age_ns = {&first.age_ns, kStride},
          .age_error_ns = {&first.age_error_ns, kStride},
          .exact = is_exact(rows),
          .size = sizes};
}

}  // namespace smt::proto

#endif  // SMT_TESTS_PROTO_BATCH_ROWS_H_
