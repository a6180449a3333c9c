// What a relay's log says last is what is true.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

class RelayLog : public RelayTest {
 protected:
  // The lines of a log that name the peer.
  static std::vector<std::string> lines_of(const std::string& log, const std::string& peer) {
    std::vector<std::string> lines;
    for (size_t begin = 0, end; begin < log.size(); begin = end + 1) {
      end = std::min(log.find('\n', begin), log.size());
      const std::string line = log.substr(begin, end - begin);
      if (line.find("peer " + peer + " on ") != std::string::npos) lines.push_back(line);
    }
    return lines;
  }
};

TEST_F(RelayLog, TellsThatAPeerIsBackEachTimeAndNotOnceAMinute) {
  publish("x", "u8", "1");
  const Relay robot = pub();
  const Relay vm = start({"smtrelay_sub", "--domain", "vm", "--name", "vm", "--bind", "tcp://127.0.0.1:*"});
  std::string log_of_vm;
  for (int i = 0; i < 3; ++i) {
    Relay base = sub(robot.endpoint());
    ASSERT_TRUE(becomes("base", "x", State::kSourceDead));
    base.process->send(SIGTERM);
    EXPECT_EQ(base.process->wait().exit_code, 0);
    // The same for a relay that is dialled, and its log.
    Relay dials =
        start({"smtrelay_pub", "--domain", "robot", "--name", "robot2", "--connect", vm.endpoint()});
    ASSERT_TRUE(becomes("vm", "x", State::kSourceDead));
    dials.process->send(SIGKILL);
    ASSERT_TRUE(becomes("vm", "x", State::kLinkDown));
    dials.process->wait();
  }
  const Relay last = sub(robot.endpoint());
  ASSERT_TRUE(becomes("base", "x", State::kSourceDead));
  robot.process->send(SIGTERM);
  vm.process->send(SIGTERM);
  const std::vector<std::string> base = lines_of(robot.process->wait().err, "base");
  const std::vector<std::string> robot2 = lines_of(vm.process->wait().err, "robot2");
  ASSERT_EQ(base.size(), 7u);
  ASSERT_EQ(robot2.size(), 6u);
  for (size_t i = 0; i < 7; ++i)
    EXPECT_EQ(base[i].find(" is gone: ") != std::string::npos, i % 2 == 1) << base[i];
  for (size_t i = 0; i < 6; ++i)
    EXPECT_EQ(robot2[i].find(" is gone: ") != std::string::npos, i % 2 == 1) << robot2[i];
}

TEST_F(RelayLog, OfOneThatDialsEndsWithWhatIsTrue) {
  publish("x", "u8", "1");
  const std::string endpoint = "ipc://" + root_ + "/link";
  const auto robot = [&] {
    return start({"smtrelay_pub", "--domain", "robot", "--name", "robot", "--bind", endpoint});
  };
  std::optional<Relay> source(robot());
  const Relay base = sub(endpoint);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(becomes("base", "x", State::kSourceDead));
    source->process->send(SIGTERM);
    source->process->wait();
    ASSERT_TRUE(becomes("base", "x", State::kLinkDown));
    source.emplace(robot());
  }
  ASSERT_TRUE(becomes("base", "x", State::kSourceDead));
  base.process->send(SIGTERM);
  const std::vector<std::string> lines = lines_of(base.process->wait().err, "robot");
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_THAT(lines.back(), testing::EndsWith("peer robot on " + endpoint));
}

TEST_F(RelayLog, TellsTheHeartbeatAndThePatienceThatAGatewayAsksFor) {
  publish("x", "u8", "1");
  const Relay gate =
      start({"smtrelay_proxy", "--name", "gate", "--bind", "tcp://127.0.0.1:*", "--heartbeat", "1s"});
  const Relay robot =
      start({"smtrelay_pub", "--domain", "robot", "--name", "robot", "--connect", gate.endpoint()});
  const Relay base = start({"smtrelay_sub", "--domain", "base", "--name", "base", "--connect",
                            gate.endpoint(), "--patience", "3s"});
  ASSERT_TRUE(becomes("base", "x", State::kSourceDead));
  robot.process->wait_for_error("peer gate on " + gate.endpoint() + ", heartbeat 1 s, patience 2.5 s\n");
  base.process->wait_for_error("peer gate on " + gate.endpoint() + ", heartbeat 1 s, patience 3 s\n");
}

}  // namespace
}  // namespace smt::tools
