// The buffer between the thread that samples and the thread that writes: order, bounds, counts, and both at
// once.
#include "cmd/recording/sample_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "cmd/text/deadline.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

class SampleBufferTest : public testing::Test {
 protected:
  // A sample whose bytes follow from its sequence.
  bool put(SampleBuffer* buffer, uint64_t sequence, size_t bytes) {
    value_.assign(bytes, static_cast<std::byte>(sequence));
    return buffer->put({.topic = &topic_,
                        .sequence = sequence,
                        .stamp_ns = static_cast<int64_t>(2 * sequence),
                        .receive_ns = static_cast<int64_t>(3 * sequence),
                        .missed = 4 * sequence,
                        .lacking = 5 * sequence,
                        .bytes = value_});
  }
  // Its entries, given back.
  static std::vector<uint64_t> sequences(SampleBuffer* buffer, SampleBuffer::Taken taken) {
    std::vector<uint64_t> all;
    for (SampleBuffer::Block& block : taken.blocks) {
      BufferedEntry e;
      for (size_t at = 0; block.next(&at, &e);) {
        all.push_back(e.sequence);
        EXPECT_EQ(e.stamp_ns, static_cast<int64_t>(2 * e.sequence));
        EXPECT_EQ(e.receive_ns, static_cast<int64_t>(3 * e.sequence));
        EXPECT_EQ(e.missed, 4 * e.sequence);
        EXPECT_EQ(e.lacking, 5 * e.sequence);
        for (const std::byte b : e.bytes) EXPECT_EQ(b, static_cast<std::byte>(e.sequence));
      }
      buffer->give_back(std::move(block));
    }
    return all;
  }

  const LogTopic topic_{"x", Schema::bytes(), "", "", ""};
  std::vector<std::byte> value_;
};

TEST_F(SampleBufferTest, GivesEachEntryOnceInOrderOfWhateverSize) {
  SampleBuffer buffer(64 << 20);
  std::vector<uint64_t> put_in;
  for (const size_t bytes : {0, 1, 7, 8, 100, 300'000, 5'000'000, 262'144, 262'080, 0, 3}) {
    put_in.push_back(put_in.size());
    ASSERT_TRUE(put(&buffer, put_in.back(), bytes));
  }
  buffer.end();
  SampleBuffer::Taken taken = buffer.take(kNever);
  EXPECT_TRUE(taken.ended);
  EXPECT_EQ(sequences(&buffer, std::move(taken)), put_in);
  EXPECT_EQ(buffer.level(), 0u);
}

TEST_F(SampleBufferTest, HasRoomForItsSizeAndAgainForWhatIsGivenBack) {
  constexpr uint64_t kSize = 1 << 20;
  SampleBuffer buffer(kSize);
  uint64_t fits = 0;
  while (put(&buffer, fits, 1000)) ++fits;
  EXPECT_GT(fits, 900u);
  EXPECT_LE(buffer.level(), kSize);
  EXPECT_GT(buffer.level(), kSize - 2000);
  SampleBuffer::Taken taken = buffer.take(0);
  EXPECT_FALSE(put(&buffer, 0, 1000)) << "what is taken is still in memory";
  EXPECT_EQ(sequences(&buffer, std::move(taken)).size(), fits);
  EXPECT_EQ(buffer.level(), 0u);
  EXPECT_LE(buffer.max_level(), kSize);
  EXPECT_GT(buffer.max_level(), kSize - 2000);
  EXPECT_TRUE(put(&buffer, 0, 1000));
  EXPECT_FALSE(put(&buffer, 1, kSize)) << "longer than the buffer";
}

TEST_F(SampleBufferTest, CountsTheRestOfABlockThatTheNextEntryDoesNotFitInto) {
  SampleBuffer buffer(1 << 20);
  for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(put(&buffer, i, 200'000));
  EXPECT_FALSE(put(&buffer, 4, 200'000)) << "five are shorter than the buffer, and their blocks are not";
  sequences(&buffer, buffer.take(0));
  EXPECT_EQ(buffer.level(), 0u);
}

TEST_F(SampleBufferTest, TellsLossesOnceAndTheTimeOfItsEntries) {
  SampleBuffer buffer(1 << 20);
  buffer.clock(7, 70);
  ASSERT_TRUE(put(&buffer, 1, 8));
  buffer.clock(8, 80);
  buffer.lose(&topic_, {2, 1});
  buffer.lose(&topic_, {0, 1});
  SampleBuffer::Taken taken = buffer.take(0);
  ASSERT_EQ(taken.blocks.size(), 1u);
  EXPECT_EQ(taken.blocks[0].boottime_ns(), 7);
  EXPECT_EQ(taken.blocks[0].wall_offset_ns(), 70);
  ASSERT_EQ(taken.losses.size(), 1u);
  EXPECT_EQ(taken.losses.at(&topic_).missed, 2u);
  EXPECT_EQ(taken.losses.at(&topic_).overflowed, 2u);
  EXPECT_FALSE(taken.ended);
  taken = buffer.take(boottime_ns() + 1'000'000);  // and returns without anything
  EXPECT_TRUE(taken.blocks.empty() && taken.losses.empty());
}

TEST_F(SampleBufferTest, PassesAllFromOneThreadToAnother) {
  SampleBuffer buffer(256 << 10);  // so small that there is no room now and then
  constexpr uint64_t kEntries = 100'000;
  uint64_t lost = 0;
  std::thread sampling([&] {
    for (uint64_t i = 0; i < kEntries; ++i) {
      buffer.clock(static_cast<int64_t>(i), 0);
      if (put(&buffer, i, i % 50)) continue;
      buffer.lose(&topic_, {0, 1});
      ++lost;
    }
    buffer.end();
  });
  std::vector<uint64_t> all;
  uint64_t told = 0;
  for (bool ended = false; !ended;) {
    SampleBuffer::Taken taken = buffer.take(kNever);
    ended = taken.ended;
    for (const auto& [topic, losses] : taken.losses) told += losses.overflowed;
    const std::vector<uint64_t> some = sequences(&buffer, std::move(taken));
    all.insert(all.end(), some.begin(), some.end());
  }
  sampling.join();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(told, lost);
  EXPECT_EQ(all.size() + lost, kEntries);
}

}  // namespace
}  // namespace smt::cmd
