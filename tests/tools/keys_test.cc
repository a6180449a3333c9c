// Keys from outside: made, used, revoked and changed while relays run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/text.h"
#include "tests/tools/keyed_relays.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Keys : public KeyedTest {
 protected:
  Keys() { make_keys({"robot", "base"}); }
};

TEST_F(Keys, AreMadeOnceAndShownByTheirFingerprints) {
  struct stat st;
  ASSERT_EQ(stat((keys("robot") + "/self.key").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  ASSERT_EQ(stat(keys("robot").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0700u);
  const std::string before = contents(keys("robot") + "/self.key");
  const Ended again = run({"smtrelay_keygen", "robot", "--out", keys("robot")});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("self.key is there already; move it away first"));
  EXPECT_EQ(contents(keys("robot") + "/self.key"), before);
  acquaint("robot", "base");
  const Ended all = run({"smtrelay_keygen", "--fingerprint", keys("robot")});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  const Ended one = run({"smtrelay_keygen", "--fingerprint", keys("base") + "/base.pub"});
  EXPECT_THAT(one.out, StartsWith("SHA256:"));
  EXPECT_THAT(all.out, HasSubstr(one.out.substr(0, one.out.find(' '))));
  EXPECT_EQ(run({"smtrelay_keygen", "--public", keys("robot")}).out, contents(keys("robot") + "/robot.pub"));
  EXPECT_EQ(run({"smtrelay_keygen", "a/b", "--out", root_ + "/x"}).exit_code, 2);
  EXPECT_EQ(run({"smtrelay_keygen", "robot"}).exit_code, 2);
}

TEST_F(Keys, LetThoseInWhoAreKnownByTheNamesOfTheirKeys) {
  acquaint_both("robot", "base");
  publish("pose", "string", "\"here\"");
  const Relay pub = robot();
  EXPECT_EQ(pub.ready[1], "robot") << "called as its key, unless it is told a name";
  const Relay sub = start({"smtrelay_sub", "--domain", "base", "--keys", keys("base"), "--name", "impostor",
                           "--connect", pub.endpoint() + "#robot"});
  ASSERT_TRUE(eventually([&] { return text("base", "pose") == "here"; }));
  pub.process->wait_for_error("peer base on");
  const Ended got =
      run({"smtrelay_client", "--connect", pub.endpoint(), "--keys", keys("base"), "get", "pose"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_THAT(got.out, HasSubstr("here"));
}

TEST_F(Keys, TellWhoIsRefusedOnBothSides) {
  acquaint("base", "robot");
  const Relay pub = robot();
  const Ended refused = run({"smtrelay_client", "--connect", pub.endpoint(), "--keys", keys("base"), "list"});
  EXPECT_EQ(refused.exit_code, 6);
  const Ended shown = run({"smtrelay_keygen", "--fingerprint", keys("base")});
  const std::string fingerprint = shown.out.substr(0, shown.out.find(' '));
  EXPECT_THAT(refused.err, HasSubstr("our key is not known there; its fingerprint is " + fingerprint));
  pub.process->wait_for_error("no key in peers/ has its fingerprint " + fingerprint);
}

TEST_F(Keys, AreAskedForWhereAnyAddressIsBound) {
  acquaint("base", "robot");
  const Relay pub =
      start({"smtrelay_pub", "--domain", "robot", "--keys", keys("robot"), "--bind", "tcp://*:*"});
  EXPECT_THAT(pub.endpoint(), StartsWith("tcp://0.0.0.0:"));
  const std::string port = pub.endpoint().substr(pub.endpoint().rfind(':'));
  const auto list = [&] {
    return run({"smtrelay_client", "--connect", "tcp://127.0.0.1" + port, "--keys", keys("base"), "list"})
        .exit_code;
  };
  EXPECT_EQ(list(), 6);
  pub.process->wait_for_error("refused 127.0.0.1: no key in peers/");
  acquaint("robot", "base");
  pub.process->send(SIGHUP);
  pub.process->wait_for_error(" is taken");
  EXPECT_EQ(list(), 0);
}

TEST_F(Keys, NameTheRightServerOrNothingIsSaidToIt) {
  make_keys({"other"});
  acquaint("robot", "base");
  acquaint("base", "other");
  const Relay pub = robot();
  const Ended refused =
      run({"smtrelay_client", "--connect", pub.endpoint() + "#other", "--keys", keys("base"), "list"});
  EXPECT_EQ(refused.exit_code, 6);
  EXPECT_THAT(refused.err, HasSubstr("the relay there has not the key that peers/ has of other"));
}

TEST_F(Keys, ThatAreTakenAwayEndTheSessionAndNobodyElseNotices) {
  make_keys({"mallory"});
  acquaint_both("robot", "base");
  acquaint_both("robot", "mallory");
  publish("pose", "string", "\"before\"");
  Relay pub = robot();
  const Relay base = mirror("base", pub.endpoint()), mallory = mirror("mallory", pub.endpoint());
  ASSERT_TRUE(
      eventually([&] { return text("base", "pose") == "before" && text("mallory", "pose") == "before"; }));
  std::filesystem::remove(keys("robot") + "/peers/mallory.pub");
  pub.process->send(SIGHUP);
  pub.process->wait_for_error("peer mallory on " + pub.endpoint() +
                              " is gone: its key is not known any more");
  publish("pose", "string", "\"after\"");
  ASSERT_TRUE(eventually([&] { return text("base", "pose") == "after"; }));
  // It dials again, and is refused.
  mallory.process->wait_for_error("our key is not known there");
  EXPECT_EQ(text("mallory", "pose"), "before");
  EXPECT_TRUE(becomes("mallory", "pose", State::kLinkDown));
  EXPECT_EQ(counter("base", "smt/relay/base/sub/session", "ended"), 0u);
}

TEST_F(Keys, OfANewPeerComeWithItInOneReload) {
  make_keys({"gate"});
  acquaint_both("robot", "base");
  acquaint("gate", "robot");
  const Relay gate = start({"smtrelay_proxy", "--keys", keys("gate"), "--bind", "tcp://127.0.0.1:*"});
  const std::string config = "version = 1\n[[peer]]\nbind = 'tcp://127.0.0.1:*'\n";
  const std::string path = write("robot.toml", config);
  const Relay pub = start({"smtrelay_pub", "--domain", "robot", "--keys", keys("robot"), "--config", path});
  acquaint("robot", "gate");
  write("robot.toml", config + "[[peer]]\nconnect = '" + gate.endpoint() + "#gate'\n");
  pub.process->send(SIGHUP);
  pub.process->wait_for_error("peers: 1 added, 0 removed, 0 changed");
  gate.process->wait_for_error("peer robot on");
}

TEST_F(Keys, OfAListenerChangeWithAnOverlap) {
  acquaint_both("robot", "base");
  publish("pose", "string", "\"1\"");
  Relay pub = robot();
  const std::string before = pub.endpoint();
  Relay base = mirror("base", before);
  ASSERT_TRUE(eventually([&] { return text("base", "pose") == "1"; }));
  // The base knows the next key too, then the robot has it.
  std::filesystem::rename(keys("robot"), keys("old"));
  make_keys({"robot"});
  acquaint("robot", "base");
  std::ofstream(keys("base") + "/peers/robot.pub", std::ios::app) << contents(keys("robot") + "/robot.pub");
  base.process->send(SIGHUP);
  base.process->wait_for_error("is taken");
  pub.process->send(SIGHUP);
  pub.process->wait_for_error("is taken");
  publish("pose", "string", "\"2\"");
  ASSERT_TRUE(eventually([&] { return text("base", "pose") == "2"; }));
  // A new connection tries the old key first, then the next one.
  base.process->send(SIGTERM);
  EXPECT_EQ(base.process->wait().exit_code, 0);
  publish("pose", "string", "\"3\"");
  base = mirror("base", before);
  EXPECT_TRUE(eventually([&] { return text("base", "pose") == "3"; }));
}

TEST_F(Keys, OfWhoDialsChangeWithAnOverlap) {
  acquaint_both("robot", "base");
  publish("pose", "string", "\"1\"");
  Relay pub = robot();
  std::filesystem::rename(keys("base"), keys("old"));
  make_keys({"base"});
  acquaint("base", "robot");
  std::ofstream(keys("robot") + "/peers/base.pub", std::ios::app) << contents(keys("base") + "/base.pub");
  pub.process->send(SIGHUP);
  pub.process->wait_for_error("is taken");
  const Relay next = mirror("base", pub.endpoint());
  EXPECT_TRUE(eventually([&] { return text("base", "pose") == "1"; }));
  const Ended old =
      run({"smtrelay_client", "--connect", pub.endpoint(), "--keys", keys("old"), "get", "pose"});
  EXPECT_EQ(old.exit_code, 0) << "for as long as both are there: " << old.err;
}

TEST_F(Keys, ThatCannotBeReadAgainLeaveEverythingAsItWas) {
  acquaint_both("robot", "base");
  Relay pub = robot();
  const Relay base = mirror("base", pub.endpoint());
  std::ofstream(keys("robot") + "/peers/base.pub") << "smtrelay-public AAAA base\n";
  pub.process->send(SIGHUP);
  pub.process->wait_for_error("base.pub:1:17: the key is not 32 bytes");
  pub.process->wait_for_error("everything stays as it was");
  publish("pose", "string", "\"1\"");
  EXPECT_TRUE(eventually([&] { return text("base", "pose") == "1"; }));
}

}  // namespace
}  // namespace smt::tools
