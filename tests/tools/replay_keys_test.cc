// smtreplay in a terminal of its own, steered by keys.
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "shm/reader.h"
#include "tests/paths.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;

// A tool that has a terminal as stdin, stdout and stderr.
class TerminalProcess {
 public:
  TerminalProcess(std::vector<std::string> args, const std::map<std::string, std::string>& env) {
    int master = -1;
    args[0] = bin_dir() + "/" + args[0];
    pid_ = forkpty(&master, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      for (const auto& [name, value] : env) setenv(name.c_str(), value.c_str(), 1);
      std::vector<char*> argv;
      for (std::string& arg : args) argv.push_back(arg.data());
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(127);
    }
    master_ = Fd(master);
    tcgetattr(master, &before_);
  }
  ~TerminalProcess() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void type(const std::string& keys) {
    ASSERT_EQ(write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // Reads until `text` came after what was read before.
  void wait_for(const std::string& text) {
    for (size_t begin = shown_.size(); shown_.find(text, begin) == std::string::npos;) {
      ASSERT_TRUE(read()) << "no \"" << text << "\" came; shown:\n" << shown_;
    }
  }
  // What it has shown, when it has ended with exit code 0.
  std::string wait() {
    while (read()) {
    }
    int status = -1;
    EXPECT_TRUE(eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }));
    pid_ = -1;
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status << "\n" << shown_;
    return shown_;
  }
  // Whether it takes keys one by one.
  bool is_raw() const {
    termios now;
    return tcgetattr(master_.get(), &now) == 0 && (now.c_lflag & ICANON) == 0;
  }
  bool is_as_before() const {
    termios now;
    return tcgetattr(master_.get(), &now) == 0 && now.c_lflag == before_.c_lflag &&
           now.c_cc[VSUSP] == before_.c_cc[VSUSP];
  }

 private:
  // False: nothing came in time, or the other end is closed.
  bool read() {
    pollfd ready = {master_.get(), POLLIN, 0};
    char bytes[4096];
    if (poll(&ready, 1, kDeadlineMs) <= 0) return false;
    const ssize_t n = ::read(master_.get(), bytes, sizeof bytes);
    if (n > 0) shown_.append(bytes, static_cast<size_t>(n));
    return n > 0;
  }

  pid_t pid_ = -1;
  Fd master_;
  termios before_{};
  std::string shown_;
};

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
    return std::make_unique<TerminalProcess>(args, env().env);
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
  const auto expect = [&](const std::string& keys, int64_t expected) {
    const uint64_t before = sequence_;
    replay->type(keys);
    // One sample a step.
    EXPECT_TRUE(eventually([&] { return value() == expected && sequence_ == before + 1; }))
        << value() << " #" << sequence_;
  };
  expect(".", 0);
  expect(".", 1);
  expect("\x1b[C.", 7);  // 2 is due, and 5 s on
  expect("\x1b[D.", 3);  // 8 is due, and 5 s back
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
