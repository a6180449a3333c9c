// smtrelay_client why, seen from outside: processes, real memories, a fault planted and its sentence read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/tools/json.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class RelayWhy : public RelayTest {
 protected:
  // A program that publishes `topic` in a domain until it is killed.
  std::unique_ptr<Process> writer(const std::string& domain, const std::string& topic,
                                  const std::string& type = "f64") const {
    return std::make_unique<Process>(
        std::vector<std::string>{"smtsinewave", topic, "--type", type, "--rate", "100", "--domain", domain},
        env());
  }
  Ended why(const Relay& at, const std::string& topic, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"why", topic});
    return client(at.endpoint(), more);
  }
  // Asks until the last line says so: relays need a moment to meet.
  testing::AssertionResult says(const Relay& at, const std::string& topic, int exit_code,
                                const std::string& last_line) const {
    Ended ended;
    const bool said = eventually([&] {
      ended = why(at, topic);
      return ended.exit_code == exit_code && last_line_of(ended).find(last_line) != std::string::npos;
    });
    if (said) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "exit code " << ended.exit_code << "\n" << ended.out << ended.err;
  }
  static std::string last_line_of(const Ended& ended) {
    const size_t end = ended.out.find_last_not_of('\n');
    if (end == std::string::npos) return "";
    const size_t begin = ended.out.rfind('\n', end);
    return ended.out.substr(begin == std::string::npos ? 0 : begin + 1, end - begin);
  }
};

TEST_F(RelayWhy, ShowsEachHopOfATopicThatPasses) {
  const auto sine = writer("robot", "wheel/speed");
  const Relay gate = proxy();
  const Relay robot = pub({"--connect", gate.endpoint()});
  const Relay base = sub(gate.endpoint(), {"--prefix", "r1"});
  ASSERT_TRUE(becomes("base", "r1/wheel/speed", State::kFresh));
  ASSERT_TRUE(says(gate, "wheel/speed", 0, "wheel/speed passes everywhere; base from gate: "));
  const Json steps = Json::parse(why(gate, "wheel/speed", {"-f", "json"}).out);
  std::vector<std::string> way;
  for (const Json& s : steps) {
    EXPECT_EQ(s["stops"], false);
    way.push_back(s["relay"].get<std::string>() + " " + s["where"].get<std::string>() + " " +
                  s["verdict"].get<std::string>() + " " + s["topic"].get<std::string>());
  }
  EXPECT_THAT(way,
              testing::ElementsAre("robot here passes wheel/speed", "robot to gate passes wheel/speed",
                                   "gate from robot passes wheel/speed", "gate here passes wheel/speed",
                                   "gate to base passes wheel/speed", "base from gate renamed r1/wheel/speed",
                                   "base here passes r1/wheel/speed"));
  EXPECT_LT(steps[0]["age_ns"], 10'000'000'000);
}

TEST_F(RelayWhy, NamesTheWriterThatDied) {
  const auto sine = writer("robot", "wheel/speed");
  const Relay robot = pub();
  const Relay base = sub(robot.endpoint());
  ASSERT_TRUE(becomes("base", "wheel/speed", State::kFresh));
  const pid_t pid = sine->pid();
  sine->send(SIGKILL);
  sine->wait();
  EXPECT_TRUE(says(robot, "wheel/speed", 1, "stopped at robot: its writer, node sinewave-"));
  EXPECT_THAT(last_line_of(why(robot, "wheel/speed")),
              MatchesRegex(".* \\(pid " + std::to_string(pid) + " on .*\\), is gone; the last value stays"));
}

TEST_F(RelayWhy, NamesTheRuleThatFilters) {
  const auto sine = writer("robot", "camera/raw/front");
  const Relay gate = proxy({"--exclude", "camera/raw/**"});
  const Relay robot = pub({"--connect", gate.endpoint()});
  const Relay base = sub(gate.endpoint());
  EXPECT_TRUE(says(gate, "camera/raw/front", 1,
                   "stopped at gate, on the way to base: [[send]] rule 1 excludes it by camera/raw/**"));
}

TEST_F(RelayWhy, KnowsTheRightNameOfAWrongOne) {
  const auto sine = writer("robot", "wheel/speed");
  const Relay gate = proxy();
  const Relay robot = pub({"--connect", gate.endpoint()});
  EXPECT_TRUE(says(gate, "weel/speed", 4, "weel/speed is nowhere; did you mean wheel/speed?"));
  EXPECT_TRUE(says(gate, "r1/wheel/speed", 4, "r1/wheel/speed is nowhere; robot has wheel/speed"));
  EXPECT_TRUE(says(gate, "something/else/entirely", 4, "something/else/entirely is nowhere"));
}

TEST_F(RelayWhy, SaysThatNobodyAsks) {
  const auto sine = writer("robot", "wheel/speed");
  const Relay robot = pub();
  EXPECT_TRUE(says(robot, "wheel/speed", 1, "stopped at robot: no relay is here that could ask for it"));
  const Relay base = sub(robot.endpoint(), {"--topic", "arm/**"});
  EXPECT_TRUE(
      says(robot, "wheel/speed", 1, "stopped at base, on the way from robot: no [[receive]] rule names it"));
}

TEST_F(RelayWhy, NamesTheOtherMirrorOfTwo) {
  const auto sine = writer("robot", "wheel/speed");
  const Relay robot = pub();
  const Relay first = sub(robot.endpoint());
  ASSERT_TRUE(becomes("base", "wheel/speed", State::kFresh));
  const Relay second =
      start({"smtrelay_sub", "--domain", "base", "--name", "spare", "--connect", robot.endpoint()});
  EXPECT_TRUE(
      says(robot, "wheel/speed", 1,
           "stopped at spare, on the way from robot: topic wheel/speed is mirrored by node mirror-base "
           "(pid " +
               std::to_string(first.process->pid()) + " on "));
}

TEST_F(RelayWhy, SaysThatALinkIsCut) {
  const auto sine = writer("robot", "wheel/speed");
  Relay robot = pub();
  const Relay gate = proxy({"--connect", robot.endpoint()});
  const Relay base = sub(gate.endpoint());
  ASSERT_TRUE(becomes("base", "wheel/speed", State::kFresh));
  robot.process->send(SIGKILL);
  robot.process->wait();
  EXPECT_TRUE(
      says(gate, "wheel/speed", 1, "stopped at gate: nobody has answered at " + robot.endpoint() + " for "));
  EXPECT_TRUE(says(gate, "wheel/spee", 1, "stopped at gate: nobody has answered at " + robot.endpoint()));
}

TEST_F(RelayWhy, NamesAHungRelay) {
  const auto sine = writer("robot", "wheel/speed");
  const Relay gate = proxy();
  const Relay robot = pub({"--connect", gate.endpoint()});
  ASSERT_TRUE(says(gate, "wheel/speed", 1, "stopped at robot, on the way to gate: gate asks for nothing"));
  robot.process->send(SIGSTOP);
  const Ended ended = why(gate, "wheel/speed");
  robot.process->send(SIGCONT);
  // The gate finds the session silent before the time of an answer is over, and ends it.
  EXPECT_EQ(ended.exit_code, 3) << ended.out;
  EXPECT_THAT(last_line_of(ended), MatchesRegex("stopped at gate: peer robot (was lost while it was asked|"
                                                "has not answered in time)"));
  EXPECT_THAT(ended.err, HasSubstr("not all relays have answered in time"));
}

TEST_F(RelayWhy, TellsBothLayoutsOfOneName) {
  const auto here = writer("robot", "wheel/speed");
  const auto there = writer("base", "wheel/speed", "i32");
  const Relay robot = pub();
  const Relay base = sub(robot.endpoint());
  EXPECT_TRUE(says(robot, "wheel/speed", 1, "both publish it, with different layouts"));
  EXPECT_THAT(last_line_of(why(robot, "wheel/speed")), HasSubstr("stopped at base: "));
}

TEST_F(RelayWhy, RefusesWhatIsNoNameAndSaysThatNobodyIsThere) {
  EXPECT_EQ(client("tcp://127.0.0.1:1", {"why", "x", "--timeout", "200ms"}).exit_code, 7);
  EXPECT_EQ(client("tcp://127.0.0.1:1", {"why", "a//b"}).exit_code, 2);
  EXPECT_EQ(client("tcp://127.0.0.1:1", {"why"}).exit_code, 2);
}

}  // namespace
}  // namespace smt::tools
