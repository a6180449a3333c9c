// Where the values of a configuration come from, how they are shown, and what may change while a relay runs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "cmd/config/config_keys.h"
#include "cmd/config/config_print.h"
#include "cmd/relays/config_reload.h"
#include "cmd/relays/relay_explain.h"
#include "tests/cmd/config/config_fixture.h"
#include "tests/paths.h"
#include "tests/text.h"

namespace smt::cmd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ConfigOrigin : public Config {};

TEST_F(ConfigOrigin, OrdersDefaultsFileEnvironmentAndFlags) {
  // A second value of each key that the environment may set.
  const std::map<std::string, std::array<std::string, 3>> values = {
      {"name", {"f", "e", "c"}},
      {"domain", {"f", "e", "c"}},
      {"root", {"/f", "/e", "/c"}},
      {"group", {"f", "e", "c"}},
      {"log", {"warn", "error", "off"}},
      {"shared_root", {"true", "false", "true"}},
      {"keys", {keys("f"), keys("e"), keys("c")}},
      {"self_key", {keys("f") + "/self.key", keys("e") + "/self.key", keys("c") + "/self.key"}},
      {"key_group", {"true", "false", "true"}},
      {"insecure", {"true", "false", "true"}},
      {"heartbeat", {"100ms", "50ms", "150ms"}},
      {"patience", {"1s", "2s", "3s"}},
      {"spin", {"true", "false", "true"}},
      {"remove_on_exit", {"true", "false", "true"}},
      {"on_lost", {"exit", "remake", "exit"}},
      {"segment_size", {"1M", "2M", "3M"}},
      {"audit", {"/f", "/e", "/c"}},
      {"metrics", {"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}},
      {"metrics_open", {"true", "false", "true"}},
      {"timeout", {"1s", "2s", "3s"}},
      {"format", {"json", "jsonl", "csv"}},
  };
  for (const Key<RelayConfig>& key : keys_of<RelayConfig>()) {
    if (!is_in_environment(key)) continue;
    ASSERT_EQ(values.count(std::string(key.name)), 1u) << key.name;
    const auto& [in_file, in_environment, in_flag] = values.at(std::string(key.name));
    const bool plain = key.type.empty();
    const auto shown = [&](const std::string& text) { return plain ? text : quote(text); };
    for (const Role role : kRoles) {
      if (!key.of(role)) continue;
      const std::string also = key.name == "self_key" ? fmt::format("keys = {}\n", quote(keys("f"))) : "";
      const std::string text = fmt::format("{} = {}\n{}", key.name, shown(in_file), also);
      const Args flag = plain ? Args{key.flag()} : Args{key.flag(), in_flag};
      EXPECT_EQ(good(role, also).places.count(key.name), 0u);
      const RelayConfig from_file = good(role, text);
      EXPECT_EQ(key.print(from_file), shown(in_file));
      EXPECT_EQ(from_file.places.at(key.name).origin(), path_ + ":2");
      set(key.environment(), in_environment);
      const RelayConfig from_environment = good(role, text);
      EXPECT_EQ(key.print(from_environment), shown(in_environment));
      EXPECT_EQ(from_environment.places.at(key.name).origin(), "env " + key.environment());
      const RelayConfig from_flag = good(role, text, flag);
      EXPECT_EQ(key.print(from_flag), shown(in_flag));
      EXPECT_EQ(from_flag.places.at(key.name).origin(), "flag " + key.flag());
      unsetenv(key.environment().c_str());
    }
  }
}

TEST_F(ConfigOrigin, IsCalledAsItsKeyUnlessItIsToldAName) {
  const std::string dir = keys("robot");
  EXPECT_EQ(good(Role::kPub, "keys = '" + dir + "'").name, "robot");
  EXPECT_EQ(good(Role::kPub, "keys = '" + dir + "'\nname = 'arm'").name, "arm");
}

TEST_F(ConfigOrigin, WantsAKeyForEachPeerThatItDials) {
  const std::string top = "version = 1\nkeys = '" + keys("robot", {"base", "gate"}) + "'\n[[peer]]\n";
  const auto lines = [&](const std::string& peer) { return file(Role::kPub, top + peer).errors.lines(); };
  EXPECT_THAT(lines("connect = 'tcp://gate:7400#gate'"), IsEmpty());
  EXPECT_THAT(lines("bind = 'tcp://*:7400'"), IsEmpty()) << "keys make it safe";
  EXPECT_THAT(lines("connect = 'tcp://gate:7400'"),
              ElementsAre(AllOf(StartsWith(path_ + ":4:"), HasSubstr("#PEER; peers/ has base gate"))));
  EXPECT_THAT(lines("connect = 'tcp://gate:7400#arm'"), ElementsAre(HasSubstr("no key of arm in peers/")));
  EXPECT_THAT(file(Role::kPub, "version = 1\n[[peer]]\nconnect = 'ipc:///x#gate'").errors.lines(),
              ElementsAre(HasSubstr("give --keys DIR")));
}

TEST_F(ConfigOrigin, RefusesKeysThatAreNotSafeOrNotThere) {
  const std::string dir = keys("robot");
  const auto line = [&](const std::string& more = "") {
    return file(Role::kPub, "version = 1\nkeys = '" + dir + "'\n" + more).errors.lines();
  };
  EXPECT_THAT(line("insecure = true"), ElementsAre(HasSubstr(":3:12: keys and insecure")));
  chmod((dir + "/self.key").c_str(), 0644);
  EXPECT_THAT(line(), ElementsAre(AllOf(StartsWith(path_ + ":2:8: "), HasSubstr("chmod 600"))));
  std::filesystem::remove(dir + "/self.key");
  EXPECT_THAT(line(), ElementsAre(HasSubstr("smtrelay_keygen NAME --out")));
}

TEST_F(ConfigOrigin, FindsACredentialOfTheUnitByItsName) {
  const std::string dir = keys("robot", {"base"}), credentials = folder_ + "/credentials";
  mkdir(credentials.c_str(), 0700);
  const auto lines = [&](const std::string& key, const std::string& folder = "") {
    const std::string in = folder.empty() ? "" : "keys = '" + folder + "'\n";
    return file(Role::kPub, "version = 1\n" + in + "self_key = '" + key + "'\n").errors.lines();
  };
  EXPECT_THAT(lines("robot.key", dir),
              ElementsAre(AllOf(StartsWith(path_ + ":3:12: "), HasSubstr("LoadCredential=robot.key:FILE"))));
  set("CREDENTIALS_DIRECTORY", credentials);
  EXPECT_THAT(lines("robot.key", dir),
              ElementsAre(HasSubstr("no " + credentials + "/robot.key; the unit needs")));
  std::filesystem::rename(dir + "/self.key", credentials + "/robot.key");
  // As systemd leaves it where it gives rights by an access list.
  chmod((credentials + "/robot.key").c_str(), 0440);
  EXPECT_THAT(lines("robot.key", dir), IsEmpty());
  EXPECT_THAT(lines(credentials + "/robot.key", dir), ElementsAre(HasSubstr("run chmod 600")))
      << "a path is no credential";
  chmod((credentials + "/robot.key").c_str(), 0444);
  EXPECT_THAT(lines("robot.key", dir), ElementsAre(HasSubstr("other users may read it")));
  EXPECT_THAT(lines("robot.key"), ElementsAre(HasSubstr("self_key without keys")));
}

TEST_F(ConfigOrigin, ReadsClassesOfPacketsByNameAndNumber) {
  const auto dscp = [&](const std::string& value, const std::string& peer = "connect = 'tcp://127.0.0.1:1'") {
    return file(Role::kPub, "version = 1\n[[peer]]\n" + peer + "\ndscp = " + value + "\n");
  };
  for (const auto& [text, number] : {std::pair("'ef'", 46), std::pair("46", 46), std::pair("63", 63),
                                     std::pair("0", 0), std::pair("'cs6'", 48), std::pair("'af41'", 34)}) {
    const Loaded loaded = dscp(text);
    EXPECT_THAT(loaded.errors.lines(), IsEmpty()) << text;
    EXPECT_EQ(loaded.config.peers[0].value.dscp, number) << text;
  }
  EXPECT_THAT(print_config(dscp("46").config), HasSubstr("dscp = \"ef\""));
  EXPECT_THAT(print_config(dscp("45").config), HasSubstr("dscp = 45"));
  EXPECT_THAT(dscp("64").errors.lines(),
              ElementsAre(AllOf(StartsWith(path_ + ":4:8: dscp: 64 is out of range"), HasSubstr("63"))));
  EXPECT_THAT(dscp("'EF'").errors.lines(),
              ElementsAre(HasSubstr("\"EF\" is no class of DSCP: write ef, cs0")));
  EXPECT_THAT(dscp("-1").errors.lines(), ElementsAre(HasSubstr("dscp: -1")));
  EXPECT_THAT(dscp("1.5").errors.lines(), ElementsAre(HasSubstr("must be a class of DSCP")));
  EXPECT_THAT(dscp("'ef'", "bind = 'ipc:///x'").errors.lines(),
              ElementsAre(HasSubstr("dscp is that of packets, and ipc:///x has none")));
  EXPECT_EQ(
      explain_topic(dscp("46").config, "arm"),
      "arm passes by --topic **\nto tcp://127.0.0.1:1 all goes in packets of DSCP \"ef\", by [[peer]] at " +
          path_ + ":2\n");
}

TEST_F(ConfigOrigin, ReadsTheEnvironmentStrictly) {
  const std::pair<const char*, const char*> kTable[] = {
      {"SMT_INSECURE", "yes"},     {"SMT_SPIN", "1"},
      {"SMT_LOG", "loud"},         {"SMT_NAME", "a/b"},
      {"SMT_DOMAIN", ".."},        {"SMT_LOG", " info"},
      {"SMT_SEGMENT_SIZE", "64Q"}, {"SMT_REMOVE_ON_EXIT", "TRUE"}};
  for (const auto& [name, value] : kTable) {
    set(name, value);
    EXPECT_THAT(file(Role::kPub, "version = 1").errors.lines(),
                ElementsAre(StartsWith(std::string(name) + ": ")));
    set(name, "");
    EXPECT_THAT(file(Role::kPub, "version = 1").errors.lines(), IsEmpty()) << "empty is not set";
  }
  set("SMT_DOMAIN", "..");
  EXPECT_THAT(file(Role::kProxy, "version = 1").errors.lines(), IsEmpty()) << "a proxy has none";
}

TEST_F(ConfigOrigin, TakesTheFileThatTheEnvironmentNames) {
  write("version = 1\nname = \"f\"\n");
  set("SMT_CONFIG", path_);
  EXPECT_EQ(load(Role::kPub, {"--print-config"}).config.name, "f");
  EXPECT_EQ(load(Role::kPub, {"--print-config", "--name", "c"}).config.name, "c");
}

TEST_F(ConfigOrigin, PutsRulesAndPeersOfTheCommandLineInPlaceOfTheFiles) {
  const std::string text =
      "[[peer]]\nbind = 'ipc:///a'\n[[peer]]\nbind = 'ipc:///b'\n"
      "[[send]]\ntopic = 'a'\n[[send]]\ntopic = 'b'\n[[receive]]\ntopic = 'c'\n[[receive]]\ntopic = 'd'\n";
  for (const Role role : {Role::kPub, Role::kProxy}) {
    const RelayConfig config = good(role, text, {"--exclude", "x", "y", "--rate", "5"});
    ASSERT_EQ(config.send.size(), 1u);
    EXPECT_THAT(config.send[0].value.topic, ElementsAre("**"));
    EXPECT_THAT(config.send[0].value.exclude, ElementsAre("x", "y"));
    EXPECT_EQ(config.send[0].value.pacing.period_ns, 200'000'000);
    EXPECT_EQ(config.receive.size(), 2u);
    EXPECT_EQ(config.peers.size(), 2u);
  }
  const RelayConfig sub =
      good(Role::kSub, text,
           {"--topic", "x", "--topic", "y", "--max-age", "1s", "--on-stale", "zero", "--prefix", "p/",
            "--connect", "ipc:///c,ipc:///d", "--connect", "ipc:///e", "--bind", "ipc:///f", "--compress"});
  EXPECT_EQ(sub.send.size(), 2u);
  ASSERT_EQ(sub.receive.size(), 1u);
  EXPECT_THAT(sub.receive[0].value.topic, ElementsAre("x", "y"));
  EXPECT_EQ(sub.receive[0].value.max_age_ns, 1'000'000'000);
  EXPECT_EQ(sub.receive[0].value.on_stale, relay::OnStale::kZero);
  EXPECT_EQ(sub.receive[0].value.prefix, "p");
  ASSERT_EQ(sub.peers.size(), 3u);
  EXPECT_THAT(sub.peers[0].value.connect, ElementsAre("ipc:///c", "ipc:///d"));
  EXPECT_THAT(sub.peers[1].value.connect, ElementsAre("ipc:///e"));
  EXPECT_EQ(sub.peers[2].value.bind, "ipc:///f");
  EXPECT_TRUE(sub.peers[0].value.compress && sub.peers[2].value.compress);
  EXPECT_THAT(good(Role::kProxy, "cache = ['a']", {"--cache", "b", "c"}).cache, ElementsAre("b", "c"));
}

TEST_F(ConfigOrigin, PrintsAFileThatSaysTheSame) {
  for (const Role role : kRoles) {
    std::vector<std::string> texts = {"version = 1\n",
                                      contents(source_path(fmt::format("deploy/{}.toml", role_name(role))))};
    EXPECT_THAT(texts.back(), HasSubstr("version = 1"));
    if (role == Role::kPub) texts.push_back("version = 1\nsend = []\n[[receive]]\nrate = 7\n");
    if (role == Role::kPub) {
      texts.push_back(
          "version = 1\n[[write]]\ntopic = 'a'\nmax = { 'x.y' = 1.5, b = 1e300 }\nmin = -0.1\n"
          "[[write]]\ntopic = 'p'\ndead_man = '0s'\n");
    }
    if (role != Role::kClient) {
      texts.push_back(
          "version = 1\n[[allow]]\npeer = 'a'\n[[allow]]\ndo = ['write', 'read']\n[[deny]]\ntopic = 'b'\n");
    }
    if (role == Role::kSub)
      texts.push_back("version = 1\n[[send]]\nrate = 0.3333333\n[[receive]]\nrate = 600.1\n");
    for (const std::string& text : texts) {
      const Loaded first = file(role, text);
      ASSERT_THAT(first.errors.lines(), IsEmpty());
      const Loaded second = file(role, print_config(first.config));
      EXPECT_THAT(second.errors.lines(), IsEmpty()) << print_config(first.config);
      EXPECT_EQ(meaning_of(second.config), meaning_of(first.config));
      EXPECT_EQ(second.config.send.size(), first.config.send.size());
      EXPECT_EQ(second.config.receive.size(), first.config.receive.size());
      EXPECT_EQ(second.config.write.size(), first.config.write.size());
      EXPECT_EQ(second.config.allow.size(), first.config.allow.size());
      EXPECT_EQ(second.config.deny.size(), first.config.deny.size());
    }
  }
}

TEST_F(ConfigOrigin, PrintsTheOriginOfEachValue) {
  set("SMT_LOG", "warn");
  const RelayConfig config = good(Role::kPub, "name = 'n'\n[[send]]\nrate = 5\n", {"--spin"});
  const std::string text = print_config(config);
  const auto line = [&](const std::string& key) {
    const size_t at = text.find("\n" + key) + 1;
    return text.substr(at, text.find('\n', at) - at);
  };
  EXPECT_THAT(line("name"), HasSubstr("# " + path_ + ":2"));
  EXPECT_THAT(line("domain"), HasSubstr("# default"));
  EXPECT_THAT(line("log"), HasSubstr("# env SMT_LOG"));
  EXPECT_THAT(line("spin"), HasSubstr("# flag --spin"));
  EXPECT_THAT(line("[[send]]"), HasSubstr("# " + path_ + ":3"));
  EXPECT_THAT(line("rate"), HasSubstr("# " + path_ + ":4"));
}

TEST_F(ConfigOrigin, ExplainsWhichRuleDecides) {
  const RelayConfig pub = good(Role::kPub,
                               "[[send]]\ntopic = 'arm/**'\nexclude = 'arm/raw'\n"
                               "[[send]]\ntopic = ['arm/raw', 'leg/*']\nto = 'base'\n"
                               "[[send]]\ntopic = 'leg/**'\n");
  const auto at = [&](const char* rule) { return path_ + ":" + rule; };
  EXPECT_EQ(explain_topic(pub, "arm/pose"),
            "arm/pose passes by topic arm/** of [[send]] at " + at("2") + "\n");
  EXPECT_EQ(explain_topic(pub, "arm/raw"),
            "arm/raw to base passes by topic arm/raw of [[send]] at " + at("5") + "\n");
  EXPECT_EQ(explain_topic(pub, "leg/x"), "leg/x to base passes by topic leg/* of [[send]] at " + at("5") +
                                             "\nleg/x passes by topic leg/** of [[send]] at " + at("8") +
                                             "\n");
  EXPECT_EQ(explain_topic(pub, "head"), "head stopped: no [[send]] names it\n");
  const RelayConfig both =
      good(Role::kSub,
           "[[send]]\ntopic='a'\n[[receive]]\nexclude='a'\n[[receive]]\ntopic='b'\nas='c'\nfrom='x'\n");
  EXPECT_EQ(explain_topic(both, "a"), "a sent passes by topic a of [[send]] at " + at("2") +
                                          "\na received stopped by exclude a of [[receive]] at " + at("4") +
                                          "\n");
}

TEST_F(ConfigOrigin, ExplainsWhichRuleLetsPeersSetATopic) {
  const RelayConfig pub = good(Role::kPub,
                               "[[write]]\ntopic = 'cmd/**'\nexclude = 'cmd/x'\nfrom = 'ops'\n"
                               "[[write]]\ntopic = 'cmd/*'\n");
  EXPECT_EQ(
      explain_topic(pub, "cmd/a"),
      "cmd/a passes by --topic **\ncmd/a set by peers from ops passes by topic cmd/** of [[write]] at " +
          path_ + ":2\ncmd/a set by peers passes by topic cmd/* of [[write]] at " + path_ + ":6\n");
  EXPECT_EQ(explain_topic(pub, "arm"),
            "arm passes by --topic **\narm set by peers stopped: no [[write]] names it\n");
}

TEST_F(ConfigOrigin, ExplainsWhatEachRuleOfAccessSays) {
  const RelayConfig pub = good(Role::kPub,
                               "[[allow]]\npeer = ['base', 'b*']\ntopic = 'arm/**'\n"
                               "[[allow]]\npeer = 'ops'\ndo = 'read'\nexclude = 'arm/raw'\n"
                               "[[deny]]\npeer = 'guest'\ntopic = 'arm/*'\n");
  const auto at = [&](const char* rule) { return path_ + ":" + rule + "\n"; };
  EXPECT_EQ(explain_topic(pub, "arm/raw"),
            "arm/raw passes by --topic **\n"
            "arm/raw denied to guest: read list write by topic arm/* of [[deny]] at " +
                at("9") + "arm/raw allowed to base b*: read list by topic arm/** of [[allow]] at " + at("2") +
                "arm/raw denied to all others: read list, as no [[allow]] gives it\n");
  EXPECT_EQ(explain_topic(pub, "leg"),
            "leg passes by --topic **\nleg allowed to ops: read list by topic ** of [[allow]] at " + at("5") +
                "leg denied to all others: read list, as no [[allow]] gives it\n");
  const RelayConfig open = good(Role::kPub, "[[deny]]\ntopic = 'arm'\n");
  EXPECT_EQ(explain_topic(open, "leg"), "leg passes by --topic **\n") << "no rule is about it";
}

TEST_F(ConfigOrigin, LetsTheFirstRuleToSetTopicsComeOnlyWithARestart) {
  const std::string peer = "version = 1\n[[peer]]\nbind = 'ipc:///a'\n", rule = "[[write]]\ntopic = 'a'\n";
  const auto again = [&](const std::string& before, const std::string& after) {
    write(before);
    Loaded loaded = load(Role::kPub, {"--config", path_});
    EXPECT_THAT(loaded.errors.lines(), IsEmpty());
    write(after);
    (void)read_again(loaded.flags, loaded.config, &loaded.errors);
    return loaded.errors.lines();
  };
  EXPECT_THAT(again(peer + rule, peer), IsEmpty()) << "to stop it is always possible";
  EXPECT_THAT(again(peer + rule, peer + rule + "[[write]]\ntopic = 'b'\n"), IsEmpty());
  EXPECT_THAT(again(peer, peer + rule),
              ElementsAre(HasSubstr("F:4:1: the first [[write]] rule cannot come")));
  EXPECT_THAT(again(peer, "audit = '/a'\n" + peer), ElementsAre(HasSubstr("F:1:9: audit cannot change")));
}

TEST_F(ConfigOrigin, ReadsRulesAgainButNotWhatCannotChange) {
  const std::string peer = "version = 1\nname = 'n'\n[[peer]]\nbind = 'ipc:///a'\n";
  const auto again = [&](const std::string& text) {
    write(peer + "[[send]]\ntopic = 'a'\n");
    Loaded loaded = load(Role::kPub, {"--config", path_});
    EXPECT_THAT(loaded.errors.lines(), IsEmpty());
    write(text);
    const std::optional<RelayConfig> config = read_again(loaded.flags, loaded.config, &loaded.errors);
    EXPECT_EQ(config.has_value(), loaded.errors.empty());
    if (config) loaded.config = *config;
    return loaded;
  };
  const Loaded changed = again("log = 'warn'\n" + peer + "[[send]]\ntopic = 'b'\n[[send]]\ntopic = 'c'\n");
  EXPECT_THAT(changed.errors.lines(), IsEmpty());
  EXPECT_EQ(changed.config.log, "warn");
  ASSERT_EQ(changed.config.send.size(), 2u);
  EXPECT_THAT(changed.config.send[0].value.topic, ElementsAre("b"));

  const Loaded peers = again("version = 1\nname = 'n'\n[[peer]]\nconnect = ['ipc:///b', 'ipc:///c']\n" +
                             std::string("[[peer]]\nbind = 'ipc:///a'\ncompress = true\n"));
  EXPECT_THAT(peers.errors.lines(), IsEmpty());
  ASSERT_EQ(peers.config.peers.size(), 2u);
  EXPECT_THAT(peers.config.peers[0].value.connect, ElementsAre("ipc:///b", "ipc:///c"));

  const auto refused = [&](const std::string& text, const char* message) {
    EXPECT_THAT(again(text).errors.lines(), ElementsAre(HasSubstr(message))) << text;
  };
  const Loaded access = again(peer + "[[allow]]\npeer = 'b'\n[[deny]]\ntopic = 'c'\n");
  EXPECT_THAT(access.errors.lines(), IsEmpty());
  EXPECT_EQ(access.config.allow.size() + access.config.deny.size(), 2u);

  refused(peer + "[[send]]\nrate = 0\n", "F:6:8: rate: 0 is out of range");
  refused("version = 1\nname = 'm'\n[[peer]]\nbind = 'ipc:///a'\n",
          "F:2:8: name cannot change while the relay");
  refused("version = 1\n[[peer]]\nbind = 'ipc:///a'\n", "F:1:1: name cannot change");
  refused("heartbeat = '1s'\n" + peer,
          "F:1:13: heartbeat cannot change while the relay runs: it is \"200ms\"; restart it");
  refused("spin = true\n" + peer, "F:1:8: spin cannot change while the relay runs: it is false; restart it");
  refused(peer + "[[peer]]\nbind = 'ipc:///a'\n", "F:6:8: ipc:///a is at ");
  refused(peer + "[[receive]]\n", "F:1:1: the directions cannot change");
}

}  // namespace
}  // namespace smt::cmd
