// smtreplay in a terminal of its own, steered by keys.
#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include "shm/reader.h"
#include "tests/tools/process.h"
#include "tests/tools/terminal_process.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;

constexpr int kSent = 30;

class ReplayKeys : public ToolTest {
 protected:
  // 30 samples, one a second: 0, 1, 2, ...
  ReplayKeys() {
    std::string rows = "timestamp,value\nuint64_t,uint32_t\n";
    for (int i = 0; i < kSent; ++i) rows += std::to_string(i * 1'000'000) + "," + std::to_string(i) + "\n";
    folder_ = std::filesystem::path(write("log/count.0.csv", rows)).parent_path();
  }
  std::unique_ptr<TerminalProcess> start(const std::vector<std::string>& more) {
    std::vector<std::string> args = {"smtreplay", folder_, "--history", "64"};
    args.insert(args.end(), more.begin(), more.end());
    return std::make_unique<TerminalProcess>(args, env({{"TERM", "xterm"}}));
  }
  // The value that was published last; -1: none.
  int64_t value() {
    if (!reader_) {
      Result<Reader> reader = Reader::open(domain(), "count/0");
      if (!reader.ok()) return -1;
      reader_ = std::move(*reader);
    }
    const Sample* sample = reader_->latest();
    if (sample == nullptr || sample->bytes.size() < 12) return -1;
    sequence_ = sample->sequence;
    uint32_t value;
    memcpy(&value, sample->bytes.data() + 8, sizeof value);
    return value;
  }

  std::string folder_;
  std::optional<Reader> reader_;
  uint64_t sequence_ = 0;
};

TEST_F(ReplayKeys, StepAndSeek) {
  const auto replay = start({"--paused", "--max-gap", "0s"});
  replay->wait_for("paused");
  EXPECT_TRUE(replay->is_raw());
  EXPECT_EQ(value(), -1) << "nothing is published yet";
  const auto expect = [&](const std::string& keys, int64_t expected, uint64_t current = 0) {
    const uint64_t before = sequence_;
    replay->type(keys);
    // One sample a step, and what is current where it seeks to.
    EXPECT_TRUE(eventually([&] { return value() == expected && sequence_ == before + current + 1; }))
        << value() << " #" << sequence_;
  };
  expect(".", 0);
  expect(".", 1);
  expect("\x1b[C.", 7, 1);  // 2 is due, and 5 s on
  expect("\x1b[D.", 3, 1);  // 8 is due, and 5 s back
  expect("\x1b[H.", 0);
  expect("\x1b[D.", 0);  // there is none before the first
  replay->type("q");
  EXPECT_THAT(replay->wait(), HasSubstr("6 samples"));
  EXPECT_TRUE(replay->is_as_before());
}

TEST_F(ReplayKeys, WhatIsPausedGoesOnWhereItWas) {
  const auto replay = start({"--speed", "100", "--paused", "--max-gap", "0s"});
  replay->wait_for("paused");
  replay->type(" ");
  EXPECT_TRUE(eventually([&] { return value() >= 3; }));
  replay->type(" ");
  replay->wait_for("paused");
  const int64_t paused = value();
  replay->type(".");
  EXPECT_TRUE(eventually([&] { return value() > paused; }));
  EXPECT_EQ(value(), paused + 1) << "none was published while it was paused";
  replay->type(" ");
  EXPECT_THAT(replay->wait(), HasSubstr("30 samples"));
  EXPECT_EQ(value(), kSent - 1);
  EXPECT_EQ(sequence_, uint64_t{kSent}) << "each once";
}

TEST_F(ReplayKeys, WhatIsOlderThanTheFirstSampleIsPlayedToo) {
  const std::string file =
      write("back/count.0.csv", "timestamp,value\nuint64_t,uint32_t\n5000000,1\n3000000,2\n6000000,3\n");
  const Ended ended = run({"smtreplay", std::filesystem::path(file).parent_path(), "--asap"});
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.err, HasSubstr("3 samples"));
}

TEST_F(ReplayKeys, WithoutATerminalAPausedOneIsRefused) {
  const Ended ended = run({"smtreplay", folder_, "--paused"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("--paused: stdin is no terminal"));
}

}  // namespace
}  // namespace smt::tools
