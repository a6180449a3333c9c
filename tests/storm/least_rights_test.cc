// Relays as a user without any rights: they need none, and not even that user's other programs can look into
// one that has keys, nor is a core of it written.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include "storm/identity.h"
#include "storm/storm.h"
#include "storm/tool_as.h"
#include "tests/temp_folder.h"

namespace smt::storm {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Mode "tool" COMMAND ARGUMENT...: as kStranger, who is in no group, with cores allowed and no new rights to
// be had, until it is killed.
int tool(const Args& args) {
  const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_CORE, &all);
  become(kStranger);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return exec_tool(args);
}

std::string line_of(const std::string& file, const std::string& name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name)) return line;
  }
  return "";
}

// What another process of the same user gets of this one.
std::string look(pid_t pid, const char* file) {
  return as(kStranger, [&] {
    const std::string path = fmt::format("/proc/{}/{}", pid, file);
    const int fd = open(path.c_str(), O_RDONLY);
    char byte;
    return fd < 0 ? outcome_of(false) : pread(fd, &byte, 1, 0) < 0 && errno != EIO ? outcome_of(false) : "ok";
  });
}
std::string attach(pid_t pid) {
  return as(kStranger, [&] { return outcome_of(ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0); });
}

// Whether there is a core then.
std::string abort_process(pid_t pid) {
  kill(pid, SIGABRT);
  siginfo_t how{};
  waitid(P_PID, static_cast<id_t>(pid), &how, WEXITED | WNOWAIT);
  return how.si_code == CLD_DUMPED ? "written" : "none";
}

class LeastRights : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() == 0) return;
    for (const char* id : {"S11", "S12"})
      print_row(Row{.id = id, .what = "relays of another user", .skip = "needs root to act as other users"});
    GTEST_SKIP() << "needs root to act as other users";
  }
  LeastRights() {
    if (geteuid() == 0 && chown(folder_.c_str(), kStranger.uid, kStranger.uid) != 0) abort();
  }
  ~LeastRights() override { std::filesystem::current_path("/"); }
  template <class Found>
  void expect(const char* what, const std::string& found, const Found& expected) {
    EXPECT_THAT(found, expected) << what;
    ++checked_;
    wrong_ += !testing::Matches(expected)(found);
  }
  const TempFolder temp_;
  const std::string folder_ = temp_.path();
  uint64_t checked_ = 0, wrong_ = 0;
};

TEST_F(LeastRights, AreEnoughAndNobodyLooksIntoARelayWithKeys) {
  const std::string pub = open_tool("smtrelay_pub"), sub = open_tool("smtrelay_sub"),
                    proxy = open_tool("smtrelay_proxy"), client = open_tool("smtrelay_client"),
                    keygen = open_tool("smtrelay_keygen"), topic = open_tool("smttopic"),
                    sine = open_tool("smtsinewave");
  std::filesystem::current_path(folder_);  // where cores may be written
  const std::string root = folder_ + "/root", keys = folder_ + "/keys/";
  for (const char* name : {"robot", "gate", "base"}) {
    std::filesystem::create_directories(folder_ + "/keys");
    (void)!chown((folder_ + "/keys").c_str(), kStranger.uid, kStranger.uid);
    expect("keygen", run_as(kStranger, fmt::format("{} {} --out {}{}", keygen, name, keys, name)),
           StartsWith("exit 0"));
  }
  for (const auto& [of, to] :
       {std::pair("robot", "gate"), {"base", "gate"}, {"gate", "robot"}, {"gate", "base"}}) {
    expect("a copy", run_as(kStranger, fmt::format("cp {0}{1}/{1}.pub {0}{2}/peers/", keys, of, to)),
           StartsWith("exit 0"));
  }
  const auto words = [](const std::string& line) { return line.substr(line.rfind(' ') + 1); };
  expect("smttopic",
         run_as(kStranger, fmt::format("{} pub pose f64 1.5 --root {} --domain robot", topic, root)),
         StartsWith("exit 0"));
  Child gate = Child::spawn("tool", {proxy, "--keys", keys + "gate", "--bind", "tcp://127.0.0.1:*"});
  const std::string at = words(gate.line()) + "#gate";
  Child robot = Child::spawn(
      "tool", {pub, "--root", root, "--domain", "robot", "--keys", keys + "robot", "--connect", at});
  Child base = Child::spawn(
      "tool", {sub, "--root", root, "--domain", "base", "--keys", keys + "base", "--connect", at});
  expect("ready", robot.line(), StartsWith("ready robot"));
  expect("ready", base.line(), StartsWith("ready base"));
  std::string got;
  EXPECT_TRUE(await(milliseconds(20'000), [&] {
    got = run_as(kStranger, fmt::format("{} --connect {} --keys {}base get pose -f json", client, at, keys));
    return got.find("1.5") != got.npos;
  })) << got;
  expect("a value", got, HasSubstr("1.5"));
  EXPECT_TRUE(await(milliseconds(20'000), [&] {
    got = run_as(kStranger, fmt::format("{} echo pose --once --root {} --domain base", topic, root));
    return got.find("1.5") != got.npos;
  })) << got;
  // No rights, and no file that anybody else may read or write.
  for (Child* relay : {&gate, &robot, &base}) {
    const std::string status = fmt::format("/proc/{}/status", relay->pid());
    for (const char* set : {"CapEff", "CapPrm", "CapInh", "CapAmb"})
      expect(set, line_of(status, set), HasSubstr("0000000000000000"));
    expect("user", line_of(status, "Uid"), HasSubstr(fmt::format("{0}\t{0}\t{0}\t{0}", kStranger.uid)));
    expect("groups", line_of(status, "Gid"), HasSubstr(fmt::format("{0}\t{0}\t{0}\t{0}", kStranger.uid)));
  }
  uint64_t open_to_others = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
    struct stat st;
    if (lstat(entry.path().c_str(), &st) != 0 || st.st_uid != kStranger.uid) continue;
    const bool named_for_all = entry.path() == root || entry.path().extension() == ".pub";
    const bool folder_of_keys = S_ISDIR(st.st_mode) && entry.path() == folder_ + "/keys";
    if (named_for_all || folder_of_keys) continue;
    EXPECT_EQ(st.st_mode & 077, 0u) << entry.path();
    open_to_others += (st.st_mode & 077) != 0;
    ++checked_;
  }
  print_row(Row{.id = "S12",
                .what = "relays of a user without rights",
                .n = checked_,
                .violations = wrong_ + open_to_others});

  checked_ = wrong_ = 0;
  Child open_book = Child::spawn("tool", {sine, "wave", "--root", root, "--domain", "wave"});
  EXPECT_TRUE(await(milliseconds(20'000), [&] { return look(open_book.pid(), "mem") == "ok"; }))
      << "such a look does work where nothing is to be hidden";
  for (Child* relay : {&gate, &robot, &base}) {
    for (const char* file : {"mem", "environ", "maps", "auxv", "stack"})
      expect(file, look(relay->pid(), file), StartsWith("denied"));
    expect("ptrace", attach(relay->pid()), StartsWith("denied"));
    expect("a core", abort_process(relay->pid()), testing::Eq("none"));
  }
  // Where cores are written at all.
  print_figures("least rights: a core of a program without keys: {}", abort_process(open_book.pid()));
  print_row(Row{.id = "S11",
                .what = "looks into relays with keys, of their own user",
                .n = checked_,
                .violations = wrong_});
}

}  // namespace

const std::map<std::string, Mode> kModes = {{"tool", tool}};

}  // namespace smt::storm
