// Relays and smtcore as services of systemd: what they tell their supervisor, and how their log looks in the
// journal.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/notify_socket.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ServiceTest : public ToolTest {
 protected:
  Process::Options supervised(std::map<std::string, std::string> more = {}) const {
    more["NOTIFY_SOCKET"] = supervisor_.name();
    return env(more);
  }
  std::vector<std::string> until(const std::string& prefix) { return supervisor_.lines_until(prefix); }

  NotifySocket supervisor_{root_ + "/notify"};
};

bool answers(const std::string& path) {
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.data(), path.size());
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

TEST_F(ServiceTest, ARelayIsReadyOnceItsPeersCanConnectAndTellsOfItsEnd) {
  const std::string path = root_ + "/link";
  Process relay({"smtrelay_pub", "--bind", "ipc://" + path}, supervised());
  EXPECT_THAT(until("READY=1"),
              Contains(AllOf(StartsWith("STATUS=at ipc://"), HasSubstr("peers connected: 0"))));
  EXPECT_TRUE(answers(path));
  Process peer({"smtrelay_sub", "--domain", "other", "--connect", "ipc://" + path}, env());
  EXPECT_THAT(until("STATUS="), Contains(HasSubstr("peers connected: 1")));
  relay.send(SIGTERM);
  EXPECT_EQ(relay.wait().exit_code, 0);
  EXPECT_THAT(supervisor_.lines(), Contains("STOPPING=1"));
}

TEST_F(ServiceTest, ARelayThatCannotBindIsNeverReady) {
  const Ended ended = run_process({"smtrelay_proxy", "--bind", "ipc:///nowhere/at/all"}, supervised());
  EXPECT_EQ(ended.exit_code, 1) << ended.err;
  EXPECT_THAT(supervisor_.lines(), Not(Contains("READY=1")));
}

TEST_F(ServiceTest, AReloadBeginsAndEndsAndARefusedOneIsInTheStatus) {
  const std::string good = "version = 1\n[[peer]]\nbind = 'ipc://" + root_ + "/link'\n";
  const std::string path = write("proxy.toml", good);
  Process relay({"smtrelay_proxy", "--config", path}, supervised());
  until("READY=1");
  relay.send(SIGHUP);
  EXPECT_THAT(until("READY=1"), AllOf(Contains("RELOADING=1"), Contains(StartsWith("MONOTONIC_USEC="))));
  write("proxy.toml", good + "wrong = 1\n");
  relay.send(SIGHUP);
  EXPECT_THAT(until("READY=1"), Contains(StartsWith("STATUS=reload refused: " + path + ":4:")));
  write("proxy.toml", good);
  relay.send(SIGHUP);
  EXPECT_THAT(until("READY=1"), Contains(StartsWith("STATUS=at ipc://")));
}

TEST_F(ServiceTest, AFileThatIsWrongIsInTheStatusWithItsLine) {
  const std::string path = write("pub.toml", "version = 1\nnmae = 'x'\n");
  EXPECT_EQ(run_process({"smtrelay_pub", "--config", path}, supervised()).exit_code, 2);
  const std::vector<std::string> told = supervisor_.lines();
  EXPECT_THAT(told, Contains(StartsWith("STATUS=" + path + ":2:")));
  EXPECT_THAT(told, Not(Contains("READY=1")));
}

TEST_F(ServiceTest, TheLoopFeedsTheWatchdogAndAStoppedOneDoesNot) {
  for (const std::vector<std::string>& tool :
       {std::vector<std::string>{"smtrelay_proxy", "--bind", "ipc://" + root_ + "/link"}, {"smtcore"}}) {
    Process process(tool, supervised({{"WATCHDOG_USEC", "100000"}}));
    until("READY=1");
    for (int i = 0; i < 3; ++i) until("WATCHDOG=1");
    process.send(SIGSTOP);
    // What was under way when the signal came.
    EXPECT_TRUE(eventually([&] {
      supervisor_.lines();
      poll(nullptr, 0, 300);
      return supervisor_.lines().empty();
    })) << tool[0];
    process.send(SIGCONT);
    until("WATCHDOG=1");
  }
}

TEST_F(ServiceTest, SmtcoreTellsWhatItSees) {
  Process node({"smtsinewave", "wave", "--rate", "10"}, env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "echo", "--once", "wave"}).exit_code == 0; }));
  Process core({"smtcore"}, supervised());
  EXPECT_THAT(until("READY=1"), Contains("STATUS=nodes: 1 live, 0 dead; topics: 1"));
  core.send(SIGTERM);
  EXPECT_EQ(core.wait().exit_code, 0);
  EXPECT_THAT(supervisor_.lines(), Contains("STOPPING=1"));
}

// Stderr is a file whose number JOURNAL_STREAM names, or not.
std::string log_of(const std::string& root, const std::function<std::string(const struct stat&)>& stream,
                   const std::vector<std::string>& args) {
  const std::string path = root + "/log";
  Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  struct stat status;
  EXPECT_EQ(fstat(file.get(), &status), 0);
  Process::Options options;
  options.env["JOURNAL_STREAM"] = stream(status);
  options.stderr_fd = file.get();
  run_process(args, options);
  std::string text(4096, '\0');
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, pread(file.get(), text.data(), text.size(), 0))));
  return text;
}

TEST_F(ServiceTest, EachLineHasItsSeverityWhereTheJournalReadsIt) {
  const auto journal = [](const struct stat& s) { return fmt::format("{}:{}", s.st_dev, s.st_ino); };
  const auto other = [](const struct stat& s) { return fmt::format("{}:{}", s.st_dev, s.st_ino + 1); };
  const std::string file = write("wrong.toml", "version = 1\na = 1\nb = 2\n");
  const std::vector<std::string> args = {"smtrelay_proxy", "--config", file, "--check-config"};
  EXPECT_THAT(
      log_of(root_, journal, args),
      ContainsRegex("^<3>smtrelay_proxy: error: [^\n]*:2:[^\n]*\n<3>smtrelay_proxy: error: [^\n]*:3:"));
  EXPECT_THAT(log_of(root_, other, args), StartsWith("smtrelay_proxy: error: "));
}

}  // namespace
}  // namespace smt::tools
