// A Batch from columns to bytes: those that Protocol Buffers would write, without a message in between.
#ifndef SMT_PROTO_BATCH_WRITER_H_
#define SMT_PROTO_BATCH_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace smt::proto {

// A number of each of several structures that lie one after the other.
template <class T>
class Column {
 public:
  // `first`: of the first structure; `stride`: its size; 0: the same number of each.
  Column(const T* first, size_t stride) : at_(reinterpret_cast<const std::byte*>(first)), stride_(stride) {}
  const T& operator[](size_t i) const { return *reinterpret_cast<const T*>(at_ + i * stride_); }

 private:
  const std::byte* at_;
  size_t stride_;
};

// The columns of a Batch. Each topic has an entry in each of them, but `size`.
struct BatchView {
  size_t topics;
  Column<uint32_t> id;
  Column<uint64_t> sequence;       // difference, see Batch.sequence
  Column<int64_t> stamp_ns;        // itself
  Column<int64_t> age_ns;          // itself, at Batch.sent_ns
  Column<int64_t> age_error_ns;    // itself
  bool exact;                      // all of these are 0, as at the source: the column is left out
  std::span<const uint64_t> size;  // of those topics whose size is variable
};

// The last Batch that it has written.
class BatchWriter {
 public:
  // The body of a Batch whose payload is not compressed; valid until the next call.
  // REQUIRES: 1 to kMaxTopics topics.
  std::string_view write(const BatchView& columns, uint64_t sent_ns);
  // The same Batch with a payload that is compressed; valid as that of write(), which stays as it is.
  // REQUIRES: raw_bytes != 0
  std::string_view write_packed(uint32_t raw_bytes);

 private:
  std::vector<uint8_t> room_;
  size_t bytes_ = 0;  // of the body
};

}  // namespace smt::proto

#endif  // SMT_PROTO_BATCH_WRITER_H_
