// A recording in several files, read as one: the id joins them, and never the name alone.
#include "cmd/recording/log_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>

#include "cmd/recording/open_log.h"
#include "tests/bytes_of.h"
#include "tests/temp_folder.h"

namespace smt::cmd {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kId = "00112233445566778899aabbccddeeff";
constexpr const char* kOther = "ffeeddccbbaa99887766554433221100";

class LogPartsTest : public testing::TestWithParam<std::string> {
 protected:
  // A file with one sample of x, whose sequence is 100 * number, and one of a topic of its own.
  std::string write(const std::string& name, const LogPart& part, bool finish = true,
                    const std::string& host = "robot") {
    std::string path = folder_ + "/" + name + GetParam();
    fs::create_directories(fs::path(path).parent_path());
    Result<std::unique_ptr<LogWriter>> log = create_log(path, part);
    EXPECT_TRUE(log.ok()) << log.status().message();
    const std::vector<std::byte> value = bytes_of(static_cast<double>(part.number));
    const auto at = static_cast<int64_t>(1000 + part.number);
    for (const std::string& topic : {std::string("x"), "only/" + std::to_string(part.number)}) {
      topics_.push_back({topic, Schema::scalar(Type::kF64), host, "d", "node"});
      EXPECT_TRUE((*log)->write({&topics_.back(), 100 * part.number, at, at, 0, value}).ok());
    }
    EXPECT_TRUE((*log)->flush().ok());
    (*log)->set_next_part(part.next);
    EXPECT_TRUE(!finish || (*log)->finish().ok());
    return path;
  }
  std::unique_ptr<LogReader> open(const std::string& path, LogScope scope = LogScope::kRecording) {
    warnings_.clear();
    const LogSink log([&](LogLevel, const std::string& line) { warnings_.push_back(line); });
    Result<std::unique_ptr<LogReader>> reader = open_log(path, log, scope);
    EXPECT_TRUE(reader.ok()) << reader.status().message();
    return reader.ok() ? std::move(*reader) : nullptr;
  }
  // The numbers of the parts whose sample of x comes, in their order.
  static std::vector<uint64_t> numbers(LogReader* log) {
    std::vector<uint64_t> out;
    for (LogSample s; log->next(&s);) {
      if (s.topic->name == "x") out.push_back(s.sequence / 100);
    }
    return out;
  }

  const TempFolder temp_;
  const std::string folder_ = temp_.path();
  std::deque<LogTopic> topics_;
  std::vector<std::string> warnings_;
};
INSTANTIATE_TEST_SUITE_P(Logs, LogPartsTest, testing::Values(".mcap", ".h5"),
                         [](const auto& format) { return format.param.substr(1); });

TEST_P(LogPartsTest, AnyOfThemGivesAllInTheirOrderWhateverTheirNames) {
  const std::string paths[] = {write("z", {kId, 0, 1}), write("f", {kId, 1, 2}), write("m", {kId, 2, {}})};
  write("f.1", {kOther, 1, {}});
  write("alone", {});
  for (const std::string& path : paths) {
    const auto log = open(path);
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->topics().size(), 4u) << "one of them is in all parts";
    EXPECT_THAT(numbers(log.get()), ElementsAre(0, 1, 2));
    EXPECT_THAT(log->part_files(), ElementsAre(paths[0], paths[1], paths[2]));
    EXPECT_TRUE(log->complete());
    EXPECT_EQ(log->parts_left_out(), 0u);
    EXPECT_THAT(log->problems(), IsEmpty());
    EXPECT_THAT(warnings_, IsEmpty());
    EXPECT_EQ(log->progress(), 1.0);
    log->rewind();
    EXPECT_THAT(numbers(log.get()), ElementsAre(0, 1, 2));
  }
}

TEST_P(LogPartsTest, OneAloneIsReadWhereItIsAskedFor) {
  write("f", {kId, 0, 1});
  const std::string second = write("f.1", {kId, 1, {}});
  EXPECT_THAT(numbers(open(second, LogScope::kFile).get()), ElementsAre(1));
}

TEST_P(LogPartsTest, AFileWithoutAnIdIsAlone) {
  const std::string path = write("f", {});
  write("f.1", {"", 1, {}});
  write("f.2", {kId, 2, {}});
  const auto log = open(path);
  EXPECT_THAT(numbers(log.get()), ElementsAre(0));
  EXPECT_THAT(log->part_files(), IsEmpty());
  EXPECT_EQ(log->parts_left_out(), 0u);
}

TEST_P(LogPartsTest, AFileThatOnlyTellsOfTheIdIsNotJoined) {
  const std::string path = write("f", {kId, 0, {}});
  write("f.1", {kOther, 1, {}}, /*finish=*/true, /*host=*/kId);
  EXPECT_THAT(numbers(open(path).get()), ElementsAre(0));
}

TEST_P(LogPartsTest, MissingOnesAreToldBetweenOthersAndAtTheEnd) {
  const std::string path = write("f", {kId, 1, 2});
  write("f.5", {kId, 5, 6});
  const auto log = open(path);
  EXPECT_THAT(numbers(log.get()), ElementsAre(1, 5));
  EXPECT_EQ(log->parts_left_out(), 5u);
  EXPECT_THAT(log->problems(),
              ElementsAre(AllOf(HasSubstr("parts 0, 2 to 4, 6 of the recording"), HasSubstr(kId))));
}

TEST_P(LogPartsTest, OneFileThatKnowsOfANextPartTellsThatItIsMissing) {
  const auto log = open(write("f", {kId, 0, 1}));
  EXPECT_THAT(numbers(log.get()), ElementsAre(0));
  EXPECT_THAT(log->problems(), ElementsAre(HasSubstr("part 1 of the recording")));
}

TEST_P(LogPartsTest, OfTwoFilesThatAreTheSamePartOneIsRead) {
  const std::string first = write("f", {kId, 0, 1}), cut = write("f.1", {kId, 1, {}}, /*finish=*/false),
                    whole = write("whole", {kId, 1, {}});
  auto log = open(first);
  EXPECT_THAT(numbers(log.get()), ElementsAre(0, 1));
  EXPECT_THAT(log->part_files(), ElementsAre(first, whole)) << "the complete one";
  EXPECT_THAT(warnings_,
              ElementsAre(AllOf(HasSubstr("twice"), HasSubstr(whole + " is read"), HasSubstr(cut))));
  log = open(cut);
  EXPECT_THAT(log->part_files(), ElementsAre(first, cut)) << "the one that was asked for";
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_FALSE(log->complete());
  fs::remove(cut);
  fs::create_hard_link(whole, folder_ + "/f.1" + GetParam());
  (void)open(first);
  EXPECT_THAT(warnings_, IsEmpty()) << "two names of one file";
}

TEST_P(LogPartsTest, ALinkToOneFindsTheOthersInItsFolder) {
  const std::string first = write("day/f", {kId, 0, 1});
  write("day/f.1", {kId, 1, {}});
  const std::string link = folder_ + "/latest" + GetParam();
  fs::create_symlink(first, link);
  EXPECT_THAT(numbers(open(link).get()), ElementsAre(0, 1));
}

TEST_P(LogPartsTest, OneThatGoesAwayMeanwhileIsCounted) {
  const std::string first = write("f", {kId, 0, 1}), second = write("f.1", {kId, 1, {}});
  const auto log = open(first);
  fs::remove(second);
  EXPECT_THAT(numbers(log.get()), ElementsAre(0));
  EXPECT_EQ(log->parts_left_out(), 1u);
  EXPECT_THAT(log->problems(), ElementsAre(HasSubstr(second)));
}

TEST_P(LogPartsTest, NumbersAndIdsThatCannotBeAreNotBelieved) {
  write("f.1", {kId, 1, {}});
  EXPECT_EQ(open(write("f", {kId, kMaxLogParts + 1, {}}))->parts_left_out(), 0u);
  EXPECT_EQ(open(write("g", {"../../etc", 3, {}}))->parts_left_out(), 0u);
}

}  // namespace
}  // namespace smt::cmd
