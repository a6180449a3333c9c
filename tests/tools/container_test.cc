// Programs in containers, as far as a mount and a host name make one: another boot_id than the host's, or
// none, and a host name that is another one at each start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "tests/tools/json.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Container : public RelayTest {
 protected:
  void SetUp() override {
    write("image/etc/systemd/logind.conf", "[Login]\nRemoveIPC=no\n");
    write("boot_id", "11111111-2222-3333-4444-555555555555\n");
    Process::Options any = inside("true");
    if (geteuid() != 0 || run_process({"smttopic", "--version"}, any).exit_code != 0)
      GTEST_SKIP() << "only root makes namespaces";
  }
  // Starts in mounts and with a host name of its own, after a line of shell there.
  Process::Options inside(const std::string& setup) const {
    Process::Options options = env();
    options.through = {"unshare", "--mount", "--uts"};
    const std::vector<std::string> shell = after_shell(setup + " || exit 99");
    options.through.insert(options.through.end(), shell.begin(), shell.end());
    return options;
  }
  // What hides the boot_id, and what puts another one in its place.
  std::vector<Process::Options> containers() const {
    return {inside("mount -t proc -o subset=pid proc /proc && ! [ -e /proc/sys ]"),
            inside("mount --bind " + root_ + "/boot_id /proc/sys/kernel/random/boot_id")};
  }
  static Json only(const Ended& list) {
    const Json topics = Json::parse(list.out);
    EXPECT_EQ(topics.size(), 1u) << list.out << list.err;
    return topics.empty() ? Json() : topics[0];
  }
  // A live topic, wherever it is looked at from.
  static bool is_live(const Ended& list) {
    const Json topic = only(list);
    return topic["state"] == "fresh" && topic["age_ns"].is_number() && topic["age_ns"] < 60'000'000'000 &&
           topic["writers"][0]["live"] == true;
  }
  std::vector<std::string> mirrors() const {
    std::vector<std::string> nodes = *domain().nodes();
    std::erase_if(nodes, [](const std::string& node) { return !node.starts_with("mirror-"); });
    return nodes;
  }
};

TEST_F(Container, ALiveTopicIsFreshAndHasAnAgeInsideAndOutside) {
  const std::vector<std::string> list = {"smttopic", "list", "-f", "json"};
  for (const Process::Options& container : containers()) {
    for (const bool writes_inside : {true, false}) {
      SCOPED_TRACE(writes_inside ? "written inside" : "written outside");
      Process writer({"smtsinewave", "arm", "--node", "arm"}, writes_inside ? container : env());
      ASSERT_TRUE(eventually([&] { return Json::parse(run(list).out).size() == 1; }));
      EXPECT_TRUE(is_live(run_process(list, container)));
      EXPECT_TRUE(is_live(run(list)));
      for (const Process::Options& where : {container, env()}) {
        const Ended doctor = run_process({"smtdoctor", "--system-root", root_ + "/image"}, where);
        EXPECT_EQ(doctor.exit_code, 0) << doctor.out;
        EXPECT_THAT(doctor.out, HasSubstr("1 live"));
        EXPECT_EQ(run_process({"smtcore", "--once", "--remove-after", "0"}, where).exit_code, 0);
      }
      EXPECT_TRUE(is_live(run(list)));
      writer.send(SIGKILL);
      writer.wait();
      std::filesystem::remove_all(folder());
    }
  }
}

// A chroot without /proc: a live topic is fresh, and nothing is called wrong because it cannot be told.
TEST_F(Container, WithoutProcALiveTopicIsFreshAndTheDoctorSaysWhatCannotBeTold) {
#ifdef SMT_ADDRESS_SANITIZER
  GTEST_SKIP() << "AddressSanitizer needs /proc";
#endif
  Process writer({"smtsinewave", "arm", "--node", "arm"}, env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "echo", "--once", "arm"}).exit_code == 0; }));
  const Process::Options chroot = inside("umount -l /proc && mount -t tmpfs none /proc");
  const Json topic = only(run_process({"smttopic", "list", "-f", "json"}, chroot));
  EXPECT_EQ(topic["state"], "fresh");
  EXPECT_TRUE(topic["age_ns"].is_null());
  write("image/.dockerenv", "");
  const Ended doctor = run_process({"smtdoctor", "--system-root", root_ + "/image"}, chroot);
  EXPECT_EQ(doctor.exit_code, 0) << doctor.out << doctor.err;
  EXPECT_THAT(doctor.out, AllOf(HasSubstr("node arm: no age can be told"),
                                HasSubstr("what is mounted from outside cannot be told")));
}

TEST_F(Container, ARestartInsideGoesOnWithItsTopicsAsAnywhere) {
  for (const Process::Options& container : containers()) {
    ASSERT_EQ(run_process({"smtsinewave", "arm", "--node", "arm", "-n", "3"}, env()).exit_code, 0);
    ASSERT_EQ(run_process({"smtsinewave", "arm", "--node", "arm", "-n", "1"}, container).exit_code, 0);
    const Json topic = only(run({"smttopic", "list", "-f", "json"}));
    EXPECT_EQ(topic["sequence"], 4);
    EXPECT_TRUE(topic["age_ns"].is_number());
    std::filesystem::remove_all(folder());
  }
}

TEST_F(Container, ARelayFindsAWriterInAContainerAlive) {
  const Process::Options container = containers()[0];
  Process::Options robot = container;
  robot.env["SMT_DOMAIN"] = "robot";
  Process writer({"smtsinewave", "arm", "--node", "arm"}, robot);
  const Relay relay = pub();
  ASSERT_TRUE(eventually([&] { return client(relay.endpoint(), {"get", "arm"}).exit_code == 0; }));
  const Json topic = only(client(relay.endpoint(), {"list", "-f", "json"}));
  EXPECT_EQ(topic["state"], "fresh");
  EXPECT_THAT(client(relay.endpoint(), {"why", "arm"}).out,
              AllOf(HasSubstr("of node arm"), Not(HasSubstr("gone"))));
}

TEST_F(Container, ARelayHasOneMirrorUnderEveryHostName) {
  Process writer({"smtsinewave", "arm", "--domain", "robot"}, env());
  const Relay robot = pub();
  for (const char* host : {"0a1b2c", "3d4e5f", "6a7b8c"}) {
    Process sub({"smtrelay_sub", "--connect", robot.endpoint()}, inside(std::string("hostname ") + host));
    sub.wait_for_output("ready " + std::string(host));
    ASSERT_TRUE(eventually([&] {
      const Json topics = Json::parse(run({"smttopic", "list", "-f", "json", "--state", "fresh"}).out);
      return topics.size() == 1 && topics[0]["writers"].size() == 1;
    }));
    EXPECT_THAT(mirrors(), ElementsAre("mirror-1"));
    sub.send(SIGTERM);
    EXPECT_EQ(sub.wait().exit_code, 0);
  }
  EXPECT_THAT(*domain().nodes(), ElementsAre("mirror-1"))
      << "the relay's counters go with a name that nobody said";
}

// What a release left that called the mirror after the host.
TEST_F(Container, AMirrorOfAnEarlierReleaseIsToldWithTheCommandThatFreesIt) {
  Process writer({"smtsinewave", "arm", "--domain", "robot"}, env());
  const Relay robot = pub();
  {
    Process earlier({"smtrelay_sub", "--connect", robot.endpoint(), "--name", "box"}, env());
    ASSERT_TRUE(eventually([&] { return run({"smttopic", "echo", "--once", "arm"}).exit_code == 0; }));
    earlier.send(SIGTERM);
    earlier.wait();
  }
  run({"smtcore", "--once", "--remove-after", "0", "--only", "relay-*"});
  Process sub({"smtrelay_sub", "--connect", robot.endpoint()}, inside("hostname box"));
  sub.wait_for_error("no relay has node mirror-box");
  std::string cure;
  ASSERT_TRUE(eventually([&] {
    const Ended doctor = run({"smtdoctor", "-f", "json", "--system-root", root_ + "/image"});
    for (const Json& finding : Json::parse(doctor.out)) {
      if (finding["check"] == "leftovers") cure = finding["cure"];
    }
    return !cure.empty();
  }));
  sub.wait_for_error("run `" + cure + "`");
  Process::Options after = env();
  after.through = after_shell("PATH=" + bin_dir() + ":$PATH\n" + cure + " >&2");
  const Ended well = run_process({"smtdoctor", "--system-root", root_ + "/image"}, after);
  EXPECT_EQ(well.exit_code, 0) << well.out << well.err;
  EXPECT_THAT(mirrors(), ElementsAre("mirror-1"));
}

}  // namespace
}  // namespace smt::tools
