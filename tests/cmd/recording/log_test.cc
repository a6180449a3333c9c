// Samples into a recording and back: in each format whatever their bytes are; of MCAP also cut off at every
// byte and damaged in every byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "cmd/recording/hdf5_columns.h"
#include "cmd/recording/log_value.h"
#include "cmd/recording/mcap_log.h"
#include "cmd/recording/open_log.h"
#include "tests/bytes_of.h"
#include "tests/scale.h"
#include "tests/size_limit.h"
#include "tests/temp_folder.h"
#include "tests/text.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Bytes = std::vector<std::byte>;

// A field, three bytes of padding, an array, a text.
const Schema kStruct = {
    "Mixed",
    24,
    {{"on", Type::kBool, 0, 1, ""}, {"v", Type::kF32, 4, 3, "m/s"}, {"name", Type::kChar, 16, 8, ""}}};

Bytes mixed(uint8_t on, uint32_t first_bits, const std::string& name, uint8_t padding = 0) {
  Bytes bytes(24);
  bytes[0] = std::byte{on};
  bytes[2] = std::byte{padding};
  memcpy(bytes.data() + 4, &first_bits, 4);
  memcpy(bytes.data() + 16, name.data(), name.size());
  return bytes;
}

struct Recorded {
  std::string topic;
  uint64_t sequence;
  int64_t stamp_ns, receive_ns;
  uint64_t missed;
  Bytes bytes;
  bool operator==(const Recorded&) const = default;
};

class LogTest : public testing::Test {
 protected:
  explicit LogTest(const std::string& ending = ".mcap") : path_(folder_ + "/a" + ending) {}

  // `flush_after`: so many samples make a chunk.
  void write(const std::vector<Recorded>& samples, size_t flush_after = 1000, bool finish = true) {
    std::filesystem::remove(path_);
    Result<std::unique_ptr<LogWriter>> log = create_log(path_);
    ASSERT_TRUE(log.ok()) << log.status().message();
    for (size_t i = 0; i < samples.size(); ++i) {
      const Recorded& r = samples[i];
      const Status s =
          (*log)->write({topic(r.topic), r.sequence, r.stamp_ns, r.receive_ns, r.missed, r.bytes});
      ASSERT_TRUE(s.ok()) << s.message();
      if ((i + 1) % flush_after != 0) continue;
      ASSERT_TRUE((*log)->flush().ok());
    }
    ASSERT_TRUE(!finish || (*log)->finish().ok());
  }
  // The same as far as the file takes it; the number of samples that were flushed.
  size_t write_until_refused(const std::vector<Recorded>& samples, size_t flush_after) {
    std::filesystem::remove(path_);
    Result<std::unique_ptr<LogWriter>> log = create_log(path_);
    size_t kept = 0;
    for (size_t i = 0; log.ok() && i < samples.size(); ++i) {
      const Recorded& r = samples[i];
      Status s = (*log)->write({topic(r.topic), r.sequence, r.stamp_ns, r.receive_ns, r.missed, r.bytes});
      if (s.ok() && (i + 1) % flush_after == 0) {
        s = (*log)->flush();
        if (s.ok()) kept = i + 1;
      }
      if (!s.ok()) break;
    }
    if (log.ok()) (void)(*log)->finish();
    return kept;
  }
  // Topics "struct...", "text...", "bytes...", others f64.
  const LogTopic* topic(const std::string& name) {
    LogTopic& t = topics_[name];
    t = {name, Schema::scalar(Type::kF64), "robot", "d", "node"};
    if (name.starts_with("struct")) t.schema = kStruct;
    if (name.starts_with("text")) t.schema = Schema::string();
    if (name.starts_with("bytes")) t.schema = Schema::bytes();
    return &t;
  }
  std::unique_ptr<LogReader> open() const {
    Result<std::unique_ptr<LogReader>> log = open_log(path_);
    return log.ok() ? std::move(*log) : nullptr;
  }
  static std::vector<Recorded> rest(LogReader* log) {
    std::vector<Recorded> out;
    for (LogSample s; log->next(&s);) {
      out.push_back({s.topic->name, s.sequence, s.stamp_ns, s.receive_ns, s.missed,
                     Bytes(s.bytes.begin(), s.bytes.end())});
    }
    return out;
  }
  std::string text() const { return contents(path_); }
  void put(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }

  const TempFolder temp_;
  const std::string folder_ = temp_.path(), path_;
  std::map<std::string, LogTopic> topics_;
};

using Mcap = LogTest;

class EachFormat : public LogTest, public testing::WithParamInterface<std::string> {
 protected:
  EachFormat() : LogTest(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Logs, EachFormat, testing::Values(".mcap", ".h5"),
                         [](const auto& format) { return format.param.substr(1); });

std::vector<Recorded> some(int count) {
  std::vector<Recorded> out;
  for (int i = 0; i < count; ++i) {
    out.push_back({i % 2 != 0 ? "a/x" : "struct", static_cast<uint64_t>(i / 2 + 1), 1000 + i, 5000 + i, 0,
                   i % 2 != 0 ? bytes_of(0.1 * i) : mixed(1, 0x3f800000u + static_cast<uint32_t>(i), "n")});
  }
  return out;
}

TEST_P(EachFormat, GivesBackTheSameBytesWhateverTheyAre) {
  const std::vector<Recorded> samples = {
      {"struct", 1, 10, 100, 0, mixed(1, 0x7fc00000, "plain")},
      {"struct", 2, 11, 101, 0, mixed(2, 0x7fc00001, "bool 2")},
      {"struct", 3, 12, 102, 0, mixed(0, 0xffc00000, std::string("a\0b", 3))},
      {"struct", 4, 13, 103, 0, mixed(0, 0xff800000, "\xff\xfe", 7)},
      {"struct", 5, 14, 104, 0, mixed(0, 0x80000000, "12345678")},
      {"x", 1, 15, 105, 0, bytes_of(-0.0)},
      {"x", 2, 16, 106, 0, bytes_of(5e-324)},
      {"x", 3, -17, 107, 0, bytes_of(double{INFINITY})},
      {"text", 1, 18, 108, 0, bytes_of(std::string("h\xc3\xb6he\n\0\"", 8))},
      {"text", 2, 19, 109, 0, bytes_of(std::string("\xff not UTF-8"))},
      {"text", 3, 20, 110, 0, {}},
      {"bytes", 1, 21, 111, 0, bytes_of(std::string("\0\1\2", 3))},
      {"bytes", 2, 22, 112, 0, {}},
  };
  write(samples);
  const auto log = open();
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(rest(log.get()), samples);
  EXPECT_TRUE(log->complete());
  EXPECT_THAT(log->problems(), IsEmpty());
}

TEST_P(EachFormat, KeepsSequencesBeyond32BitsAndWhatWasMissed) {
  const uint64_t high = uint64_t{1} << 32;
  const std::vector<Recorded> samples = {{"a", high - 1, 0, 1, 0, bytes_of(1.0)},
                                         {"a", high + 7, 0, 2, 7, bytes_of(2.0)},
                                         {"b", 3, 0, 3, 2, bytes_of(3.0)},
                                         {"b", 4, 0, 4, 0, bytes_of(4.0)}};
  write(samples);
  EXPECT_EQ(rest(open().get()), samples);
}

TEST_F(Mcap, HasEachChunkInTheOrderOfTime) {
  write({{"a", 1, 0, 30, 0, bytes_of(1.0)},
         {"b", 1, 0, 10, 4, bytes_of(2.0)},
         {"c", 1, 0, 20, 0, bytes_of(3.0)}});
  const auto log = open();
  std::vector<std::string> order;
  for (const Recorded& r : rest(log.get())) order.push_back(r.topic);
  EXPECT_THAT(order, ElementsAre("b", "c", "a"));
  log->rewind();
  EXPECT_EQ(rest(log.get()).size(), 3u);
}

TEST_F(Mcap, SummaryTellsTopicsCountsAndChunksBeforeAnythingIsRead) {
  const std::vector<Recorded> samples = some(100);
  write(samples, 10);
  Result<McapReader> file = McapReader::open(path_);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->summary());
  EXPECT_EQ(file->summary()->statistics.messages, 100u);
  EXPECT_EQ(file->summary()->statistics.start_ns, 5000u);
  EXPECT_EQ(file->summary()->statistics.end_ns, 5099u);
  EXPECT_EQ(file->summary()->chunks.size(), 10u);
  EXPECT_EQ(file->channels().size(), 2u);
  EXPECT_EQ(file->channels().at(1).metadata.at("smt.schema"), kStruct.text());
  file->seek(5055);
  McapMessage message;
  ASSERT_TRUE(file->next(&message));
  EXPECT_EQ(message.log_time_ns, 5050u) << "the first message of the chunk that has it";
}

TEST_F(Mcap, CutOffAnywhereGivesItsWholeChunksAndNothingElse) {
  const std::vector<Recorded> samples = some(40);
  write(samples, 8);
  const std::string whole = text();
  size_t max = 0;
  for (size_t n = 0, step = Scale::get().sized(7, 1); n < whole.size(); n += step) {
    put(whole.substr(0, n));
    const auto log = open();
    if (log == nullptr) {
      EXPECT_LT(n, 64u) << "only without a header there is no file";
      continue;
    }
    const std::vector<Recorded> got = rest(log.get());
    ASSERT_EQ(got.size() % 8, 0u) << "cut at " << n;
    ASSERT_TRUE(std::equal(got.begin(), got.end(), samples.begin())) << "cut at " << n;
    ASSERT_GE(got.size(), max) << "more bytes, fewer samples";
    ASSERT_FALSE(log->complete()) << "cut at " << n;
    max = got.size();
  }
  EXPECT_EQ(max, 40u) << "the summary is not needed";
}

TEST_F(Mcap, DamageInAnyByteGivesNoSampleThatWasNotRecorded) {
  const std::vector<Recorded> samples = some(24);
  write(samples, 8);
  const std::string whole = text();
  for (size_t n = 0, step = Scale::get().sized(7, 1); n < whole.size(); n += step) {
    std::string damaged = whole;
    damaged[n] = static_cast<char>(damaged[n] ^ 0xff);
    put(damaged);
    const auto log = open();
    if (log == nullptr) continue;
    for (const Recorded& r : rest(log.get())) {
      ASSERT_NE(std::find(samples.begin(), samples.end(), r), samples.end()) << "byte " << n;
    }
  }
}

TEST_F(Mcap, LengthsThatCannotBeAreNotBelieved) {
  write({}, 1, false);
  const std::string header = text();
  const auto number = [](uint64_t value) { return std::string(reinterpret_cast<const char*>(&value), 8); };
  const auto problem = [&](const std::string& tail) {
    put(header + tail);
    const auto log = open();
    EXPECT_NE(log, nullptr);
    EXPECT_THAT(rest(log.get()), IsEmpty());
    const std::vector<std::string> all = log->problems();
    return all.empty() ? "" : all[0];
  };
  EXPECT_THAT(problem("\x06" + number(~uint64_t{0})), HasSubstr("ends inside a record"));
  EXPECT_THAT(problem("\x06" + number(100)), HasSubstr("ends inside a record"));
  std::string chunk;
  append_record(McapChunk{0, 0, uint64_t{1} << 40, 0, "zstd", "x"}, &chunk);
  EXPECT_THAT(problem(chunk), HasSubstr("a chunk of 1099511627776 bytes"));
  chunk.clear();
  append_record(McapChunk{0, 0, 10, 0, "lz4", "x"}, &chunk);
  EXPECT_THAT(problem(chunk), HasSubstr("\"lz4\""));
  // A message of a channel that nobody told of.
  std::string inner, outer;
  append_record(McapMessage{9, 1, 1, 1, "{}"}, &inner);
  append_record(McapChunk{0, 0, inner.size(), mcap_crc(inner), "", inner}, &outer);
  EXPECT_THAT(problem(outer), HasSubstr("of no channel"));
}

TEST_F(Mcap, SchemasThatCannotBeGiveNoTopic) {
  write({}, 1, false);
  std::string tail;
  append_record(McapChannel{1, 0, "a", "json", {{"smt.schema", "T 99999999999999\nx u8 0 1 -\n"}}}, &tail);
  append_record(McapChannel{2, 0, "b//c", "json", {{"smt.schema", "bytes 0\n"}}}, &tail);
  append_record(McapChannel{3, 0, "d", "cdr", {}}, &tail);
  append_record(McapChannel{4, 0, "deep", "json", {{"smt.schema", "T 1\nx u8 0 1 -\n"}}}, &tail);
  for (uint16_t id = 1; id <= 4; ++id) {
    const std::string deep = R"({"x":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
    append_record(McapMessage{id, 1, 1, 1, deep}, &tail);
  }
  put(text() + tail);
  const auto log = open();
  ASSERT_NE(log, nullptr);
  EXPECT_THAT(rest(log.get()), IsEmpty());
  EXPECT_EQ(log->samples_left_out(), 4u);
}

TEST_P(EachFormat, AtALimitOfItsSizeAFileIsWholeWithTheSamplesThatWereFlushed) {
  std::vector<Recorded> samples;
  std::mt19937 random(1);
  for (int i = 0; i < 600; ++i) {
    Bytes noise(i % 3 == 0 ? 24 : random() % 400);
    for (std::byte& b : noise) b = static_cast<std::byte>(random());
    samples.push_back({i % 3 == 0 ? "struct" : "bytes/of/noise", static_cast<uint64_t>(i / 3 * 2 + i % 3 + 1),
                       1000 + i, 5000 + i, 0, noise});
  }
  const bool mcap = GetParam() == ".mcap";
  size_t min_kept = samples.size(), max_kept = 0;
  for (uint64_t limit = mcap ? 500 : 100'000; limit < (mcap ? 250'000 : 600'000); limit += 5'003) {
    SCOPED_TRACE(limit);
    size_t kept = 0;
    {
      const SizeLimit limited(limit);
      kept = write_until_refused(samples, 30);
    }
    min_kept = std::min(min_kept, kept);
    max_kept = std::max(max_kept, kept);
    ASSERT_LE(std::filesystem::file_size(path_), limit);
    const auto log = open();
    ASSERT_NE(log, nullptr);
    EXPECT_TRUE(log->complete());
    ASSERT_EQ(rest(log.get()),
              std::vector<Recorded>(samples.begin(), samples.begin() + static_cast<ptrdiff_t>(kept)));
  }
  EXPECT_EQ(min_kept, 0u);
  EXPECT_GE(max_kept, 300u);
}

// The library goes into groups by recursion.
TEST(Hdf5, GroupsThatNestWithoutEndAreRefused) {
  const TempFolder folder;
  const std::string path = folder.path() + "/deep.h5";
  {
    const Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS));
    H5Pset_libver_bounds(access.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);  // small groups
    const Hdf5Id file(H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, access.get()));
    const Hdf5Id scalar(H5Screate(H5S_SCALAR));
    const Hdf5Id version(
        H5Acreate2(file.get(), "smt_log_version", H5T_NATIVE_UINT32, scalar.get(), H5P_DEFAULT, H5P_DEFAULT));
    Hdf5Id group(H5Gcreate2(file.get(), "topics", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (int i = 0; i < 2'000; ++i) {
      group = Hdf5Id(H5Gcreate2(group.get(), "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      ASSERT_TRUE(group.ok());
    }
  }
  const Result<std::unique_ptr<LogReader>> log = open_log(path);
  EXPECT_EQ(log.status().code(), Code::kInvalid);
  EXPECT_THAT(log.status().message(), HasSubstr("groups nest more than 128 deep"));
}

TEST_P(EachFormat, TakesATopicOfAsManySegmentsAsANameHas) {
  std::string name = "a";
  while (name.size() < 255) name += "/a";
  const std::vector<Recorded> deep = {{name, 1, 10, 20, 0, bytes_of(0.5)}};
  write(deep);
  EXPECT_EQ(rest(open().get()), deep);
}

TEST_P(EachFormat, NeverWritesOverAFile) {
  write(some(2));
  const Result<std::unique_ptr<LogWriter>> again = create_log(path_);
  EXPECT_EQ(again.status().code(), Code::kInvalid);
  EXPECT_EQ(rest(open().get()), some(2));
}

TEST_P(EachFormat, NeverWritesThroughALinkThatLeadsNowhere) {
  std::filesystem::create_symlink(folder_ + "/elsewhere", path_);
  EXPECT_FALSE(create_log(path_).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/elsewhere"));
}

TEST_P(EachFormat, OpensNoFifoAndNoDevice) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(open_log(path_).status().message(), HasSubstr("is no regular file"));
  EXPECT_THAT(McapReader::open(path_).status().message(), HasSubstr("is no regular file"));
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/dev/zero", path_);
  EXPECT_THAT(open_log(path_).status().message(), HasSubstr("is no regular file"));
}

TEST_P(EachFormat, WhereTheSystemMakesNoFileItsReasonIsTold) {
  const std::string name(300, 'n');
  EXPECT_THAT(create_log(path_ + name + GetParam()).status().message(), HasSubstr("File name too long"));
}

TEST_P(EachFormat, FinishedOnceMoreStaysAsItIs) {
  Result<std::unique_ptr<LogWriter>> log = create_log(path_);
  ASSERT_TRUE(log.ok());
  const std::vector<std::byte> value = bytes_of(1.0);
  ASSERT_TRUE((*log)->write({topic("a"), 1, 2, 3, 0, value}).ok());
  ASSERT_TRUE((*log)->finish().ok());
  const std::string finished = text();
  EXPECT_TRUE((*log)->finish().ok());
  log = Status(Code::kNotFound, "closed");
  EXPECT_EQ(text(), finished);
  const auto again = open();
  ASSERT_NE(again, nullptr);
  EXPECT_TRUE(again->complete());
  EXPECT_EQ(rest(again.get()).size(), 1u);
}

TEST(LogValue, SchemaForViewersHasTypesArraysAndUnits) {
  EXPECT_EQ(json_schema_text(kStruct),
            R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"Mixed","type":"object",)"
            R"("properties":{"on":{"type":"boolean"},"v":{"type":"array","items":{"type":"number"},)"
            R"("minItems":3,"maxItems":3,"description":"m/s"},"name":{"type":"string"}}})");
}

TEST(LogValue, OnlyAddsTheBytesWhereTheFieldsDoNotTellAll) {
  EXPECT_EQ(log_value_text(kStruct, mixed(1, 0x3f800000, "n")),
            R"({"on":true,"v":[1.0,0.0,0.0],"name":"n"})");
  EXPECT_THAT(log_value_text(kStruct, mixed(2, 0x3f800000, "n")), HasSubstr(R"("smt bytes":"AgA)"));
}

TEST(LogValue, GivesBackWhateverBytesThereAre) {
  // Fields that lie over each other, beside one that stands alone.
  const Schema over = {
      "Over", 12, {{"f", Type::kF32, 0, 2, ""}, {"u", Type::kU64, 0, 1, ""}, {"d", Type::kF64, 4, 1, ""}}};
  std::mt19937 random(3);
  const uint8_t likely[] = {0, 1, 2, 0x41, 0x7f, 0x80, 0xc0, 0xff};
  size_t plain = 0, all = 0;
  for (const Schema& schema :
       {kStruct, over, Schema::scalar(Type::kF32, 3), Schema::string(), Schema::bytes()}) {
    for (uint64_t i = 0, end = Scale::get().scaled(2'000, 20'000); i < end; ++i, ++all) {
      Bytes bytes(schema.size != 0 ? schema.size : random() % 20);
      const bool zero = i % 4 == 0;
      for (std::byte& b : bytes) {
        b = std::byte(i % 2 == 0 ? likely[random() % (zero ? 2 : std::size(likely))] : random());
      }
      const std::string text = log_value_text(schema, bytes);
      plain += text.find("smt bytes") == text.npos;
      const Result<Bytes> back = parse_log_value(schema, text);
      ASSERT_TRUE(back.ok()) << text;
      ASSERT_EQ(*back, bytes) << text;
    }
  }
  EXPECT_GT(plain, all / 10);
  EXPECT_LT(plain, all);
}

}  // namespace
}  // namespace smt::cmd
