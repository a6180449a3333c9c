// Nobody reads what a tool says, and nothing of what the tool is there for stands still: a terminal after
// Ctrl-S, a pipe that is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <memory>

#include "cmd/recording/log_events.h"
#include "cmd/recording/open_log.h"
#include "shm/clock.h"
#include "shm/node.h"
#include "tests/fifo.h"
#include "tests/full_pipe.h"
#include "tests/tools/json.h"
#include "tests/tools/stalled_tools.h"
#include "tests/tools/terminal_process.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;

constexpr char kStopOutput = 0x13;  // Ctrl-S

class Stalled : public StalledTest {
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
  // The mirror is fresh, and stays so while `seconds` of new values come.
  void expect_mirror(int seconds) const {
    ASSERT_TRUE(becomes("base", "x", State::kFresh));
    const uint64_t first = held("base", "x")->sequence;
    EXPECT_TRUE(eventually([&] { return held("base", "x")->sequence >= first + 100u * seconds; }));
    EXPECT_EQ(held("base", "x")->freshness.state, State::kFresh);
  }
  // With an audit that the test holds up.
  Relay audited(const Fifo& audit) const {
    return start({"smtrelay_pub", "--domain", "robot", "--config", robot(), "--audit", audit.path()});
  }
  uint64_t write_counter(const std::string& field) const {
    return counter("robot", "smt/relay/robot/pub/write", field);
  }

  FullPipe out_, err_;
};

TEST_F(Stalled, ReadersHoldUpNeitherAMirrorNorAReconnectionNorTheEnd) {
  const auto source = start_unread(counting("robot"));
  auto pub = start_unread({"smtrelay_pub", "--domain", "robot", "--config", robot()});
  const auto proxy = start_unread(
      {"smtrelay_proxy", "--name", "gate", "--connect", endpoint("robot"), "--bind", endpoint("gate")});
  const auto sub =
      start_unread({"smtrelay_sub", "--domain", "base", "--name", "base", "--connect", endpoint("gate")});
  expect_mirror(2);
  // Each loss and each return of a peer is a line of the log.
  pub->send(SIGKILL);
  pub->wait();
  EXPECT_TRUE(becomes("base", "x", State::kLinkDown));
  pub = start_unread({"smtrelay_pub", "--domain", "robot", "--config", robot()});
  expect_mirror(1);
  for (Process* process : {sub.get(), proxy.get(), pub.get(), source.get()})
    expect_end_within_a_second(process);
}

TEST_F(Stalled, ReadersDoNotKeepARobotFromBeingStopped) {
  const Lateness machine;
  const auto pub = start_unread({"smtrelay_pub", "--domain", "robot", "--log", "debug", "--config", robot()});
  Process holder(holding("robot"), env());
  holder.wait_for_output("cmd/speed = 5.0");
  EXPECT_TRUE(becomes("robot", "cmd/speed", State::kFresh));
  holder.send(SIGKILL);
  holder.wait();
  EXPECT_TRUE(becomes("robot", "cmd/speed", State::kSubstituted));
  EXPECT_GE(dead_man_late_ns("robot"), 0);
  EXPECT_LE(dead_man_late_ns("robot"), 50 * kMs + machine.max_ns());
  expect_end_within_a_second(pub.get());
}

TEST_F(Stalled, AnAuditRefusesSetsAndHoldsUpNothingElse) {
  const Lateness machine;
  Fifo audit(root_ + "/audit");
  const Process source(counting("robot"), env());
  const Relay pub = audited(audit);
  const Relay mirror = sub(pub.endpoint());
  Process holder(holding("robot"), env());
  holder.wait_for_output("cmd/speed = 5.0");
  audit.fill();
  const Ended refused = holder.wait();
  EXPECT_EQ(refused.exit_code, 6);
  EXPECT_THAT(refused.err, HasSubstr("topic cmd/speed: "));
  EXPECT_THAT(refused.err, HasSubstr("so nothing is"));
  EXPECT_TRUE(becomes("robot", "cmd/speed", State::kSubstituted)) << "the robot stops all the same";
  EXPECT_GE(dead_man_late_ns("robot"), 0);
  EXPECT_LE(dead_man_late_ns("robot"), 50 * kMs + machine.max_ns());
  const int64_t begin = boottime_ns();
  const Ended late = client(pub.endpoint(), {"set", "param/gain", "1"});
  EXPECT_GE(boottime_ns() - begin, kSecond);
  EXPECT_EQ(late.exit_code, 6);
  EXPECT_THAT(late.err,
              HasSubstr("robot: topic param/gain: the audit was not written within 1 s, so nothing is"));
  EXPECT_FALSE(held("robot", "param/gain").has_value());
  EXPECT_TRUE(eventually([&] { return write_counter("refused_no_audit") >= 2; }));
  expect_mirror(1);
  expect_end_within_a_second(pub.process.get());
}

TEST_F(Stalled, AnAuditThatGoesOnHasAllLinesInOrderAndClaimsNothing) {
  Fifo audit(root_ + "/audit");
  const Relay pub = audited(audit);
  EXPECT_EQ(client(pub.endpoint(), {"set", "param/gain", "1"}).exit_code, 0);
  audit.fill();
  for (const char* value : {"2", "3"}) {
    EXPECT_EQ(client(pub.endpoint(), {"set", "param/gain", value}).exit_code, 6);
    EXPECT_EQ(client(pub.endpoint(), {"set", "arm/pose", value}).exit_code, 6);
  }
  std::string text = audit.take();
  EXPECT_EQ(client(pub.endpoint(), {"set", "param/gain", "4"}).exit_code, 0);
  EXPECT_TRUE(eventually([&] {
    text += audit.take();
    return text.find("released", text.find("4.0")) != text.npos && text.ends_with('\n');
  }));
  std::vector<std::string> acts;
  size_t sets = 0, taken_back = 0;
  std::string before;
  for (const Json& line : json_lines(text)) {
    EXPECT_GE(line["time"], before);
    before = line["time"];
    acts.push_back(line["act"]);
    sets += line["act"] == "set";
    taken_back += line["text"].get<std::string>().ends_with("may say that it was set: it was not");
  }
  EXPECT_EQ(std::count(acts.begin(), acts.end(), "refused"), 4);
  EXPECT_EQ(sets, 2 + taken_back);
  EXPECT_LE(taken_back, 1u) << "others were taken back";
  EXPECT_TRUE(eventually([&] { return write_counter("written") == 2; }));
  expect_end_within_a_second(pub.process.get());
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
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(root_ + "/a.mcap"); })) << "it has begun";
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
  EXPECT_LT(boottime_ns() - begin, kSecond);
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
