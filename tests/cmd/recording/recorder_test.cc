// The recorder and the player as a library: what smtlogger and smtreplay print comes back to the caller.
#include "cmd/recording/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <stdexcept>

#include "cmd/recording/open_log.h"
#include "cmd/recording/replay.h"
#include "shm/fd.h"
#include "tests/shm/shm_fixture.h"
#include "tests/text.h"

namespace smt::cmd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class RecorderTest : public ShmTest {
 protected:
  // Records the topic x, which gets three samples.
  RecordSummary record() {
    Result<Recorder> recorder = Recorder::open({.output = log_});
    EXPECT_TRUE(recorder.ok()) << recorder.status().message();
    const std::unique_ptr<Node> node = open_node(domain_, "w");
    Publisher x = advertise(*node, "x", {.history = 4});
    for (const char* text : {"a", "b", "c"}) publish_value(x, text);
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

// A recording in parts, each of a tenth of a second; what is published meanwhile.
class RecorderParts : public RecorderTest, public testing::WithParamInterface<std::string> {
 protected:
  // Calls `at(n)` five times a second, and ends the recording when that returns false.
  RecordSummary record_parts(const std::string& path, const std::function<bool(int n)>& at) {
    RecordOptions options{.output = path, .split_ns = 100'000'000};
    options.log = LogSink([&](LogLevel, const std::string& line) { warnings_.push_back(line); });
    const Fd stop(eventfd(0, EFD_CLOEXEC));
    options.progress = [&, n = 0](const RecordProgress&) mutable {
      const uint64_t one = 1;
      if (at(n++)) return;
      EXPECT_EQ(::write(stop.get(), &one, sizeof one), ssize_t{sizeof one});
    };
    Result<Recorder> recorder = Recorder::open(options);
    EXPECT_TRUE(recorder.ok()) << recorder.status().message();
    const Status s = recorder->run(domain_, *relay::PatternSet::parse({"**"}), stop.get());
    EXPECT_TRUE(s.ok()) << s.message();
    EXPECT_TRUE(recorder->finish().ok()) << "a second time";
    return recorder->summary();
  }
  // Samples of x in all of the files, which are complete and parts of one recording, in order.
  static uint64_t count(const std::vector<std::string>& files) {
    uint64_t samples = 0;
    std::string id;
    for (size_t i = 0; i < files.size(); ++i) {
      Result<std::unique_ptr<LogReader>> log = open_log(files[i], {}, LogScope::kFile);
      EXPECT_TRUE(log.ok()) << log.status().message();
      if (!log.ok()) continue;
      EXPECT_TRUE((*log)->complete()) << files[i];
      const LogPart part = (*log)->part();
      if (i == 0) id = part.recording;
      EXPECT_EQ(part.recording, id);
      EXPECT_EQ(part.number, i);
      EXPECT_EQ(part.next, i + 1 == files.size() ? std::nullopt : std::optional<uint64_t>(i + 1));
      for (LogSample sample; (*log)->next(&sample);) {
        samples += sample.topic->name == "x" && !sample.initial ? 1 : 0;
      }
    }
    EXPECT_EQ(id.size(), 32u);
    return samples;
  }
  std::string path(const std::string& name) const { return root_ + "/" + name + GetParam(); }

  const std::unique_ptr<Node> node_ = open_node(domain_, "w");
  std::vector<std::string> warnings_;
};
INSTANTIATE_TEST_SUITE_P(Logs, RecorderParts, testing::Values(".mcap", ".h5"),
                         [](const auto& format) { return format.param.substr(1); });

TEST_P(RecorderParts, ANameThatIsTakenIsLeftAloneAndThePartTakesAnother) {
  std::ofstream(path("f.1")) << "precious";
  std::filesystem::create_symlink("nowhere", path("f.3"));
  Publisher x = advertise(*node_, "x", {.history = 64});
  uint64_t published = 0;
  const RecordSummary summary = record_parts(path("f"), [&](int) {
    publish_value(x, "x");
    ++published;
    return !std::filesystem::exists(path("f.5"));
  });
  ASSERT_GE(summary.files.size(), 4u);
  EXPECT_EQ(std::vector(summary.files.begin(), summary.files.begin() + 4),
            (std::vector{path("f"), path("f.2"), path("f.4"), path("f.5")}));
  EXPECT_EQ(contents(path("f.1")), "precious");
  EXPECT_EQ(count(summary.files), published);
  EXPECT_EQ(summary.topics.at("x").samples, published);
  ASSERT_EQ(warnings_.size(), 2u);
  EXPECT_EQ(warnings_[0], path("f.1") + " is there already: part 1 of the recording is " + path("f.2"));
  const Result<std::unique_ptr<LogReader>> all = open_log(path("f.4"));
  ASSERT_TRUE(all.ok()) << all.status().message();
  EXPECT_EQ((*all)->part_files(), summary.files);
}

TEST_P(RecorderParts, WhereNoneCanBeMadeRecordingGoesOnInTheLastOne) {
  // Its name has all the bytes that a name can have, and a number makes it longer.
  const std::string full_name = path(std::string(255 - GetParam().size(), 'f'));
  Publisher x = advertise(*node_, "x", {.history = 64});
  std::optional<Publisher> late;
  uint64_t published = 0;
  const RecordSummary summary = record_parts(full_name, [&](int n) {
    publish_value(x, "x");
    ++published;
    if (n == 5) late = advertise(*node_, "late", {.history = 4});
    if (n == 6) publish_value(*late, "y");
    return n < 10;
  });
  EXPECT_THAT(summary.files, ElementsAre(full_name));
  EXPECT_EQ(count(summary.files), published);
  const RecordedTopic& of_late = summary.topics.at("late");
  EXPECT_EQ(of_late.samples + of_late.left_out, 1u);
  EXPECT_EQ(of_late.left_out, GetParam() == ".h5" ? 1u : 0u) << "a topic that only another part could take";
  EXPECT_THAT(warnings_, Contains(EndsWith("recording goes on in " + full_name))) << "once";
  EXPECT_LE(warnings_.size(), 2u);
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
