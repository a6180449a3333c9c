#include "cmd/topic/wire_cost.h"

#include <algorithm>
#include <string>
#include <vector>

#include "proto/codec.h"

namespace smt::cmd {
namespace {

// As of a session that is a day old.
constexpr uint64_t kNumber = 1'000'000;
constexpr int64_t kStampNs = 1'800'000'000'000'000'000, kAgeNs = 100'000;
constexpr uint32_t kFirstId = 1000;

// ZMTP 3: a flag, and the size in one byte or in eight.
uint64_t frame_bytes(uint64_t bytes) { return bytes + (bytes > 255 ? 9 : 2); }

uint64_t message_bytes(int field, const std::string& body, uint64_t payload_bytes) {
  const std::string header = proto::seal_message(~uint64_t{0}, kNumber, field, body, 0);
  return frame_bytes(header.size()) + frame_bytes(payload_bytes);
}

// Of a message with so many samples, of topics here and there that are published within 100 us.
uint64_t batch_bytes(uint64_t value_bytes, bool variable, uint32_t samples) {
  proto::Batch batch;
  std::vector<proto::BatchRow> rows;
  for (uint32_t i = 0; i < samples; ++i) {
    const int64_t later_ns = 1000 * int64_t{i * 37 % 100};
    rows.push_back({kFirstId + 2 * i + i % 2, 1, kStampNs + later_ns, kAgeNs - later_ns, 0});
    if (variable) batch.add_size(value_bytes);
  }
  proto::append_rows(rows, &batch);
  batch.set_sent_ns(kNumber);
  return message_bytes(proto::kFieldOf<proto::Batch>, batch.SerializeAsString(), value_bytes * samples);
}

// Of a value that no one frame can hold.
uint64_t pieces_bytes(uint64_t value_bytes) {
  uint64_t sum = 0;
  for (uint64_t offset = 0; offset < value_bytes; offset += proto::kMaxFrame) {
    proto::Chunk chunk;
    chunk.set_id(kFirstId);
    chunk.set_sequence(kNumber);
    chunk.set_stamp_ns(kStampNs);
    chunk.set_age_ns(kAgeNs);
    chunk.set_sent_ns(kNumber);
    chunk.set_size(value_bytes);
    chunk.set_offset(offset);
    sum += message_bytes(proto::kFieldOf<proto::Chunk>, chunk.SerializeAsString(),
                         std::min<uint64_t>(proto::kMaxFrame, value_bytes - offset));
  }
  return sum;
}

}  // namespace

WireCost wire_cost_of(uint64_t value_bytes, bool variable) {
  if (value_bytes > proto::kMaxFrame) {
    const uint64_t bytes = pieces_bytes(value_bytes);
    return {bytes, bytes};
  }
  constexpr uint32_t kFew = 50, kMany = 100;
  const uint64_t more = batch_bytes(value_bytes, variable, kMany) - batch_bytes(value_bytes, variable, kFew);
  return {batch_bytes(value_bytes, variable, 1), (more + kMany - kFew - 1) / (kMany - kFew)};
}

}  // namespace smt::cmd
