// Programs that see a part of the machine: without /etc/group, in user namespaces, with a pod's volume, under
// a memory limit, in a PID namespace, with a mount for domains.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/paths.h"
#include "tests/tools/json.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

constexpr int kSharing = 61500;  // a group without a name
constexpr int kRelay = 65532, kReader = 1234, kStranger = 1235;

class Isolation : public RelayTest {
 protected:
  void SetUp() override {
    chmod(root_.c_str(), 01777);
    Process::Options any = as(kReader, 0);
    any.through.insert(any.through.begin(), {"unshare", "--mount"});
    if (geteuid() != 0 || run_process({"smttopic", "--version"}, any).exit_code != 0)
      GTEST_SKIP() << "only root makes namespaces and acts as other users";
  }
  // As a user in one group besides its own; 0: in none.
  Process::Options as(int user, int group, const std::string& root = "") const {
    Process::Options options = env();
    if (!root.empty()) options.env["SMT_ROOT"] = root;
    options.through = {"setpriv", fmt::format("--reuid={}", user), fmt::format("--regid={}", user),
                       group == 0 ? "--clear-groups" : fmt::format("--groups={}", group)};
    return options;
  }
  // The same in a user namespace of its own, as its root.
  Process::Options as_root_of_namespace(int user, const std::string& root = "") const {
    Process::Options options = as(user, 0, root);
    options.through.insert(options.through.end(), {"unshare", "--user", "--map-root-user"});
    return options;
  }
  // In mounts of its own, after lines of shell.
  static Process::Options mounted(const std::string& setup, Process::Options options) {
    const std::vector<std::string> shell = after_shell(setup + " || exit 99");
    options.through.insert(options.through.begin(), shell.begin(), shell.end());
    options.through.insert(options.through.begin(), {"unshare", "--mount"});
    return options;
  }
  static bool has_user_namespaces(const Process::Options& options) {
    return run_process({"smttopic", "--version"}, options).exit_code == 0;
  }
  // A shell that finds the tools.
  static Ended script(const std::string& lines, const Process::Options& options) {
    return run_process({"/bin/sh", "-c", "PATH=" + bin_dir() + ":$PATH\n" + lines}, options);
  }
  // A publisher, a relay and a reader, each another user, share `root`: "" where all is well.
  std::string shares(const std::string& root, const std::string& group,
                     const std::string& setup = "true") const {
    const auto in_group = [&](int user) { return mounted(setup, as(user, kSharing, root)); };
    Process::Options owner = env();
    owner.env["SMT_ROOT"] = root;
    owner.env["SMT_GROUP"] = group;
    if (shared_root_) owner.env["SMT_SHARED_ROOT"] = "true";
    Process writer({"smtsinewave", "arm", "--node", "arm"}, mounted(setup, owner));
    Process::Options reader = in_group(kReader), relay = in_group(kRelay),
                     stranger = mounted(setup, as(kStranger, 0, root));
    for (Process::Options* options : {&reader, &relay, &stranger}) {
      options->env["SMT_GROUP"] = group;
      if (shared_root_) options->env["SMT_SHARED_ROOT"] = "true";
    }
    Ended echo;
    if (!eventually([&] {
          echo = run_process({"smttopic", "echo", "--once", "arm"}, reader);
          return echo.exit_code == 0;
        }))
      return "reader: " + echo.err + writer.errors();
    Process pub({"smtrelay_pub", "--bind", "tcp://127.0.0.1:*"}, relay);
    pub.wait_for_output("\n");
    const std::string endpoint = pub.output().substr(pub.output().rfind(' ') + 1);
    const Ended got =
        run({"smtrelay_client", "--connect", endpoint.substr(0, endpoint.size() - 1), "get", "arm"});
    if (got.exit_code != 0) return "relay: " + got.err + pub.errors();
    const Ended own = run_process({"smttopic", "pub", "leg", "u8", "1"}, reader);
    if (own.exit_code != 0) return "its own topic: " + own.err;
    const Ended refused = run_process({"smttopic", "list"}, stranger);
    return refused.exit_code == 6 ? "" : "stranger: " + refused.out + refused.err;
  }
  bool shared_root_ = false;
};

TEST_F(Isolation, AGroupIsSharedByNumberWithAndWithoutItsName) {
  const std::string number = std::to_string(kSharing);
  EXPECT_EQ(shares(root_, number), "");
  fs::remove_all(folder());
  EXPECT_EQ(shares(root_, number, "mount --bind /dev/null /etc/group"), "");
  fs::remove_all(folder());
  // By name where it has one, by number where it has none.
  const std::string names = write("group", fmt::format("root:x:0:\nsharing:x:{}:\n", kSharing));
  EXPECT_EQ(shares(root_, "sharing", "mount --bind " + names + " /etc/group"), "");
  const Ended list = run_process({"smttopic", "list", "--group", number},
                                 mounted("mount --bind /dev/null /etc/group", as(kReader, kSharing)));
  EXPECT_EQ(list.exit_code, 0) << list.err;
  for (const char* unknown : {"sharing", "4294967295"}) {
    const Ended refused = run_process({"smttopic", "list", "--group", unknown},
                                      mounted("mount --bind /dev/null /etc/group", as(kReader, kSharing)));
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.err, HasSubstr(fmt::format(
                                 "no such group '{}': make it with groupadd, or give the number", unknown)));
  }
}

TEST_F(Isolation, AReaderIsServedFromAReadOnlyMount) {
  Process writer({"smtsinewave", "arm", "--group", std::to_string(kSharing)}, env());
  const auto reads = [&] {
    return run_process(
        {"smttopic", "echo", "--once", "arm", "--group", std::to_string(kSharing)},
        mounted("mount --bind " + root_ + " " + root_ + " && mount -o remount,ro,bind " + root_,
                as(kReader, kSharing)));
  };
  EXPECT_TRUE(eventually([&] { return reads().exit_code == 0; })) << reads().err;
  const Ended written =
      run_process({"smttopic", "pub", "leg", "u8", "1", "--group", std::to_string(kSharing)},
                  mounted("mount --bind " + root_ + " " + root_ + " && mount -o remount,ro,bind " + root_,
                          as(kReader, kSharing)));
  EXPECT_EQ(written.exit_code, 6);
  EXPECT_THAT(written.err,
              AllOf(HasSubstr("cannot make a file in " + folder() + " (mount -o remount,rw; in a container"),
                    HasSubstr("Read-only file system")));
}

// An emptyDir: root's, and all may write it.
TEST_F(Isolation, AVolumeOfAPodIsSharedWhereThatIsSaid) {
  const std::string volume = root_ + "/volume", number = std::to_string(kSharing);
  for (const char* mode : {"0777", "2777"}) {
    SCOPED_TRACE(mode);
    fs::create_directory(volume);
    const std::string how = fmt::format("size=64m,mode={},gid={}", mode, kSharing);
    ASSERT_EQ(mount("smt", volume.c_str(), "tmpfs", 0, how.c_str()), 0);
    Process::Options reader = as(kReader, kSharing, volume);
    const auto refused = [&](const std::vector<std::string>& more) {
      std::vector<std::string> args = {"smttopic", "pub", "arm", "u8", "1"};
      args.insert(args.end(), more.begin(), more.end());
      const Ended ended = run_process(args, reader);
      EXPECT_EQ(ended.exit_code, 6) << ended.err;
      return ended.err;
    };
    const std::string why = fmt::format("{} has rights 0{}: others could replace your domain", volume, mode);
    EXPECT_THAT(refused({"--group", number}), AllOf(HasSubstr(why), HasSubstr("--group N --shared-root")));
    EXPECT_THAT(refused({"--shared-root"}), HasSubstr(why)) << "without a group";
    EXPECT_THAT(run_process({"smtdoctor"}, reader).out,
                HasSubstr("run: export SMT_SHARED_ROOT=true SMT_GROUP=" + number));
    shared_root_ = true;
    EXPECT_EQ(shares(volume, number), "");
    shared_root_ = false;
    umount2(volume.c_str(), MNT_DETACH);
    // The same rights of a folder that is no mount, or of a mount that is not root's.
    ASSERT_EQ(chmod(volume.c_str(), 0777), 0);
    EXPECT_THAT(refused({"--group", number, "--shared-root"}),
                AllOf(HasSubstr("has rights 00777"), Not(HasSubstr("--shared-root"))));
    ASSERT_EQ(mount("smt", volume.c_str(), "tmpfs", 0, fmt::format("{},uid={}", how, kReader).c_str()), 0);
    EXPECT_THAT(refused({"--group", number, "--shared-root"}), HasSubstr("has rights"));
    umount2(volume.c_str(), MNT_DETACH);
    fs::remove_all(volume);
  }
}

TEST_F(Isolation, OneUserNamespaceForBothSidesWorksAndTwoSayWhyNot) {
  constexpr int kUser = 61100, kOther = 61101;
  const std::string own = root_ + "/own";
  if (!has_user_namespaces(as_root_of_namespace(kUser)))
    GTEST_SKIP() << "no user namespaces may be made here";
  const std::string outside =
      " belongs to user 65534: so a user namespace shows whoever is outside it; run both "
      "sides in one user namespace (Docker, Podman: --userns=host, Kubernetes: hostUsers: true)";
  const Ended one = script(
      "mkdir -m 1777 " + own +
          "\nsmtsinewave arm --node arm & i=0\n"
          "until smttopic echo --once arm 2>/dev/null; do i=$((i+1)); [ $i -lt 400 ] || exit 98; done\n"
          "smttopic list -f json; kill $!\n",
      as_root_of_namespace(kUser, own));
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_THAT(one.out, HasSubstr("\"fresh\""));
  Process writer({"smtsinewave", "arm"}, env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "echo", "--once", "arm"}).exit_code == 0; }));
  Process::Options unmapped = env();
  unmapped.through = {"unshare", "--user"};
  // The publisher outside; each side in a namespace of its own; a namespace that maps nobody.
  for (const auto& [where, root] :
       {std::pair(as_root_of_namespace(kUser), root_), std::pair(as_root_of_namespace(kOther, own), own),
        std::pair(unmapped, root_)}) {
    for (const std::vector<std::string>& args : {std::vector<std::string>{"smttopic", "list"},
                                                 {"smttopic", "pub", "x", "u8", "1"},
                                                 {"smtrelay_pub", "--bind", "tcp://127.0.0.1:*"}}) {
      const Ended refused = run_process(args, where);
      EXPECT_EQ(refused.exit_code, 6) << args[0];
      EXPECT_THAT(refused.err, HasSubstr(root + outside));
    }
    EXPECT_THAT(run_process({"smtdoctor"}, where).out, HasSubstr(root + outside));
  }
}

// --- memory ---

class MemoryLimited : public Isolation {
 protected:
  void SetUp() override {
    Isolation::SetUp();
    if (IsSkipped()) return;
    std::error_code none;
    fs::create_directory(group_, none);
    std::ofstream(group_ + "/memory.limit_in_bytes") << (64 << 20) << std::flush;
    std::string limit;
    std::ifstream(group_ + "/memory.limit_in_bytes") >> limit;
    if (limit != std::to_string(64 << 20))
      GTEST_SKIP() << "no control group of version 1 with a memory limit can be made here";
  }
  void TearDown() override {
    eventually([&] { return rmdir(group_.c_str()) == 0 || errno == ENOENT; });
  }
  Process::Options limited(const std::string& domain) const {
    Process::Options options = env({{"SMT_DOMAIN", domain}});
    options.through = after_shell("echo $$ >" + group_ + "/cgroup.procs || exit 99");
    return options;
  }
  const std::string group_ = fmt::format("/sys/fs/cgroup/memory/smt-test-{}", getpid());
  // 2^21 samples of a double, each in a slot of 64 bytes.
  const std::vector<std::string> big_ = {"smtsinewave", "big", "--history", "2097152", "--node", "big"};
};

TEST_F(MemoryLimited, ATopicBeyondTheLimitIsAnErrorAndNoKill) {
  const Ended refused = run_process(big_, limited("d"));
  EXPECT_EQ(refused.exit_code, 1) << refused.err;
  EXPECT_THAT(
      refused.err,
      AllOf(HasSubstr("no room for topic big in " + folder() + ": need "),
            HasSubstr("and the memory limit of 64.0 MiB (" + group_ + "/memory.limit_in_bytes) leaves "),
            HasSubstr("raise it (docker run --memory, MemoryMax=, resources.limits.memory)")));
  const Ended small = run_process({"smttopic", "pub", "small", "u8", "1"}, limited("d"));
  EXPECT_EQ(small.exit_code, 0) << small.err;
  EXPECT_THAT(run_process({"smtdoctor"}, limited("d")).out, HasSubstr("topics and programs may take 64 MiB"));
}

TEST_F(MemoryLimited, ASubThereGoesOnWithAllOtherTopics) {
  // 80 MB in the four slots that a ring has at least.
  Process big({"smtsinewave", "big", "--signal", "constant", "--type", "u8[20000000]", "--rate", "1"},
              env({{"SMT_DOMAIN", "robot"}})),
      arm({"smtsinewave", "arm"}, env({{"SMT_DOMAIN", "robot"}}));
  const Relay robot = pub();
  Process sub({"smtrelay_sub", "--connect", robot.endpoint(), "--name", "base"}, limited("base"));
  sub.wait_for_error("and the memory limit of 64.0 MiB");
  ASSERT_TRUE(becomes("base", "arm", State::kFresh));
  const uint64_t before = held("base", "arm")->sequence;
  EXPECT_TRUE(eventually([&] { return held("base", "arm")->sequence > before + 100; }));
  EXPECT_FALSE(held("base", "big"));
  EXPECT_FALSE(sub.ended());
  sub.send(SIGTERM);
  EXPECT_EQ(sub.wait().exit_code, 0);
}

// --- where domains lie ---

class UsualRoot : public Isolation {
 protected:
  // A machine with these mounts at /run/smt; nothing says where domains lie.
  static Process::Options machine(const std::string& setup) {
    return mounted(
        "mount -t tmpfs -o mode=1777 shm /dev/shm && mount -t tmpfs none /run && mkdir /run/smt && { " +
            setup + "; }",
        Process::Options());
  }
  static constexpr const char* kMounted = "mount -t tmpfs -o mode=1777,nosuid,nodev,noexec run-smt /run/smt";
};

TEST_F(UsualRoot, IsTheMountOfRootsElseMemoryOfItsOwn) {
  const auto found = [](const std::string& setup) {
    return script(
        "smttopic pub a u8 1 && ls /run/smt /dev/shm && mkdir -p /run/image/etc/systemd && smtdoctor "
        "--system-root /run/image",
        machine(setup));
  };
  const Ended mounted = found(kMounted);
  EXPECT_THAT(mounted.out, AllOf(HasSubstr("/run/smt:\ndefault\n"),
                                 HasSubstr("domains are in /run/smt, which root has mounted")));
  EXPECT_THAT(mounted.out, HasSubstr("/run/smt is not below /dev/shm: its topics stay"));
  for (const char* none : {"true", "chmod 1777 /run/smt", "mount -t tmpfs -o uid=65534 x /run/smt",
                           "rmdir /run/smt && ln -s /dev/shm /run/smt"}) {
    const Ended otherwise = found(none);
    EXPECT_THAT(otherwise.out,
                HasSubstr("domains are in /dev/shm/smt, as nothing of root's is mounted at /run/smt"))
        << none << otherwise.err;
    EXPECT_THAT(otherwise.out, HasSubstr("smt\n"));
  }
  const Ended said = script("SMT_ROOT=/dev/shm/x smttopic pub a u8 1 && ls /dev/shm", machine(kMounted));
  EXPECT_EQ(said.out, "x\n") << said.err;
}

TEST_F(UsualRoot, WhoPublishesIsWarnedOnceOfProgramsThatItDoesNotSee) {
  const Ended split = script(
      "smtsinewave old --node old --root /dev/shm/smt & i=0\n"
      "until smttopic echo --once old --root /dev/shm/smt >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 400 ] || "
      "exit 98; "
      "done\n"
      "smttopic pub a u8 1; echo --- >&2; timeout 1 smtrelay_pub --bind tcp://127.0.0.1:*; echo --- >&2\n"
      "smttopic pub a u8 1 --root /dev/shm/smt; smtdoctor; kill $!; wait; echo --- >&2; smttopic pub a u8 "
      "1\n",
      machine(kMounted));
  const std::string warned =
      "this domain is /run/smt/default, and node old of it lives in /dev/shm/smt/default: neither sees the "
      "other; "
      "start those programs anew, or this one with --root /dev/shm/smt";
  std::vector<std::string> parts;
  std::string rest = split.err;
  for (size_t at; (at = rest.find("---\n")) != rest.npos; rest = rest.substr(at + 4))
    parts.push_back(rest.substr(0, at));
  ASSERT_EQ(parts.size(), 3u) << split.err;
  for (const size_t part : {0, 1}) {
    EXPECT_THAT(parts[part], HasSubstr(warned));
    EXPECT_EQ(parts[part].find(warned), parts[part].rfind(warned)) << "once";
  }
  EXPECT_THAT(parts[2], Not(HasSubstr("this domain is"))) << "what ended under /run/smt does not live";
  EXPECT_THAT(split.out, AllOf(HasSubstr("PROBLEM root      " + warned),
                               HasSubstr("run: export SMT_ROOT=/dev/shm/smt\n")));
  EXPECT_EQ(rest, "") << "nobody lives there any more";
}

TEST_F(Isolation, TheDoctorKnowsAContainerWithoutMarksByItsPids) {
  Process::Options container = env();
  container.through = {"unshare", "--pid", "--fork", "--mount-proc"};
  const Ended doctor = run_process({"smtdoctor"}, container);
  EXPECT_THAT(doctor.out, AllOf(Not(HasSubstr("container this is none")), Not(HasSubstr("loginctl"))));
  EXPECT_THAT(doctor.out, HasSubstr("no systemd"));
}

}  // namespace
}  // namespace smt::tools
