// Loggers killed at random moments, of each format half: what is recovered is whole, and lacks less than the
// last second of each topic.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "cmd/recording/open_log.h"
#include "shm/clock.h"
#include "shm/node.h"
#include "tests/storm/storm.h"
#include "tests/tools/process.h"

namespace smt::storm {
const std::map<std::string, Mode> kModes;
}

namespace smt::tools {
namespace {

using storm::must;

constexpr int64_t kSecondNs = 1'000'000'000;

// A topic whose value is its sequence, and when each of them was published.
class Source {
 public:
  Source(Node* node, const std::string& name, int64_t period_ns)
      : name_(name),
        period_ns_(period_ns),
        topic_(must(node->advertise({.name = name, .schema = Schema::scalar(Type::kU64), .history = 4096}))),
        published_ns_(kMax) {}

  // Publishes what is due.
  void step() {
    const int64_t now = boottime_ns();
    if (now < due_ns_ || count_ == kMax) return;
    due_ns_ = now + period_ns_;
    const uint64_t sequence = count_ + 1;
    published_ns_[count_] = now;
    count_ = sequence;
    must(topic_.publish(std::as_bytes(std::span(&sequence, 1))));
  }
  const std::string& name() const { return name_; }
  // BOOTTIME just before sample `sequence` was published; nothing: it is not yet.
  std::optional<int64_t> published_ns(uint64_t sequence) const {
    return sequence == 0 || sequence > count_ ? std::nullopt : std::optional(published_ns_[sequence - 1]);
  }

 private:
  static constexpr uint64_t kMax = 1'000'000;
  std::string name_;
  int64_t period_ns_, due_ns_ = 0;
  Publisher topic_;
  std::vector<int64_t> published_ns_;
  std::atomic<uint64_t> count_{0};
};

struct Victim {
  std::unique_ptr<Process> process;
  std::string file, recovered;
  int64_t begun_ns = 0, kill_ns = 0, killed_ns = 0;
};

class LoggerKilled : public ToolTest {
 protected:
  LoggerKilled() : node_(must(Node::open(domain(), {.name = "source"}))) {
    sources_.push_back(std::make_unique<Source>(node_.get(), "fast", 1'000'000));
    sources_.push_back(std::make_unique<Source>(node_.get(), "slow", 50'000'000));
    writer_ = std::thread([this] {
      while (!stop_) {
        for (const auto& source : sources_) source->step();
        storm::elapse(std::chrono::microseconds(200));
      }
    });
  }
  ~LoggerKilled() override {
    stop_ = true;
    writer_.join();
  }

  // Records, and is to be killed at a random moment of the next seconds.
  Victim start(uint64_t number) {
    const std::string ending = number % 2 == 0 ? ".mcap" : ".h5", name = root_ + "/" + std::to_string(number);
    Victim v;
    v.file = name + ending;
    v.recovered = name + "r" + ending;
    v.process = std::make_unique<Process>(std::vector<std::string>{"smtlogger", "--output", v.file}, env());
    v.process->wait_for_error("recording ");
    v.begun_ns = boottime_ns();
    v.kill_ns = v.begun_ns + static_cast<int64_t>(storm::random_below(3 * kSecondNs));
    return v;
  }

  // What the recovered file of a killed logger lacks of each topic, up to the kill.
  void judge(const Victim& v) {
    EXPECT_EQ(run({"smtlogger", "info", v.file}).exit_code, 1) << "it has no end";
    const Ended recovered = run({"smtlogger", "recover", v.file, v.recovered});
    std::map<std::string, uint64_t> last;
    if (recovered.exit_code == 0) {
      const std::unique_ptr<cmd::LogReader> log = must(cmd::open_log(v.recovered));
      for (cmd::LogSample s; log->next(&s);) {
        uint64_t value = 0;
        ASSERT_EQ(s.bytes.size(), sizeof value);
        memcpy(&value, s.bytes.data(), sizeof value);
        ASSERT_EQ(value, s.sequence);
        uint64_t& before = last[s.topic->name];
        if (before != 0) {  // the oldest of the ring may be written over while it begins: that is counted
          ASSERT_EQ(s.sequence, before + 1 + s.missed) << v.recovered << ", " << s.topic->name;
        }
        before = s.sequence;
      }
      EXPECT_TRUE(log->complete());
      EXPECT_EQ(log->samples_left_out() + log->bytes_left_out(), 0u);
      ++recovered_;
    } else {
      EXPECT_EQ(recovered.exit_code, 1) << recovered.err;
      EXPECT_FALSE(std::filesystem::exists(v.recovered));
    }
    for (const auto& source : sources_) {
      const uint64_t known = last[source->name()];
      const std::optional<int64_t> next = source->published_ns(known + 1);
      const int64_t lacks_from = known == 0 ? v.begun_ns : next.value_or(v.killed_ns);
      lacks_.add(std::max<int64_t>(0, v.killed_ns - lacks_from));
    }
    std::filesystem::remove(v.file);
    std::filesystem::remove(v.recovered);
  }

  std::unique_ptr<Node> node_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::atomic<bool> stop_{false};
  std::thread writer_;
  storm::Latencies lacks_;
  uint64_t recovered_ = 0;
};

TEST_F(LoggerKilled, AtAnyMomentLacksLessThanTheLastSecond) {
  const uint64_t kills = storm::scaled(4, 100), at_once = 10;
  for (uint64_t done = 0; done < kills;) {
    std::vector<Victim> victims;
    while (victims.size() < at_once && done < kills) victims.push_back(start(done++));
    std::sort(victims.begin(), victims.end(),
              [](const Victim& a, const Victim& b) { return a.kill_ns < b.kill_ns; });
    for (Victim& v : victims) {
      storm::elapse(std::chrono::nanoseconds(std::max<int64_t>(0, v.kill_ns - boottime_ns())));
      v.killed_ns = boottime_ns();
      v.process->send(SIGKILL);
      EXPECT_EQ(v.process->wait().exit_code, 128 + SIGKILL);
    }
    for (const Victim& v : victims) judge(v);
  }
  storm::print_figures("loggers killed: {}, of which {} could be recovered; what lacks: {}; seed {}", kills,
                       recovered_, lacks_.text(), storm::seed_of_run());
  EXPECT_LE(lacks_.percentile_ms(100), 1000.0 * static_cast<double>(storm::patience_factor()));
  EXPECT_GT(recovered_, kills / 3);
}

}  // namespace
}  // namespace smt::tools
