// A recording as a folder of CSV files, written and read back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>

#include "cmd/recording/csv_folder_writer.h"
#include "cmd/recording/open_log.h"
#include "cmd/value/csv.h"
#include "cmd/value/value.h"
#include "tests/temp_folder.h"
#include "tests/text.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Schema kState = {"State",
                       40,
                       {{"ok", Type::kBool, 0, 1, ""},
                        {"pose.x", Type::kF64, 8, 1, "m"},
                        {"q", Type::kF32, 16, 3, ""},
                        {"mode", Type::kChar, 28, 8, ""},
                        {"grade", Type::kChar, 36, 1, ""}}};
const Schema kFlight = {"gps", 16, {{"timestamp", Type::kU64, 0, 1, "us"}, {"fix", Type::kI8, 8, 1, ""}}};

class CsvFolderTest : public testing::Test {
 protected:
  CsvFolderTest() {
    Result<std::unique_ptr<LogWriter>> writer = CsvFolderWriter::create(out_);
    EXPECT_TRUE(writer.ok()) << writer.status().message();
    writer_ = std::move(*writer);
  }

  // `json` as a value of the topic.
  Status write(const LogTopic& topic, int64_t stamp_ns, const std::string& json) {
    Result<std::vector<std::byte>> value = parse_value(topic.schema, json);
    EXPECT_TRUE(value.ok()) << value.status().message();
    return write_bytes(topic, stamp_ns, *value);
  }
  Status write_bytes(const LogTopic& topic, int64_t stamp_ns, const std::vector<std::byte>& bytes) {
    return writer_->write({&topic, 1, stamp_ns, stamp_ns, 0, bytes});
  }
  // "TOPIC STAMP JSON" of each sample.
  std::vector<std::string> read_back() {
    EXPECT_TRUE(writer_->finish().ok());
    Result<std::unique_ptr<LogReader>> log = open_log(out_);
    EXPECT_TRUE(log.ok()) << log.status().message();
    std::vector<std::string> out;
    for (LogSample s; log.ok() && (*log)->next(&s);) {
      out.push_back(s.topic->name + " " + std::to_string(s.stamp_ns) + " " +
                    dump(value_to_json(s.topic->schema, s.bytes)));
    }
    return out;
  }
  std::string text(const std::string& file) const { return contents(out_ + file); }

  const TempFolder temp_;
  const std::string folder_ = temp_.path(), out_ = folder_ + "/log/";
  std::unique_ptr<LogWriter> writer_;
};

TEST_F(CsvFolderTest, GivesBackValuesTextsAndTimes) {
  const LogTopic left{"arm/left/0", kState, "", "", ""}, state{"arm/state", kState, "", "", ""};
  ASSERT_TRUE(
      write(left, 5'000, R"({"ok":true,"pose.x":0.1,"q":[1,"nan","-inf"],"mode":"a,\"b\" ","grade":"7"})")
          .ok());
  ASSERT_TRUE(
      write(state, -1, R"({"ok":false,"pose.x":5e-324,"q":[0.1,-0.0,3e38],"mode":" \t","grade":""})").ok());
  EXPECT_THAT(
      read_back(),
      ElementsAre(
          R"(arm/state -1000 {"timestamp":-1,"ok":false,"pose.x":5e-324,"q":[0.1,-0.0,3e+38],"mode":" \t","grade":""})",
          R"(arm/left/0 5000 {"timestamp":5,"ok":true,"pose.x":0.1,"q":[1.0,"nan","-inf"],"mode":"a,\"b\" ","grade":"7"})"));
  EXPECT_EQ(text("arm/left.0.csv"),
            "timestamp,ok,pose.x,q[0],q[1],q[2],mode,grade\n"
            "int64_t,bool,double,float,float,float,char[8],char[1]\n"
            "5,true,0.1,1.0,nan,-inf,\"a,\"\"b\"\" \",7\n");
}

TEST_F(CsvFolderTest, ATimestampThatIsTheStampIsNotThereTwice) {
  const LogTopic gps{"gps", kFlight, "", "", ""}, other{"other", kFlight, "", "", ""};
  ASSERT_TRUE(write(gps, 20'000, R"({"timestamp":20,"fix":3})").ok());
  ASSERT_TRUE(write(other, 20'000, R"({"timestamp":7,"fix":-3})").ok());
  EXPECT_THAT(read_back(), ElementsAre(R"(gps 20000 {"timestamp":20,"fix":3})",
                                       R"(other 20000 {"timestamp":20,"timestamp~":7,"fix":-3})"));
}

TEST_F(CsvFolderTest, WhatIsWrittenIsReadWhateverTheTopicsNameAndTheStamp) {
  std::deque<LogTopic> topics;  // outlive the writer
  std::vector<testing::Matcher<std::string>> expected;
  for (const char* name : {"._a", "A.CSV", "a.txt", "a b/c d/0", "sp ace"}) {
    ASSERT_TRUE(
        write(topics.emplace_back(LogTopic{name, kFlight, "", "", ""}), 20'000, R"({"timestamp":20,"fix":3})")
            .ok());
    expected.push_back(name + std::string(R"( 20000 {"timestamp":20,"fix":3})"));
  }
  const LogTopic last{"z", kFlight, "", "", ""}, first{"first", kFlight, "", "", ""};
  ASSERT_TRUE(write(last, INT64_MAX, R"({"timestamp":0,"fix":1})").ok());
  ASSERT_TRUE(write(first, INT64_MIN, R"({"timestamp":0,"fix":1})").ok());
  std::vector<std::string> found = read_back();
  ASSERT_EQ(found.size(), 7u);
  EXPECT_THAT(found.front(), testing::StartsWith("first -9223372036854775000 "));
  EXPECT_THAT(found.back(), testing::StartsWith("z 9223372036854775000 "));
  EXPECT_THAT(std::vector<std::string>(found.begin() + 1, found.end() - 1),
              testing::UnorderedElementsAreArray(expected));
}

TEST_F(CsvFolderTest, WhatItCannotTellIsRefusedWithTheReason) {
  std::deque<LogTopic> topics;  // outlive the writer
  const auto refused = [&](const std::string& name, const Schema& schema,
                           const std::vector<std::byte>& bytes) {
    const Status s = write_bytes(topics.emplace_back(LogTopic{name, schema, "", "", ""}), 0, bytes);
    EXPECT_EQ(s.code(), Code::kInvalid) << name;
    return s.message();
  };
  const std::vector<std::byte> value(16);
  for (const char* name : {"gps.0", "../gps", "a/./gps"}) {
    EXPECT_THAT(refused(name, kFlight, value), HasSubstr("no CSV file can have the name"));
  }
  EXPECT_THAT(refused("text", Schema::string(), value), HasSubstr("no fields"));
  const Schema quoted = {"Q", 1, {{"a\"b", Type::kI8, 0, 1, ""}}};
  EXPECT_THAT(refused("quoted", quoted, {std::byte{0}}), HasSubstr("a quote"));

  const LogTopic topic{"state", kState, "", "", ""};
  std::vector<std::byte> state(kState.size);
  ASSERT_TRUE(write_bytes(topic, 0, state).ok());
  EXPECT_THAT(refused("state", kFlight, value), HasSubstr("is there already"));
  state[28] = std::byte{'\n'};
  EXPECT_THAT(write_bytes(topic, 0, state).message(), HasSubstr("`mode` holds a line end"));
  state[28] = std::byte{0}, state[30] = std::byte{'x'};
  EXPECT_THAT(write_bytes(topic, 0, state).message(), HasSubstr("goes on behind its NUL"));
  EXPECT_EQ(read_back().size(), 1u);
}

TEST_F(CsvFolderTest, OfTwoFilesOfOneTopicTheSecondIsLeftOutAndSaid) {
  const std::string rows = "timestamp,fix\nuint64_t,int8_t\n1,2\n";
  std::filesystem::create_directory(folder_ + "/two");
  std::filesystem::create_directory(folder_ + "/two/a");
  for (const char* file : {"a.0.csv", "a/0.csv", "b.csv", "B.CSV"})
    std::ofstream(folder_ + "/two/" + file) << rows;
  std::vector<std::string> told;
  Result<std::unique_ptr<LogReader>> log =
      open_log(folder_ + "/two", LogSink([&](LogLevel, const std::string& line) { told.push_back(line); }));
  ASSERT_TRUE(log.ok()) << log.status().message();
  EXPECT_EQ((*log)->topics().size(), 3u);
  EXPECT_EQ((*log)->topics_left_out(), 1u);
  EXPECT_THAT(told, ElementsAre(folder_ + "/two/a/0.csv: it is the topic a/0, as " + folder_ +
                                "/two/a.0.csv is; rename one of the files; file left out"));
}

TEST_F(CsvFolderTest, AFileWithoutTypesPlaysTheSameAfterEachRewind) {
  std::ofstream(folder_ + "/drive.CSV") << "\xef\xbb\xbf"
                                           "0.5 1\r\n# turned\r\n1.0 2\r\nbroken\r\n1.5 3";
  std::vector<std::string> told;
  Result<std::unique_ptr<LogReader>> log = open_log(
      folder_ + "/drive.CSV", LogSink([&](LogLevel, const std::string& line) { told.push_back(line); }));
  ASSERT_TRUE(log.ok()) << log.status().message();
  for (int pass = 0; pass < 2; ++pass, (*log)->rewind()) {
    std::vector<int64_t> stamps;
    for (LogSample s; (*log)->next(&s);) stamps.push_back(s.stamp_ns);
    EXPECT_THAT(stamps, ElementsAre(500'000'000, 1'000'000'000, 1'500'000'000));
    EXPECT_EQ((*log)->samples_left_out(), 1u);
  }
  EXPECT_THAT(told, ElementsAre(HasSubstr("drive.CSV: 2 columns between spaces, without names, so c1 to c2"),
                                HasSubstr("drive.CSV:4: 1 columns instead of 2; row skipped")));
}

TEST_F(CsvFolderTest, RowsWithoutATimeComeAtTheRateThatIsSaid) {
  std::ofstream(folder_ + "/poses.txt") << "1 0\n0 1\n1 1\n";
  EXPECT_THAT(open_log(folder_ + "/poses.txt").status().message(), HasSubstr("--csv-rate"));
  Result<std::unique_ptr<LogReader>> log =
      open_log(folder_ + "/poses.txt", LogSink(), LogScope::kFile, {.rate_hz = 4});
  ASSERT_TRUE(log.ok()) << log.status().message();
  for (int pass = 0; pass < 2; ++pass, (*log)->rewind()) {
    std::vector<int64_t> stamps;
    for (LogSample s; (*log)->next(&s);) stamps.push_back(s.stamp_ns);
    EXPECT_THAT(stamps, ElementsAre(0, 250'000'000, 500'000'000));
  }
}

TEST_F(CsvFolderTest, NeverWritesIntoAFolderThatIsThere) {
  EXPECT_EQ(CsvFolderWriter::create(out_).status().code(), Code::kInvalid);
  EXPECT_FALSE(CsvFolderWriter::create(folder_ + "/none/log/").ok());
}

TEST_F(CsvFolderTest, AFileWithoutLineEndsIsReadNoFurtherThanARowMayGo) {
  constexpr uint64_t kEndless = uint64_t{1} << 40;  // of holes, which no disk has to hold
  const std::string cut = out_ + "cut.csv", none = out_ + "none.csv";
  std::ofstream(cut) << "timestamp,fix\nint64_t,int8_t\n1,2\n3,4\n";
  std::ofstream(none) << "timestamp,fix";
  for (const std::string& file : {cut, none}) std::filesystem::resize_file(file, kEndless);
  std::vector<std::string> warnings;
  const LogSink sink([&](LogLevel, const std::string& line) { warnings.push_back(line); });
  Result<std::unique_ptr<LogReader>> log = open_log(out_, sink);
  ASSERT_TRUE(log.ok()) << log.status().message();
  int samples = 0;
  for (LogSample s; (*log)->next(&s);) ++samples;
  EXPECT_EQ(samples, 2);
  EXPECT_EQ((*log)->samples_left_out(), 1u);
  EXPECT_THAT(warnings,
              ElementsAre(none + ": line 1 has more than 4 MiB, so the file is no CSV; file left out",
                          cut + ":5: more than 64 MiB without the end of a row; row skipped"));
}

}  // namespace
}  // namespace smt::cmd
