// Whole systems whose log, progress, standard output and audit nobody takes for ten seconds, each in its way:
// a terminal after Ctrl-S, a full pipe, a reader that stands still.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <optional>
#include <set>

#include "cmd/recording/log_events.h"
#include "cmd/recording/open_log.h"
#include "cmd/serve/relay_loop.h"
#include "relay/store/mem_store.h"
#include "tests/fifo.h"
#include "tests/full_pipe.h"
#include "tests/row.h"
#include "tests/tools/stalled_tools.h"

namespace smt::tools {
namespace {

constexpr int64_t kStallNs = 10 * kSecond;
constexpr char kStopOutput = 0x13;  // Ctrl-S

enum class Stall { kTerminal, kFullPipe, kStoppedReader };

// A tool whose words nobody takes.
class Unread {
 public:
  Unread(const std::vector<std::string>& args, Process::Options options, Stall stall,
         const std::string& fifo) {
    if (stall == Stall::kTerminal) {
      in_terminal_ = std::make_unique<TerminalProcess>(args, options);
      in_terminal_->type(std::string(1, kStopOutput));
      return;
    }
    if (stall == Stall::kFullPipe) {
      full_ = std::make_unique<FullPipe>();
      options.stdout_fd = options.stderr_fd = full_->writer();
    } else {
      fifo_.emplace(fifo);
      Process::Options from;
      from.stdin_path = fifo;
      reader_ = std::make_unique<Process>(std::vector<std::string>{"/bin/cat"}, from);
      reader_->send(SIGSTOP);
      writer_ = Fd(open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
      options.stdout_fd = options.stderr_fd = writer_.get();
    }
    process_ = std::make_unique<Process>(args, options);
  }

  // For StalledTest.
  template <class Check>
  void with_process(const Check& check) {
    if (in_terminal_ != nullptr) {
      check(in_terminal_.get());
    } else {
      check(process_.get());
    }
  }
  // REQUIRES: a full pipe. Reads until `text` comes, and that line.
  std::string reads_until(const std::string& text) {
    full_->empty();
    std::string got;
    while (got.find(text) == got.npos && got.size() < (1 << 20)) got += full_->read(1);
    EXPECT_LT(got.size(), size_t{1} << 20) << text;
    return got.substr(got.rfind('\n') + 1);
  }

 private:
  std::unique_ptr<FullPipe> full_;
  std::optional<Fifo> fifo_;
  Fd writer_;
  std::unique_ptr<Process> reader_, process_;
  std::unique_ptr<TerminalProcess> in_terminal_;
};

class StalledFull : public StalledTest {
 protected:
  // A robot, a gateway and a base.
  struct System {
    std::string name;
    Stall stall;
    std::unique_ptr<Fifo> audit;
    std::vector<std::unique_ptr<Unread>> tools;
    Unread* pub = nullptr;
    std::unique_ptr<Process> holder;
    int64_t oldest_ns = 0;  // age of x in the base
    int64_t late_ns = -1;   // the dead man
    int64_t end_ns = 0;     // how long the slowest tool took to end
    std::string lost = "";  // what pub said of it
  };

  std::string recording(const System& s) const { return root_ + "/" + s.name + ".mcap"; }
  Unread* add(System* s, const std::vector<std::string>& args) const {
    const std::string fifo = root_ + "/" + s->name + ".out" + std::to_string(s->tools.size());
    s->tools.push_back(std::make_unique<Unread>(args, env(), s->stall, fifo));
    return s->tools.back().get();
  }
  // All of it runs, with a holder, and then the audit stands still too.
  System system(const std::string& name, Stall stall) const {
    System s{name, stall, std::make_unique<Fifo>(root_ + "/" + name + ".audit"), {}, nullptr, nullptr};
    const std::string base = "base-" + name, gate = "gate-" + name;
    add(&s, counting(name));
    add(&s, {"smtcore", "--domain", name, "--interval", "100ms", "--log", "debug"});
    s.pub = add(&s, {"smtrelay_pub", "--domain", name, "--config", robot(name), "--audit", s.audit->path(),
                     "--log", "debug"});
    add(&s, {"smtrelay_proxy", "--name", gate, "--connect", endpoint(name), "--bind", endpoint(gate), "--log",
             "debug"});
    add(&s,
        {"smtrelay_sub", "--domain", base, "--name", base, "--connect", endpoint(gate), "--log", "debug"});
    add(&s, {"smtlogger", "--domain", name, "--output", recording(s), "--log", "debug"});
    add(&s, {"smtreplay", "--domain", "replay-" + name, root_ + "/flight", "--log", "debug"});
    EXPECT_TRUE(becomes(base, "x", State::kFresh)) << name;
    EXPECT_TRUE(eventually([&] { return held("replay-" + name, "a/0").has_value(); })) << name;
    s.holder = std::make_unique<Process>(holding(name), env());
    s.holder->wait_for_output("cmd/speed = 5.0");
    return s;
  }
  // A peer that asks for what it may not set, more than a log holds that nobody takes.
  void flood(const std::string& robot) const {
    relay::MemStore store;
    relay::RelayOptions options;
    options.name = "flood";
    options.origin_id = cmd::random_id();
    cmd::RelayLoop loop(&store, std::move(options));
    Result<cmd::RelayLoop::Links> links = loop.dial({endpoint(robot)});
    ASSERT_TRUE(links.ok());
    loop.add(std::move(*links));
    constexpr int kAsked = 1000;
    int asked = 0;
    std::set<uint64_t> open;
    loop.run([&](int64_t now) -> std::optional<int64_t> {
      std::erase_if(open, [&](uint64_t request) { return loop.engine().set_result(request).done; });
      if (loop.engine().peers().empty()) return now + kMs;
      for (; open.size() < 32 && asked < kAsked; ++asked) {
        const std::string topic = "flood/" + std::string(200, 'x') + std::to_string(asked);
        open.insert(loop.engine().set({.topic = topic, .holder_name = "flood"}, now, 2 * kSecond));
      }
      return open.empty() ? std::nullopt : std::optional(now + kMs);
    });
    EXPECT_EQ(asked, kAsked);
  }
  void look_at_mirror(System* s) const {
    const std::optional<Held> x = held("base-" + s->name, "x");
    EXPECT_TRUE(x && x->freshness.state == State::kFresh) << s->name;
    if (x) s->oldest_ns = std::max(s->oldest_ns, x->freshness.age_ns.value_or(0));
  }
  // By the logger.
  uint64_t missed(const System& s) const {
    Result<std::unique_ptr<cmd::LogReader>> log = cmd::open_log(recording(s));
    EXPECT_TRUE(log.ok()) << log.status().message();
    uint64_t missed = 0, samples = 0;
    for (cmd::LogSample sample; log.ok() && (*log)->next(&sample);) {
      missed += sample.missed;
      samples += sample.topic->name == "x";
    }
    EXPECT_GE(samples, 900u) << s.name;
    return missed;
  }
  void end(System* s) const {
    const std::string lost = " lines were lost, as nobody read standard error";
    if (s->stall == Stall::kFullPipe) s->lost = s->pub->reads_until(lost);
    for (const std::unique_ptr<Unread>& tool : s->tools) {
      tool->with_process(
          [&](auto* process) { s->end_ns = std::max(s->end_ns, expect_end_within_a_second(process)); });
    }
    EXPECT_EQ(missed(*s), 0u) << s->name;
    const std::optional<Held> replayed = held("replay-" + s->name, "a/0");
    EXPECT_GE(replayed ? replayed->sequence : 0, 900u) << s->name;
  }
  void run(const std::string& number) {
    const Lateness machine;
    std::vector<System> systems;
    systems.push_back(system("terminal" + number, Stall::kTerminal));
    systems.push_back(system("pipe" + number, Stall::kFullPipe));
    systems.push_back(system("reader" + number, Stall::kStoppedReader));
    const int64_t begin = boottime_ns();
    for (System& s : systems) s.audit->fill();
    for (System& s : systems) s.holder->send(SIGKILL);
    for (System& s : systems) flood(s.name);
    while (boottime_ns() < begin + kStallNs) {
      for (System& s : systems) look_at_mirror(&s);
      usleep(20'000);
    }
    for (System& s : systems) {
      s.late_ns = dead_man_late_ns(s.name);
      EXPECT_GE(s.late_ns, 0) << s.name;
      EXPECT_LE(s.late_ns, 50 * kMs + machine.max_ns()) << s.name;
      end(&s);
      printf(
          "%s: dead man late by %.1f ms, x at most %.1f ms old, ends in %.0f ms; the machine was late by "
          "%.1f ms %s\n",
          s.name.c_str(), ms(s.late_ns), ms(s.oldest_ns), ms(s.end_ns), ms(machine.max_ns()), s.lost.c_str());
      latest_ns_ = std::max(latest_ns_, s.late_ns);
    }
    fflush(stdout);
  }

  static double ms(int64_t ns) { return static_cast<double>(ns) / 1e6; }
  static int failures() {
    const testing::TestResult* result = testing::UnitTest::GetInstance()->current_test_info()->result();
    int failed = 0;
    for (int i = 0; i < result->total_part_count(); ++i) failed += result->GetTestPartResult(i).failed();
    return failed;
  }

  int64_t latest_ns_ = 0;
};

TEST_F(StalledFull, ReadersAndAuditsHoldUpNoSystem) {
  std::string rows = "timestamp,x\nuint64_t,double\n";
  for (int i = 0; i < 6000; ++i)
    rows += std::to_string(1'000'000 + i * 10'000) + "," + std::to_string(i) + "\n";
  write("flight/a.0.csv", rows);
  const uint64_t runs = Scale::get().scaled(1, 20, 1);
  uint64_t violations = 0;
  for (uint64_t i = 0; i < runs; ++i) {
    const int before = failures();
    run(std::to_string(i));
    violations += failures() != before;
  }
  print_row({.id = "R22",
             .what = "readers and audits that stand still",
             .n = runs,
             .violations = violations,
             .max_ms = ms(latest_ns_)});
}

}  // namespace
}  // namespace smt::tools
