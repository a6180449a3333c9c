// The recorder and the player as a library: what smtlogger and smtreplay print comes back to the caller.
#include "cmd/recording/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "cmd/recording/open_log.h"
#include "cmd/recording/replay.h"
#include "shm/fd.h"
#include "tests/shm/shm_fixture.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class RecorderTest : public ShmTest {
 protected:
  // Records the topic x, which has three samples.
  RecordSummary record() {
    const std::unique_ptr<Node> node = open_node(domain_, "w");
    Publisher x = advertise(*node, "x", {.history = 4});
    for (const char* text : {"a", "b", "c"}) publish_value(x, text);
    Result<Recorder> recorder = Recorder::open({.output = log_});
    EXPECT_TRUE(recorder.ok()) << recorder.status().message();
    const Status s = recorder->run(domain_, *relay::PatternSet::parse({"x"}), stop_.get());
    EXPECT_TRUE(s.ok()) << s.message();
    return recorder->summary();
  }

  Domain domain_ = open_domain();
  const std::string log_ = root_ + "/log.mcap";
  const Fd stop_{eventfd(1, EFD_CLOEXEC)};  // from the beginning: what is there is recorded all the same
};

TEST_F(RecorderTest, EndsByADescriptorAndReturnsWhatItRecorded) {
  const RecordSummary summary = record();
  EXPECT_THAT(summary.files, ElementsAre(log_));
  EXPECT_EQ(summary.topics.at("x").samples, 3u);
  EXPECT_EQ(summary.topics.at("x").bytes, 3u);
}

TEST_F(RecorderTest, AnExceptionOfACallbackLeavesAWholeFile) {
  const std::unique_ptr<Node> node = open_node(domain_, "w");
  Publisher x = advertise(*node, "x");
  publish_value(x, "a");
  const auto progress = [](const RecordProgress&) { throw std::runtime_error("the terminal is gone"); };
  Result<Recorder> recorder = Recorder::open({.output = log_, .progress = progress});
  ASSERT_TRUE(recorder.ok()) << recorder.status().message();
  EXPECT_THROW((void)recorder->run(domain_, *relay::PatternSet::parse({"x"}), -1), std::runtime_error);
  const Result<std::unique_ptr<LogReader>> log = open_log(log_);
  ASSERT_TRUE(log.ok()) << log.status().message();
  EXPECT_TRUE((*log)->complete());
  LogSample sample;
  EXPECT_TRUE((*log)->next(&sample));
}

TEST_F(RecorderTest, WhatItRecordedIsReplayedUnderKeysOfTheCaller) {
  record();
  std::vector<bool> paused;
  ReplayOptions options{.path = log_, .asap = true, .paused = true, .prefix = "again"};
  options.progress = [&](const ReplayProgress& progress) { paused.push_back(progress.paused); };
  Result<Replay> replay = Replay::open(domain_, options);
  ASSERT_TRUE(replay.ok()) << replay.status().message();
  std::vector<std::vector<std::string>> keys = {{"."}, {" "}};
  const ReplayKeys source{[&] { return stop_.get(); },
                          [&] {
                            if (keys.empty()) return std::vector<std::string>();
                            std::vector<std::string> now = keys.front();
                            keys.erase(keys.begin());
                            return now;
                          }};
  const Result<ReplaySummary> summary = replay->run(-1, source);
  ASSERT_TRUE(summary.ok()) << summary.status().message();
  EXPECT_GE(summary->samples, 3u);
  EXPECT_FALSE(summary->stopped);
  EXPECT_THAT(summary->problems, ElementsAre());
  EXPECT_TRUE(!paused.empty() && paused.front());
  Reader again = open_reader(domain_, "again/x");
  EXPECT_EQ(text_of(again.latest()), "c");
}

TEST_F(RecorderTest, TheSinkIsToldOfRowsThatAreLeftOut) {
  const std::string folder = root_ + "/csv";
  std::filesystem::create_directory(folder);
  std::ofstream(folder + "/gps.0.csv") << "timestamp,fix\nuint64_t,int8_t\n1,2\nbroken\n3,4\n";
  std::ofstream(folder + "/empty.0.csv") << "";
  std::vector<std::string> told;
  const LogSink log([&](LogLevel level, const std::string& line) {
    EXPECT_EQ(level, LogLevel::kWarning);
    told.push_back(line);
  });
  const Result<std::unique_ptr<LogReader>> reader = open_log(folder, log);
  ASSERT_TRUE(reader.ok()) << reader.status().message();
  for (LogSample sample; (*reader)->next(&sample);) {
  }
  EXPECT_EQ((*reader)->samples_left_out(), 1u);
  EXPECT_EQ((*reader)->topics_left_out(), 1u);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_THAT(told[0], EndsWith("; file left out"));
  EXPECT_THAT(told[1], HasSubstr("gps.0.csv:4: "));
  EXPECT_THAT(told[1], EndsWith("; row skipped"));
}

}  // namespace
}  // namespace smt::cmd
