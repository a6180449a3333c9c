// Recordings that end because something ends them: a signal, a terminal that goes away, a limit of the sizes
// of files. Each is whole, and has every sample or says which it lacks. SMT_KEEP_RECORDINGS=DIR keeps them
// for readers of others (cut_off_test.sh).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "cmd/recording/open_log.h"
#include "shm/node.h"
#include "tests/scale.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"
#include "tests/tools/terminal_process.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Args = std::vector<std::string>;

enum class CutBy {
  kHangUp,
  kTerminate,
  kInterrupt,
  kTerminalGoes,
  kTerminalGoesUnderNohup,
  kTerminalGoesDisowned,  // without a SIGHUP
  kErrorsGoNowhere,
  kSizeLimit
};
constexpr CutBy kCuts[] = {
    CutBy::kHangUp,          CutBy::kTerminalGoes,         CutBy::kSizeLimit, CutBy::kTerminalGoesUnderNohup,
    CutBy::kErrorsGoNowhere, CutBy::kTerminalGoesDisowned, CutBy::kTerminate, CutBy::kInterrupt};

// Without its terminal.
bool goes_on(CutBy by) {
  return by == CutBy::kTerminalGoesUnderNohup || by == CutBy::kTerminalGoesDisowned ||
         by == CutBy::kErrorsGoNowhere;
}

struct CutRecording {
  std::string file;
  CutBy by;
  uint64_t cut_at, max_bytes;  // of the file
  std::unique_ptr<Terminal> terminal = {};
  std::unique_ptr<Process> logger = {};
};

class CutOff : public ToolTest {
 protected:
  // Two topics, of which one fills a file soon and the other tells its sequence.
  CutOff() {
    Result<std::unique_ptr<Node>> node = Node::open(domain(), {.name = "source"});
    node_ = std::move(*node);
    for (const auto& [name, schema] :
         {std::pair("noise", Schema::bytes()), std::pair("count", Schema::scalar(Type::kU64))}) {
      Result<Publisher> topic = node_->advertise({.name = name, .schema = schema, .history = 256});
      EXPECT_TRUE(topic.ok()) << topic.status().message();
      topics_.push_back(std::move(*topic));
    }
    source_ = std::thread([this] {
      std::minstd_rand random(1);
      std::vector<uint32_t> noise(150);
      for (uint64_t sequence = 1; !done_; ++sequence, poll(nullptr, 0, 1)) {
        for (uint32_t& word : noise) word = static_cast<uint32_t>(random());
        EXPECT_TRUE(topics_[0].publish(std::as_bytes(std::span(noise))).ok());
        EXPECT_TRUE(topics_[1].publish(std::as_bytes(std::span(&sequence, 1))).ok());
      }
    });
  }
  ~CutOff() override {
    done_ = true;
    source_.join();
  }

  bool grows_to(const std::string& file, uint64_t bytes) {
    return eventually([&] {
      for (CutRecording& r : recordings_) r.terminal->take();
      std::error_code error;
      const uint64_t now = fs::file_size(file, error);
      return !error && now >= bytes;
    });
  }
  uint64_t some(uint64_t min, uint64_t max) {
    return std::uniform_int_distribution<uint64_t>(min, max)(random_);
  }

  CutRecording start(const std::string& file, CutBy by) {
    CutRecording r{file, by, some(10'000, 300'000), some(900'000, 1'500'000)};
    r.terminal = std::make_unique<Terminal>();
    Process::Options options = env({{"TERM", "xterm"}});  // it shows its progress there
    const Fd foreign = r.terminal->open();
    const bool owns = by == CutBy::kTerminalGoes || by == CutBy::kTerminalGoesUnderNohup;
    const bool disowned = by == CutBy::kTerminalGoesDisowned;
    if (owns) options.terminal = r.terminal->path();
    if (disowned) options.stdout_fd = foreign.get();
    if (disowned || by == CutBy::kErrorsGoNowhere) options.stderr_fd = foreign.get();
    options.ignores_hangup = by == CutBy::kTerminalGoesUnderNohup;
    r.logger = std::make_unique<Process>(Args{"smtlogger", "--output", file, "-f", "json"}, options);
    const rlimit limit = {r.max_bytes, r.max_bytes};
    if (by == CutBy::kSizeLimit) prlimit(r.logger->pid(), RLIMIT_FSIZE, &limit, nullptr);
    if (owns || disowned || by == CutBy::kErrorsGoNowhere) {
      r.terminal->wait_for("recording ");
    } else {
      r.logger->wait_for_error("recording ");
    }
    return r;
  }

  void cut_off(CutRecording* r) {
    if (r->by == CutBy::kSizeLimit) return;  // it meets the limit by itself
    EXPECT_TRUE(grows_to(r->file, r->cut_at));
    const int signal = r->by == CutBy::kHangUp      ? SIGHUP
                       : r->by == CutBy::kTerminate ? SIGTERM
                       : r->by == CutBy::kInterrupt ? SIGINT
                                                    : 0;
    if (signal != 0) {
      r->logger->send(signal);
    } else {
      r->terminal->hang_up();
    }
  }

  void end(CutRecording* r) {
    SCOPED_TRACE(r->file);
    if (goes_on(r->by)) {
      EXPECT_TRUE(grows_to(r->file, fs::file_size(r->file) + 100'000));
      r->logger->send(SIGTERM);
    }
    const Ended ended = r->logger->wait();
    EXPECT_EQ(ended.exit_code, r->by == CutBy::kSizeLimit ? 1 : 0) << ended.err;
    if (r->by == CutBy::kSizeLimit) {
      EXPECT_THAT(ended.err, AllOf(HasSubstr(r->file), HasSubstr("File too large"), HasSubstr("LimitFSIZE")));
      EXPECT_LE(fs::file_size(r->file), r->max_bytes);
    }
    judge(r->file, ended);
  }

  void judge(const std::string& file, const Ended& ended) const {
    const Ended info = run({"smtlogger", "info", file});
    EXPECT_EQ(info.exit_code, 0) << info.out << info.err;
    Result<std::unique_ptr<cmd::LogReader>> log = cmd::open_log(file);
    ASSERT_TRUE(log.ok()) << log.status().message();
    std::map<std::string, uint64_t> last, samples;
    for (cmd::LogSample s; (*log)->next(&s);) {
      if (s.topic->name != "count" && s.topic->name != "noise") continue;
      if (!s.initial) ++samples[s.topic->name];
      uint64_t& before = last[s.topic->name];
      if (before != 0) {
        ASSERT_EQ(s.sequence, before + 1 + s.missed) << s.topic->name;
      }
      before = s.sequence;
    }
    EXPECT_TRUE((*log)->complete());
    EXPECT_EQ((*log)->samples_left_out() + (*log)->bytes_left_out(), 0u);
    EXPECT_GT(samples["count"], 0u);
    if (ended.out.empty()) return;  // its terminal is gone
    const Json summary = Json::parse(ended.out);
    for (const Json& topic : summary.at("topics")) {
      if (samples.count(topic["topic"]) != 0) {
        EXPECT_EQ(samples[topic["topic"]], topic["samples"]) << topic;
      }
    }
  }

  std::minstd_rand random_{static_cast<uint32_t>(Scale::round() + 1)};
  std::unique_ptr<Node> node_;
  std::vector<Publisher> topics_;
  std::vector<CutRecording> recordings_;
  std::atomic<bool> done_{false};
  std::thread source_;
};

TEST_F(CutOff, RecordingsAreWholeWhateverEndsThem) {
  const char* const kept = getenv("SMT_KEEP_RECORDINGS");
  const uint64_t count = Scale::get().scaled(std::size(kCuts), 50, 2 * std::size(kCuts));
  for (uint64_t done = 0; done < count;) {
    recordings_.clear();
    for (const CutBy by : kCuts) {
      if (done == count) break;
      const std::string format = (done + done / std::size(kCuts)) % 2 == 0 ? ".mcap" : ".h5";
      const std::string folder = kept != nullptr ? kept : root_;
      recordings_.push_back(start(folder + "/" + std::to_string(done++) + format, by));
    }
    for (CutRecording& r : recordings_) cut_off(&r);
    for (CutRecording& r : recordings_) {
      end(&r);
      if (kept == nullptr) fs::remove(r.file);
    }
  }
}

}  // namespace
}  // namespace smt::tools
