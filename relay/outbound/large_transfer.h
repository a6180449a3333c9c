// A value too large for a batch, on its way to one peer in pieces.
#ifndef SMT_RELAY_OUTBOUND_LARGE_TRANSFER_H_
#define SMT_RELAY_OUTBOUND_LARGE_TRANSFER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "proto/smtrelay.pb.h"
#include "relay/frame/frame.h"
#include "shm/clock.h"
#include "shm/seqlock.h"

namespace smt::relay {

// The value was read whole before its first piece left, so that all pieces are of one sample.
class LargeTransfer {
 public:
  // None is under way.
  LargeTransfer() = default;
  // `overwritten`: samples before this one that are gone from the ring.
  LargeTransfer(uint32_t id, const SampleHead& head, int64_t age_error_ns, Frame value, uint64_t overwritten)
      : id_(id),
        head_(head),
        age_error_ns_(age_error_ns),
        value_(std::move(value)),
        overwritten_(overwritten) {}

  bool is_active() const { return value_.block != nullptr; }
  bool is_of(uint32_t id) const { return is_active() && id_ == id; }
  // A piece has left.
  bool has_begun() const { return offset_ != 0; }
  bool is_complete() const { return offset_ == value_.bytes.size(); }

  uint32_t id() const { return id_; }
  uint64_t sequence() const { return head_.sequence; }
  const Frame& value() const { return value_; }
  uint64_t overwritten() const { return overwritten_; }

  // The next piece, of at most so many bytes.
  Frame piece(size_t max_bytes) const {
    return value_.part(offset_, std::min(value_.bytes.size() - offset_, max_bytes));
  }
  // What a Chunk with that piece says beside it.
  void describe(int64_t now_ns, proto::Chunk* out) const {
    out->set_id(id_);
    out->set_sequence(head_.sequence);
    out->set_stamp_ns(head_.stamp_ns);
    out->set_age_ns(age_at(now_ns, head_.born_ns));
    out->set_age_error_ns(age_error_ns_);
    out->set_sent_ns(static_cast<uint64_t>(now_ns));
    out->set_size(value_.bytes.size());
    out->set_offset(offset_);
  }
  // A piece of so many bytes has left.
  void on_piece_sent(size_t bytes) { offset_ += bytes; }

 private:
  uint32_t id_ = 0;
  SampleHead head_{};
  int64_t age_error_ns_ = 0;
  Frame value_;
  size_t offset_ = 0;
  uint64_t overwritten_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_LARGE_TRANSFER_H_
