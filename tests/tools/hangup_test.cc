// A relay whose terminal goes away ends; a SIGHUP of anybody else lets it read its configuration again; and
// one that is ignored stays ignored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>

#include "tests/paths.h"
#include "tests/tools/relay_domains.h"
#include "tests/tools/terminal_process.h"

namespace smt::tools {
namespace {

class Hangup : public RelayTest {
 protected:
  Hangup() {
    publish("x", "u8", "1");
    write("robot.toml", "version = 1\nname = 'robot'\n[[peer]]\nbind = '" + endpoint() + "'\n");
  }
  std::string endpoint() const { return "ipc://" + root_ + "/link"; }
  std::vector<std::string> relay() const {
    return {"smtrelay_pub", "--domain", "robot", "--config", root_ + "/robot.toml"};
  }
  std::unique_ptr<TerminalProcess> start_in_terminal(const std::vector<std::string>& args,
                                                     bool ignores_hangup = false) const {
    Process::Options options = env();
    options.ignores_hangup = ignores_hangup;
    auto process = std::make_unique<TerminalProcess>(args, options);
    process->wait_for("ready robot");
    return process;
  }
  bool serves() const { return client(endpoint(), {"--timeout", "500ms", "get", "x"}).exit_code == 0; }
};

TEST_F(Hangup, OfItsTerminalEndsARelayThatReloads) {
  const auto robot = start_in_terminal(relay());
  EXPECT_TRUE(serves());
  robot->hang_up();
  robot->wait(0);
  EXPECT_FALSE(serves()) << "the endpoint is free";
}

TEST_F(Hangup, ThatAnotherProcessSendsReloadsWhileTheTerminalIsThere) {
  const auto robot = start_in_terminal(relay());
  kill(robot->pid(), SIGHUP);
  robot->wait_for("robot.toml is taken");
  EXPECT_TRUE(serves());
  kill(robot->pid(), SIGTERM);
  robot->wait(0);
}

TEST_F(Hangup, ThatAShellPassesOnWhenItsTerminalHasGoneEndsTheRelay) {
  std::string command = "trap 'kill -HUP $!; wait; exit 3' HUP; ";
  const std::vector<std::string> args = relay();
  command += bin_dir() + "/" + args[0];
  for (size_t i = 1; i < args.size(); ++i) command += " " + args[i];
  const auto shell = start_in_terminal({"/bin/sh", "-c", command + " & wait"});
  EXPECT_TRUE(serves());
  shell->hang_up();
  shell->wait(3);  // it has waited for the relay
  EXPECT_FALSE(serves());
}

// As runit and s6 do, which lead a session and never had a terminal.
TEST_F(Hangup, OfASupervisorWithoutATerminalReloads) {
  std::string relay_command = bin_dir() + "/";
  for (const std::string& arg : relay()) relay_command += arg + " ";
  Process supervisor({"/usr/bin/setsid", "--wait", "/bin/sh", "-c",
                      "cd " + root_ + "; " + relay_command +
                          ">out 2>err & until grep -q ready out; do sleep 0.02; done; kill -HUP $!; "
                          "until grep -q 'is taken' err || ! kill -0 $!; do sleep 0.02; done; "
                          "cat err >&2; kill -TERM $!; wait $!"},
                     env());
  const Ended ended = supervisor.wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.err, testing::HasSubstr("robot.toml is taken"));
}

TEST_F(Hangup, ThatIsIgnoredStaysIgnored) {
  auto robot = start_in_terminal(relay(), /*ignores_hangup=*/true);
  kill(robot->pid(), SIGHUP);
  EXPECT_TRUE(serves());
  robot->wait_for("peer client-");
  kill(robot->pid(), SIGTERM);
  EXPECT_THAT(robot->wait(0), testing::Not(testing::HasSubstr("is taken"))) << "it is not read again";
  robot = start_in_terminal(relay(), /*ignores_hangup=*/true);
  robot->hang_up();
  EXPECT_TRUE(serves());
  kill(robot->pid(), SIGTERM);
  robot->wait(0);
}

}  // namespace
}  // namespace smt::tools
