// The configuration of the relay's tools: file, environment and flags to one struct, and back to a file.
// Seeded bug that makes it fail: in cmd/config_keys.cc, [[receive]] stores drop_older in pacing.heartbeat_ns.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "cmd/config_file.h"
#include "cmd/config_flags.h"
#include "cmd/config_keys.h"
#include "cmd/config_print.h"
#include "cmd/config_reload.h"
#include "cmd/relay_explain.h"
#include "tests/broken_configs.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

using Args = std::vector<std::string>;

constexpr Role kRoles[] = {Role::kPub, Role::kSub, Role::kProxy, Role::kClient};

Role RoleOf(const std::string& name) {
  return *std::find_if(std::begin(kRoles), std::end(kRoles), [&](Role r) { return RoleName(r) == name; });
}

struct Loaded {
  ConfigFlags flags;
  RelayConfig config;
  ConfigErrors errors;
};

class Config : public testing::Test {
 protected:
  Config() {
    char folder[] = "/tmp/smt-config-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = folder_ + "/F";
  }
  ~Config() override {
    std::filesystem::remove_all(folder_);
    for (const std::string& name : set_) unsetenv(name.c_str());
  }

  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  void set(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }
  // With flags only.
  Loaded load(Role role, Args args) const {
    Loaded loaded;
    loaded.flags.role = role;
    CLI::App app;
    AddConfigFlags(app, &loaded.flags);
    std::reverse(args.begin(), args.end());
    app.parse(args);
    loaded.config = LoadConfig(loaded.flags, &loaded.errors);
    return loaded;
  }
  // With a file of this text, which needs no endpoint.
  Loaded file(Role role, const std::string& text, Args args = {}) const {
    write(text);
    args.insert(args.begin(), {"--config", path_, "--print-config"});
    return load(role, args);
  }
  // The same where it must be right.
  RelayConfig good(Role role, const std::string& text, const Args& args = {}) const {
    const Loaded loaded = file(role, "version = 1\n" + text, args);
    EXPECT_THAT(loaded.errors.lines(), IsEmpty()) << text;
    return loaded.config;
  }

  std::string folder_, path_;
  std::vector<std::string> set_;
};

// The printed form without origins.
std::string Meaning(const RelayConfig& config) {
  std::string out;
  const std::string printed = PrintConfig(config);
  for (size_t begin = 0, end; begin < printed.size(); begin = end + 1) {
    end = printed.find('\n', begin);
    const std::string line = printed.substr(begin, end - begin);
    out += line.substr(0, line.rfind("  # ")) + "\n";
  }
  return out;
}

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
[[peer]]
connect = ["tcp://a:1", "ipc:///b"]
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
  EXPECT_EQ(pub.segment_bytes, 64u << 20);
  ASSERT_EQ(pub.peers.size(), 2u);
  EXPECT_THAT(pub.peers[0].value.connect, ElementsAre("tcp://a:1", "ipc:///b"));
  EXPECT_EQ(pub.peers[0].value.bytes_per_s, 125'000u);
  EXPECT_TRUE(pub.peers[0].value.compress);
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

  EXPECT_THAT(good(Role::kProxy, "cache = [\"m/**\", \"n\"]").cache, ElementsAre("m/**", "n"));
  const RelayConfig client = good(Role::kClient, "timeout = \"1.5s\"\nformat = \"jsonl\"");
  EXPECT_EQ(client.timeout_ns, 1'500'000'000);
  EXPECT_EQ(client.format, Format::kJsonl);
}

// One value of each key that is not its default. A key that is not here fails the test.
const std::map<std::string, std::string> kSamples = {{"version", "1"},
                                                     {"name", "\"n\""},
                                                     {"domain", "\"d\""},
                                                     {"root", "\"/r\""},
                                                     {"group", "\"g\""},
                                                     {"log", "\"debug\""},
                                                     {"insecure", "true"},
                                                     {"spin", "true"},
                                                     {"segment_size", "\"3M\""},
                                                     {"remove_on_exit", "true"},
                                                     {"cache", "[\"m/**\", \"re:\\\"\\\\d\\\"\"]"},
                                                     {"timeout", "\"1500us\""},
                                                     {"format", "\"csv\""},
                                                     {"connect", "[\"ipc:///a\", \"ipc:///b\"]"},
                                                     {"bind", "\"ipc:///c\""},
                                                     {"bytes_per_s", "\"125k\""},
                                                     {"compress", "true"},
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
                                                     {"fail_safe", "\"AAE=\""}};

TEST_F(Config, PrintsEachKeyAsItIsWritten) {
  std::set<std::string> seen = {"version"};
  for (const auto& [name, text] : kSamples) {
    if (name == "version") continue;
    const auto check = [&]<class T>(const T*) {
      const Key<T>* key = FindKey<T>(name);
      if (key == nullptr) return;
      seen.insert(name);
      for (const Role role : kRoles) {
        if (!key->of(role)) continue;
        const std::string table = TableName<T>().empty() ? "" : fmt::format("[[{}]]\n", TableName<T>());
        ConfigErrors errors;
        RelayConfig config = DefaultConfig(role);
        ApplyText(fmt::format("version = 1\n{}{} = {}\n", table, name, text), "F", &config, &errors);
        EXPECT_THAT(errors.lines(), IsEmpty());
        EXPECT_THAT(PrintConfig(config), HasSubstr(fmt::format("\n{} = {} ", name, text)));
      }
    };
    check(static_cast<const RelayConfig*>(nullptr));
    check(static_cast<const PeerConfig*>(nullptr));
    check(static_cast<const relay::SendRule*>(nullptr));
    check(static_cast<const relay::ReceiveRule*>(nullptr));
  }
  EXPECT_THAT(seen, SizeIs(kSamples.size()));
  const auto all = [&]<class T>(const T*) {
    for (const Key<T>& key : Keys<T>()) EXPECT_EQ(seen.count(std::string(key.name)), 1u) << key.name;
  };
  all(static_cast<const RelayConfig*>(nullptr));
  all(static_cast<const PeerConfig*>(nullptr));
  all(static_cast<const relay::SendRule*>(nullptr));
  all(static_cast<const relay::ReceiveRule*>(nullptr));
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
    const Loaded loaded = load(RoleOf(broken.role), {"--config", path_});
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
  EXPECT_THAT(file(Role::kPub, deep).errors.lines(), SizeIs(21));
  EXPECT_THAT(file(Role::kPub, list + "]").errors.lines(),
              ElementsAre(HasSubstr("F:3:9: topic: the list has")));
}

TEST_F(Config, OrdersDefaultsFileEnvironmentAndFlags) {
  // A second value of each key that the environment may set.
  const std::map<std::string, std::array<std::string, 3>> values = {
      {"name", {"f", "e", "c"}},
      {"domain", {"f", "e", "c"}},
      {"root", {"/f", "/e", "/c"}},
      {"group", {"f", "e", "c"}},
      {"log", {"warn", "error", "off"}},
      {"insecure", {"true", "false", "true"}},
      {"spin", {"true", "false", "true"}},
      {"remove_on_exit", {"true", "false", "true"}},
      {"segment_size", {"1M", "2M", "3M"}},
      {"timeout", {"1s", "2s", "3s"}},
      {"format", {"json", "jsonl", "csv"}},
  };
  for (const Key<RelayConfig>& key : Keys<RelayConfig>()) {
    if (!FromEnvironment(key)) continue;
    ASSERT_EQ(values.count(std::string(key.name)), 1u) << key.name;
    const auto& [in_file, in_environment, in_flag] = values.at(std::string(key.name));
    const bool plain = key.type.empty();
    const auto shown = [&](const std::string& text) { return plain ? text : Quoted(text); };
    for (const Role role : kRoles) {
      if (!key.of(role)) continue;
      const std::string text = fmt::format("{} = {}\n", key.name, shown(in_file));
      const Args flag = plain ? Args{key.flag()} : Args{key.flag(), in_flag};
      EXPECT_EQ(good(role, "").places.count(key.name), 0u);
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

TEST_F(Config, ReadsTheEnvironmentStrictly) {
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

TEST_F(Config, TakesTheFileThatTheEnvironmentNames) {
  write("version = 1\nname = \"f\"\n");
  set("SMT_CONFIG", path_);
  EXPECT_EQ(load(Role::kPub, {"--print-config"}).config.name, "f");
  EXPECT_EQ(load(Role::kPub, {"--print-config", "--name", "c"}).config.name, "c");
}

TEST_F(Config, PutsRulesAndPeersOfTheCommandLineInPlaceOfTheFiles) {
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

TEST_F(Config, PrintsAFileThatSaysTheSame) {
  for (const Role role : kRoles) {
    std::vector<std::string> texts = {"version = 1\n"};
    std::ifstream example(fmt::format("{}/deploy/{}.toml", SMT_SOURCE_DIR, RoleName(role)));
    texts.emplace_back(std::istreambuf_iterator<char>(example), std::istreambuf_iterator<char>());
    EXPECT_THAT(texts.back(), HasSubstr("version = 1"));
    if (role == Role::kPub) texts.push_back("version = 1\nsend = []\n[[receive]]\nrate = 7\n");
    if (role == Role::kSub)
      texts.push_back("version = 1\n[[send]]\nrate = 0.3333333\n[[receive]]\nrate = 600.1\n");
    for (const std::string& text : texts) {
      const Loaded first = file(role, text);
      ASSERT_THAT(first.errors.lines(), IsEmpty());
      const Loaded second = file(role, PrintConfig(first.config));
      EXPECT_THAT(second.errors.lines(), IsEmpty()) << PrintConfig(first.config);
      EXPECT_EQ(Meaning(second.config), Meaning(first.config));
      EXPECT_EQ(second.config.send.size(), first.config.send.size());
      EXPECT_EQ(second.config.receive.size(), first.config.receive.size());
    }
  }
}

TEST_F(Config, PrintsTheOriginOfEachValue) {
  set("SMT_LOG", "warn");
  const RelayConfig config = good(Role::kPub, "name = 'n'\n[[send]]\nrate = 5\n", {"--spin"});
  const std::string text = PrintConfig(config);
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

TEST_F(Config, ExplainsWhichRuleDecides) {
  const RelayConfig pub = good(Role::kPub,
                               "[[send]]\ntopic = 'arm/**'\nexclude = 'arm/raw'\n"
                               "[[send]]\ntopic = ['arm/raw', 'leg/*']\nto = 'base'\n"
                               "[[send]]\ntopic = 'leg/**'\n");
  const auto at = [&](const char* rule) { return path_ + ":" + rule; };
  EXPECT_EQ(ExplainTopic(pub, "arm/pose"),
            "arm/pose passes by topic arm/** of [[send]] at " + at("2") + "\n");
  EXPECT_EQ(ExplainTopic(pub, "arm/raw"),
            "arm/raw to base passes by topic arm/raw of [[send]] at " + at("5") + "\n");
  EXPECT_EQ(ExplainTopic(pub, "leg/x"), "leg/x to base passes by topic leg/* of [[send]] at " + at("5") +
                                            "\nleg/x passes by topic leg/** of [[send]] at " + at("8") +
                                            "\n");
  EXPECT_EQ(ExplainTopic(pub, "head"), "head stopped: no [[send]] names it\n");
  const RelayConfig both =
      good(Role::kSub,
           "[[send]]\ntopic='a'\n[[receive]]\nexclude='a'\n[[receive]]\ntopic='b'\nas='c'\nfrom='x'\n");
  EXPECT_EQ(ExplainTopic(both, "a"), "a sent passes by topic a of [[send]] at " + at("2") +
                                         "\na received stopped by exclude a of [[receive]] at " + at("4") +
                                         "\n");
}

TEST_F(Config, ReadsRulesAgainButNotWhatCannotChange) {
  const std::string peer = "version = 1\nname = 'n'\n[[peer]]\nbind = 'ipc:///a'\n";
  const auto again = [&](const std::string& text) {
    write(peer + "[[send]]\ntopic = 'a'\n");
    Loaded loaded = load(Role::kPub, {"--config", path_});
    EXPECT_THAT(loaded.errors.lines(), IsEmpty());
    write(text);
    const std::optional<RelayConfig> config = ReadAgain(loaded.flags, loaded.config, &loaded.errors);
    EXPECT_EQ(config.has_value(), loaded.errors.empty());
    if (config) loaded.config = *config;
    return loaded;
  };
  const Loaded changed = again("log = 'warn'\n" + peer + "[[send]]\ntopic = 'b'\n[[send]]\ntopic = 'c'\n");
  EXPECT_THAT(changed.errors.lines(), IsEmpty());
  EXPECT_EQ(changed.config.log, "warn");
  ASSERT_EQ(changed.config.send.size(), 2u);
  EXPECT_THAT(changed.config.send[0].value.topic, ElementsAre("b"));

  const auto refused = [&](const std::string& text, const char* message) {
    EXPECT_THAT(again(text).errors.lines(), ElementsAre(HasSubstr(message))) << text;
  };
  refused(peer + "[[send]]\nrate = 0\n", "F:6:8: rate: 0 is out of range");
  refused("version = 1\nname = 'm'\n[[peer]]\nbind = 'ipc:///a'\n",
          "F:2:8: name cannot change while the relay");
  refused("version = 1\n[[peer]]\nbind = 'ipc:///a'\n", "F:1:1: name cannot change");
  refused("spin = true\n" + peer, "F:1:8: spin cannot change while the relay runs: it is false; restart it");
  refused("version = 1\nname = 'n'\n[[peer]]\nbind = 'ipc:///b'\n", "F:4:8: bind cannot change");
  refused(peer + "[[peer]]\nbind = 'ipc:///b'\n", "F:1:1: peers cannot change");
  refused(peer + "[[receive]]\n", "F:1:1: the directions cannot change");
}

}  // namespace
}  // namespace smt::cmd
