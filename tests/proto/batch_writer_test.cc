// The bytes of a Batch, against those that Protocol Buffers writes of the same columns.
#include "proto/batch_writer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "proto/codec.h"
#include "tests/proto/batch_rows.h"

namespace smt::proto {
namespace {

std::string written(BatchWriter* writer, const std::vector<BatchRow>& rows,
                    const std::vector<uint64_t>& sizes, uint64_t sent_ns) {
  return std::string(writer->write(view_of(rows, sizes), sent_ns));
}

// As Protocol Buffers does it.
std::string serialized(const std::vector<BatchRow>& rows, const std::vector<uint64_t>& sizes,
                       uint64_t sent_ns, uint32_t raw_bytes = 0) {
  Batch b;
  append_rows(rows, &b);
  for (const uint64_t bytes : sizes) b.add_size(bytes);
  b.set_sent_ns(sent_ns);
  b.set_raw_bytes(raw_bytes);
  return b.SerializeAsString();
}

TEST(BatchWriter, WritesTheBytesThatProtocolBuffersWrites) {
  std::mt19937_64 random(1);
  BatchWriter writer;
  for (int i = 0; i < 2000; ++i) {
    const auto any = [&] { return random() >> (random() % 64); };
    std::vector<BatchRow> rows(1 + random() % 40);
    const bool exact = random() % 2 == 0;
    for (BatchRow& r : rows) {
      r = {static_cast<uint32_t>(any()), any(), static_cast<int64_t>(any()), static_cast<int64_t>(any()),
           exact ? 0 : static_cast<int64_t>(any())};
      if (random() % 2 == 0) r = rows[0];
    }
    std::vector<uint64_t> sizes(random() % (rows.size() + 1));
    for (uint64_t& bytes : sizes) bytes = any();
    const uint64_t sent_ns = random() % 4 == 0 ? 0 : any();
    ASSERT_EQ(written(&writer, rows, sizes, sent_ns), serialized(rows, sizes, sent_ns));
    const uint32_t raw_bytes = 1 + static_cast<uint32_t>(random());
    ASSERT_EQ(writer.write_packed(raw_bytes), serialized(rows, sizes, sent_ns, raw_bytes));
  }
}

TEST(BatchWriter, WritesTheUsualBatchInFewBytes) {
  std::vector<BatchRow> rows;
  for (uint32_t i = 0; i < 1000; ++i) rows.push_back({i + 7, 1, 5000 + 100 * i, -int64_t{100} * i, 0});
  BatchWriter writer;
  const std::string body = written(&writer, rows, {}, 77);
  EXPECT_EQ(body, serialized(rows, {}, 77));
  EXPECT_LT(body.size(), 50u);
}

TEST(BatchWriter, HoldsTheLargestBatchThereIs) {
  const std::vector<BatchRow> rows(kMaxTopics, {~0u, ~uint64_t{0}, INT64_MIN, INT64_MIN, INT64_MIN});
  std::vector<BatchRow> alternating = rows;
  for (size_t i = 0; i < rows.size(); i += 2) alternating[i] = {0, 1, INT64_MAX, INT64_MAX, INT64_MAX};
  const std::vector<uint64_t> sizes(kMaxTopics, ~uint64_t{0});
  BatchWriter writer;
  EXPECT_EQ(written(&writer, alternating, sizes, ~uint64_t{0}), serialized(alternating, sizes, ~uint64_t{0}));
  writer.write_packed(~0u);
  EXPECT_EQ(written(&writer, rows, sizes, 1), serialized(rows, sizes, 1));
}

}  // namespace
}  // namespace smt::proto
