#include "cmd/topic/wire_cost.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "proto/batch_writer.h"
#include "proto/codec.h"

namespace smt::cmd {
namespace {

// As of a session that is a day old.
constexpr uint64_t kNumber = 1'000'000;
constexpr int64_t kStampNs = 1'800'000'000'000'000'000, kAgeNs = 100'000;
constexpr uint32_t kFirstId = 1000;

// ZMTP 3: a flag, and the size in one byte or in eight.
uint64_t frame_bytes(uint64_t bytes) { return bytes + (bytes > 255 ? 9 : 2); }

uint64_t message_bytes(int field, std::string_view body, uint64_t payload_bytes) {
  const std::string header = proto::seal_message(~uint64_t{0}, kNumber, field, body, 0);
  return frame_bytes(header.size()) + frame_bytes(payload_bytes);
}

// Of a message with so many samples, of topics here and there that are published within 100 us.
uint64_t batch_bytes(uint64_t value_bytes, bool variable, uint32_t samples) {
  std::vector<uint32_t> ids;
  std::vector<int64_t> stamps_ns, ages_ns;
  for (uint32_t i = 0; i < samples; ++i) {
    const int64_t later_ns = 1000 * int64_t{i * 37 % 100};
    ids.push_back(kFirstId + 2 * i + i % 2);
    stamps_ns.push_back(kStampNs + later_ns);
    ages_ns.push_back(kAgeNs - later_ns);
  }
  constexpr uint64_t kStep = 1;
  constexpr int64_t kNoError = 0;
  const std::vector<uint64_t> sizes(variable ? samples : 0, value_bytes);
  proto::BatchWriter writer;
  const std::string_view body = writer.write({.topics = samples,
                                              .id = {ids.data(), sizeof ids[0]},
                                              .sequence = {&kStep, 0},
                                              .stamp_ns = {stamps_ns.data(), sizeof stamps_ns[0]},
                                              .age_ns = {ages_ns.data(), sizeof ages_ns[0]},
                                              .age_error_ns = {&kNoError, 0},
                                              .exact = true,
                                              .size = sizes},
                                             kNumber);
  return message_bytes(proto::kFieldOf<proto::Batch>, body, value_bytes * samples);
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
