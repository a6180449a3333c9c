// smtdoctor, seen from outside: each planted problem is found, the command that is printed cures it, and
// nothing else is called a problem.
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "shm/fd.h"
#include "shm/node.h"
#include "tests/loopback.h"
#include "tests/paths.h"
#include "tests/temp_folder.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;

class Smtdoctor : public ToolTest {
 protected:
  void SetUp() override {
    // A machine without any problem of its own.
    write("image/etc/systemd/logind.conf", "[Login]\nRemoveIPC=no\n");
    ASSERT_EQ(run({"smttopic", "pub", "a", "u8", "1"}).exit_code, 0);
  }
  // The problems, by check.
  std::multimap<std::string, Json> problems(std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"smtdoctor", "-f", "json", "--system-root", root_ + "/image"};
    args.insert(args.end(), more.begin(), more.end());
    const Ended ended = run(args);
    std::multimap<std::string, Json> found;
    for (const Json& f : Json::parse(ended.out)) {
      if (f["kind"] == "problem") found.emplace(f["check"], f);
    }
    EXPECT_EQ(ended.exit_code, found.empty() ? 0 : 1) << ended.out << ended.err;
    return found;
  }
  // The one problem there is must be `check` and say `text`; its cure is run, and then there is none.
  void cures(const std::string& check, const std::string& text, std::vector<std::string> more = {}) const {
    const auto found = problems(more);
    ASSERT_EQ(found.size(), 1u) << check;
    EXPECT_EQ(found.begin()->first, check);
    const Json& problem = found.begin()->second;
    EXPECT_THAT(problem["text"].get<std::string>(), HasSubstr(text));
    const std::string command =
        "cd " + root_ + " && PATH=" + bin_dir() + ":$PATH && " + problem["cure"].get<std::string>();
    EXPECT_EQ(system((command + " >/dev/null 2>&1").c_str()), 0) << command;
    for (const auto& [name, left] : problems(more))
      ADD_FAILURE() << "after " << command << ": " << left.dump();
  }
};

TEST_F(Smtdoctor, FindsNothingWhereAllIsWell) {
  const Ended ended = run({"smtdoctor", "--system-root", root_ + "/image"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out;
  EXPECT_THAT(ended.out, HasSubstr("all is well"));
  EXPECT_THAT(ended.out, HasSubstr("rights    " + folder() + " has rights 0700"));
}

TEST_F(Smtdoctor, SaysThatADomainIsNotThereYetAndIsNoProblem) {
  std::filesystem::remove_all(folder());
  const Ended ended = run({"smtdoctor", "--system-root", root_ + "/image"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out;
  EXPECT_THAT(ended.out, HasSubstr("the first program that publishes makes it"));
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(Smtdoctor, CuresRightsThatProgramsRefuse) {
  chmod(folder().c_str(), 0777);
  EXPECT_NE(run({"smttopic", "list"}).exit_code, 0);
  cures("rights", "has rights 0777");
  EXPECT_EQ(run({"smttopic", "list"}).exit_code, 0);
}

TEST_F(Smtdoctor, CuresAFileInTheDomainsPlace) {
  std::filesystem::remove_all(folder());
  write("d", "no folder");
  cures("rights", "is no folder");
}

TEST_F(Smtdoctor, CuresADomainOfAnotherGroup) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may give a folder to a group";
  const struct group* other = getgrgid(1);
  ASSERT_NE(other, nullptr);
  cures("rights", std::string("is not of group ") + other->gr_name, {"--group", other->gr_name});
}

TEST_F(Smtdoctor, CuresWhatTheDeadLeft) {
  {
    Process dead({"smtsinewave", "x", "--node", "gone"}, env());
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(folder() + "/gone"); }));
    dead.send(SIGKILL);
    dead.wait();
  }
  cures("orphans", "left by who died: gone");
}

TEST_F(Smtdoctor, CuresAFileThatIsNoSegment) {
  std::ofstream(folder() + "/junk") << "x";
  cures("segment", "junk");
}

TEST_F(Smtdoctor, CuresASegmentBehindALink) {
  write("elsewhere", "x");
  std::filesystem::create_symlink(root_ + "/elsewhere", folder() + "/linked");
  cures("segment", "linked");
  EXPECT_TRUE(std::filesystem::exists(root_ + "/elsewhere"));
}

TEST_F(Smtdoctor, CuresTwoWritersOfOneTopic) {
  Process one({"smtsinewave", "speed", "--node", "one"}, env());
  Process two({"smtsinewave", "speed", "--node", "two"}, env());
  ASSERT_TRUE(eventually([&] { return !problems().empty(); }));
  const auto found = problems();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found.begin()->second["text"].get<std::string>(),
              HasSubstr("speed is published by one and two"));
  ASSERT_EQ(system(found.begin()->second["cure"].get<std::string>().c_str()), 0);
  two.wait();
  EXPECT_TRUE(problems().empty());
}

TEST_F(Smtdoctor, CuresARelayThatStandsStill) {
  const std::string endpoint = "ipc://" + root_ + "/socket";
  Process sine({"smtsinewave", "speed", "--domain", "robot"}, env());
  Process pub({"smtrelay_pub", "--domain", "robot", "--bind", endpoint}, env());
  Process sub({"smtrelay_sub", "--connect", endpoint}, env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "info", "speed"}).exit_code == 0; }));
  EXPECT_TRUE(problems().empty());
  sub.send(SIGSTOP);
  ASSERT_TRUE(eventually([&] { return problems().contains("relay"); }));
  const auto found = problems();
  ASSERT_EQ(found.size(), 1u);
  ASSERT_EQ(system(found.begin()->second["cure"].get<std::string>().c_str()), 0);
  EXPECT_TRUE(eventually([&] { return problems().empty(); }));
}

TEST_F(Smtdoctor, CuresAFolderThatIsFull) {
  const std::string small = root_ + "/small";
  std::filesystem::create_directory(small);
  if (mount("smt", small.c_str(), "tmpfs", 0, "size=8m") != 0) GTEST_SKIP() << "only root may mount a tmpfs";
  chmod(small.c_str(), 01777);
  cures("space", "8 MiB of 8 MiB are free", {"--root", small});
  umount2(small.c_str(), MNT_DETACH);
}

TEST_F(Smtdoctor, TellsADomainOnADisk) {
  const TempFolder root("/var/tmp");
  const auto found = problems({"--root", root.path()});
  if (!found.contains("memory")) GTEST_SKIP() << "/var/tmp is in memory here";
  EXPECT_EQ(found.find("memory")->second["cure"], "export SMT_ROOT=/dev/shm/smt");
}

TEST_F(Smtdoctor, CuresKeysThatOthersMayRead) {
  const std::string keys = root_ + "/keys";
  std::filesystem::create_directories(keys + "/peers");
  ASSERT_EQ(run({"smtrelay_keygen", "robot", "--out", keys}).exit_code, 0);
  std::filesystem::copy(keys + "/robot.pub", keys + "/peers/robot.pub");
  EXPECT_TRUE(problems({"--keys", keys}).empty());
  chmod((keys + "/self.key").c_str(), 0644);
  cures("keys", "other users may read it", {"--keys", keys});
}

TEST_F(Smtdoctor, CuresAFolderWithoutKeys) {
  const std::string keys = root_ + "/keys";
  std::filesystem::create_directories(keys + "/peers");
  auto found = problems({"--keys", keys});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.begin()->second["cure"], "smtrelay_keygen NAME --out " + keys);
  ASSERT_EQ(run({"smtrelay_keygen", "robot", "--out", keys}).exit_code, 0);
  found = problems({"--keys", keys});
  ASSERT_EQ(found.size(), 1u) << "nobody is let in yet";
  EXPECT_EQ(found.begin()->second["cure"], "cp PEER.pub " + keys + "/peers/");
}

TEST_F(Smtdoctor, TellsPortsInUseAndPortsWhereNobodyListens) {
  uint16_t port = 0;
  const Fd busy = bound(&port);
  ASSERT_TRUE(busy.ok());
  const std::string endpoint = "tcp://127.0.0.1:" + std::to_string(port);
  auto found = problems({"--connect", endpoint});
  ASSERT_EQ(found.count("connect"), 1u);
  EXPECT_THAT(found.find("connect")->second["text"].get<std::string>(),
              HasSubstr("nobody listens at this port"));
  ASSERT_EQ(listen(busy.get(), 1), 0);
  EXPECT_TRUE(problems({"--connect", endpoint}).empty());
  found = problems({"--bind", endpoint});
  ASSERT_EQ(found.count("bind"), 1u);
  EXPECT_THAT(found.find("bind")->second["cure"].get<std::string>(),
              HasSubstr("ss -ltnp 'sport = :" + std::to_string(port)));
  EXPECT_TRUE(problems({"--bind", "tcp://127.0.0.1:*"}).empty());
  EXPECT_TRUE(problems({"--bind", "tcp://*:*"}).empty());
  const std::string any = "tcp://*:" + std::to_string(port_of(endpoint));
  EXPECT_EQ(problems({"--bind", any}).count("bind"), 1u) << "taken in one of the families";
  EXPECT_EQ(problems({"--connect", "tcp://no.such.host.invalid:1"}).count("connect"), 1u);
  EXPECT_EQ(problems({"--connect", "telnet://x"}).count("connect"), 1u);
}

}  // namespace
}  // namespace smt::tools
