// Whose key files a relay takes: as its own user, as a service whose keys are root's, in a pod, as a
// credential.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/text.h"
#include "tests/tools/keyed_relays.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

// The user of a relay, a group of relays, and one that shares the domain.
constexpr int kService = 65532, kServices = 61007, kPublishers = 61008;

class KeyRights : public KeyedTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root gives files away and starts programs as another user";
    make_keys({"robot", "base"});
    acquaint_both("robot", "base");
    chmod(root_.c_str(), 01777);
    for (const std::string& path : {root_ + "/keys", keys("robot"), keys("robot") + "/peers"})
      chmod(path.c_str(), 0755);
  }
  void be(int user, int group, mode_t mode) const {
    ASSERT_EQ(chown(self().c_str(), user, group), 0);
    ASSERT_EQ(chmod(self().c_str(), mode), 0);
  }
  std::string self() const { return keys("robot") + "/self.key"; }
  Process::Options service(const std::string& before = "") const {
    Process::Options options = env();
    if (!before.empty()) {
      options.through = {"unshare", "--mount"};
      const std::vector<std::string> shell = after_shell(before + " || exit 99");
      options.through.insert(options.through.end(), shell.begin(), shell.end());
    }
    for (const std::string& word :
         {std::string("setpriv"), "--reuid=" + std::to_string(kService),
          "--regid=" + std::to_string(kService),
          "--groups=" + std::to_string(kServices) + "," + std::to_string(kPublishers)})
      options.through.push_back(word);
    return options;
  }
  Ended check(const std::vector<std::string>& more = {}, const std::string& before = "") const {
    std::vector<std::string> args = {"smtrelay_pub", "--check-config", "--keys",
                                     keys("robot"),  "--bind",         "tcp://127.0.0.1:*"};
    args.insert(args.end(), more.begin(), more.end());
    return run_process(args, service(before));
  }
  // "": it would serve; else why not, with exit code 2.
  std::string refusal(const std::vector<std::string>& more = {}, const std::string& before = "") const {
    const Ended ended = check(more, before);
    EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 2) << ended.exit_code << ended.err;
    return ended.exit_code == 0 ? "" : ended.err;
  }
};

TEST_F(KeyRights, AKeyIsOfTheRelaysUserOrOfRootAndForAGroupOfTheRelays) {
  be(kService, kService, 0600);
  EXPECT_EQ(refusal(), "");
  be(kService, kService, 0400);
  EXPECT_EQ(refusal(), "");
  for (const mode_t mode : {0440, 0640}) {
    be(0, kServices, mode);
    EXPECT_EQ(refusal(), "") << std::oct << mode;
  }
  be(kService, kServices, 0640);
  EXPECT_THAT(refusal(), HasSubstr(self() + ": other users may read it; run chmod 600 " + self()));
  be(0, kServices, 0644);
  EXPECT_THAT(refusal(), HasSubstr(self() + ": other users may read it; run chmod 640 " + self()));
  be(0, kServices, 0660);
  EXPECT_THAT(refusal(), HasSubstr("other users may write there"));
  be(kOtherUser, kServices, 0640);
  EXPECT_THAT(refusal(), HasSubstr(self() + " belongs to another user"));
}

TEST_F(KeyRights, AKeyThatOnlyRootReadsIsToldWithTheCommandThatGivesIt) {
  be(0, 0, 0600);
  const std::string told =
      self() + " belongs to user 0, and user 65532 may not read it; run chown 65532 " + self();
  EXPECT_THAT(refusal(), HasSubstr(told));
  be(0, kOtherUser, 0640);
  EXPECT_THAT(refusal(), HasSubstr(told)) << "of a group that the relay is not in";
  const Ended doctor = run_process({"smtdoctor", "--keys", keys("robot")}, service());
  EXPECT_THAT(doctor.out, HasSubstr("run: sudo chown 65532 " + self() + " && sudo chmod 600 " + self()));
  ASSERT_EQ(chown(self().c_str(), kService, 0), 0);
  ASSERT_EQ(chmod(self().c_str(), 0600), 0);
  EXPECT_EQ(refusal(), "");
}

// Whoever may publish could read the key, and be the relay.
TEST_F(KeyRights, AKeyForTheGroupThatSharesTheDomainIsRefusedUnlessThatIsMeant) {
  be(0, kPublishers, 0440);
  EXPECT_EQ(refusal(), "") << "no group shares a domain";
  const std::vector<std::string> shared = {"--group", std::to_string(kPublishers)};
  EXPECT_THAT(refusal(shared), HasSubstr(self() + ": group 61008 may read it, which shares the domain"));
  EXPECT_THAT(refusal(shared), HasSubstr("run chown 65532 " + self() + " && chmod 600 "));
  EXPECT_EQ(refusal({"--group", std::to_string(kPublishers), "--key-group"}), "");
  be(0, kServices, 0440);
  EXPECT_EQ(refusal(shared), "") << "a group of the relays alone";
  be(kService, kPublishers, 0600);
  EXPECT_EQ(refusal(shared), "") << "the group may not read it";
}

// kubelet's volume: all may write the folder, and it is mounted read-only; links lead to the data.
TEST_F(KeyRights, ASecretOfAPodIsTakenAsItIsMounted) {
  const std::string keys_of_pod = keys("robot"), data = keys_of_pod + "/..2026_11_30_20";
  fs::create_directory(data);
  fs::rename(self(), data + "/self.key");
  fs::rename(keys_of_pod + "/peers", data + "/peers");
  fs::create_symlink("..2026_11_30_20", keys_of_pod + "/..data");
  fs::create_symlink("..data/self.key", self());
  fs::create_symlink("..data/peers", keys_of_pod + "/peers");
  for (const std::string& path : {data, data + "/peers", data + "/self.key", data + "/peers/base.pub"})
    ASSERT_EQ(chown(path.c_str(), 0, kServices), 0);
  ASSERT_EQ(chmod((data + "/self.key").c_str(), 0440), 0);
  ASSERT_EQ(chmod(data.c_str(), 02755), 0);
  ASSERT_EQ(chmod(keys_of_pod.c_str(), 01777), 0);
  EXPECT_THAT(refusal(), HasSubstr(keys_of_pod + ": other users may write there"));
  const std::string mount =
      "mount --bind " + keys_of_pod + " " + keys_of_pod + " && mount -o remount,ro,bind " + keys_of_pod;
  EXPECT_EQ(refusal({}, mount), "");
  ASSERT_EQ(chmod((data + "/self.key").c_str(), 0444), 0);
  EXPECT_THAT(refusal({}, mount), HasSubstr("other users may read it; run chmod 640"));
}

TEST_F(KeyRights, ACredentialIsTakenWhateverGroupItShowsAndPublicKeysLieElsewhere) {
  const std::string credentials = root_ + "/credentials";
  fs::create_directory(credentials);
  chmod(credentials.c_str(), 0755);
  fs::rename(self(), credentials + "/robot.key");
  ASSERT_EQ(chmod((credentials + "/robot.key").c_str(), 0440), 0);
  ASSERT_EQ(chown((credentials + "/robot.key").c_str(), 0, kService), 0);
  const std::string mount = "export CREDENTIALS_DIRECTORY=" + credentials;
  EXPECT_EQ(refusal({"--self-key", "robot.key", "--group", std::to_string(kService)}, mount), "");
  EXPECT_THAT(refusal({"--self-key", "other.key"}, mount),
              HasSubstr("no " + credentials + "/other.key; the unit needs LoadCredential=other.key:FILE"));
  EXPECT_THAT(refusal({"--self-key", "robot.key"}),
              HasSubstr("write LoadCredential=robot.key:FILE into the unit"));
  EXPECT_THAT(refusal(),
              HasSubstr("no " + self() + "; make one with smtrelay_keygen NAME --out " + keys("robot")));
}

TEST_F(KeyRights, KeygenGivesItsFilesToTheUserOfAService) {
  const std::string made = root_ + "/etc/smt/keys";
  const Ended ended = run({"smtrelay_keygen", "robot", "--out", made, "--owner", std::to_string(kService)});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  for (const char* path : {"", "/self.key", "/robot.pub", "/peers"}) {
    struct stat st;
    ASSERT_EQ(stat((made + path).c_str(), &st), 0);
    EXPECT_EQ(st.st_uid, static_cast<uid_t>(kService)) << path;
  }
  struct stat st;
  ASSERT_EQ(stat((made + "/self.key").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  fs::copy(keys("base") + "/base.pub", made + "/peers/base.pub");
  const Ended served = run_process(
      {"smtrelay_pub", "--check-config", "--keys", made, "--bind", "tcp://127.0.0.1:*"}, service());
  EXPECT_EQ(served.exit_code, 0) << served.err;
  const Ended unknown = run({"smtrelay_keygen", "x", "--out", root_ + "/x", "--owner", "smt-nobody"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("--owner: no such user 'smt-nobody'; make it with useradd"));
  EXPECT_FALSE(fs::exists(root_ + "/x"));
  const Ended denied =
      run_process({"smtrelay_keygen", "x", "--out", root_ + "/y", "--owner", "0"}, service());
  EXPECT_EQ(denied.exit_code, 6);
  EXPECT_THAT(denied.err, HasSubstr("away, which takes root (sudo smtrelay_keygen ...)"));
  EXPECT_FALSE(fs::exists(root_ + "/y"));
}

TEST_F(KeyRights, ARelayIsAskedByAProgramBesideItThatHasItsKeys) {
  publish("pose", "string", "\"here\"");
  const Relay relay = robot();
  const Ended got = run(
      {"smtrelay_client", "--connect", relay.endpoint() + "#robot", "--keys", keys("robot"), "get", "pose"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_THAT(got.out, HasSubstr("here"));
  const Ended base =
      run({"smtrelay_client", "--connect", relay.endpoint(), "--keys", keys("robot"), "get", "pose"});
  EXPECT_NE(base.exit_code, 0) << "base is expected there";
  EXPECT_THAT(base.err, HasSubstr("(this relay itself is #robot)"));
}

}  // namespace
}  // namespace smt::tools
