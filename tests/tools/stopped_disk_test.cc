// A disk that stands still for a while: a recording loses nothing while its buffer lasts, then what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "cmd/recording/log_events.h"
#include "cmd/recording/open_log.h"
#include "shm/clock.h"
#include "shm/node.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kStopNs = 2'000'000'000;
constexpr uint32_t kHistory = 512;  // half a second: much less than the disk stops

class StoppedDisk : public ToolTest, public testing::WithParamInterface<std::string> {
 protected:
  StoppedDisk() {
    Result<std::unique_ptr<Node>> node = Node::open(domain(), {.name = "source"});
    node_ = std::move(*node);
    Result<Publisher> topic =
        node_->advertise({.name = "x", .schema = Schema::scalar(Type::kU64, kWords), .history = kHistory});
    EXPECT_TRUE(topic.ok()) << topic.status().message();
    topic_.emplace(std::move(*topic));
  }

  std::unique_ptr<Process> record(const std::vector<std::string>& more = {}) {
    std::vector<std::string> args = {"smtlogger", "--output", file_, "-f", "json"};
    args.insert(args.end(), more.begin(), more.end());
    auto logger = std::make_unique<Process>(
        args, env({{"LD_PRELOAD", SMT_STOPPED_DISK_SHIM}, {"STOPPED_DISK", gate_}}));
    logger->wait_for_error("recording ");
    return logger;
  }
  // A sample whose first word is its sequence, each millisecond.
  template <class While>
  void publish_while(While goes_on) {
    while (goes_on()) {
      std::vector<uint64_t> words(kWords, ++published_);
      ASSERT_TRUE(topic_->publish(std::as_bytes(std::span(words))).ok());
      poll(nullptr, 0, 1);
    }
  }
  // The disk stops, and has stopped the logger when it returns.
  void stop_disk() {
    std::ofstream(gate_) << "stopped";
    const int64_t deadline = boottime_ns() + int64_t{kDeadlineMs} * 1'000'000;
    publish_while([&] { return !fs::exists(gate_ + ".met") && boottime_ns() < deadline; });
    ASSERT_TRUE(fs::exists(gate_ + ".met")) << "the logger does not write";
  }
  void publish_for(int64_t ns) {
    const int64_t end = boottime_ns() + ns;
    publish_while([&] { return boottime_ns() < end; });
  }
  // Ends the recording; its summary. Its file has what that tells, with all gaps told.
  Json finish(Process* logger) {
    logger->send(SIGINT);
    const Ended ended = logger->wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    errors_ = ended.err;
    Json summary = Json::parse(ended.out);
    read_file(summary);
    return summary;
  }

  static constexpr uint32_t kWords = 128;  // 1 KiB
  const std::string file_ = root_ + "/a." + GetParam(), gate_ = root_ + "/stopped";
  std::unique_ptr<Node> node_;
  std::optional<Publisher> topic_;
  uint64_t published_ = 0, last_ = 0;
  std::string errors_;

 private:
  void read_file(const Json& summary) {
    Result<std::unique_ptr<cmd::LogReader>> log = cmd::open_log(file_);
    ASSERT_TRUE(log.ok()) << log.status().message();
    uint64_t samples = 0, gaps = 0, told = 0;
    for (cmd::LogSample s; (*log)->next(&s);) {
      if (s.topic->name == cmd::kLogEventsTopic) {
        cmd::LogEvent event;
        ASSERT_EQ(s.bytes.size(), sizeof event);
        memcpy(&event, s.bytes.data(), sizeof event);
        if (std::string_view(event.event) == "overflow") told += event.count;
        continue;
      }
      uint64_t sequence = 0;
      memcpy(&sequence, s.bytes.data(), sizeof sequence);
      ASSERT_EQ(sequence, s.sequence);
      ASSERT_EQ(s.sequence, last_ + 1 + s.missed);
      last_ = s.sequence;
      gaps += s.missed;
      ++samples;
    }
    EXPECT_TRUE((*log)->complete());
    EXPECT_EQ(samples, summary["samples"]);
    EXPECT_EQ(gaps, summary["overflowed"]);
    EXPECT_EQ(told, summary["overflowed"]);
  }
};
INSTANTIATE_TEST_SUITE_P(Smtlogger, StoppedDisk, testing::Values("mcap", "h5"),
                         [](const auto& format) { return format.param; });

TEST_P(StoppedDisk, LosesNothingWhileTheBufferLasts) {
  const auto logger = record();
  publish_for(kStopNs / 10);
  ASSERT_NO_FATAL_FAILURE(stop_disk());
  publish_for(kStopNs);
  fs::remove(gate_);
  publish_for(kStopNs / 10);
  const Json summary = finish(logger.get());
  EXPECT_EQ(summary["samples"], published_);
  EXPECT_EQ(summary["missed"], 0);
  EXPECT_EQ(summary["overflowed"], 0);
  EXPECT_EQ(summary["buffer_bytes"], 256 << 20);
  EXPECT_GT(summary["max_buffered_bytes"], 100 << 10) << "it waited there";
  EXPECT_THAT(errors_, Not(HasSubstr("buffer")));
}

TEST_P(StoppedDisk, CountsWhatItsBufferHasNoRoomForAndGoesOn) {
  const auto logger = record({"--buffer", "1M"});
  publish_for(kStopNs / 10);
  ASSERT_NO_FATAL_FAILURE(stop_disk());
  const auto publish_until_it_says = [&](const std::string& text) {
    const int64_t deadline = boottime_ns() + int64_t{kDeadlineMs} * 1'000'000;
    publish_while([&] { return boottime_ns() < deadline && !logger->has_said(text); });
  };
  publish_until_it_says("the buffer of 1 MiB is full");
  publish_for(kStopNs / 10);
  fs::remove(gate_);
  publish_until_it_says("the buffer has room again");
  const uint64_t before = published_;
  publish_for(kStopNs / 10);
  const Json summary = finish(logger.get());
  EXPECT_GT(summary["overflowed"], 10);
  EXPECT_EQ(summary["missed"], 0);
  EXPECT_EQ(summary["samples"].get<uint64_t>() + summary["overflowed"].get<uint64_t>(), published_);
  EXPECT_LE(summary["max_buffered_bytes"], 1 << 20);
  EXPECT_EQ(summary["topics"][0]["overflowed"], summary["overflowed"]) << "by topic";
  EXPECT_GT(last_, before) << "it goes on";
  EXPECT_THAT(errors_, HasSubstr("the buffer of 1 MiB is full"));
}

// What is in the buffer when a signal comes is recorded, though the disk stands still by then.
TEST_P(StoppedDisk, WhatTheBufferHasAtTheEndIsRecorded) {
  const auto logger = record();
  publish_for(kStopNs / 10);
  ASSERT_NO_FATAL_FAILURE(stop_disk());
  publish_for(kStopNs / 2);
  logger->send(SIGTERM);
  EXPECT_FALSE(logger->ended());
  poll(nullptr, 0, 100);  // it has taken the signal by then, or else it takes it later
  fs::remove(gate_);
  const Json summary = finish(logger.get());
  EXPECT_EQ(summary["samples"], published_);
}

}  // namespace
}  // namespace smt::tools
