// What is wrong with keys or rules of access keeps a relay from serving: files that are missing, empty,
// garbled, a folder, a pipe, somebody else's, or open to others; rules that say nothing or not what they seem
// to. And what rules say holds at each endpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "tests/row.h"
#include "tests/tools/keyed_relays.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

class FailClosed : public KeyedTest {
 protected:
  FailClosed() {
    make_keys({"robot", "base", "guest"});
    acquaint_both("robot", "base");
    acquaint_both("robot", "guest");
  }
  // "" if it ends with this code, says why and where, and never serves; else what it did.
  std::string refuses(const std::vector<std::string>& args, int exit_code, const std::string& said) const {
    const Ended ended = run(args);
    const bool right =
        ended.exit_code == exit_code && ended.out.empty() && ended.err.find(said) != std::string::npos;
    return right ? "" : args[0] + ": " + std::to_string(ended.exit_code) + " " + ended.out + ended.err;
  }
};

TEST_F(FailClosed, KeysThatAreNotAsTheyShouldBeKeepEachToolFromStarting) {
  const std::string dir = keys("robot"), self = dir + "/self.key", pub = dir + "/peers/base.pub";
  const auto put = [](const std::string& path, const std::string& text) {
    return [=] { std::ofstream(path) << text; };
  };
  const auto instead = [](const std::string& path, std::function<void()> make) {
    return [=] {
      fs::remove_all(path);
      make();
    };
  };
  struct Wrong {
    std::string what;
    std::function<void()> act;
    std::string path;  // that is named
  };
  std::vector<Wrong> all = {
      {"no secret key", instead(self, [] {}), self},
      {"an empty secret key", put(self, ""), self},
      {"a secret key without its name", put(self, "smtrelay-secret AAAA\n"), self},
      {"a garbled secret key", put(self, std::string("smtrelay-secret \0\xff\xfe robot\n", 25)), self},
      {"a secret key of zeros",
       put(self, "smtrelay-secret AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= robot more\n"), self},
      {"a secret key that others read", [=] { chmod(self.c_str(), 0640); }, self},
      {"a secret key that all read", [=] { chmod(self.c_str(), 0644); }, self},
      {"a folder for the secret key", instead(self, [=] { fs::create_directory(self); }), self},
      {"a pipe for the secret key", instead(self, [=] { mkfifo(self.c_str(), 0600); }), self},
      {"a link to nothing for the secret key",
       instead(self, [=] { fs::create_symlink(dir + "/none", self); }), self},
      {"an empty public key", put(pub, ""), pub},
      {"a public key in which nothing stands", put(pub, "# nobody\n\n"), pub},
      {"a garbled public key", put(pub, "smtrelay-public ???? base\n"), pub},
      {"half a public key", [=] { fs::resize_file(pub, 40); }, pub},
      {"a pipe for a public key", instead(pub, [=] { mkfifo(pub.c_str(), 0600); }), pub},
      {"a public key that others write", [=] { chmod(pub.c_str(), 0666); }, pub},
      {"a folder of peers that others write", [=] { chmod((dir + "/peers").c_str(), 0777); }, dir + "/peers"},
      {"a folder of keys that others write", [=] { chmod(dir.c_str(), 0770); }, dir},
      {"no folder of peers", [=] { fs::remove_all(dir + "/peers"); }, dir + "/peers"},
      {"no folder of keys", [=] { fs::remove_all(dir); }, dir},
  };
  if (geteuid() == 0) {
    all.push_back({"somebody else's secret key", [=] { (void)!chown(self.c_str(), 65534, 65534); }, self});
  }
  const std::string good = root_ + "/good";
  fs::copy(dir, good, fs::copy_options::recursive);
  uint64_t tried = 0, wrong = 0;
  for (const Wrong& w : all) {
    fs::remove_all(dir);
    fs::copy(good, dir, fs::copy_options::recursive);
    w.act();
    const std::string bind = "tcp://127.0.0.1:*", connect = "tcp://127.0.0.1:1#base";
    const std::vector<std::string> kTools[] = {
        {"smtrelay_pub", "--bind", bind, "--keys", dir},
        {"smtrelay_sub", "--bind", bind, "--keys", dir},
        {"smtrelay_proxy", "--bind", bind, "--keys", dir},
        {"smtrelay_client", "--connect", connect, "--keys", dir, "list"},
    };
    for (const auto& args : kTools) {
      const std::string not_refused = refuses(args, 2, w.path);
      EXPECT_EQ(not_refused, "") << w.what;
      wrong += !not_refused.empty();
      ++tried;
    }
  }
  smt::print_row(
      smt::Row{.id = "S2", .what = "keys that are not as they should be", .n = tried, .violations = wrong});
}

// What Mosquitto took for "anything goes": CVE-2018-12550 (an empty file of rules), -12551 (a line that says
// nothing).
TEST_F(FailClosed, RulesThatSayNothingOrNotWhatTheySeemToKeepARelayFromStarting) {
  const std::string peer = "[[peer]]\nbind = 'tcp://127.0.0.1:*'\n";
  const struct {
    std::string text, place;  // after `version = 1`
  } kCases[] = {
      {"allow = []\n", ":2:1: "},
      {"allow = ''\n", ":2:1: "},
      {"allow = false\n", ":2:1: "},
      {"[allow]\n", ":2:2: "},
      {"[[allow]]\npeer = []\n", ":3:8: "},
      {"[[allow]]\npeer = ''\n", ":3:8: "},
      {"[[allow]]\ntopic = []\n", ":3:9: "},
      {"[[allow]]\ntopic = ''\n", ":3:9: "},
      {"[[allow]]\ntopic = 're:('\n", ":3:9: "},
      {"[[allow]]\ntopic = 'secret\n", ":3:"},
      {"[[allow]]\ndo = []\n", ":3:6: "},
      {"[[allow]]\ndo = 'Read'\n", ":3:6: "},
      {"[[allow]]\nuser = 'base'\n", ":3:1: "},
      {"[[allow]]\ntopic: 'a'\n", ":3:"},
      {"[[allow]]\ntopic\n", ":3:"},
      {"[[allow\ntopic = 'a'\n", ":2:"},
      {"[[alow]]\ntopic = 'a'\n", ":2:3: "},
      {"[[deny]]\npeer = 'a/b'\n", ":3:8: "},
      {"[[deny]]\ntopics = 'a'\n", ":3:1: "},
      {"[[deny]]\ndo = ['write', 'wirte']\n", ":3:16: "},
      {"\x01\n", ":2:1: "},
  };
  uint64_t tried = 0, wrong = 0;
  for (const auto& c : kCases) {
    const std::string path = write("rules.toml", "version = 1\n" + c.text + peer);
    for (const char* tool : {"smtrelay_pub", "smtrelay_sub", "smtrelay_proxy"}) {
      const std::string not_refused =
          refuses({tool, "--config", path, "--keys", keys("robot")}, 2, path + c.place);
      EXPECT_EQ(not_refused, "") << c.text;
      wrong += !not_refused.empty();
      ++tried;
    }
  }
  for (const std::string& path :
       {write("empty.toml", ""), write("blank.toml", "\n# rules\n\n"), root_ + "/none.toml"}) {
    for (const char* tool : {"smtrelay_pub", "smtrelay_sub", "smtrelay_proxy"}) {
      const std::string not_refused =
          refuses({tool, "--config", path, "--keys", keys("robot"), "--bind", "tcp://127.0.0.1:*"}, 2, path);
      EXPECT_EQ(not_refused, "");
      wrong += !not_refused.empty();
      ++tried;
    }
  }
  smt::print_row(smt::Row{.id = "S2",
                          .what = "rules that say nothing, or nothing that is known",
                          .n = tried,
                          .violations = wrong});
}

// Mosquitto's CVE-2018-20145: rules that were forgotten at one of the listeners.
TEST_F(FailClosed, RulesHoldAtEachEndpoint) {
  make_keys({"gate"});
  acquaint_both("robot", "gate");
  acquaint_both("guest", "gate");
  acquaint_both("base", "gate");
  publish("open", "string", "\"1\"");
  publish("secret/key", "string", "\"hunter2\"");
  const Relay gate = start({"smtrelay_proxy", "--keys", keys("gate"), "--bind", "tcp://127.0.0.1:*"});
  const std::string tcp = "tcp://127.0.0.1:*";
  const std::string path = write(
      "robot.toml", "version = 1\n[[peer]]\nbind = '" + tcp + "'\n[[peer]]\nbind = '" + tcp +
                        "'\n[[peer]]\nbind = 'ipc://" + root_ + "/link'\n[[peer]]\nconnect = '" +
                        gate.endpoint() + "#gate'\n[[allow]]\npeer = 'base'\n[[allow]]\ntopic = 'open'\n");
  const Relay pub = start({"smtrelay_pub", "--domain", "robot", "--keys", keys("robot"), "--config", path});
  const auto got = [&](const std::string& who, const std::string& endpoint, const std::string& what) {
    const Ended ended = run({"smtrelay_client", "--connect", endpoint, "--keys", keys(who), "get", what});
    EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 4) << ended.err;
    return ended.out + ended.err;
  };
  uint64_t tried = 0;
  for (size_t i = 2; i < 5; ++i) {
    const std::string endpoint = pub.ready[i] + "#robot";
    EXPECT_THAT(got("base", endpoint, "**"), HasSubstr("hunter2"));
    EXPECT_THAT(got("guest", endpoint, "**"), HasSubstr("open"));
    for (const char* what : {"**", "secret/key", "secret/*"}) {
      EXPECT_THAT(got("guest", endpoint, what), Not(HasSubstr("hunter2"))) << endpoint;
      ++tried;
    }
  }
  // Behind the gateway all are the gateway, which may have what anybody may.
  const std::string endpoint = gate.endpoint() + "#gate";
  EXPECT_TRUE(eventually([&] { return got("base", endpoint, "open").find("open") != std::string::npos; }));
  for (const char* who : {"base", "guest"}) {
    EXPECT_THAT(got(who, endpoint, "secret/key"), Not(HasSubstr("hunter2")));
    ++tried;
  }
  smt::print_row(smt::Row{
      .id = "S2", .what = "rules at each of four endpoints", .n = tried, .violations = HasFailure()});
}

}  // namespace
}  // namespace smt::tools
