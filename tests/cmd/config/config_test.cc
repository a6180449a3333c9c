// The keys of the configuration and what is wrong with files.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cmd/config/config_file.h"
#include "cmd/config/config_keys.h"
#include "cmd/config/config_print.h"
#include "cmd/serve/engine_options.h"
#include "tests/cmd/config/broken_configs.h"
#include "tests/cmd/config/config_fixture.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST_F(Config, StoresEachKeyWhereItBelongs) {
  const RelayConfig pub = good(Role::kPub, R"(
name = "n"
domain = "d"
root = "/r"
group = "g"
log = "debug"
insecure = true
spin = true
segment_size = "64M"
remove_on_exit = true
on_lost = "exit"
[[peer]]
connect = ["tcp://a:1", "ipc:///b"]
order = "random"
bytes_per_s = "125k"
compress = true
[[peer]]
bind = "tcp://*:*"
bytes_per_s = 5
[[send]]
topic = ["a/**", "b"]
exclude = "a/x"
to = ["base", "b*"]
rate = 100
tick = true
one_of = 3
on_change = true
deadband = 0.5
heartbeat = "1s"
priority = "urgent"
bytes_per_s = "1M"
max_size = "4M"
drop_older = "500ms"
[[send]]
topic = "c"
mode = "latest"
[[receive]]
topic = "d"
exclude = ["e"]
from = "r*"
rate = 0.5
priority = "low"
prefix = "p/{peer}/"
max_age = "200ms"
on_stale = "bytes"
fail_safe = "AAE="
drop_older = "2s"
[[receive]]
topic = "f/*"
as = "g/*"
)");
  EXPECT_EQ(pub.name, "n");
  EXPECT_EQ(pub.domain.domain, "d");
  EXPECT_EQ(pub.domain.root, "/r");
  EXPECT_EQ(pub.domain.group, "g");
  EXPECT_EQ(pub.log, "debug");
  EXPECT_TRUE(pub.insecure && pub.spin && pub.remove_on_exit);
  EXPECT_EQ(pub.on_lost, OnLost::kExit);
  EXPECT_EQ(pub.segment_bytes, 64u << 20);
  ASSERT_EQ(pub.peers.size(), 2u);
  EXPECT_THAT(pub.peers[0].value.connect, ElementsAre("tcp://a:1", "ipc:///b"));
  EXPECT_EQ(pub.peers[0].value.bytes_per_s, 125'000u);
  EXPECT_TRUE(pub.peers[0].value.compress);
  EXPECT_TRUE(pub.peers[0].value.random_order && !pub.peers[1].value.random_order);
  EXPECT_EQ(pub.peers[1].value.bind, "tcp://*:*");
  EXPECT_EQ(pub.peers[1].value.bytes_per_s, 5u);

  ASSERT_EQ(pub.send.size(), 2u);
  const relay::SendRule& send = pub.send[0].value;
  EXPECT_THAT(send.topic, ElementsAre("a/**", "b"));
  EXPECT_THAT(send.exclude, ElementsAre("a/x"));
  EXPECT_THAT(send.to, ElementsAre("base", "b*"));
  EXPECT_EQ(send.pacing, (relay::Pacing{.every = true,
                                        .priority = relay::Priority::kUrgent,
                                        .period_ns = 10'000'000,
                                        .tick = true,
                                        .one_of = 3,
                                        .on_change = true,
                                        .deadband = 0.5,
                                        .heartbeat_ns = 1'000'000'000}));
  EXPECT_EQ(send.bytes_per_s, 1'000'000u);
  EXPECT_EQ(send.max_bytes, 4u << 20);
  EXPECT_EQ(send.drop_older_ns, 500'000'000);
  EXPECT_EQ(pub.send[1].value.pacing, relay::Pacing());

  ASSERT_EQ(pub.receive.size(), 2u);
  const relay::ReceiveRule& receive = pub.receive[0].value;
  EXPECT_THAT(receive.topic, ElementsAre("d"));
  EXPECT_THAT(receive.exclude, ElementsAre("e"));
  EXPECT_THAT(receive.from, ElementsAre("r*"));
  EXPECT_EQ(receive.pacing, (relay::Pacing{.priority = relay::Priority::kLow, .period_ns = 2'000'000'000}));
  EXPECT_EQ(receive.prefix, "p/{peer}");
  EXPECT_EQ(receive.max_age_ns, 200'000'000);
  EXPECT_EQ(receive.on_stale, relay::OnStale::kBytes);
  EXPECT_EQ(receive.fail_safe, (std::vector<std::byte>{std::byte{0}, std::byte{1}}));
  EXPECT_EQ(receive.drop_older_ns, 2'000'000'000);
  EXPECT_EQ(pub.receive[1].value.as, "g/*");
}

TEST_F(Config, IsPatientForTwoAndAHalfHeartbeatsUnlessItSaysAnotherTime) {
  EXPECT_EQ(good(Role::kSub, "").liveness, relay::Liveness());
  EXPECT_EQ(engine_options(good(Role::kSub, "")).liveness, relay::Liveness());
  const RelayConfig proxy = good(Role::kProxy, "heartbeat = \"1s\"");
  EXPECT_EQ(engine_options(proxy).liveness, (relay::Liveness{1'000'000'000, 2'500'000'000}));
  EXPECT_THAT(print_config(proxy), HasSubstr("patience = \"2500ms\""));
  EXPECT_EQ(good(Role::kSub, "heartbeat = \"1s\"\npatience = \"4s\"").liveness,
            (relay::Liveness{1'000'000'000, 4'000'000'000}));
  EXPECT_EQ(good(Role::kProxy, "patience = \"10s\"").liveness,
            (relay::Liveness{200'000'000, 10'000'000'000}));
  EXPECT_EQ(good(Role::kPub, "heartbeat = \"20ms\"").liveness, (relay::Liveness{20'000'000, 50'000'000}));
  EXPECT_EQ(good(Role::kPub, "heartbeat = \"4s\"\npatience = \"8s\"").liveness,
            (relay::Liveness{4'000'000'000, 8'000'000'000}));
}

TEST_F(Config, StoresTheKeysOfAProxyAndOfAClient) {
  EXPECT_THAT(good(Role::kProxy, "cache = [\"m/**\", \"n\"]").cache, ElementsAre("m/**", "n"));
  const RelayConfig client = good(Role::kClient, "timeout = \"1.5s\"\nformat = \"jsonl\"");
  EXPECT_EQ(client.timeout_ns, 1'500'000'000);
  EXPECT_EQ(client.format, Format::kJsonl);
}

TEST_F(Config, StoresWhatPeersMaySet) {
  const RelayConfig pub = good(Role::kPub, R"(
audit = "/var/log/set"
[[write]]
topic = ["cmd/**", "b"]
exclude = "cmd/x"
from = "ops*"
type = "f64[3]"
lease = "200ms"
dead_man = "300ms"
on_expiry = "bytes"
fail_safe = "AAE="
min = -1
max = { "linear.x" = 1.5, yaw = 2 }
rate = 50
[[write]]
topic = "param/**"
dead_man = "0s"
)");
  EXPECT_EQ(pub.audit, "/var/log/set");
  ASSERT_THAT(pub.write, SizeIs(2));
  const relay::WriteRule& rule = pub.write[0].value;
  EXPECT_THAT(rule.topic, ElementsAre("cmd/**", "b"));
  EXPECT_THAT(rule.exclude, ElementsAre("cmd/x"));
  EXPECT_THAT(rule.from, ElementsAre("ops*"));
  EXPECT_EQ(rule.type, "f64[3]");
  EXPECT_EQ(rule.lease(), 200'000'000);
  EXPECT_EQ(rule.dead_man_ns, 300'000'000);
  EXPECT_EQ(rule.on_expiry, relay::OnStale::kBytes);
  EXPECT_THAT(rule.fail_safe, SizeIs(2));
  EXPECT_THAT(rule.min, ElementsAre(relay::Limit{"", -1}));
  EXPECT_THAT(rule.max, ElementsAre(relay::Limit{"linear.x", 1.5}, relay::Limit{"yaw", 2}));
  EXPECT_EQ(rule.period_ns, 20'000'000);
  EXPECT_EQ(pub.write[1].value.lease(), 1'000'000'000);
  EXPECT_EQ(engine_options(pub).write.at(0).origin, "[[write]] at " + path_ + ":4");
  EXPECT_EQ(good(Role::kSub, "").write.size(), 0u) << "nobody may set anything unless a rule says so";
  EXPECT_EQ(relay::WriteRule().dead_man_ns, 1'000'000'000);
  EXPECT_EQ(relay::WriteRule().on_expiry, relay::OnStale::kZero);
}

TEST_F(Config, StoresWhoMayDoWhat) {
  using relay::Right;
  for (const Role role : {Role::kPub, Role::kSub, Role::kProxy}) {
    const RelayConfig config = good(role, R"(
[[deny]]
topic = "**/secret"
[[allow]]
peer = ["base", "v*"]
topic = ["a/**", "smt/**"]
exclude = "a/x"
do = ["write", "read"]
[[allow]]
[[deny]]
do = "list"
peer = "x"
)");
    ASSERT_THAT(config.allow, SizeIs(2));
    ASSERT_THAT(config.deny, SizeIs(2));
    EXPECT_THAT(config.allow[0].value.peer, ElementsAre("base", "v*"));
    EXPECT_THAT(config.allow[0].value.topic, ElementsAre("a/**", "smt/**"));
    EXPECT_THAT(config.allow[0].value.exclude, ElementsAre("a/x"));
    EXPECT_EQ(config.allow[0].value.rights, Right::kRead | Right::kWrite);
    EXPECT_EQ(config.allow[1].value.rights, Right::kRead | Right::kList);
    EXPECT_THAT(config.allow[1].value.peer, ElementsAre("*"));
    EXPECT_THAT(config.allow[1].value.topic, ElementsAre("**"));
    EXPECT_EQ(config.deny[0].value.rights, Right::kRead | Right::kList | Right::kWrite);
    EXPECT_EQ(config.deny[1].value.rights, relay::Rights(Right::kList));
    const relay::AccessRules engine = engine_options(config).access;
    ASSERT_THAT(engine.allow, SizeIs(2));
    ASSERT_THAT(engine.deny, SizeIs(2));
    EXPECT_EQ(engine.allow[0].origin, path_ + ":5:1");
    EXPECT_EQ(engine.deny[1].origin, path_ + ":11:1");
  }
}

TEST_F(Config, TakesRulesOfAccessThatOnlySeemToSayTheSame) {
  for (const char* text : {
           "[[allow]]\n[[deny]]\ndo = \"read\"\n",  // it may be listed yet
           "[[allow]]\npeer = \"p\"\n[[allow]]\n",  // the later one gives more
           "[[allow]]\n[[allow]]\ntopic = \"smt/**\"\n",
           "[[allow]]\n[[deny]]\nexclude = \"a\"\n",
           "[[deny]]\ntopic = \"a/**\"\n[[allow]]\ntopic = [\"a/**\", \"b\"]\n",
           "[[allow]]\n[[allow]]\npeer = \"p\"\ndo = [\"read\", \"write\"]\n",
       }) {
    (void)good(Role::kProxy, text);
  }
  (void)good(Role::kPub, "[[write]]\ntopic = \"a\"\n[[allow]]\ndo = \"write\"\n");
}

// One value of each key that is not its default. A key that is not here fails the test.
const std::map<std::string, std::string> kSamples = {{"version", "1"},
                                                     {"name", "\"n\""},
                                                     {"domain", "\"d\""},
                                                     {"root", "\"/r\""},
                                                     {"group", "\"g\""},
                                                     {"shared_root", "true"},
                                                     {"log", "\"debug\""},
                                                     {"keys", "\"/k\""},
                                                     {"self_key", "\"/k/x\""},
                                                     {"key_group", "true"},
                                                     {"insecure", "true"},
                                                     {"spin", "true"},
                                                     {"segment_size", "\"3M\""},
                                                     {"remove_on_exit", "true"},
                                                     {"on_lost", "\"exit\""},
                                                     {"cache", "[\"m/**\", \"re:\\\"\\\\d\\\"\"]"},
                                                     {"timeout", "\"1500us\""},
                                                     {"format", "\"csv\""},
                                                     {"connect", "[\"ipc:///a\", \"ipc:///b\"]"},
                                                     {"bind", "\"ipc:///c\""},
                                                     {"bytes_per_s", "\"125k\""},
                                                     {"compress", "true"},
                                                     {"dscp", "\"ef\""},
                                                     {"order", "\"random\""},
                                                     {"patience", "\"9s\""},
                                                     {"topic", "[\"x\", \"y/*\"]"},
                                                     {"exclude", "[\"y/z\"]"},
                                                     {"to", "[\"p*\"]"},
                                                     {"from", "[\"p*\"]"},
                                                     {"mode", "\"every\""},
                                                     {"priority", "\"high\""},
                                                     {"rate", "3"},
                                                     {"tick", "true"},
                                                     {"one_of", "7"},
                                                     {"on_change", "true"},
                                                     {"deadband", "0.1"},
                                                     {"heartbeat", "\"90s\""},
                                                     {"max_size", "\"5K\""},
                                                     {"drop_older", "\"7ns\""},
                                                     {"prefix", "\"{peer}\""},
                                                     {"as", "\"b/**\""},
                                                     {"max_age", "\"2h\""},
                                                     {"on_stale", "\"tombstone\""},
                                                     {"fail_safe", "\"AAE=\""},
                                                     {"audit", "\"/var/log/a\""},
                                                     {"metrics", "\"[::1]:9464\""},
                                                     {"metrics_open", "true"},
                                                     {"metrics_names", "[\"a/**\", \"b\"]"},
                                                     {"ready", "[\"a/**\"]"},
                                                     {"type", "\"f64[3]\""},
                                                     {"lease", "\"2s\""},
                                                     {"dead_man", "\"300ms\""},
                                                     {"on_expiry", "\"hold\""},
                                                     {"peer", "[\"p*\"]"},
                                                     {"do", "[\"read\", \"write\"]"},
                                                     {"min", "{ \"x.y\" = -1.5 }"},
                                                     {"max", "2"}};

TEST_F(Config, PrintsEachKeyAsItIsWritten) {
  std::set<std::string> seen = {"version"};
  for (const auto& [name, text] : kSamples) {
    if (name == "version") continue;
    const auto check = [&seen, &name = name, &text = text]<class T>(const T*) {
      const Key<T>* key = find_key<T>(name);
      if (key == nullptr) return;
      seen.insert(name);
      for (const Role role : kRoles) {
        if (!key->of(role)) continue;
        const std::string table = table_name<T>().empty() ? "" : fmt::format("[[{}]]\n", table_name<T>());
        ConfigErrors errors;
        RelayConfig config = default_config(role);
        apply_text(fmt::format("version = 1\n{}{} = {}\n", table, name, text), "F", &config, &errors);
        EXPECT_THAT(errors.lines(), IsEmpty());
        EXPECT_THAT(print_config(config), HasSubstr(fmt::format("\n{} = {} ", name, text)));
      }
    };
    check(static_cast<const RelayConfig*>(nullptr));
    check(static_cast<const PeerConfig*>(nullptr));
    check(static_cast<const relay::SendRule*>(nullptr));
    check(static_cast<const relay::ReceiveRule*>(nullptr));
    check(static_cast<const relay::WriteRule*>(nullptr));
    check(static_cast<const relay::AllowRule*>(nullptr));
    check(static_cast<const relay::DenyRule*>(nullptr));
  }
  EXPECT_THAT(seen, SizeIs(kSamples.size()));
  const auto all = [&]<class T>(const T*) {
    for (const Key<T>& key : keys_of<T>()) EXPECT_EQ(seen.count(std::string(key.name)), 1u) << key.name;
  };
  all(static_cast<const RelayConfig*>(nullptr));
  all(static_cast<const PeerConfig*>(nullptr));
  all(static_cast<const relay::SendRule*>(nullptr));
  all(static_cast<const relay::ReceiveRule*>(nullptr));
  all(static_cast<const relay::WriteRule*>(nullptr));
  all(static_cast<const relay::AllowRule*>(nullptr));
  all(static_cast<const relay::DenyRule*>(nullptr));
}

TEST_F(Config, GivesEachRoleItsRulesWhereTheFileHasNone) {
  const auto rules = [&](Role role, const std::string& text) {
    const RelayConfig config = good(role, text);
    return std::pair(config.send.size(), config.receive.size());
  };
  EXPECT_EQ(rules(Role::kPub, ""), std::pair(size_t{1}, size_t{0}));
  EXPECT_EQ(rules(Role::kSub, ""), std::pair(size_t{0}, size_t{1}));
  EXPECT_EQ(rules(Role::kProxy, ""), std::pair(size_t{1}, size_t{1}));
  EXPECT_EQ(rules(Role::kClient, ""), std::pair(size_t{0}, size_t{0}));
  EXPECT_EQ(rules(Role::kPub, "[[receive]]"), std::pair(size_t{1}, size_t{1}));
  EXPECT_EQ(rules(Role::kSub, "[[send]]"), std::pair(size_t{1}, size_t{1}));
  EXPECT_EQ(rules(Role::kPub, "send = []\n[[receive]]"), std::pair(size_t{0}, size_t{1}));
  EXPECT_THAT(good(Role::kPub, "").send[0].value.topic, ElementsAre("**"));
}

TEST_F(Config, RefusesEachBrokenFileWithPlaceAndReason) {
  for (const BrokenConfig& broken : kBrokenConfigs) {
    write("version = 1\n" + broken.text);
    const Loaded loaded = load(role_of(broken.role), {"--config", path_});
    // A file with no peer is not the point unless it is the only thing wrong.
    ASSERT_FALSE(loaded.errors.empty()) << broken.text;
    EXPECT_THAT(loaded.errors.lines()[0], StartsWith(path_ + ":" + broken.place + ": ")) << broken.text;
    EXPECT_THAT(loaded.errors.lines()[0], HasSubstr(broken.message)) << broken.text;
    EXPECT_THAT(loaded.errors.lines(), SizeIs(1)) << broken.text;
  }
}

TEST_F(Config, RefusesAFileWithoutItsVersionOrOfAnother) {
  EXPECT_THAT(file(Role::kPub, "").errors.lines(),
              ElementsAre(HasSubstr("F:1:1: the version of the format")));
  EXPECT_THAT(file(Role::kPub, "version = 2").errors.lines(),
              ElementsAre(HasSubstr("F:1:11: version: 2 is")));
  EXPECT_THAT(file(Role::kPub, "version = \"1\"").errors.lines(),
              ElementsAre(HasSubstr("must be an integer")));
}

TEST_F(Config, TellsAllErrorsUpToTwenty) {
  std::string text = "version = 1\n[[send]]\nrate = 0\ntick = 5\n[[send]]\ntick = true\n[[peer]]\n";
  EXPECT_THAT(file(Role::kPub, text).errors.lines(),
              ElementsAre(HasSubstr("F:3:8: rate"), HasSubstr("F:4:8: tick"),
                          HasSubstr("F:7:1: a peer without"), HasSubstr("F:6:8: tick needs a rate")));
  for (int i = 0; i < 30; ++i) text += fmt::format("unknown_{} = 1\n", i);
  const std::vector<std::string> lines = file(Role::kPub, text).errors.lines();
  EXPECT_THAT(lines, SizeIs(21));
  EXPECT_EQ(lines.back(), "and 13 more errors");
}

TEST_F(Config, RefusesWhatIsNoReadableFileOfFairSize) {
  const auto error = [&](const std::string& path) {
    return load(Role::kPub, {"--config", path}).errors.lines();
  };
  EXPECT_THAT(error(folder_), ElementsAre(folder_ + ": is no regular file"));
  EXPECT_THAT(error("/dev/zero"), ElementsAre("/dev/zero: is no regular file"));
  EXPECT_THAT(error(folder_ + "/no"),
              ElementsAre(folder_ + "/no: cannot be read: No such file or directory"));
  write("version = 1\n" + std::string(1 << 20, '\n'));
  EXPECT_THAT(error(path_), ElementsAre(path_ + ":1:1: the file has more than 1048576 bytes"));
}

// Each in a fraction of a second and without a deep recursion.
TEST_F(Config, BoundsWhatAHostileFileCosts) {
  std::string rules = "version = 1\n", deep = "version = 1\n", list = "version = 1\n[[send]]\ntopic = [\n";
  while (rules.size() < 1'000'000) rules += "[[send]]\n";
  while (deep.size() < 1'000'000) {
    deep += fmt::format("a{}", deep.size());
    for (int i = 0; i < 8'000; ++i) deep += ".a";
    deep += " = 1\n";
  }
  while (list.size() < 1'000'000) list += fmt::format("\"t{}\",\n", list.size());
  EXPECT_THAT(file(Role::kPub, rules).errors.lines(), ElementsAre(HasSubstr("F:1026:1: too many rules")));
  rules = "version = 1\n";
  for (int i = 0; rules.size() < 1'000'000; ++i) rules += fmt::format("[[allow]]\ntopic = 't{}'\n", i);
  EXPECT_THAT(file(Role::kPub, rules).errors.lines(), ElementsAre(HasSubstr("F:2050:1: too many rules")));
  EXPECT_THAT(file(Role::kPub, deep).errors.lines(), SizeIs(21));
  EXPECT_THAT(file(Role::kPub, list + "]").errors.lines(),
              ElementsAre(HasSubstr("F:3:9: topic: the list has")));
}

}  // namespace
}  // namespace smt::cmd
