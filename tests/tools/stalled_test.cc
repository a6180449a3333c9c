// Nobody reads what a tool says, and nothing of what the tool is there for stands still: a terminal after
// Ctrl-S, a pipe that is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>

#include "cmd/recording/log_events.h"
#include "cmd/recording/open_log.h"
#include "shm/clock.h"
#include "shm/node.h"
#include "tests/full_pipe.h"
#include "tests/tools/relay_domains.h"
#include "tests/tools/terminal_process.h"

namespace smt::tools {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr char kStopOutput = 0x13;  // Ctrl-S

class Stalled : public RelayTest {
 protected:
  // Its stdout and its stderr take nothing.
  std::unique_ptr<Process> start_unread(const std::vector<std::string>& args) const {
    Process::Options options = env();
    options.stdout_fd = out_.writer();
    options.stderr_fd = err_.writer();
    return std::make_unique<Process>(args, options);
  }
  std::unique_ptr<TerminalProcess> start_stopped(const std::vector<std::string>& args) const {
    auto process = std::make_unique<TerminalProcess>(args, env());
    process->type(std::string(1, kStopOutput));
    return process;
  }
  static void expect_end_within_a_second(Process* process) {
    EXPECT_TRUE(eventually([&] { return blocks_signal(process->pid(), SIGTERM); }));
    const int64_t begin = boottime_ns();
    process->send(SIGTERM);
    EXPECT_EQ(process->wait().exit_code, 0);
    EXPECT_LT(boottime_ns() - begin, kSecondNs);
  }
  std::string endpoint(const std::string& name) const { return "ipc://" + root_ + "/" + name + ".ipc"; }
  std::string robot(const std::string& rules) const {
    return write("robot.toml",
                 "version = 1\nname = 'robot'\n[[peer]]\nbind = '" + endpoint("robot") + "'\n" + rules);
  }
  std::vector<std::string> counting(const std::string& domain) const {
    return {"smtsinewave", "--domain", domain, "--rate", "100", "x"};
  }
  // The mirror is fresh, and stays so while `seconds` of new values come.
  void expect_mirror(int seconds) const {
    ASSERT_TRUE(becomes("base", "x", State::kFresh));
    const uint64_t first = held("base", "x")->sequence;
    EXPECT_TRUE(eventually([&] { return held("base", "x")->sequence >= first + 100u * seconds; }));
    EXPECT_EQ(held("base", "x")->freshness.state, State::kFresh);
  }

  FullPipe out_, err_;
};

TEST_F(Stalled, ReadersHoldUpNeitherAMirrorNorAReconnectionNorTheEnd) {
  const auto source = start_unread(counting("robot"));
  auto pub = start_unread({"smtrelay_pub", "--domain", "robot", "--config", robot("")});
  const auto proxy = start_unread(
      {"smtrelay_proxy", "--name", "gate", "--connect", endpoint("robot"), "--bind", endpoint("gate")});
  const auto sub =
      start_unread({"smtrelay_sub", "--domain", "base", "--name", "base", "--connect", endpoint("gate")});
  expect_mirror(2);
  // Each loss and each return of a peer is a line of the log.
  pub->send(SIGKILL);
  pub->wait();
  EXPECT_TRUE(becomes("base", "x", State::kLinkDown));
  pub = start_unread({"smtrelay_pub", "--domain", "robot", "--config", robot("")});
  expect_mirror(1);
  for (Process* process : {sub.get(), proxy.get(), pub.get(), source.get()})
    expect_end_within_a_second(process);
}

TEST_F(Stalled, ReadersDoNotKeepARobotFromBeingStopped) {
  const auto pub = start_unread({"smtrelay_pub", "--domain", "robot", "--log", "debug", "--config",
                                 robot("[[write]]\ntopic = 'cmd/**'\ntype = 'f64'\ndead_man = '400ms'\n")});
  Process holder(
      {"smtrelay_client", "--connect", endpoint("robot"), "set", "cmd/speed", "5", "--every", "50ms"}, env());
  holder.wait_for_output("cmd/speed = 5.0");
  EXPECT_TRUE(becomes("robot", "cmd/speed", State::kFresh));
  holder.send(SIGKILL);
  holder.wait();
  EXPECT_TRUE(becomes("robot", "cmd/speed", State::kSubstituted));
  expect_end_within_a_second(pub.get());
}

TEST_F(Stalled, ReadersDoNotKeepTheCoreFromItsCensus) {
  const auto core = start_unread({"smtcore", "--domain", "robot", "--interval", "100ms"});
  const auto nodes = [&](uint64_t min_nodes) {
    return eventually([&] { return counter("robot", "smt/core/domain", "nodes_live") >= min_nodes; });
  };
  const auto one = start_unread(counting("robot"));
  EXPECT_TRUE(nodes(1)) << "of which the log tells";
  const auto other = start_unread({"smtsinewave", "--domain", "robot", "y"});
  EXPECT_TRUE(nodes(2));
  expect_end_within_a_second(core.get());
}

TEST_F(Stalled, TerminalsDoNotKeepALoggerFromAnySample) {
  const auto logger = start_stopped({"smtlogger", "--output", root_ + "/a.mcap", "--log", "debug"});
  constexpr uint64_t kSamples = 3'000;
  Result<std::unique_ptr<Node>> node = Node::open(domain(), {.name = "source"});
  ASSERT_TRUE(node.ok());
  Result<Publisher> x =
      (*node)->advertise({.name = "x", .schema = Schema::scalar(Type::kU64), .history = 4096});
  ASSERT_TRUE(x.ok());
  for (uint64_t i = 0; i < kSamples; ++i) {
    ASSERT_TRUE(x->publish(std::as_bytes(std::span(&i, 1))).ok());
    usleep(500);
  }
  const int64_t begin = boottime_ns();
  logger->send(SIGINT);
  logger->wait();
  EXPECT_LT(boottime_ns() - begin, kSecondNs);
  Result<std::unique_ptr<cmd::LogReader>> log = cmd::open_log(root_ + "/a.mcap");
  ASSERT_TRUE(log.ok()) << log.status().message();
  uint64_t samples = 0, missed = 0;
  for (cmd::LogSample s; (*log)->next(&s);) {
    if (s.topic->name != "x") continue;
    ++samples;
    missed += s.missed;
  }
  EXPECT_EQ(samples, kSamples);
  EXPECT_EQ(missed, 0u);
  EXPECT_TRUE((*log)->complete());
}

TEST_F(Stalled, TerminalsDoNotHoldUpAReplay) {
  std::string rows = "timestamp,x\nuint64_t,double\n";
  for (int i = 0; i < 200; ++i)
    rows += std::to_string(1'000'000 + i * 10'000) + "," + std::to_string(i) + "\n";
  write("flight/a.0.csv", rows);
  const auto replay = start_stopped({"smtreplay", root_ + "/flight"});
  EXPECT_TRUE(eventually([&] {
    const std::optional<Held> now = held("d", "a/0");
    return now && now->sequence == 200;
  }));
  replay->wait(0);
}

}  // namespace
}  // namespace smt::tools
