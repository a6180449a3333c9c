// Each symptom of docs/troubleshooting.md is provoked: the program says what the page says, and the doctor
// names it with the command of the page. A row without a provocation fails, and so does a provocation without
// a row. Where a relay dials, wrong_dials_test does the same, and unmatched_test for patterns.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>

#include "shm/fd.h"
#include "shm/layout.h"
#include "shm/place.h"
#include "tests/loopback.h"
#include "tests/small_disk.h"
#include "tests/tools/json.h"
#include "tests/tools/keyed_relays.h"
#include "tests/tools/troubleshooting_page.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;

constexpr int kDaemon = 1;

struct Seen {
  std::string said;  // by the program, if it is what the page names
  Ended doctor;
  bool provoked = true;
  // Where this user, or this machine, cannot.
  static Seen none() { return {"", {}, false}; }
};

class Troubleshooting : public KeyedTest, public testing::WithParamInterface<std::string> {
 public:
  using Provoke = std::function<Seen(const Troubleshooting&)>;
  // By what is seen, as the page names it.
  using Provocations = std::map<std::string, Provoke>;
  static Provocations all() {
    Provocations all;
    for (const auto& some :
         {of_topics(), of_programs(), of_the_machine(), of_rights(), of_memory(), of_keys(), of_ports()})
      all.insert(some.begin(), some.end());
    return all;
  }

 protected:
  void SetUp() override {
    // A machine without any problem of its own.
    write("image/etc/systemd/logind.conf", "[Login]\nRemoveIPC=no\n");
    ASSERT_EQ(run({"smttopic", "pub", "a", "u8", "1"}).exit_code, 0);
  }

 private:
  static Provocations of_topics();
  static Provocations of_programs();
  static Provocations of_the_machine();
  static Provocations of_rights();
  static Provocations of_memory();
  static Provocations of_keys();
  static Provocations of_ports();

  Ended doctor(const std::vector<std::string>& more = {},
               std::optional<Process::Options> options = {}) const {
    std::vector<std::string> args = {"smtdoctor", "-f", "jsonl", "--system-root", root_ + "/image"};
    args.insert(args.end(), more.begin(), more.end());
    return run_process(args, options ? *options : env());
  }
  // Who tells an error ends with an exit code that says so.
  static std::string said(const std::vector<std::string>& args, const Process::Options& options) {
    const Ended ended = run_process(args, options);
    EXPECT_EQ(ended.exit_code != 0, ended.err.find(": error: ") != std::string::npos)
        << ended.exit_code << ended.err;
    return ended.err;
  }
  // What a tool says, and what the doctor does where it is given the same flags.
  Seen both(const std::vector<std::string>& tool, const std::vector<std::string>& flags,
            std::optional<Process::Options> options = {}) const {
    std::vector<std::string> args = tool;
    args.insert(args.end(), flags.begin(), flags.end());
    return {said(args, options ? *options : env()), doctor(flags, options)};
  }
  Seen of_relay(const std::vector<std::string>& flags, std::optional<Process::Options> options = {}) const {
    return both({"smtrelay_pub", "--check-config", "--bind", "tcp://127.0.0.1:*"}, flags, options);
  }
  // As another user of this group, in the test's domain.
  std::optional<Process::Options> other_user(int group = kOtherUser) const {
    std::optional<Process::Options> other = as_other_user(group);
    if (other) other->env = env().env;
    return other;
  }
  Process::Options below(const std::string& root) const { return env({{"SMT_ROOT", root}}); }
  bool lists(const std::string& topic, const std::string& state) const {
    return eventually([&] {
      return run({"smttopic", "list", "--state", state}).out.find(topic + " ") != std::string::npos;
    });
  }
  // A wave that publishes.
  std::unique_ptr<Process> wave(const std::string& topic, const std::string& node) const {
    auto made =
        std::make_unique<Process>(std::vector<std::string>{"smtsinewave", topic, "--node", node}, env());
    EXPECT_TRUE(eventually([&] {
      return run({"smttopic", "info", topic}).out.find(node) != std::string::npos;
    }));
    return made;
  }
  // Overwrites four bytes of a node's segment.
  void patch(const std::string& node, size_t offset, uint32_t value) const {
    const Fd file(open((folder() + "/" + node).c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(pwrite(file.get(), &value, sizeof value, static_cast<off_t>(offset)), 4);
  }
  // A folder of keys that is right.
  std::string good_keys() const {
    make_keys({"robot", "base"});
    acquaint("robot", "base");
    return keys("robot");
  }
  Seen mirrored(const std::function<void(const Relay& pub, const Relay& sub)>& harm) const {
    Process source({"smtsinewave", "x", "--domain", "robot"}, env());
    const Relay robot = pub(), base = sub(robot.endpoint());
    EXPECT_TRUE(becomes("base", "x", State::kFresh));
    harm(robot, base);
    EXPECT_TRUE(becomes("base", "x", State::kLinkDown));
    return {"", doctor({"--domain", "base", "--topic", "x"})};
  }
};

Troubleshooting::Provocations Troubleshooting::of_topics() {
  return {
      {"a topic is not there",
       [](auto& t) {
         return Seen{"", t.doctor({"--topic", "b"})};
       }},
      {"a topic is `stale`",
       [](auto& t) {
         Process rare({"smtsinewave", "arm", "--node", "rare", "--rate", "1", "--max-age", "1ms"}, t.env());
         EXPECT_TRUE(t.lists("arm", "stale"));
         return Seen{"", t.doctor({"--topic", "arm"})};
       }},
      {"a topic is `source-dead`",
       [](auto& t) {
         EXPECT_TRUE(t.lists("a", "source-dead"));
         return Seen{"", t.doctor({"--topic", "a"})};
       }},
      {"a mirrored topic is `source-dead`",
       [](auto& t) {
         t.publish("x", "u8", "1");
         const Relay robot = t.pub(), base = t.sub(robot.endpoint());
         EXPECT_TRUE(t.becomes("base", "x", State::kSourceDead));
         return Seen{"", t.doctor({"--domain", "base", "--topic", "x"})};
       }},
      {"a topic is `link-down`, and the relay here runs",
       [](auto& t) {
         return t.mirrored([](const Relay& robot, const Relay&) { robot.process->send(SIGKILL); });
       }},
      {"a topic is `link-down`, and the relay here is stopped",
       [](auto& t) {
         return t.mirrored([](const Relay&, const Relay& base) { base.process->send(SIGSTOP); });
       }},
      {"an age is `?`",
       [](auto& t) {
         const auto source = t.wave("x", "one");
         t.patch("one", offsetof(layout::Header, time_namespace), 1);
         EXPECT_NE(t.run({"smttopic", "list"}).out.find(" ? "), std::string::npos);
         return Seen{"", t.doctor()};
       }},
  };
}

Troubleshooting::Provocations Troubleshooting::of_programs() {
  return {
      {"a value jumps between two",
       [](auto& t) {
         const auto one = t.wave("x", "one"), two = t.wave("x", "two");
         return Seen{"", t.doctor()};
       }},
      {"programs that start now do not see one that runs",
       [](auto& t) {
         const auto source = t.wave("x", "one");
         source->send(SIGSTOP);  // else it makes its memory again
         fs::remove_all(t.folder());
         return Seen{"", t.doctor()};
       }},
      {"dead programs hold memory",
       [](auto& t) {
         const auto source = t.wave("x", "one");
         source->send(SIGKILL);
         source->wait();
         return Seen{"", t.doctor()};
       }},
      {"`... has layout version 99, this program knows version ...`",
       [](auto& t) {
         const auto source = t.wave("x", "one");
         source->send(SIGKILL);
         source->wait();
         t.patch("one", offsetof(layout::Header, version), 99);
         return t.both({"smttopic", "list"}, {});
       }},
      {"`... belongs to user 0 and may not be opened so: choose another node name`",
       [](auto& t) {
         const std::optional<Process::Options> other = t.other_user(kDaemon);
         if (!other) return Seen::none();
         const std::vector<std::string> shared = {"--domain", "shared", "--group", std::to_string(kDaemon)};
         const std::vector<std::string> pub = {"smttopic", "pub", "x", "u8", "1", "--node", "one"};
         EXPECT_EQ(t.both(pub, shared).said, "");
         return t.both(pub, shared, other);
       }},
  };
}

Troubleshooting::Provocations Troubleshooting::of_the_machine() {
  return {
      {"topics go when a user logs out",
       [](auto& t) {
         t.write("image/etc/systemd/logind.conf", "[Login]\n");
         const std::optional<Process::Options> other = t.other_user();
         if (!other) return Seen::none();
         return Seen{"", t.doctor({}, other)};
       }},
      {"a container sees nothing of its host",
       [](auto& t) {
         t.write("image/.dockerenv", "");
         return Seen{"", t.doctor({}, t.below("/smt-test-of-no-mount"))};
       }},
      {"publishing writes to a disk",
       [](auto& t) {
         const TempFolder disk("/var/tmp");
         struct statfs found;
         if (statfs(disk.path().c_str(), &found) != 0 || is_in_memory(found)) return Seen::none();
         return Seen{"", t.doctor({}, t.below(disk.path()))};
       }},
      {"a relay takes no more peers",
       [](auto& t) {
         Process::Options few = t.env();
         few.through = {"prlimit", "--nofile=512:512"};
         return Seen{"", t.doctor({}, few)};
       }},
      {"`this domain is ..., and node ... of it lives in ...`",
       [](auto&) {
         if (geteuid() != 0) return Seen::none();
         const std::string old = bin_dir() + "/smtsinewave old --root /dev/shm/smt",
                           echo = bin_dir() + "/smttopic echo ";
         Process::Options mounted;
         mounted.through = {
             "unshare",
             "--mount",
             "sh",
             "-c",
             "mount --make-rprivate / && mount -t tmpfs -o mode=1777 shm /dev/shm && mount -t tmpfs none "
             "/run && mkdir /run/smt && mount -t tmpfs -o mode=1777 smt /run/smt || exit 99\n" +
                 old + " --log off & i=0\nuntil " + echo +
                 "--once old --root /dev/shm/smt >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 400 ] || exit 98; "
                 "done\n\"$@\"; code=$?; kill $!; exit $code",
             "sh"};
         return Seen{said({"smttopic", "pub", "x", "u8", "1"}, mounted),
                     run_process({"smtdoctor", "-f", "jsonl"}, mounted)};
       }},
  };
}

Troubleshooting::Provocations Troubleshooting::of_rights() {
  const std::vector<std::string> list = {"smttopic", "list"};
  return {
      {"`no such group '...'`",
       [=](auto& t) {
         return t.both(list, {"--group", "smt-none"});
       }},
      {"`... is not shared with group '...' (rights 00700, group ...)`",
       [=](auto& t) {
         if (geteuid() != 0) return Seen::none();
         return t.both(list, {"--group", std::to_string(kDaemon)});
       }},
      {"`... has rights 00777: expected 0700, or 03770 for a group`",
       [=](auto& t) {
         chmod(t.folder().c_str(), 0777);
         return t.both(list, {});
       }},
      {"`... has rights 02777: others could replace your domain`",
       [=](auto& t) {
         chmod(t.root_.c_str(), 02777);
         return t.both(list, {});
       }},
      {"`... belongs to user 65534: so a user namespace shows whoever is outside it`",
       [=](auto& t) {
         Process::Options namespaced = t.env();
         namespaced.through = {"unshare", "--user"};
         if (run_process({"smttopic", "--version"}, namespaced).exit_code != 0) return Seen::none();
         return t.both(list, {}, namespaced);
       }},
  };
}

Troubleshooting::Provocations Troubleshooting::of_memory() {
  return {
      {"`no space in ...: need ... for topic ...`",
       [](auto& t) {
         const SmallDisk disk(t.root_ + "/small", "size=2m,mode=1777");
         if (!disk.ok()) return Seen::none();
         const Process::Options there = t.below(t.root_ + "/small");
         return Seen{said({"smtsinewave", "big", "--history", "2097152"}, there), t.doctor({}, there)};
       }},
      {"`cannot make a file in ...: Read-only file system`",
       [](auto& t) {
         const SmallDisk disk(t.root_ + "/small", "size=2m,mode=1777");
         if (!disk.ok()) return Seen::none();
         const Process::Options there = t.below(t.root_ + "/small");
         EXPECT_EQ(run_process({"smttopic", "pub", "x", "u8", "1"}, there).exit_code, 0);
         EXPECT_EQ(mount(nullptr, (t.root_ + "/small").c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
         return Seen{said({"smttopic", "pub", "y", "u8", "1"}, there), t.doctor({}, there)};
       }},
      {"`no room for topic ...: need ... and the memory limit of ... leaves ...`",
       [](auto& t) {
         const std::string group = "/sys/fs/cgroup/memory/smt-page-" + std::to_string(getpid());
         std::error_code none;
         const auto number = [&](const char* file) {
           uint64_t found = 0;
           std::ifstream(group + "/memory." + file) >> found;
           return found;
         };
         const auto limit = [&](uint64_t bytes) {
           std::ofstream(group + "/memory.limit_in_bytes") << bytes << std::flush;
         };
         fs::create_directory(group, none);
         limit(256 << 20);
         Seen seen = Seen::none();
#ifdef SMT_ADDRESS_SANITIZER
         constexpr bool kFits = false;  // a program needs more than the group leaves
#else
         constexpr bool kFits = true;
#endif
         if (kFits && number("limit_in_bytes") == 256 << 20) {
           Process::Options limited = t.env();
           limited.through = after_shell("echo $$ >" + group + "/cgroup.procs || exit 99");
           Process large({"smtsinewave", "large", "--history", "1048576"}, limited);
           EXPECT_TRUE(t.lists("large", "fresh"));
           limit(number("usage_in_bytes") + (6 << 20));
           seen = Seen{said({"smtsinewave", "big", "--history", "1048576"}, limited),
                       run_process({"smtdoctor", "-f", "jsonl"}, limited)};
         }
         eventually([&] { return rmdir(group.c_str()) == 0 || errno == ENOENT; });
         return seen;
       }},
  };
}

Troubleshooting::Provocations Troubleshooting::of_keys() {
  const auto in_group = [](const Troubleshooting& t, int user_group, int key_group, mode_t mode,
                           std::vector<std::string> flags) {
    const std::string dir = t.good_keys();
    const std::optional<Process::Options> other = t.other_user(user_group);
    if (!other || chown((dir + "/self.key").c_str(), 0, key_group) != 0) return Seen::none();
    chmod((dir + "/self.key").c_str(), mode);
    for (const std::string& path : {t.root_ + "/keys", dir, dir + "/peers"}) chmod(path.c_str(), 0755);
    flags.insert(flags.end(), {"--keys", dir});
    return t.of_relay(flags, other);
  };
  return {
      {"a relay with keys lets nobody in",
       [](auto& t) {
         t.make_keys({"robot"});
         return Seen{"", t.doctor({"--keys", t.keys("robot")})};
       }},
      {"`cannot open the folder of keys ...: No such file or directory`",
       [](auto& t) {
         return t.of_relay({"--keys", t.keys("robot")});
       }},
      {"`.../self.key: other users may read it; run chmod 600 ...`",
       [](auto& t) {
         const std::string dir = t.good_keys();
         chmod((dir + "/self.key").c_str(), 0644);
         return t.of_relay({"--keys", dir});
       }},
      {"`.../self.key belongs to user 0, and user ... may not read it; run chown ...`",
       [=](auto& t) { return in_group(t, kOtherUser, 0, 0600, {}); }},
      {"`.../self.key: group ... may read it, which shares the domain`",
       [=](auto& t) {
         return in_group(t, kDaemon, kDaemon, 0440, {"--group", std::to_string(kDaemon)});
       }},
      {"`.../self.key is a link that leads out of its folder`",
       [](auto& t) {
         const std::string dir = t.good_keys();
         fs::rename(dir + "/self.key", t.root_ + "/elsewhere.key");
         fs::create_symlink(t.root_ + "/elsewhere.key", dir + "/self.key");
         return t.of_relay({"--keys", dir});
       }},
      {"`self_key: ... is the name of a credential, and there are none`",
       [](auto& t) {
         return t.of_relay({"--keys", t.good_keys(), "--self-key", "robot.key"});
       }},
      {"`no .../robot.key; the unit needs LoadCredential=robot.key:FILE`",
       [](auto& t) {
         return t.of_relay({"--keys", t.good_keys(), "--self-key", "robot.key"},
                           t.env({{"CREDENTIALS_DIRECTORY", t.root_}}));
       }},
  };
}

Troubleshooting::Provocations Troubleshooting::of_ports() {
  const auto taken = [](const Troubleshooting& t, const std::string& flag, const std::string& scheme) {
    uint16_t port = 0;
    const Fd busy = bound(&port);
    EXPECT_EQ(listen(busy.get(), 1), 0);
    const std::string address = "127.0.0.1:" + std::to_string(port);
    return Seen{said({"smtrelay_pub", "--bind", "tcp://127.0.0.1:*", flag, scheme + address}, t.env()),
                t.doctor({"--bind", "tcp://" + address})};
  };
  return {
      {"`cannot bind ...: another process has the port`",
       [=](auto& t) { return taken(t, "--bind", "tcp://"); }},
      {"`cannot listen at ...: another process has the port`",
       [=](auto& t) { return taken(t, "--metrics", ""); }},
  };
}

std::map<std::string, std::vector<std::string>> rows() {
  std::map<std::string, std::vector<std::string>> rows;
  for (const char* section : {"What you see", "What a program says"}) {
    for (const std::vector<std::string>& row : rows_of_page(section)) rows[row[0]] = row;
  }
  return rows;
}

TEST_P(Troubleshooting, IsSaidAndNamedByTheDoctorAsThePageSays) {
  const std::map<std::string, std::vector<std::string>> page = rows();
  const auto row = page.find(GetParam());
  ASSERT_TRUE(row != page.end()) << "no row of the page: " << GetParam();
  ASSERT_EQ(row->second.size(), 3u);
  const Seen seen = all().at(GetParam())(*this);
  if (!seen.provoked) GTEST_SKIP() << "cannot be provoked here: " << GetParam();
  EXPECT_TRUE(says(seen.said, code_of(GetParam()))) << seen.said;
  const std::string named = code_of(row->second[1]), command = code_of(row->second[2]);
  ASSERT_NE(named, "") << "the page says what the doctor says";
  bool found = false;
  for (const Json& finding : json_lines(seen.doctor.out)) {
    found = found || (finding["kind"] != "fine" && says(finding["text"].get<std::string>(), named) &&
                      says(finding["cure"].get<std::string>(), command));
  }
  EXPECT_TRUE(found) << named << ", " << command << "\n" << seen.doctor.out << seen.doctor.err;
}

std::vector<std::string> provoked() {
  std::vector<std::string> names;
  for (const auto& [name, provoke] : Troubleshooting::all()) names.push_back(name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Page, Troubleshooting, testing::ValuesIn(provoked()),
                         [](const auto& row) { return "Row" + std::to_string(row.index); });

TEST(TroubleshootingPage, HasNoRowThatNothingProvokes) {
  const Troubleshooting::Provocations all = Troubleshooting::all();
  const auto missing = [&](const std::map<std::string, std::vector<std::string>>& rows) {
    std::vector<std::string> names;
    for (const auto& [seen, row] : rows) {
      if (!all.contains(seen)) names.push_back(seen);
    }
    return names;
  };
  EXPECT_THAT(missing(rows()), testing::IsEmpty());
  auto planted = rows();
  planted["a symptom that is planted"] = {};
  EXPECT_THAT(missing(planted), testing::ElementsAre("a symptom that is planted"));
}

}  // namespace
}  // namespace smt::tools
