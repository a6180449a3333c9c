// Damage in MCAP files, with their summary and without: what is not damaged itself is read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <set>

#include "cmd/recording/mcap_log.h"
#include "cmd/recording/mcap_reader.h"
#include "cmd/recording/mcap_writer.h"
#include "cmd/recording/open_log.h"
#include "tests/bytes_of.h"
#include "tests/scale.h"
#include "tests/temp_folder.h"
#include "tests/text.h"

namespace smt::cmd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kChunks = 6, kPerChunk = 3, kRecorded = kChunks * kPerChunk;

// What a reader makes of a file.
struct Outcome {
  std::set<uint64_t> sequences;
  uint64_t bytes_left_out = 0;
  std::vector<std::string> problems;
};

class McapDamage : public testing::Test {
 protected:
  // A recording of kChunks chunks; and the same without what stands behind its data.
  McapDamage() {
    Result<std::unique_ptr<LogWriter>> log = create_log(path_);
    EXPECT_TRUE(log.ok()) << log.status().message();
    for (uint64_t i = 1; i <= kRecorded; ++i) {
      const double value = 0.1 * static_cast<double>(i);
      const auto at = static_cast<int64_t>(1000 + i);
      EXPECT_TRUE((*log)->write({&topic_, i, at, at, 0, std::as_bytes(std::span(&value, 1))}).ok());
      if (i % kPerChunk == 0) {
        EXPECT_TRUE((*log)->flush().ok());
      }
    }
    EXPECT_TRUE((*log)->finish().ok());
    whole_ = contents(path_);
    Result<McapReader> file = McapReader::open(path_);
    EXPECT_TRUE(file.ok() && file->summary());
    chunks_ = file->summary()->chunks;
    const McapChunkIndex& last = chunks_.back();
    data_end_ = last.offset + last.bytes + last.message_index_bytes;
    cut_ = whole_.substr(0, data_end_);
  }

  Outcome read(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
    Outcome out;
    const Result<std::unique_ptr<LogReader>> log = open_log(path_);
    if (!log.ok()) return out;
    for (LogSample s; (*log)->next(&s);) {
      double value = 0;
      EXPECT_EQ(s.bytes.size(), sizeof value);
      memcpy(&value, s.bytes.data(), sizeof value);
      EXPECT_EQ(value, 0.1 * static_cast<double>(s.sequence)) << "a sample that was not recorded";
      EXPECT_TRUE(out.sequences.insert(s.sequence).second) << "a sample that comes twice";
    }
    out.bytes_left_out = (*log)->bytes_left_out();
    out.problems = (*log)->problems();
    return out;
  }
  // The chunks without a byte in [begin, end).
  size_t chunks_outside(uint64_t begin, uint64_t end) const {
    return static_cast<size_t>(
        std::count_if(chunks_.begin(), chunks_.end(), [&](const McapChunkIndex& chunk) {
          return chunk.offset >= end || chunk.offset + chunk.bytes <= begin;
        }));
  }

  const LogTopic topic_ = {"x", Schema::scalar(Type::kF64), "robot", "d", "node"};
  const TempFolder temp_;
  const std::string path_ = temp_.path() + "/a.mcap";
  std::string whole_, cut_;
  std::vector<McapChunkIndex> chunks_;
  uint64_t data_end_ = 0;
};

TEST_F(McapDamage, AFlippedBitInTheLengthOfAChunkCostsNoSample) {
  for (const std::string& file : {whole_, cut_}) {
    for (size_t bit = 0; bit < 64; ++bit) {
      std::string damaged = file;
      char& byte = damaged[chunks_[2].offset + 1 + bit / 8];
      byte = static_cast<char>(byte ^ (1 << bit % 8));
      const Outcome got = read(damaged);
      ASSERT_EQ(got.sequences.size(), kRecorded) << "bit " << bit;
      ASSERT_EQ(got.bytes_left_out, 8u) << "the length itself";
      ASSERT_THAT(got.problems, ElementsAre(HasSubstr("a damaged length of a chunk")));
    }
  }
}

TEST_F(McapDamage, ADamagedOpcodeOfAChunkCostsNoSample) {
  for (const std::string& file : {whole_, cut_}) {
    for (int op = 0; op < 256; ++op) {
      std::string damaged = file;
      damaged[chunks_[4].offset] = static_cast<char>(op);
      const Outcome got = read(damaged);
      ASSERT_EQ(got.sequences.size(), kRecorded) << "opcode " << op;
      ASSERT_EQ(got.bytes_left_out, op == 6 ? 0u : 1u) << "opcode " << op;
    }
  }
}

TEST_F(McapDamage, TheSummaryFindsAChunkWhoseWholeHeadIsDamaged) {
  std::string damaged = whole_;
  for (size_t i = 0; i < kMcapHeadBytes; ++i) damaged[chunks_[3].offset + i] = '\xa5';
  EXPECT_EQ(read(damaged).sequences.size(), kRecorded);
  damaged.resize(data_end_);
  EXPECT_EQ(read(damaged).sequences.size(), kRecorded - kPerChunk) << "without it the others are found";
}

TEST_F(McapDamage, InAnyByteCostsAtMostTheChunkThatItIsIn) {
  for (const std::string& file : {whole_, cut_}) {
    for (const int mask : {0xff, 0x08}) {
      for (size_t at = 0, step = Scale::get().sized(7, 1); at < file.size(); at += step) {
        std::string damaged = file;
        damaged[at] = static_cast<char>(damaged[at] ^ mask);
        ASSERT_GE(read(damaged).sequences.size(), kPerChunk * chunks_outside(at, at + 1))
            << "byte " << at << ", bits " << mask << (file == whole_ ? "" : ", without a summary");
      }
    }
  }
}

// Each value that a byte can have: with some, a damaged length leads to bytes that could be a record's head.
TEST_F(McapDamage, OfAByteToAnyValueCostsNoOtherChunkWithoutASummary) {
  const size_t step = Scale::get().sized(211, 5);
  std::vector<uint64_t> lengths;
  for (const McapChunkIndex& chunk : chunks_) lengths.push_back(chunk.offset + chunk.bytes + 1);
  for (size_t at = 0; at < cut_.size(); ++at) {
    const bool is_length =
        std::any_of(lengths.begin(), lengths.end(), [&](uint64_t begin) { return at == begin; });
    if (at % step != 0 && !is_length) continue;
    for (int value = 0; value < 256; ++value) {
      std::string damaged = cut_;
      damaged[at] = static_cast<char>(value);
      ASSERT_GE(read(damaged).sequences.size(), kPerChunk * chunks_outside(at, at + 1))
          << "byte " << at << " as " << value;
    }
  }
}

TEST_F(McapDamage, OfAWholeStretchCostsOnlyTheChunksThatItIsIn) {
  std::mt19937 random(5);
  for (const std::string& file : {whole_, cut_}) {
    for (uint64_t i = 0, rounds = Scale::get().scaled(150, 900); i < rounds; ++i) {
      const size_t begin = kMcapMagic.size() + random() % (data_end_ - kMcapMagic.size());
      const size_t end = std::min<size_t>(begin + 1 + random() % 700, data_end_);
      const bool has_channels =
          file == whole_ || begin >= chunks_[0].offset + chunks_[0].bytes || end <= chunks_[1].offset;
      if (!has_channels) continue;
      std::string damaged = file;
      for (size_t at = begin; at < end; ++at) {
        damaged[at] = i % 3 == 0 ? '\0' : i % 3 == 1 ? '\xff' : static_cast<char>(random());
      }
      ASSERT_GE(read(damaged).sequences.size(), kPerChunk * chunks_outside(begin, end))
          << "bytes " << begin << " to " << end << ", kind " << i % 3;
    }
  }
}

TEST_F(McapDamage, OfTheFirstChunkLeavesTheChannelsToThoseBehindIt) {
  std::string damaged = cut_;
  damaged[chunks_[0].offset + chunks_[0].bytes - 3] ^= 1;
  EXPECT_EQ(read(damaged).sequences.size(), kRecorded - kPerChunk);
}

TEST_F(McapDamage, TheEndOfTheDataIsBelievedOnlyIfNoneFollows) {
  std::string end;
  append_data_end(&end);
  std::string both = whole_.substr(0, chunks_[4].offset) + end + cut_.substr(chunks_[4].offset);
  const Outcome got = read(both);
  EXPECT_EQ(got.sequences.size(), kRecorded);
  EXPECT_THAT(got.problems, Contains(HasSubstr("behind which there is more")));
  both = cut_ + end;
  EXPECT_THAT(read(both).problems, IsEmpty());
}

TEST_F(McapDamage, ZerosBehindACutOffFileCostNothing) {
  const Outcome got = read(cut_ + std::string(100'000, '\0'));
  EXPECT_EQ(got.sequences.size(), kRecorded);
  EXPECT_EQ(got.bytes_left_out, 100'000u);
}

// Messages outside of chunks, as small loggers write them: nothing but what follows proves them.
class McapWithoutChunks : public testing::Test {
 protected:
  static constexpr uint32_t kMessages = 60;
  McapWithoutChunks() {
    file_ = kMcapMagic;
    append_record(McapHeader{"test", "a logger"}, &file_);
    append_record(McapSchema{1, "P", "jsonschema", "{}"}, &file_);
    append_record(McapChannel{1, 1, "/p", "json", {}}, &file_);
    for (uint32_t i = 0; i < kMessages; ++i) {
      begins_.push_back(file_.size());
      append_record(McapMessage{1, i, 1000 + i, 1000 + i, text(i)}, &file_);
    }
    end_ = file_.size();
  }
  static std::string text(uint32_t i) {
    return "{\"x\":" + std::to_string(i) + std::string(i % 7, ' ') + "}";
  }
  // The numbers of messages that are as they were.
  std::set<uint32_t> good(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    Result<McapReader> file = McapReader::open(path_);
    std::set<uint32_t> out;
    if (!file.ok()) return out;
    for (McapMessage m; file->next(&m);) {
      if (m.data == text(m.sequence)) out.insert(m.sequence);
    }
    return out;
  }

  const TempFolder temp_;
  const std::string path_ = temp_.path() + "/a.mcap";
  std::string file_;
  std::vector<size_t> begins_;
  size_t end_ = 0;
};

TEST_F(McapWithoutChunks, CutOffAnywhereGivesEachWholeMessage) {
  for (size_t n = begins_[0]; n <= end_; ++n) {
    const auto whole =
        std::upper_bound(begins_.begin(), begins_.end(), n) - begins_.begin() - (n == end_ ? 0 : 1);
    ASSERT_EQ(good(file_.substr(0, n)).size(), static_cast<size_t>(whole)) << "cut at " << n;
  }
}

TEST_F(McapWithoutChunks, ADamagedByteCostsTheMessageThatItIsIn) {
  size_t fits_again = 0;
  for (const int mask : {0xff, 0x01, 0x10, 0x80}) {
    for (size_t at = begins_[0], step = Scale::get().sized(7, 1); at < end_; at += step) {
      std::string damaged = file_;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      const size_t begin = *std::prev(std::upper_bound(begins_.begin(), begins_.end(), at));
      const size_t end = begin + kMcapHeadBytes + parse_head(std::string_view(damaged).substr(begin)).bytes;
      const bool is_length = at > begin && at < begin + kMcapHeadBytes;
      if (is_length && (end == end_ || std::binary_search(begins_.begin(), begins_.end(), end))) {
        ++fits_again;  // a length that leads to another message is believed
        continue;
      }
      ASSERT_GE(good(damaged).size(), kMessages - 1) << "byte " << at << ", bits " << mask;
    }
  }
  EXPECT_LT(fits_again, 20u);
}

TEST_F(McapWithoutChunks, ADamagedStretchCostsNothingBehindIt) {
  std::mt19937 random(6);
  for (uint64_t i = 0, rounds = Scale::get().scaled(300, 2000); i < rounds; ++i) {
    const size_t begin = begins_[0] + random() % (end_ - begins_[0] - 1);
    const size_t end = std::min(begin + 1 + random() % 200, end_);
    std::string damaged = file_;
    std::fill(damaged.begin() + static_cast<ptrdiff_t>(begin), damaged.begin() + static_cast<ptrdiff_t>(end),
              i % 2 == 0 ? '\0' : '\xff');
    const std::set<uint32_t> got = good(damaged);
    for (uint32_t m = 0; m < kMessages; ++m) {
      ASSERT_TRUE(begins_[m] < end || got.count(m) == 1)
          << "message " << m << " behind " << begin << " to " << end;
    }
  }
}

TEST_F(McapWithoutChunks, TellsAttachmentsMetadataAndRecordsThatItDoesNotKnow) {
  append_record(McapAttachment{5, 6, "calib.yaml", "text/yaml", "fx: 500"}, &file_);
  append_record(McapMetadata{"site", {{"place", "hall 3"}}}, &file_);
  file_ += '\x81';
  file_ += std::string("\x03\0\0\0\0\0\0\0abc", 11);
  append_data_end(&file_);
  std::ofstream(path_, std::ios::binary) << file_;
  Result<McapReader> file = McapReader::open(path_);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->header().profile, "test");
  for (McapMessage m; file->next(&m);) {
  }
  const std::vector<McapBeside> beside = file->take_beside();
  ASSERT_THAT(beside, SizeIs(2));
  std::string body;
  McapAttachment attachment;
  ASSERT_TRUE(file->read_beside(beside[0], &body) && parse(body, &attachment));
  EXPECT_EQ(attachment.name, "calib.yaml");
  EXPECT_EQ(attachment.data, "fx: 500");
  EXPECT_EQ(beside[1].name, "site");
  EXPECT_EQ(file->unknown_records(), 1u);
  EXPECT_EQ(file->bytes_left_out(), 0u);
  EXPECT_FALSE(file->metadata("site")) << "it stands behind messages, and there is no summary";
}

TEST(McapWriter, SummaryHasAttachmentsAndMetadata) {
  const TempFolder temp;
  const std::string path = temp.path() + "/a.mcap";
  Result<McapWriter> to = McapWriter::create(path, "ros2");
  ASSERT_TRUE(to.ok());
  ASSERT_TRUE(to->add(McapAttachment{5, 6, "map.png", "image/png", "\x89PNG"}).ok());
  ASSERT_TRUE(to->add(McapMetadata{"site", {{"place", "hall 3"}}}).ok());
  ASSERT_TRUE(to->finish(McapMetadata{"last", {}}).ok());
  const std::string bytes = contents(path);
  ASSERT_TRUE(to->finish().ok());
  EXPECT_EQ(contents(path), bytes) << "a second finish does nothing";
  Result<McapReader> file = McapReader::open(path);
  ASSERT_TRUE(file.ok() && file->summary());
  EXPECT_EQ(file->header().profile, "ros2");
  EXPECT_EQ(file->summary()->statistics.attachments, 1u);
  EXPECT_EQ(file->summary()->statistics.metadata, 2u);
  EXPECT_TRUE(file->metadata("last"));
  ASSERT_TRUE(file->metadata("site"));
  EXPECT_EQ(file->metadata("site")->values.at("place"), "hall 3");
  McapMessage none;
  EXPECT_FALSE(file->next(&none));
  EXPECT_THAT(file->take_beside(), SizeIs(3));
}

}  // namespace
}  // namespace smt::cmd
