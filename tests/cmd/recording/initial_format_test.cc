// Values that stood before a recording began, in files: each format keeps them apart from samples, in each
// direction, and believes no file that says it of others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <deque>
#include <filesystem>
#include <fstream>

#include "cmd/recording/csv_folder_writer.h"
#include "cmd/recording/csv_initial.h"
#include "cmd/recording/hdf5_columns.h"
#include "cmd/recording/log_parts.h"
#include "cmd/recording/mcap_reader.h"
#include "cmd/recording/mcap_writer.h"
#include "cmd/recording/open_log.h"
#include "tests/bytes_of.h"
#include "tests/temp_folder.h"
#include "tests/text.h"

namespace smt::cmd {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

class InitialTest : public testing::Test {
 protected:
  static constexpr int64_t kSecond = 1'000'000'000, kBegin = 1'800'000'000 * kSecond;
  static constexpr const char* kId = "00112233445566778899aabbccddeeff";

  const LogTopic* topic(const std::string& name, const Schema& schema = Schema::scalar(Type::kF64)) {
    for (const LogTopic& known : topics_) {
      if (known.name == name && known.schema == schema) return &known;
    }
    topics_.push_back({name, schema, "robot", "d", "node"});
    return &topics_.back();
  }
  std::string path(const std::string& name) const { return temp_.path() + "/" + name; }
  static Result<std::unique_ptr<LogWriter>> create(const std::string& path, const LogPart& part = {}) {
    return path.ends_with('/') ? CsvFolderWriter::create(path) : create_log(path, part);
  }
  Status put(LogWriter* log, const std::string& name, uint64_t sequence, int64_t stamp_ns, int64_t receive_ns,
             bool initial = false) {
    const std::vector<std::byte> value = bytes_of(0.5 * static_cast<double>(sequence));
    return log->write({topic(name), sequence, stamp_ns, receive_ns, 0, value, initial});
  }
  // A map that was published 40 s before the recording began, a gauge that was set again later, and a speed
  // that did not stand before.
  void write(const std::string& path, bool finish = true) {
    const Result<std::unique_ptr<LogWriter>> log = create(path);
    ASSERT_TRUE(log.ok()) << log.status().message();
    ASSERT_TRUE(put(log->get(), "map", 7, kBegin - 40 * kSecond, kBegin, true).ok());
    ASSERT_TRUE(put(log->get(), "gauge", 3, kBegin - kSecond, kBegin, true).ok());
    ASSERT_TRUE(put(log->get(), "speed", 1, kBegin + kSecond, kBegin + kSecond).ok());
    ASSERT_TRUE((*log)->flush().ok());
    ASSERT_TRUE(put(log->get(), "gauge", 4, kBegin + 2 * kSecond, kBegin + 2 * kSecond).ok());
    ASSERT_TRUE(put(log->get(), "speed", 2, kBegin + 3 * kSecond, kBegin + 3 * kSecond).ok());
    ASSERT_TRUE(finish ? (*log)->finish().ok() : (*log)->flush().ok());
  }
  std::unique_ptr<LogReader> open(const std::string& path, LogScope scope = LogScope::kFile) {
    const LogSink log([&](LogLevel, const std::string& line) { warnings_.push_back(line); });
    Result<std::unique_ptr<LogReader>> reader = open_log(path, log, scope);
    EXPECT_TRUE(reader.ok()) << reader.status().message();
    return reader.ok() ? std::move(*reader) : nullptr;
  }
  // "TOPIC STAMP>RECEIVED" in seconds since the begin, initial values in brackets.
  static std::vector<std::string> rest(LogReader* log) {
    std::vector<std::string> out;
    for (LogSample s; log->next(&s);) {
      const std::string text = s.topic->name + " " + std::to_string((s.stamp_ns - kBegin) / kSecond) + ">" +
                               std::to_string((s.receive_ns - kBegin) / kSecond);
      out.push_back(s.initial ? "[" + text + "]" : text);
    }
    return out;
  }
  std::vector<std::string> read(const std::string& path) {
    const std::unique_ptr<LogReader> log = open(path);
    return log == nullptr ? std::vector<std::string>() : rest(log.get());
  }
  const std::vector<std::string> written_ = {"[gauge -1>0]", "[map -40>0]", "gauge 2>2", "speed 1>1",
                                             "speed 3>3"};

  const TempFolder temp_;
  std::deque<LogTopic> topics_;
  std::vector<std::string> warnings_;
};

class InitialFormats : public InitialTest, public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Logs, InitialFormats, testing::Values("a.mcap", "a.h5", "a/"),
                         [](const auto& name) { return name.param == "a/" ? "csv" : name.param.substr(2); });

TEST_P(InitialFormats, AreKeptApartFromSamplesAndAgainWhenItIsReadAgain) {
  write(path(GetParam()));
  const auto log = open(path(GetParam()));
  ASSERT_NE(log, nullptr);
  EXPECT_THAT(rest(log.get()), UnorderedElementsAreArray(written_));
  log->rewind();
  EXPECT_THAT(rest(log.get()), UnorderedElementsAreArray(written_));
  EXPECT_EQ(log->samples_left_out() + log->topics_left_out() + log->bytes_left_out() + log->records_beside(),
            0u);
  EXPECT_THAT(log->problems(), IsEmpty());
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_P(InitialFormats, StayThatInEachOtherFormat) {
  write(path(GetParam()));
  for (const char* to : {"b.mcap", "b.h5", "b/"}) {
    const auto from = open(path(GetParam()));
    const Result<std::unique_ptr<LogWriter>> copy = create(path(to));
    ASSERT_TRUE(copy.ok()) << copy.status().message();
    for (LogSample s; from->next(&s);) ASSERT_TRUE((*copy)->write(s).ok());
    ASSERT_TRUE((*copy)->finish().ok());
    EXPECT_THAT(read(path(to)), UnorderedElementsAreArray(written_)) << GetParam() << " to " << to;
  }
}

class InitialParts : public InitialTest, public testing::WithParamInterface<std::string> {
 protected:
  // Two samples of x in each part, and the map that was published before; each part begins with what is
  // current.
  void write_parts() {
    for (uint64_t n = 0; n < 3; ++n) {
      const Result<std::unique_ptr<LogWriter>> log =
          create(part(n), {kId, n, n == 2 ? std::nullopt : std::optional<uint64_t>(n + 1)});
      ASSERT_TRUE(log.ok()) << log.status().message();
      (*log)->set_next_part(n == 2 ? std::nullopt : std::optional<uint64_t>(n + 1));
      const int64_t begin = kBegin + static_cast<int64_t>(10 * n) * kSecond;
      ASSERT_TRUE(put(log->get(), "map", 7, kBegin - 40 * kSecond, begin, true).ok());
      ASSERT_TRUE(n == 0 || put(log->get(), "x", 2 * n, begin - kSecond, begin, true).ok());
      ASSERT_TRUE(put(log->get(), "x", 2 * n + 1, begin + kSecond, begin + kSecond).ok());
      ASSERT_TRUE(put(log->get(), "x", 2 * n + 2, begin + 9 * kSecond, begin + 9 * kSecond).ok());
      ASSERT_TRUE((*log)->finish().ok());
    }
  }
  std::string part(uint64_t n) const { return path("p" + std::to_string(n) + GetParam()); }
  std::vector<std::string> joined() { return rest(open(part(2), LogScope::kRecording).get()); }
};
INSTANTIATE_TEST_SUITE_P(Logs, InitialParts, testing::Values(".mcap", ".h5"),
                         [](const auto& format) { return format.param.substr(1); });

TEST_P(InitialParts, OfAPartAloneAreThereAndOfAllPartsEachValueOnce) {
  write_parts();
  EXPECT_THAT(read(part(1)), UnorderedElementsAre("[map -40>10]", "[x 9>10]", "x 11>11", "x 19>19"));
  const auto all = open(part(1), LogScope::kRecording);
  const std::vector<std::string> expected = {"[map -40>0]", "x 1>1",   "x 11>11", "x 19>19",
                                             "x 21>21",     "x 29>29", "x 9>9"};
  EXPECT_THAT(rest(all.get()), UnorderedElementsAreArray(expected));
  all->rewind();
  EXPECT_THAT(rest(all.get()), UnorderedElementsAreArray(expected));
}

TEST_P(InitialParts, StandForSamplesThatAMissingPartHad) {
  write_parts();
  fs::remove(part(1));
  EXPECT_THAT(joined(),
              UnorderedElementsAre("[map -40>0]", "x 1>1", "x 19>20", "x 21>21", "x 29>29", "x 9>9"));
}

TEST_P(InitialParts, OfTheFirstPartThatIsThereAreInitial) {
  write_parts();
  fs::remove(part(0));
  EXPECT_THAT(joined(),
              UnorderedElementsAre("[map -40>10]", "[x 9>10]", "x 11>11", "x 19>19", "x 21>21", "x 29>29"));
}

TEST_F(InitialTest, AnMcapFileListsTopicAndSequenceBeforeTheChunkThatHasThem) {
  write(path("a.mcap"));
  Result<McapReader> file = McapReader::open(path("a.mcap"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  const std::optional<McapMetadata> told = file->metadata("smt.initial");
  ASSERT_TRUE(told);
  EXPECT_EQ(told->values, (std::map<std::string, std::string>{{"gauge", "3"}, {"map", "7"}}));
  EXPECT_EQ(file->summary()->statistics.metadata, 1u);
  EXPECT_EQ(file->summary()->statistics.start_ns, static_cast<uint64_t>(kBegin));
  EXPECT_EQ(file->summary()->statistics.end_ns, static_cast<uint64_t>(kBegin + 3 * kSecond));
  McapMessage message;
  ASSERT_TRUE(file->next(&message));
  EXPECT_EQ(message.log_time_ns, static_cast<uint64_t>(kBegin));
  EXPECT_EQ(file->take_beside().size(), 1u);
}

TEST_F(InitialTest, OfAnMcapFileWithoutItsEndAreKnownToo) {
  write(path("a.mcap"), /*finish=*/false);
  const auto log = open(path("a.mcap"));
  EXPECT_FALSE(log->complete());
  EXPECT_THAT(rest(log.get()), UnorderedElementsAreArray(written_));
}

TEST_F(InitialTest, ADamagedListMakesSamplesOfThemAndIsTold) {
  write(path("a.mcap"), /*finish=*/false);
  std::string bytes = contents(path("a.mcap"));
  bytes[bytes.find("smt.initial") - 8] = '\x7f';  // a byte of the record's length
  std::ofstream(path("a.mcap"), std::ios::binary) << bytes;
  const auto log = open(path("a.mcap"));
  EXPECT_THAT(rest(log.get()),
              UnorderedElementsAre("gauge -1>0", "gauge 2>2", "map -40>0", "speed 1>1", "speed 3>3"));
  EXPECT_GT(log->bytes_left_out(), 0u);
}

// Messages as a file of ours has them, and a list that says anything.
TEST_F(InitialTest, AForgedListMakesNoInitialValueOfAnythingButAFirstSample) {
  write(path("a.mcap"));
  const auto forge = [&](const std::string& name, const std::map<std::string, std::string>& list) {
    Result<McapReader> from = McapReader::open(path("a.mcap"));
    Result<McapWriter> to = McapWriter::create(path(name));
    EXPECT_TRUE(from.ok() && to.ok());
    EXPECT_TRUE(to->add(McapMetadata{"smt.initial", list}).ok());
    for (const auto& [id, schema] : from->schemas()) EXPECT_TRUE(to->add_schema(schema).ok());
    for (const auto& [id, channel] : from->channels()) EXPECT_TRUE(to->add_channel(channel).ok());
    for (McapMessage message; from->next(&message);) EXPECT_TRUE(to->write(message).ok());
    EXPECT_TRUE(to->finish().ok());
    return read(path(name));
  };
  const std::vector<std::string> none = {"gauge -1>0", "gauge 2>2", "map -40>0", "speed 1>1", "speed 3>3"};
  EXPECT_THAT(forge("later.mcap", {{"gauge", "4"}, {"speed", "2"}}), UnorderedElementsAreArray(none));
  EXPECT_THAT(forge("text.mcap", {{"map", "7x"}, {"gauge", ""}, {"speed", "-1"}}),
              UnorderedElementsAreArray(none));
  EXPECT_THAT(forge("big.mcap", {{"map", "18446744073709551623"}, {"gauge", "4294967299"}}),
              UnorderedElementsAreArray(none));
  std::map<std::string, std::string> many = {{"z/speed", "1"}, {"speed", "1"}};
  for (int i = 0; i < 70'000; ++i) many["a/" + std::to_string(i)] = "1";
  EXPECT_THAT(forge("many.mcap", many), UnorderedElementsAreArray(none))
      << "no more topics than a file can have channels";
  many = {{"map", "7"}, {std::string(20 << 20, 'x'), "1"}};
  EXPECT_EQ(forge("long.mcap", many).size(), none.size());
}

TEST_F(InitialTest, AnHdf5FileMarksARowOfTheTopicAndAFieldKeepsItsName) {
  const Schema fields = {"State", 2, {{"initial", Type::kU8, 0, 1, ""}, {"initial~", Type::kU8, 1, 1, ""}}};
  const std::vector<std::byte> value(2, std::byte{1});
  {
    const Result<std::unique_ptr<LogWriter>> log = create(path("a.h5"));
    ASSERT_TRUE(log.ok()) << log.status().message();
    ASSERT_TRUE((*log)->write({topic("state", fields), 1, 1, 2, 0, value, true}).ok());
    ASSERT_TRUE((*log)->write({topic("state", fields), 2, 2, 3, 0, value}).ok());
    ASSERT_TRUE((*log)->finish().ok());
  }
  const auto initial = [&] {
    std::vector<bool> out;
    const auto log = open(path("a.h5"));
    for (LogSample s; log->next(&s);) {
      EXPECT_THAT(std::vector(s.bytes.begin(), s.bytes.end()), ElementsAre(std::byte{1}, std::byte{1}));
      out.push_back(s.initial);
    }
    return out;
  };
  EXPECT_THAT(initial(), ElementsAre(true, false));
  const Hdf5Id file(H5Fopen(path("a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
  const Hdf5Id flags(H5Dopen2(file.get(), "topics/state/initial~~", H5P_DEFAULT));
  ASSERT_TRUE(flags.ok());
  uint8_t rows[2] = {};
  ASSERT_GE(H5Dread(flags.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows), 0);
  EXPECT_THAT(rows, ElementsAre(1, 0));
  rows[0] = 2, rows[1] = 1;  // neither says anything
  ASSERT_GE(H5Dwrite(flags.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows), 0);
  ASSERT_GE(H5Fflush(file.get(), H5F_SCOPE_LOCAL), 0);
  EXPECT_THAT(initial(), ElementsAre(false, false));
  // As a file of before.
  ASSERT_GE(H5Ldelete(file.get(), "topics/state/initial~~", H5P_DEFAULT), 0);
  ASSERT_GE(H5Fflush(file.get(), H5F_SCOPE_LOCAL), 0);
  EXPECT_THAT(initial(), ElementsAre(false, false));
}

TEST_F(InitialTest, ACsvFolderHasThemAsRowsAndAFileThatNamesThem) {
  write(path("a/"));
  const std::string begin = std::to_string(kBegin);
  EXPECT_EQ(contents(path("a/smt.initial")), begin + " map\n" + begin + " gauge\n");
  EXPECT_EQ(contents(path("a/map.csv")),
            "timestamp,value\nint64_t,double\n" + std::to_string((kBegin - 40 * kSecond) / 1000) + ",3.5\n");
  EXPECT_THAT(rest(open(path("a/map.csv")).get()), UnorderedElementsAre("map -40>-40"))
      << "a file alone is rows";
}

TEST_F(InitialTest, LinesOfThatFileThatNameNoTopicAreToldAndOthersCount) {
  write(path("a/"));
  const std::string file = path("a/smt.initial"), begin = std::to_string(kBegin);
  std::ofstream(file) << begin << " map\n" << begin << "\nx y\n" << begin << " a//b\n" << begin << " nothing";
  EXPECT_THAT(read(path("a/")),
              UnorderedElementsAre("[map -40>0]", "gauge -1>-1", "gauge 2>2", "speed 1>1", "speed 3>3"));
  EXPECT_THAT(warnings_, ElementsAre(file + ": 3 lines without a time and a topic"));
  warnings_.clear();
  std::ofstream(file) << std::string((32 << 20) + 1, '\n');
  EXPECT_EQ(read(path("a/")).size(), 5u);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("longer than 32 MiB")));
  warnings_.clear();
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_EQ(read(path("a/")).size(), 5u);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("is no regular file")));
}

}  // namespace
}  // namespace smt::cmd
