// smtrelay_client set from outside: who may, who holds the lease, what becomes of a topic whose writer is
// killed, and what the audit says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>

#include "tests/text.h"
#include "tests/tools/json.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

class SetTool : public RelayTest {
 protected:
  // A robot with these rules, that binds a free port, or dials.
  Relay robot(const std::string& rules, std::vector<std::string> more = {},
              const std::string& name = "robot") const {
    const std::string path = write(name + ".toml", "version = 1\n" + rules);
    more.insert(more.begin(), {"smtrelay_pub", "--domain", name, "--name", name, "--config", path});
    if (std::find(more.begin(), more.end(), "--connect") == more.end())
      more.insert(more.end(), {"--bind", "tcp://127.0.0.1:*"});
    return start(more);
  }
  Ended set(const Relay& at, const std::string& topic, const std::string& value,
            std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"set", topic, value});
    return client(at.endpoint(), more);
  }
  std::unique_ptr<Process> setter(const Relay& at, const std::vector<std::string>& args) const {
    std::vector<std::string> all = {"smtrelay_client", "--connect", at.endpoint(), "set"};
    all.insert(all.end(), args.begin(), args.end());
    return std::make_unique<Process>(all, env());
  }
  // A proxy and the robots behind it know each other.
  void meet(const Relay& gate, const std::string& topic, int exit_code) const {
    EXPECT_TRUE(eventually([&] { return set(gate, topic, "0").exit_code == exit_code; }));
  }
  // The number that a domain's memory has; a NaN where there is none.
  double number(const std::string& in, const std::string& topic) const {
    const std::optional<Held> now = held(in, topic);
    double value = NAN;
    if (now && now->bytes.size() == sizeof value) memcpy(&value, now->bytes.data(), sizeof value);
    return value;
  }
  // The state is written first, so that no reader takes the fail-safe value for a fresh one.
  bool stands_still(const std::string& in, const std::string& topic) const {
    return becomes(in, topic, State::kSubstituted) && eventually([&] { return number(in, topic) == 0; });
  }
};

const std::string kCommands = "[[write]]\ntopic = 'cmd/**'\ntype = 'f64'\n";
const std::string kParameters = "[[write]]\ntopic = 'param/**'\ntype = 'f64'\ndead_man = '0s'\n";

TEST_F(SetTool, IsDeniedWhereNoRuleAllowsIt) {
  publish("cmd/speed", "f64", "0.5");
  const Relay without = pub();
  const Ended ended = set(without, "cmd/speed", "1");
  EXPECT_EQ(ended.exit_code, 6);
  EXPECT_THAT(ended.err, HasSubstr("robot: "));
  EXPECT_THAT(ended.err, HasSubstr("[[write]] rule"));
  EXPECT_EQ(number("robot", "cmd/speed"), 0.5);
}

TEST_F(SetTool, WritesOnceAndLetsGo) {
  const Relay at = robot(kCommands + kParameters);
  const Ended first = set(at, "param/gain", "1.5", {"-f", "json"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  const Json told = Json::parse(first.out).at(0);
  EXPECT_EQ(told["topic"], "param/gain");
  EXPECT_EQ(told["value"]["value"], 1.5);
  EXPECT_EQ(told["relay"], "robot");
  EXPECT_EQ(told["sequence"], 1);
  EXPECT_EQ(told["lease_ns"], 1'000'000'000);
  EXPECT_EQ(told["dead_man_ns"], 0);
  EXPECT_EQ(number("robot", "param/gain"), 1.5);
  const Ended second = set(at, "param/gain", "-2");
  EXPECT_EQ(second.exit_code, 0) << "the first one has let go: " << second.err;
  EXPECT_EQ(second.out, "param/gain = -2.0 at robot, sample 2; lease 1 s, no dead man's time\n");
  // A command that nobody renews does not stay.
  EXPECT_EQ(set(at, "cmd/speed", "3").exit_code, 0);
  EXPECT_TRUE(stands_still("robot", "cmd/speed"));
  EXPECT_EQ(number("robot", "param/gain"), -2);
}

TEST_F(SetTool, SaysByItsExitCodeWhatIsWrong) {
  publish("odd/text", "string", "\"a\"");
  const Relay at = robot(
      "[[write]]\ntopic = 'cmd/**'\ntype = 'f64'\nmax = 2\n[[write]]\ntopic = 'none/**'\n"
      "[[write]]\ntopic = 'safe'\ntype = 'f64'\non_expiry = 'bytes'\nfail_safe = 'AAAA'\n"
      "[[write]]\ntopic = 'odd/**'\nmax = 1\n");
  const auto says = [&](const std::string& topic, const std::string& value, int code,
                        const std::string& why) {
    const Ended ended = set(at, topic, value);
    EXPECT_EQ(ended.exit_code, code) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(why));
    EXPECT_EQ(ended.out, "");
  };
  says("cmd/speed", "2.5", 6, "robot: topic cmd/speed: value is 2.5, and max is 2");
  says("cmd/speed", "\"nan\"", 6, "value is nan");
  says("none/x", "1", 4, "topic none/x is not there");
  says("safe", "1", 5, "fail-safe value has 3 bytes");
  says("odd/text", "\"b\"", 6, "type string has no numbers");
  says("cmd/speed", "[1, 2]", 2, "the array has 2 elements");
  says("cmd/speed", "fast", 2, "is not JSON");
  says("cmd/speed", std::string(50'000, '[') + std::string(50'000, ']'), 2,
       "nests brackets more than 64 deep");
  says("cmd//speed", "1", 2, "empty segment");
  EXPECT_EQ(client("tcp://127.0.0.1:1", {"set", "x", "1", "--timeout", "200ms"}).exit_code, 7);
  EXPECT_EQ(client(at.endpoint(), {"set", "x"}).exit_code, 2);
  EXPECT_EQ(set(at, "cmd/speed", "1", {"--duration", "1s"}).exit_code, 2);
  EXPECT_EQ(set(at, "cmd/speed", "1", {"--every", "1us"}).exit_code, 2);
}

TEST_F(SetTool, HasOneHolderAtATime) {
  const Relay at = robot(kCommands);
  const auto first = setter(at, {"cmd/speed", "1", "--every", "50ms"});
  first->wait_for_output("cmd/speed = 1.0 at robot");
  const Ended second = set(at, "cmd/speed", "2");
  EXPECT_EQ(second.exit_code, 6);
  EXPECT_THAT(second.err, MatchesRegex(".*robot: topic cmd/speed: held by .*@.* \\(by client-" +
                                       std::to_string(first->pid()) + "\\) for another .*s\n"));
  first->send(SIGINT);
  EXPECT_EQ(first->wait().exit_code, 0);
  const Ended third = set(at, "cmd/speed", "3");
  EXPECT_EQ(third.exit_code, 0) << third.err;
  EXPECT_EQ(number("robot", "cmd/speed"), 3);
}

TEST_F(SetTool, StopsTheRobotWhenTheHolderIsKilled) {
  const Relay at = robot("[[write]]\ntopic = 'cmd/**'\ntype = 'f64'\ndead_man = '400ms'\n");
  const auto holder = setter(at, {"cmd/speed", "5", "--every", "50ms"});
  holder->wait_for_output("cmd/speed = 5.0");
  EXPECT_TRUE(becomes("robot", "cmd/speed", State::kFresh));
  holder->send(SIGKILL);
  holder->wait();
  EXPECT_TRUE(stands_still("robot", "cmd/speed"));
  EXPECT_TRUE(eventually([&] { return counter("robot", "smt/relay/robot/pub/write", "fail_safe") == 1; }));
  EXPECT_EQ(set(at, "cmd/speed", "1").exit_code, 0) << "the lease is free";
}

TEST_F(SetTool, LeavesAStoppedRelaysTopicSafe) {
  const Relay at = robot(kCommands);
  EXPECT_EQ(set(at, "cmd/speed", "5", {"--keep"}).exit_code, 0);
  at.process->send(SIGTERM);
  const Ended ended = at.process->wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.err, HasSubstr("has to give up cmd/speed: the relay ends: zero is written"));
  EXPECT_EQ(number("robot", "cmd/speed"), 0);
}

TEST_F(SetTool, TakesValuesFromStdinLineByLine) {
  const Relay at = robot(kParameters);
  Process::Options with = env();
  with.stdin_path = write("values", "1\n2.5\n\"nan\"\n4");
  const Ended ended = run_process(
      {"smtrelay_client", "--connect", at.endpoint(), "set", "param/gain", "-", "-f", "jsonl"}, with);
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  std::vector<std::string> values;
  for (const Json& told : json_lines(ended.out)) values.push_back(told["value"]["value"].dump());
  EXPECT_THAT(values, ElementsAre("1.0", "2.5", "\"nan\"", "4.0"));
  EXPECT_EQ(number("robot", "param/gain"), 4);
  with.stdin_path = write("values", "1\nnothing\n2\n");
  EXPECT_EQ(
      run_process({"smtrelay_client", "--connect", at.endpoint(), "set", "param/gain", "-"}, with).exit_code,
      2);
  EXPECT_EQ(number("robot", "param/gain"), 1);
}

TEST_F(SetTool, NeverWritesOverAProgramOfTheRobot) {
  const Process driver({"smtsinewave", "cmd/speed", "--domain", "robot", "--rate", "100"}, env());
  ASSERT_TRUE(eventually([&] { return held("robot", "cmd/speed").has_value(); }));
  const Relay at = robot(kCommands);
  const Ended ended = set(at, "cmd/speed", "1");
  EXPECT_EQ(ended.exit_code, 6);
  EXPECT_THAT(ended.err, MatchesRegex(".*topic cmd/speed is written by node sinewave-[0-9a-f]* \\(pid " +
                                      std::to_string(driver.pid()) + " on .*\\)\n"));
}

TEST_F(SetTool, GoesOverAProxyAndAsksWhichOfTwoRobotsIsMeant) {
  const Relay gate = proxy();
  const Relay one = robot(kCommands, {"--connect", gate.endpoint()}, "one");
  meet(gate, "cmd/speed", 0);
  const Relay two = robot(kCommands, {"--connect", gate.endpoint()}, "two");
  meet(gate, "cmd/speed", 2);
  EXPECT_THAT(
      set(gate, "cmd/speed", "1").err,
      MatchesRegex(".*2 relays have a topic cmd/speed that may be set: (one, two|two, one); say which "
                   "with --at NAME\n"));
  const Ended ended = set(gate, "cmd/speed", "7", {"--at", "two"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(number("two", "cmd/speed"), 7);
  EXPECT_EQ(number("one", "cmd/speed"), 0) << "as it was";
  EXPECT_EQ(set(gate, "cmd/speed", "7", {"--at", "three"}).exit_code, 7);
  EXPECT_EQ(set(gate, "other", "7").exit_code, 6);
}

TEST_F(SetTool, GoesOnWhenTheProxyIsKilledAndComesBack) {
  const std::string endpoint = "ipc://" + root_ + "/gate";
  const auto gate = [&] { return start({"smtrelay_proxy", "--name", "gate", "--bind", endpoint}); };
  std::optional<Relay> first(gate());
  const Relay at =
      robot("[[write]]\ntopic = 'cmd/**'\ntype = 'f64'\ndead_man = '20s'\n", {"--connect", endpoint});
  meet(*first, "cmd/other", 0);
  const auto holder = setter(*first, {"cmd/speed", "5", "--every", "20ms"});
  holder->wait_for_output("cmd/speed = 5.0");
  first->process->send(SIGKILL);
  first->process->wait();
  holder->wait_for_error("trying again");
  const uint64_t before = held("robot", "cmd/speed")->sequence;
  const Relay second = gate();
  EXPECT_TRUE(eventually([&] { return held("robot", "cmd/speed")->sequence > before + 2; }));
  EXPECT_EQ(set(second, "cmd/speed", "6").exit_code, 6) << "it is still the same holder's";
  EXPECT_EQ(held("robot", "cmd/speed")->freshness.state, State::kFresh);
  holder->send(SIGTERM);
  EXPECT_EQ(holder->wait().exit_code, 0);
}

TEST_F(SetTool, WritesDownEachActInTheAudit) {
  const std::string path = root_ + "/audit.jsonl";
  const Relay at = robot("audit = '" + path + "'\n" + kCommands);
  EXPECT_EQ(set(at, "cmd/speed", "1", {"--every", "10ms", "--duration", "400ms"}).exit_code, 0);
  EXPECT_EQ(set(at, "arm/pose", "1").exit_code, 6);
  EXPECT_TRUE(becomes("robot", "cmd/speed", State::kSubstituted));
  ASSERT_TRUE(eventually([&] { return json_lines(contents(path)).back()["act"] == "expired"; }));
  std::map<std::string, int> acts;
  for (const Json& line : json_lines(contents(path))) ++acts[line["act"]];
  EXPECT_EQ(acts["lease"], 1);
  EXPECT_EQ(acts["released"], 1);
  EXPECT_EQ(acts["refused"], 1);
  EXPECT_EQ(acts["expired"], 1);
  EXPECT_GE(acts["set"], 10) << "none is left out";
  const Json first = json_lines(contents(path))[1];
  EXPECT_EQ(first["act"], "set");
  EXPECT_EQ(first["topic"], "cmd/speed");
  EXPECT_EQ(first["value"]["value"], 1.0);
  EXPECT_EQ(first["rule"], "[[write]] at " + root_ + "/robot.toml:3");
  EXPECT_THAT(first["holder"].get<std::string>(), HasSubstr("@"));
  EXPECT_THAT(first["peer"].get<std::string>(), HasSubstr("client-"));
  EXPECT_EQ(json_lines(contents(path))[0]["value"], nullptr);
  // The log holds repeats back, and tells their number at the end.
  EXPECT_TRUE(eventually([&] {
    return counter("robot", "smt/relay/robot/pub/write", "written") == static_cast<uint64_t>(acts["set"]);
  }));
  at.process->send(SIGTERM);
  const Ended ended = at.process->wait();
  EXPECT_THAT(ended.err, HasSubstr("may not set arm/pose"));
  EXPECT_THAT(ended.err, HasSubstr(" (" + std::to_string(acts["set"] - 2) + " more in the last "));
}

TEST_F(SetTool, GoesOnInANewAuditWhenTheOldOneIsRotated) {
  const std::string path = root_ + "/audit.jsonl";
  const Relay at = robot("audit = '" + path + "'\n" + kParameters);
  EXPECT_EQ(set(at, "param/gain", "1").exit_code, 0);
  // As logrotate does, with the signal in its postrotate.
  std::filesystem::rename(path, path + ".1");
  at.process->send(SIGHUP);
  at.process->wait_for_error("audit file " + path + " was renamed; lines go on in a new one there");
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(set(at, "param/gain", "2").exit_code, 0);
  const auto sets = [](const std::string& file) {
    std::vector<Json> values;
    for (const Json& line : json_lines(contents(file))) {
      if (line["act"] == "set") values.push_back(line["value"]["value"]);
    }
    return values;
  };
  EXPECT_THAT(sets(path + ".1"), ElementsAre(1.0));
  EXPECT_THAT(sets(path), ElementsAre(2.0));
}

TEST_F(SetTool, RefusesWhatItCannotAudit) {
  const Relay at = robot("audit = '/dev/full'\n" + kCommands);
  const Ended ended = set(at, "cmd/speed", "1");
  EXPECT_EQ(ended.exit_code, 6);
  EXPECT_THAT(ended.err, HasSubstr("the audit cannot be written, so nothing is"));
  EXPECT_FALSE(held("robot", "cmd/speed").has_value());
  at.process->wait_for_error("audit file /dev/full: No space left on device");
  const std::string path = write("full.toml", "version = 1\naudit = '" + root_ + "/no/such'\n" + kCommands);
  const Ended none = run({"smtrelay_pub", "--domain", "x", "--config", path, "--bind", "tcp://127.0.0.1:*"});
  EXPECT_NE(none.exit_code, 0);
  EXPECT_EQ(none.out, "") << "it does not serve";
  EXPECT_THAT(none.err, HasSubstr("audit file " + root_ + "/no/such: No such file or directory"));
}

TEST_F(SetTool, LosesItsLeaseWhenTheRuleGoesAway) {
  const Relay at = robot("[[write]]\ntopic = 'cmd/**'\ntype = 'f64'\ndead_man = '60s'\n");
  const auto holder = setter(at, {"cmd/speed", "5", "--every", "50ms"});
  holder->wait_for_output("cmd/speed = 5.0");
  write("robot.toml", "version = 1\n");
  at.process->send(SIGHUP);
  EXPECT_TRUE(stands_still("robot", "cmd/speed"));
  const Ended ended = holder->wait();
  EXPECT_EQ(ended.exit_code, 6);
  EXPECT_THAT(ended.err, HasSubstr("no [[write]] rule lets"));
}

}  // namespace
}  // namespace smt::tools
