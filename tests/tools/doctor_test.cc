// smtdoctor, seen from outside: each planted problem is found, the command that is printed is run and cures
// it, and nothing else is called a problem; programs that live go on.
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
#include "shm/layout.h"
#include "shm/node.h"
#include "tests/loopback.h"
#include "tests/paths.h"
#include "tests/temp_folder.h"
#include "tests/text.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A group of kOtherUser.
constexpr int kDaemon = 1;

class Smtdoctor : public ToolTest {
 protected:
  using Problems = std::multimap<std::string, Json>;

  void SetUp() override {
    // A machine without any problem of its own.
    write("image/etc/systemd/logind.conf", "[Login]\nRemoveIPC=no\n");
    ASSERT_EQ(run({"smttopic", "pub", "a", "u8", "1"}).exit_code, 0);
  }
  // Findings of this kind, by check.
  static Problems findings(const Ended& ended, const std::string& kind = "problem") {
    Problems found;
    for (const Json& f : Json::parse(ended.out)) {
      if (f["kind"] == kind) found.emplace(f["check"], f);
    }
    if (kind == "problem") {
      EXPECT_EQ(ended.exit_code, found.empty() ? 0 : 1) << ended.out << ended.err;
    }
    return found;
  }
  Ended doctor(const std::vector<std::string>& more = {}, const Process::Options& options = {}) const {
    std::vector<std::string> args = {"smtdoctor", "-f", "json"};
    if (more.empty() || more[0] != "--system-root")
      args.insert(args.end(), {"--system-root", root_ + "/image"});
    args.insert(args.end(), more.begin(), more.end());
    Process::Options with = env(options.env);
    with.through = options.through;
    return run_process(args, with);
  }
  Problems problems(const std::vector<std::string>& more = {}, const Process::Options& options = {}) const {
    return findings(doctor(more, options));
  }
  // The one problem there is.
  Json problem(const std::string& check, const std::vector<std::string>& more = {},
               const Process::Options& options = {}) const {
    const Problems found = problems(more, options);
    EXPECT_EQ(found.size(), 1u) << check;
    if (found.empty()) return Json::object({{"text", ""}, {"cure", ""}});
    EXPECT_EQ(found.begin()->first, check);
    return found.begin()->second;
  }
  // What the doctor finds in a shell that has run the cure.
  Problems after(const Json& found, const std::vector<std::string>& more = {},
                 Process::Options options = {}) const {
    const std::string cure = found["cure"];
    EXPECT_NE(cure, "") << found;
    std::vector<std::string> shell = after_shell("cd " + root_ + "\nPATH=" + stubs_.path() + ":" + bin_dir() +
                                                 ":$PATH\n{ " + cure + "\n} >&2 || exit 99");
    options.through.insert(options.through.end(), shell.begin(), shell.end());
    const Ended ended = doctor(more, options);
    EXPECT_NE(ended.exit_code, 99) << cure << "\n" << ended.err;
    return ended.exit_code == 99 ? Problems() : findings(ended);
  }
  // The one problem there is must be `check` and say `text`; its cure is run, and then there is none.
  void cures(const std::string& check, const std::string& text, const std::vector<std::string>& more = {},
             const Process::Options& options = {}) const {
    const Json found = problem(check, more, options);
    EXPECT_THAT(found["text"].get<std::string>(), HasSubstr(text));
    for (const auto& [name, left] : after(found, more, options)) ADD_FAILURE() << "after the cure: " << left;
  }
  // Puts a command in place of one that would change the machine; what it is called with is in `ran()`.
  void stub(const std::string& command, const std::string& then = "") {
    const std::string file = stubs_.path() + "/" + command;
    std::ofstream(file) << "#!/bin/sh\necho " << command << " \"$@\" >>" << root_ << "/ran\n" << then << "\n";
    chmod(file.c_str(), 0755);
    chmod(stubs_.path().c_str(), 0755);
  }
  std::string ran() const { return contents(root_ + "/ran"); }
  bool published(const std::string& topic) const {
    return run({"smttopic", "echo", "--once", topic}).exit_code == 0;
  }
  // Overwrites four bytes of a node's segment.
  void patch(const std::string& node, size_t offset, uint32_t value) const {
    std::fstream file(folder() + "/" + node, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset))
        .write(reinterpret_cast<const char*>(&value), sizeof value);
    ASSERT_TRUE(file.good());
  }
  // A node that was killed.
  void leave_dead(const std::string& node, const std::string& topic) const {
    Process dead({"smtsinewave", topic, "--node", node}, env());
    ASSERT_TRUE(eventually([&] { return published(topic); }));
    dead.send(SIGKILL);
    dead.wait();
  }

  const TempFolder stubs_{"/tmp"};  // no program may be run from /dev/shm in a container
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

// --- the folders ---

TEST_F(Smtdoctor, CuresRightsThatProgramsRefuse) {
  chmod(folder().c_str(), 0777);
  EXPECT_NE(run({"smttopic", "list"}).exit_code, 0);
  cures("rights", "has rights 0777");
  EXPECT_EQ(run({"smttopic", "list"}).exit_code, 0);
}

TEST_F(Smtdoctor, MovesAFileOutOfTheDomainsPlaceAndKeepsIt) {
  std::filesystem::remove_all(folder());
  write("d", "of somebody");
  write(".d.aside", "an earlier one");
  cures("rights", "is no folder");
  EXPECT_EQ(contents(root_ + "/.d.aside2"), "of somebody");
}

TEST_F(Smtdoctor, CuresADomainOfAnotherGroup) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may give a folder to a group";
  const struct group* other = getgrgid(kDaemon);
  ASSERT_NE(other, nullptr);
  cures("rights", std::string("is not of group ") + other->gr_name, {"--group", other->gr_name});
}

TEST_F(Smtdoctor, LeavesTheLivingDomainOfAnotherUserAloneAndNamesAnotherOne) {
  SMT_AS_OTHER_USER(other);
  Process robot({"smtsinewave", "arm", "--node", "arm"}, env());
  ASSERT_TRUE(eventually([&] { return published("arm"); }));
  const Json found = problem("rights", {}, other);
  EXPECT_EQ(found["cure"], "export SMT_DOMAIN=d-65534");
  EXPECT_TRUE(after(found, {}, other).empty());
  EXPECT_TRUE(published("arm")) << "the robot's own programs are not locked out";
  EXPECT_TRUE(problems().empty());
}

TEST_F(Smtdoctor, RootLooksIntoTheDomainOfAnotherUserAndFreesWhatDiedThereAsThatUser) {
  SMT_AS_OTHER_USER(other);
  Process::Options theirs = env({{"SMT_DOMAIN", "theirs"}});
  theirs.through = other.through;
  {
    Process dead({"smtsinewave", "x", "--node", "gone"}, theirs);
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(root_ + "/theirs/gone"); }));
    dead.send(SIGKILL);
    dead.wait();
  }
  const std::vector<std::string> flags = {"--domain", "theirs"};
  EXPECT_THAT(findings(doctor(flags), "note").find("rights")->second["text"].get<std::string>(),
              HasSubstr("root looks into it and publishes nothing there"));
  cures("orphans", "gone", flags);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/theirs/gone"));
}

TEST_F(Smtdoctor, NamesTheGroupOfADomainThatIsShared) {
  SMT_AS_OTHER_USER(other, kDaemon);
  ASSERT_EQ(chown(folder().c_str(), 0, kDaemon), 0);
  ASSERT_EQ(chmod(folder().c_str(), 03770), 0);
  EXPECT_TRUE(problems().empty()) << "its owner joins without a flag";
  const std::string name = getgrgid(kDaemon)->gr_name;
  EXPECT_EQ(problem("rights", {}, other)["cure"], "export SMT_GROUP=" + name);
  std::filesystem::remove_all(folder());
  ASSERT_EQ(run({"smttopic", "pub", "a", "u8", "1", "--group", name}).exit_code, 0);
  cures("rights", "is shared with group " + name, {}, other);
  Process::Options wrong;
  wrong.env["SMT_GROUP"] = getgrgid(2)->gr_name;
  cures("rights", "not with", {}, wrong);
}

TEST_F(Smtdoctor, DoesNotShutTheGroupOutOfADomainThatHasLostItsRights) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may give a folder to a group";
  std::filesystem::remove_all(folder());
  const std::string name = getgrgid(kDaemon)->gr_name;
  ASSERT_EQ(run({"smttopic", "pub", "a", "u8", "1", "--group", name}).exit_code, 0);
  ASSERT_EQ(chmod(folder().c_str(), 0770), 0);
  EXPECT_EQ(problem("rights")["cure"], "chmod 3770 " + folder());
  cures("rights", "a domain of group " + name + " needs 3770");
}

TEST_F(Smtdoctor, CuresAFolderOfDomainsThatProgramsRefuse) {
  // Others could rename what lies in it.
  chmod(root_.c_str(), 0777);
  cures("rights", "others could replace the domain");
  // A symbolic link in its place.
  std::filesystem::create_directory_symlink(root_, root_ + "/link");
  Process::Options linked;
  linked.env["SMT_ROOT"] = root_ + "/link";
  cures("rights", "is a symbolic link", {}, linked);
  if (geteuid() != 0) return;
  // Another user made it first, for all.
  chmod(root_.c_str(), 01777);
  ASSERT_EQ(chown(root_.c_str(), kOtherUser, kOtherUser), 0);
  cures("rights", "belongs to user 65534");
  // It is another user's own: it stays so.
  chmod(root_.c_str(), 0755);
  ASSERT_EQ(chown(root_.c_str(), kOtherUser, kOtherUser), 0);
  const Json found = problem("rights");
  EXPECT_EQ(found["cure"], "export SMT_ROOT=/dev/shm/smt-0");
  EXPECT_TRUE(after(found).empty());
  ASSERT_EQ(chown(root_.c_str(), 0, 0), 0);
}

TEST_F(Smtdoctor, MakesAGroupAndPutsItsUserThere) {
  stub("groupadd");
  stub("sudo", "shift; exit 0");
  Json found = problem("rights", {"--group", "smt-no-such-group"});
  EXPECT_THAT(found["text"].get<std::string>(), HasSubstr("there is no group"));
  after(found, {"--group", "smt-no-such-group"});
  EXPECT_THAT(ran(), HasSubstr("groupadd smt-no-such-group\n"));
  SMT_AS_OTHER_USER(other);
  const std::string name = getgrgid(kDaemon)->gr_name;
  std::filesystem::remove_all(folder());
  found = problem("rights", {"--group", name}, other);
  EXPECT_THAT(found["text"].get<std::string>(), HasSubstr("is not in group " + name));
  after(found, {"--group", name});
  EXPECT_THAT(ran(), HasSubstr("sudo usermod -aG " + name));
}

TEST_F(Smtdoctor, ShowsAFolderThatHasNoNameForADomain) {
  std::filesystem::create_directory(root_ + "/a b");
  chmod((root_ + "/a b").c_str(), 0700);
  const Json found = problem("domain", {"--domain", "a b"});
  EXPECT_EQ(after(found, {"--domain", "a b"}).count("domain"), 1u) << "it is shown, not changed";
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
  Process::Options disk;
  disk.env["SMT_ROOT"] = root.path();
  const Problems found = problems({}, disk);
  if (!found.contains("memory")) GTEST_SKIP() << "/var/tmp is in memory here";
  EXPECT_EQ(found.find("memory")->second["cure"], "export SMT_ROOT=/dev/shm/smt");
  EXPECT_FALSE(after(found.find("memory")->second, {}, disk).contains("memory"));
}

// --- the nodes ---

TEST_F(Smtdoctor, CuresWhatTheDeadLeftAndKeepsWhatEndedNodesLeft) {
  leave_dead("gone", "x");
  leave_dead("smtcore", "y");
  cures("orphans", "gone (");
  EXPECT_TRUE(published("a"));
}

TEST_F(Smtdoctor, CountsTheBytesOfTheDeadAndSaysHowToFreeThem) {
  run({"smttopic", "pub", "asks", "u8", "1", "--keep"});
  const Problems notes = findings(doctor(), "note");
  ASSERT_EQ(notes.count("ended"), 1u);
  const std::string text = notes.find("ended")->second["text"];
  EXPECT_THAT(text, AllOf(HasSubstr("(68 KiB)"), HasSubstr("(68 KiB, which asked to be kept)"),
                          HasSubstr("; 136 KiB in all; `smtcore --once "), HasSubstr("frees it")));
  const size_t begin = text.find('`') + 1;
  Json freed;
  EXPECT_THAT(text, HasSubstr("--only cli-"));
  freed["cure"] = text.substr(begin, text.rfind('`') - begin);
  EXPECT_TRUE(after(freed).empty());
  EXPECT_FALSE(published("a"));
  EXPECT_TRUE(published("asks"));
}

TEST_F(Smtdoctor, CuresMirrorsWithoutARelayWhoseTopicsOthersPublishNow) {
  const auto mirror = [&](const char* node, int64_t alive_until) {
    std::unique_ptr<Node> made = std::move(*Node::open(domain(), {.name = node, .mirror = true}));
    made->keep_alive(alive_until);
    Publisher arm = std::move(*made->advertise({.name = "arm"}));
    EXPECT_TRUE(arm.publish({}).ok());
    return made;
  };
  for (const char* node : {"mirror-0a1b", "mirror-2c3d"}) mirror(node, 0);
  EXPECT_TRUE(problems().empty()) << "their values are the last ones";
  const std::unique_ptr<Node> live = mirror("mirror-1", INT64_MAX);
  cures("leftovers", "mirror-0a1b (68 KiB), mirror-2c3d (68 KiB); 136 KiB in all");
  EXPECT_TRUE(published("a"));
  EXPECT_TRUE(published("arm"));
}

TEST_F(Smtdoctor, CuresFilesThatAreNoSegmentsAndKeepsThem) {
  std::ofstream(folder() + "/junk") << "x";
  cures("segment", "junk");
  EXPECT_EQ(contents(folder() + "/.junk.aside"), "x");
  std::filesystem::create_directory(folder() + "/folder");
  cures("segment", "folder");
  write("elsewhere", "x");
  std::filesystem::create_symlink(root_ + "/elsewhere", folder() + "/linked");
  cures("segment", "linked");
  EXPECT_TRUE(std::filesystem::exists(root_ + "/elsewhere"));
}

TEST_F(Smtdoctor, CuresADeadSegmentThatNobodyCanRead) {
  leave_dead("gone", "x");
  patch("gone", offsetof(layout::Header, version), 99);
  cures("segment", "layout version 99");
  EXPECT_FALSE(std::filesystem::exists(folder() + "/gone"));
}

TEST_F(Smtdoctor, NeverAdvisesToRemoveTheSegmentOfAProgramThatLives) {
  Process live({"smtsinewave", "x", "--node", "live"}, env());
  ASSERT_TRUE(eventually([&] { return published("x"); }));
  // Of another release, of another boot_id, damaged.
  patch("live", offsetof(layout::Header, boot_id), 4711);
  EXPECT_TRUE(problems().empty());
  for (const size_t field : {offsetof(layout::Header, version), offsetof(layout::Header, header_bytes)}) {
    uint32_t before = 0;
    std::ifstream(folder() + "/live")
        .seekg(static_cast<std::streamoff>(field))
        .read(reinterpret_cast<char*>(&before), 4);
    patch("live", field, 99);
    const Json found = problem("segment");
    EXPECT_EQ(found["cure"], "");
    EXPECT_THAT(found["text"].get<std::string>(), HasSubstr("a program that runs has it"));
    EXPECT_THAT(run({"smtdoctor", "--system-root", root_ + "/image"}).out, Not(HasSubstr("run: \n")));
    patch("live", field, before);
  }
  chmod((folder() + "/live").c_str(), 0666);
  cures("segment", "writable by others");
  EXPECT_TRUE(published("x"));
}

TEST_F(Smtdoctor, LeavesTheSegmentsOfOthersInASharedDomainAlone) {
  SMT_AS_OTHER_USER(other, kDaemon);
  const std::string name = getgrgid(kDaemon)->gr_name;
  const std::vector<std::string> flags = {"--group", name};
  std::filesystem::remove_all(folder());
  ASSERT_EQ(run({"smttopic", "pub", "a", "u8", "1", "--group", name}).exit_code, 0);
  chmod(folder().c_str(), 03770);
  {
    Process dead({"smtsinewave", "x", "--node", "gone", "--group", name}, env());
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(folder() + "/gone"); }));
    dead.send(SIGKILL);
    dead.wait();
  }
  const Ended looked = doctor(flags, other);
  EXPECT_TRUE(findings(looked).empty()) << looked.out;
  EXPECT_THAT(findings(looked, "note").find("orphans")->second["text"].get<std::string>(),
              AllOf(HasSubstr("gone"), HasSubstr("user 0 (root) frees it by `smtcore")));
  chmod((folder() + "/gone").c_str(), 0600);
  const Json found = problem("segment", flags, other);
  EXPECT_EQ(found["cure"], "");
  EXPECT_THAT(found["text"].get<std::string>(), HasSubstr("only user 0 (root) can tell"));
}

TEST_F(Smtdoctor, TellsTwoWritersOfOneTopicAndEndsNeither) {
  Process one({"smtsinewave", "speed", "--node", "one"}, env());
  Process two({"smtsinewave", "speed", "--node", "two"}, env());
  ASSERT_TRUE(eventually([&] { return !problems().empty(); }));
  const Json found = problem("conflict");
  EXPECT_THAT(found["text"].get<std::string>(), HasSubstr("speed is published by one and two"));
  EXPECT_THAT(found["cure"].get<std::string>(), StartsWith("smttopic info "));
  EXPECT_EQ(after(found).count("conflict"), 1u);
  EXPECT_FALSE(one.ended() || two.ended());
  two.send(SIGINT);
  two.wait();
  EXPECT_TRUE(problems().empty());
}

TEST_F(Smtdoctor, ATopicThatANodeHasOfItsPredecessorAloneIsNoConflict) {
  leave_dead("one", "speed");
  Process one({"smtsinewave", "other", "--node", "one"}, env());
  Process two({"smtsinewave", "speed", "--node", "two"}, env());
  ASSERT_TRUE(eventually([&] {
    const std::string list = run({"smttopic", "list", "--state", "fresh"}).out;
    return list.find("speed") != list.npos && list.find("other") != list.npos;
  }));
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
  const Json found = problem("relay");
  EXPECT_EQ(found["text"], "the relay of node mirror-1 is stopped");
  (void)after(found);
  EXPECT_TRUE(eventually([&] { return problems().empty(); }));
  // The pid that it wrote is another process' here, as that of a container is.
  sub.send(SIGSTOP);
  patch("mirror-1", offsetof(layout::Header, pid), static_cast<uint32_t>(sine.pid()));
  ASSERT_TRUE(eventually([&] { return problems().contains("relay"); }));
  EXPECT_EQ(problem("relay")["cure"], "");
  sub.send(SIGCONT);
}

TEST_F(Smtdoctor, ShowsTimeNamespaces) {
  Process live({"smtsinewave", "x", "--node", "live"}, env());
  ASSERT_TRUE(eventually([&] { return published("x"); }));
  patch("live", offsetof(layout::Header, time_namespace), 1);
  const Json found = problem("time");
  EXPECT_THAT(found["cure"].get<std::string>(), StartsWith("lsns -t time"));
  EXPECT_EQ(after(found).count("time"), 1u);
}

// --- the machine ---

TEST_F(Smtdoctor, CuresTopicsThatGoWhenTheirUserLogsOut) {
  SMT_AS_OTHER_USER(other);
  const std::string linger = root_ + "/image/var/lib/systemd/linger";
  write("image/etc/systemd/logind.conf", "[Login]\n");
  std::filesystem::create_directories(linger);
  chmod(linger.c_str(), 0777);
  stub("loginctl", "touch " + linger + "/\"$2\"");
  std::ofstream(root_ + "/ran").close();
  chmod((root_ + "/ran").c_str(), 0666);
  std::filesystem::remove_all(folder());
  cures("logout", "are removed when it logs out", {}, other);
  EXPECT_THAT(ran(), StartsWith("loginctl enable-linger "));
}

TEST_F(Smtdoctor, CuresALimitOfFiles) {
  Process::Options few = env();
  few.through = {"prlimit", "--nofile=512:512"};
  Process::Options raised = few;
  for (const std::string& word : after_shell("prlimit --nofile=8192:8192 --pid $$"))
    raised.through.push_back(word);
  if (run_process({"smtdoctor", "--version"}, raised).err.empty()) {
    cures("files", "may open 512 files", {}, few);
  } else {  // even root may not raise a limit here
    stub("prlimit");
    after(problem("files", {}, few), {}, few);
    EXPECT_THAT(ran(), StartsWith("prlimit --nofile=8192:8192 --pid "));
  }
}

TEST_F(Smtdoctor, TellsAContainerThatSharesNothing) {
  const std::string image = stubs_.path() + "/image";
  std::filesystem::create_directories(image);
  std::ofstream(image + "/.dockerenv") << "";
  // A folder of the container's own disk is as little shared, whatever /dev/shm and /tmp are.
  for (const auto& [root, mounts] : std::map<std::string, std::string>{
           {"/dev/shm/smt", "umount -l /dev/shm && mount -t tmpfs shm /dev/shm"},
           {"/smt-test-of-no-mount", "true"}}) {
    Process::Options container;
    container.env["SMT_ROOT"] = root;
    container.through = {"unshare", "--mount"};
    for (const std::string& word : after_shell(mounts + " || exit 99")) container.through.push_back(word);
    const Ended ended = doctor({"--system-root", image}, container);
    if (ended.exit_code == 99 || geteuid() != 0) GTEST_SKIP() << "only root makes namespaces";
    const Problems found = findings(ended);
    ASSERT_EQ(found.count("container"), 1u) << ended.out << ended.err;
    EXPECT_EQ(found.find("container")->second["cure"], "") << "it is started anew from outside";
    EXPECT_THAT(found.find("container")->second["text"].get<std::string>(),
                HasSubstr("-v " + root + ":" + root));
  }
}

TEST_F(Smtdoctor, TellsFromWhereAContainerHasItsDomain) {
  const std::string image = stubs_.path() + "/image", disk = stubs_.path() + "/disk";
  std::filesystem::create_directories(image);
  std::filesystem::create_directories(disk);
  std::ofstream(image + "/.dockerenv") << "";
  Process::Options container;
  container.env["SMT_ROOT"] = disk + "/smt";
  container.through = {"unshare", "--mount"};
  for (const std::string& word : after_shell("mount -t tmpfs of-host " + disk + " || exit 99"))
    container.through.push_back(word);
  const Ended ended = doctor({"--system-root", image}, container);
  if (ended.exit_code == 99 || geteuid() != 0) GTEST_SKIP() << "only root makes namespaces";
  EXPECT_THAT(ended.out, HasSubstr(disk + "/smt is in " + disk + ", which is mounted from outside"));
}

// --- the relay ---

TEST_F(Smtdoctor, CuresKeysThatOthersMayRead) {
  const std::string keys = root_ + "/keys of robot";
  std::filesystem::create_directories(keys + "/peers");
  ASSERT_EQ(run({"smtrelay_keygen", "robot", "--out", keys}).exit_code, 0);
  std::filesystem::copy(keys + "/robot.pub", keys + "/peers/robot.pub");
  const std::vector<std::string> flags = {"--keys", keys};
  EXPECT_TRUE(problems(flags).empty());
  chmod((keys + "/self.key").c_str(), 0644);
  cures("keys", "other users may read it", flags);
  chmod((keys + "/peers").c_str(), 0777);
  cures("keys", "other users may write there", flags);
  write("keys of robot/peers/bad.pub", "no key");
  chmod((keys + "/peers/bad.pub").c_str(), 0644);
  cures("keys", "bad.pub", flags);
  std::filesystem::copy(keys + "/robot.pub", keys + "/peers/other.pub");
  cures("keys", "call the file robot.pub", flags);
  EXPECT_TRUE(std::filesystem::exists(keys + "/peers/robot.pub"));
}

TEST_F(Smtdoctor, CuresAFolderWithoutKeys) {
  const std::string keys = root_ + "/keys";
  const std::vector<std::string> flags = {"--keys", keys};
  Json found = problem("keys", flags);
  EXPECT_EQ(found["cure"], "smtrelay_keygen \"$(hostname)\" --out " + keys);
  auto next = after(found, flags);
  ASSERT_EQ(next.size(), 1u);
  if (!std::filesystem::exists(keys + "/peers")) {
    EXPECT_THAT(next.begin()->second["cure"].get<std::string>(), StartsWith("mkdir "));
    next = after(next.begin()->second, flags);
    ASSERT_EQ(next.size(), 1u);
  }
  EXPECT_EQ(next.begin()->second["cure"], "") << "only the peers have their keys";
  EXPECT_THAT(next.begin()->second["text"].get<std::string>(),
              HasSubstr("copy the .pub file of each peer there"));
}

TEST_F(Smtdoctor, LooksAtTheKeysOfAnotherUserAsThatUser) {
  SMT_AS_OTHER_USER(other);
  Process::Options theirs = env();
  theirs.through = other.through;
  const std::string keys = root_ + "/keys";
  ASSERT_EQ(run_process({"smtrelay_keygen", "robot", "--out", keys}, theirs).exit_code, 0);
  std::filesystem::create_directories(keys + "/peers");
  std::filesystem::copy(keys + "/robot.pub", keys + "/peers/robot.pub");
  std::filesystem::remove_all(folder());
  Json found = problem("keys", {"--keys", keys});
  const std::string cure = found["cure"];
  EXPECT_EQ(cure, "setpriv --reuid=65534 --regid=65534 --clear-groups smtdoctor --keys " + keys);
  // It may find something on this machine.
  found["cure"] = "{ " + cure + " || [ $? = 1 ]; } | grep 'fine *keys *robot'";
  EXPECT_EQ(after(found, {"--keys", keys}).count("keys"), 1u) << "root still has none";
}

TEST_F(Smtdoctor, TellsPortsInUseAndPortsWhereNobodyListens) {
  uint16_t port = 0;
  const Fd busy = bound(&port);
  ASSERT_TRUE(busy.ok());
  const std::string endpoint = "tcp://127.0.0.1:" + std::to_string(port);
  Json found = problem("connect", {"--connect", endpoint});
  EXPECT_THAT(found["text"].get<std::string>(), HasSubstr("nobody listens there"));
  EXPECT_EQ(found["cure"], "");
  ASSERT_EQ(listen(busy.get(), 64), 0);
  found = problem("connect", {"--connect", endpoint, "--timeout", "1s"});
  EXPECT_THAT(found["text"].get<std::string>(), HasSubstr("the connection is taken, and nothing comes"));
  found = problem("bind", {"--bind", endpoint});
  EXPECT_THAT(found["cure"].get<std::string>(), HasSubstr("ss -ltnp 'sport = :" + std::to_string(port)));
  EXPECT_EQ(after(found, {"--bind", endpoint}).count("bind"), 1u);
  EXPECT_TRUE(problems({"--bind", "tcp://127.0.0.1:*"}).empty());
  EXPECT_TRUE(problems({"--bind", "tcp://*:*"}).empty());
  const std::string any = "tcp://*:" + std::to_string(port_of(endpoint));
  EXPECT_EQ(problems({"--bind", any}).count("bind"), 1u) << "taken in one of the families";
}

TEST_F(Smtdoctor, ShowsAddressesToChooseFrom) {
  for (const char* endpoint : {"tcp://192.0.2.1:7000", "tcp://no.such.host.invalid:7000"}) {
    const Json found = problem("bind", {"--bind", endpoint});
    EXPECT_THAT(found["cure"].get<std::string>(), StartsWith("hostname -I"));
    EXPECT_EQ(after(found, {"--bind", endpoint}).count("bind"), 1u);
  }
  Json found = problem("connect", {"--connect", "tcp://no.such.host.invalid:1"});
  EXPECT_THAT(found["cure"].get<std::string>(), StartsWith("getent hosts no.such.host.invalid "));
  const std::string cure = found["cure"];
  found["cure"] = cure.substr(0, cure.find('#')) + "|| [ $? = 2 ]";
  EXPECT_EQ(after(found, {"--bind", "tcp://127.0.0.1:*"}).size(), 0u) << "it finds nothing and runs";
  for (const char* flag : {"--connect", "--bind"}) {
    found = problem(flag + 2, {flag, "telnet://x"});
    EXPECT_EQ(after(found, {flag, "telnet://x"}).size(), 1u);
  }
}

}  // namespace
}  // namespace smt::tools
