// The relay's tools doing their work, seen from outside: processes, the loopback, and what stands in both
// memories.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <map>

#include "shm/layout.h"
#include "shm/topic.h"
#include "tests/tools/json.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::StartsWith;

std::vector<std::string> topics_of(const Json& array) {
  std::vector<std::string> topics;
  for (const Json& object : array) topics.push_back(object["topic"]);
  return topics;
}

using RelayTools = RelayTest;
using RelayClient = RelayTest;

TEST_F(RelayTools, TellTheHostNameThatASourceHasWhenItStartsAgain) {
  const auto restart = [&] {
    EXPECT_EQ(run({"smttopic", "pub", "--domain", "robot", "--node", "w", "x", "u8", "1"}).exit_code, 0);
  };
  restart();
  {
    std::fstream segment(root_ + "/robot/w", std::ios::in | std::ios::out | std::ios::binary);
    segment.seekp(offsetof(layout::Header, host));
    segment.write("former-name", sizeof "former-name");
  }
  const Relay robot = pub(), base = sub(robot.endpoint());
  const auto host = [&] {
    const std::optional<Held> now = held("base", "x");
    return now ? now->freshness.origin.host : "";
  };
  ASSERT_TRUE(eventually([&] { return host() == "former-name"; }));
  restart();
  EXPECT_TRUE(eventually(
      [&] { return host() == held("robot", "x")->freshness.origin.host && host() != "former-name"; }));
}

TEST_F(RelayClient, IsToldThatARelayOnlyTakesTopics) {
  const Relay base =
      start({"smtrelay_sub", "--domain", "base", "--name", "base", "--bind", "tcp://127.0.0.1:*"});
  for (const auto& [args, exit_code] :
       std::map<std::vector<std::string>, int>{{{"get", "x"}, 4}, {{"list"}, 1}, {{"watch", "x"}, 1}}) {
    const Ended ended = client(base.endpoint(), args);
    EXPECT_EQ(ended.exit_code, exit_code) << args[0];
    EXPECT_EQ(ended.err, "smtrelay_client: error: " + base.endpoint() +
                             " only takes topics and has none to give, as a smtrelay_sub; connect to a "
                             "smtrelay_pub or a smtrelay_proxy\n");
  }
  EXPECT_EQ(client(base.endpoint(), {"why", "x"}).exit_code, 4) << "this one is answered";
}

TEST_F(RelayTools, MirrorBytesStampSequenceAndOrigin) {
  publish("arm/pose", "f64[3]", "[1,2,\"nan\"]");
  Process sine({"smtsinewave", "wheel/speed", "--rate", "200", "--domain", "robot", "--node", "w"}, env());
  const Relay robot = pub();
  EXPECT_THAT(robot.endpoint(), StartsWith("tcp://127.0.0.1:"));
  EXPECT_THAT(robot.endpoint(), Not(HasSubstr("*")));
  EXPECT_EQ(robot.ready[1], "robot");
  const Relay base = sub(robot.endpoint());
  EXPECT_THAT(base.ready, ElementsAre("ready", "base", robot.endpoint()));

  ASSERT_TRUE(becomes("base", "arm/pose", State::kSourceDead));
  const std::optional<Held> source = held("robot", "arm/pose"), mirror = held("base", "arm/pose");
  ASSERT_TRUE(source && mirror);
  EXPECT_EQ(mirror->bytes, source->bytes);
  EXPECT_EQ(mirror->stamp_ns, source->stamp_ns);
  EXPECT_EQ(mirror->sequence, source->sequence);
  EXPECT_EQ(mirror->freshness.hops, 1u);
  EXPECT_EQ(mirror->freshness.origin.domain, "robot");
  EXPECT_EQ(mirror->freshness.origin.node, source->freshness.origin.node);
  EXPECT_EQ(mirror->freshness.origin.host, source->freshness.origin.host);

  ASSERT_TRUE(becomes("base", "wheel/speed", State::kFresh));
  const uint64_t first = held("base", "wheel/speed")->sequence;
  EXPECT_TRUE(eventually([&] { return held("base", "wheel/speed")->sequence > first + 20; }));
  const Ended delay = run({"smttopic", "delay", "wheel/*", "-n", "1", "-f", "json", "--domain", "base"});
  const Json ages = Json::parse(delay.out)[0];
  EXPECT_GT(ages["samples"], 0);
  EXPECT_GT(ages["p50_ns"], 0);
  EXPECT_EQ(ages["hops"], 1);

  sine.send(SIGTERM);
  EXPECT_EQ(sine.wait().exit_code, 0);
  ASSERT_TRUE(becomes("base", "wheel/speed", State::kSourceDead));
  EXPECT_TRUE(eventually([&] {
    const std::optional<Held> last = held("robot", "wheel/speed"), here = held("base", "wheel/speed");
    return last->sequence == here->sequence && last->bytes == here->bytes;
  }));
}

TEST_F(RelayTools, EndWithZeroAtSigtermAndTheMirrorKeepsItsValues) {
  publish("x", "u8", "7");
  const Relay gate = proxy();
  const Relay robot = pub({"--connect", gate.endpoint()});
  const Relay base = sub(gate.endpoint());
  ASSERT_TRUE(becomes("base", "x", State::kSourceDead));
  Process watch({"smtrelay_client", "--connect", gate.endpoint(), "watch", "x"}, env());
  watch.wait_for_output("value: 7");
  watch.send(SIGTERM);
  EXPECT_EQ(watch.wait().exit_code, 0);
  for (const Relay* relay : {&base, &robot, &gate}) {
    relay->process->send(SIGTERM);
    const Ended ended = relay->process->wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(std::count(ended.out.begin(), ended.out.end(), '\n'), 1) << ended.out;
  }
  EXPECT_TRUE(becomes("base", "x", State::kLinkDown)) << "nobody keeps it alive";
  EXPECT_EQ(held("base", "x")->bytes, std::vector<std::byte>{std::byte{7}});
}

TEST_F(RelayTools, CountTheirHopsThroughAProxy) {
  const Relay gate = proxy();
  const Relay base = sub(gate.endpoint());
  const Relay robot = pub({"--connect", gate.endpoint()});
  publish("x", "u16", "1");
  ASSERT_TRUE(becomes("base", "x", State::kSourceDead));
  EXPECT_EQ(held("base", "x")->freshness.hops, 2u);
  EXPECT_EQ(held("base", "x")->freshness.origin.domain, "robot");
  publish("x", "u16", "2");
  EXPECT_TRUE(eventually([&] { return held("base", "x")->sequence == 2; }));
}

TEST_F(RelayTools, ShowTheDelayOfAnImpairedLinkAndHowWrongAgesMayBe) {
  Process sine({"smtsinewave", "wheel/speed", "--rate", "100", "--domain", "robot"}, env());
  const Relay robot = pub();
  const Relay base = sub(robot.endpoint(), {"--impair", "delay=80ms"});
  const auto info = [&] {
    return run({"smttopic", "info", "wheel/speed", "-f", "json", "--domain", "base"});
  };
  ASSERT_TRUE(eventually([&] {
    const Ended now = info();
    return now.exit_code == 0 && !Json::parse(now.out)["age_error_ns"].is_null();
  }));
  // Both ways are as slow, so that the clocks are found to agree; half of a round trip is what nobody can
  // tell.
  const Json told = Json::parse(info().out);
  EXPECT_GE(told["age_error_ns"], 80'000'000);
  EXPECT_LE(told["age_error_ns"], 140'000'000);
  EXPECT_GE(told["delay_ns"], 60'000'000);
  EXPECT_LE(told["delay_ns"], 140'000'000);
  EXPECT_THAT(run({"smttopic", "info", "wheel/speed", "--domain", "base"}).out, HasSubstr(" ms +- "));
  const Json ages =
      Json::parse(run({"smttopic", "delay", "wheel/*", "-n", "1", "-f", "json", "--domain", "base"}).out)[0];
  EXPECT_GE(ages["p50_ns"], 60'000'000);
  EXPECT_LE(ages["p50_ns"], 160'000'000);
  base.process->send(SIGTERM);
  EXPECT_THAT(base.process->wait().err, HasSubstr("every link is impaired on purpose: delay 80 ms"));
}

// Both memories count in one clock here, so that a birth in the mirror is wrong by as much as it differs.
TEST_F(RelayTools, MirrorBirthsWithinTheErrorThatTheyState) {
  Process sine({"smtsinewave", "wheel/speed", "--rate", "500", "--history", "4096", "--domain", "robot"},
               env());
  const Relay gate = proxy({"--impair", "delay=3ms,jitter=2ms"});
  const Relay robot = pub({"--connect", gate.endpoint()});
  const Relay base = sub(gate.endpoint());
  ASSERT_TRUE(eventually([&] {
    const std::optional<Held> now = held("base", "wheel/speed");
    return now && now->freshness.age_error_ns;
  }));
  Result<Domain> here = Domain::open({.root = root_, .domain = "base"}),
                 there = Domain::open({.root = root_, .domain = "robot"});
  ASSERT_TRUE(here.ok() && there.ok());
  Result<Reader> mirror = Reader::open(*here, "wheel/speed"), source = Reader::open(*there, "wheel/speed");
  ASSERT_TRUE(mirror.ok() && source.ok());
  std::map<uint64_t, int64_t> born;  // by sequence
  int compared = 0;
  EXPECT_TRUE(eventually([&] {
    const std::optional<int64_t> before = mirror->freshness().age_error_ns;
    const Sample* sample = mirror->latest();
    const std::optional<int64_t> after = mirror->freshness().age_error_ns;
    if (sample == nullptr || !before || !after) return false;
    while (const Sample* s = source->next()) born[s->sequence] = s->born_ns;
    if (const auto it = born.find(sample->sequence); it != born.end()) {
      EXPECT_LE(std::abs(sample->born_ns - it->second), std::max(*before, *after));
      EXPECT_LT(*after, 30'000'000);
      ++compared;
    }
    return compared >= 300;
  }));
}

TEST_F(RelayTools, PutThePrefixAndLeaveOutWhatIsExcluded) {
  publish("arm/pose", "u8", "1");
  publish("arm/limit", "u8", "1");
  publish("leg/pose", "u8", "1");
  const Relay robot = pub({"--exclude", "arm/limit"});
  const Relay base = sub(robot.endpoint(), {"--prefix", "r1/", "--exclude", "leg/**"});
  ASSERT_TRUE(becomes("base", "r1/arm/pose", State::kSourceDead));
  publish("arm/limit", "u8", "2");
  publish("leg/pose", "u8", "2");
  publish("arm/pose", "u8", "2");
  ASSERT_TRUE(eventually([&] { return held("base", "r1/arm/pose")->sequence == 2; }));
  const Json list = Json::parse(run({"smttopic", "list", "-f", "json", "--domain", "base"}).out);
  EXPECT_THAT(topics_of(list), ElementsAre("r1/arm/pose"));
}

TEST_F(RelayTools, OverrideTheMaximumAgeAndRemoveTheMirrorAtTheEnd) {
  publish("x", "u8", "1");
  const Relay robot = pub();
  const Relay base = sub(robot.endpoint(), {"--max-age", "10ms", "--remove-on-exit", "--segment-size", "1M"});
  ASSERT_TRUE(eventually([&] { return held("base", "x").has_value(); }));
  EXPECT_EQ(held("base", "x")->freshness.max_age_ns, 10'000'000);
  base.process->send(SIGINT);
  EXPECT_EQ(base.process->wait().exit_code, 0);
  EXPECT_EQ(run({"smttopic", "list", "**", "-f", "json", "--domain", "base"}).out, "[]\n");
  EXPECT_EQ(run({"smttopic", "list", "smt/**", "-f", "json", "--domain", "base"}).out, "[]\n");
}

TEST_F(RelayTools, MoveOnlyWithinThisMachineOverIpc) {
  publish("x", "u8", "1");
  const std::string endpoint = "ipc://" + root_ + "/link";
  const Relay robot = start({"smtrelay_pub", "--domain", "robot", "--bind", endpoint, "--spin"});
  EXPECT_EQ(robot.endpoint(), endpoint);
  const Relay base = sub(endpoint, {"--spin"});
  EXPECT_TRUE(becomes("base", "x", State::kSourceDead));
}

TEST_F(RelayTools, SendNoMoreOftenThanTheyAreAskedAndAllowedTo) {
  Process fast({"smtsinewave", "fast", "--rate", "400", "--history", "64", "--domain", "robot"}, env());
  const Relay robot = pub({"--rate", "100"});
  const Relay base = sub(robot.endpoint(), {"--rate", "50"});
  const Relay other =
      start({"smtrelay_sub", "--domain", "other", "--name", "other", "--connect", robot.endpoint()});
  // From the times at which samples were written into the mirror.
  const auto rate_hz = [&](const char* in) {
    Result<Reader> opened = Reader::open(*Domain::open({.root = root_, .domain = in}), "fast");
    Reader& reader = *opened;
    int64_t first = 0, last = 0, samples = 0;
    EXPECT_TRUE(eventually([&] {
      if (!reader.refresh().ok()) return false;
      for (const Sample* s = reader.next(); s != nullptr; s = reader.next(), ++samples) {
        last = s->written_ns;
        if (samples == 0) first = last;
      }
      return samples > 100;
    }));
    return static_cast<double>(samples - 1) * 1e9 / static_cast<double>(last - first);
  };
  ASSERT_TRUE(becomes("base", "fast", State::kFresh));
  // What could not be sent in its time is left out.
  EXPECT_THAT(rate_hz("base"), AllOf(Gt(40), Lt(52.5)));
  EXPECT_THAT(rate_hz("other"), AllOf(Gt(80), Lt(105))) << "what the robot allows";
}

TEST_F(RelayTools, PublishWhatTheyCount) {
  publish("x", "u8", "1");
  const Relay gate = proxy();
  const Relay robot = pub({"--connect", gate.endpoint()});
  const Relay base = sub(gate.endpoint());
  ASSERT_TRUE(becomes("base", "x", State::kSourceDead));
  EXPECT_TRUE(eventually([&] { return counter("robot", "smt/relay/robot/pub/outbound", "samples") == 1; }));
  EXPECT_TRUE(eventually([&] { return counter("base", "smt/relay/base/sub/inbound", "written") == 1; }));
  EXPECT_EQ(counter("base", "smt/relay/base/sub/session", "opened"), 1u);
  EXPECT_EQ(counter("robot", "smt/relay/robot/pub/outbound", "payload_bytes"), 1u);
  const Json all = Json::parse(client(gate.endpoint(), {"get", "smt/relay/gate/**", "-f", "json"}).out);
  EXPECT_THAT(topics_of(all), ElementsAre("smt/relay/gate/proxy/inbound", "smt/relay/gate/proxy/outbound",
                                          "smt/relay/gate/proxy/session"));
}

TEST_F(RelayTools, ExplainWhichPatternDecides) {
  const auto explain = [&](const char* tool, const char* topic) {
    const Ended ended = run({tool, "--topic", "arm/**", "--exclude", "**/raw", "--explain", topic});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return ended.out;
  };
  for (const char* tool : {"smtrelay_pub", "smtrelay_sub", "smtrelay_proxy"}) {
    EXPECT_EQ(explain(tool, "arm/pose"), "arm/pose passes by --topic arm/**\n");
    EXPECT_EQ(explain(tool, "arm/raw"), "arm/raw stopped by --exclude **/raw\n");
    EXPECT_EQ(explain(tool, "leg/pose"), "leg/pose stopped: no --topic names it\n");
  }
  EXPECT_EQ(run({"smtrelay_sub", "--prefix", "r1", "--explain", "x"}).out,
            "x passes by --topic **; it is r1/x here\n");
  EXPECT_EQ(run({"smtrelay_proxy", "--cache", "a/*", "--explain", "a/b"}).out,
            "a/b passes by --topic **\na/b is kept by --cache a/*\n");
}

TEST_F(RelayTools, TellHelpAndVersionOnStdout) {
  for (const char* tool : {"smtrelay_pub", "smtrelay_sub", "smtrelay_proxy", "smtrelay_client"}) {
    const Ended help = run({tool, "--help"}), version = run({tool, "--version"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.out, HasSubstr(std::string("Usage: ") + tool));
    EXPECT_EQ(version.exit_code, 0);
    EXPECT_THAT(version.out, StartsWith("smtrelay "));
  }
}

// The same questions with a robot's relay at the endpoint, and with a proxy in between.
class RelayAnswers : public RelayTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    publish("arm/pose", "f64[3]", "[1,2,3]");
    publish("arm/limit", "i32", "-5");
    publish("note", "string", "\"höhe\"");
    if (GetParam()) {
      relays_.push_back(proxy());
      endpoint_ = relays_[0].endpoint();
      relays_.push_back(pub({"--connect", endpoint_}));
      // The robot's relay is there when the first answer comes.
      ASSERT_TRUE(eventually([&] { return client(endpoint_, {"get", "note"}).exit_code == 0; }));
    } else {
      relays_.push_back(pub());
      endpoint_ = relays_[0].endpoint();
    }
  }
  Ended ask(const std::vector<std::string>& more) const { return client(endpoint_, more); }
  uint32_t hops() const { return GetParam() ? 2 : 1; }

  std::vector<Relay> relays_;
  std::string endpoint_;
};

TEST_P(RelayAnswers, GetPrintsOneTopic) {
  const Ended get = ask({"get", "arm/limit", "-f", "json"});
  EXPECT_EQ(get.exit_code, 0) << get.err;
  const Json array = Json::parse(get.out);
  ASSERT_EQ(array.size(), 1u);
  EXPECT_THAT(keys_of(array[0]), ElementsAre("topic", "sequence", "stamp_ns", "receive_ns", "age_ns", "state",
                                             "missed", "value"));
  const Json source =
      Json::parse(run({"smttopic", "echo", "--once", "-f", "jsonl", "--domain", "robot", "arm/limit"}).out);
  for (const char* key : {"topic", "sequence", "stamp_ns", "state", "missed", "value"}) {
    EXPECT_EQ(array[0][key], source[key]) << key;
  }
  EXPECT_GE(array[0]["receive_ns"], source["receive_ns"]);
  EXPECT_GT(array[0]["age_ns"], 0);
  EXPECT_THAT(ask({"get", "arm/limit"}).out, HasSubstr("value: -5\n"));
}

TEST_P(RelayAnswers, GetPrintsAllTopicsOfAWildcardByName) {
  const Ended get = ask({"get", "**", "-f", "json"});
  EXPECT_EQ(get.exit_code, 0) << get.err;
  const Json array = Json::parse(get.out);
  EXPECT_THAT(topics_of(array), ElementsAre("arm/limit", "arm/pose", "note"));
  EXPECT_EQ(array[2]["value"]["value"], "höhe");
  EXPECT_EQ(topics_of(Json::parse(ask({"get", "note", "arm/*", "-f", "json"}).out)).size(), 3u);
}

TEST_P(RelayAnswers, GetOfAMissingTopicIsFour) {
  const Ended missing = ask({"get", "no/such", "-f", "json"});
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_EQ(missing.out, "[]\n");
  EXPECT_THAT(missing.err, HasSubstr("no topic matches no/such at " + endpoint_));
  const Ended some = ask({"get", "note", "no/such", "-f", "json"});
  EXPECT_EQ(some.exit_code, 4);
  EXPECT_THAT(topics_of(Json::parse(some.out)), ElementsAre("note")) << "what is there comes all the same";
}

TEST_P(RelayAnswers, ListHasTheShapeOfSmttopicList) {
  const Ended list = ask({"list", "arm/**", "-f", "json"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  const Json here = Json::parse(list.out);
  const Json there = Json::parse(run({"smttopic", "list", "arm/**", "-f", "json", "--domain", "robot"}).out);
  ASSERT_EQ(here.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(keys_of(here[i]), keys_of(there[i]));
    for (const char* key : {"topic", "type", "schema_hash", "size", "history", "state", "max_age_ns",
                            "stamp_ns", "sequence", "origin"}) {
      EXPECT_EQ(here[i][key], there[i][key]) << key;
    }
    EXPECT_EQ(here[i]["hops"], hops());
    EXPECT_EQ(here[i]["writers"], Json::array());
    EXPECT_GT(here[i]["age_ns"], there[i]["age_ns"].get<int64_t>() - 10'000'000'000);
  }
  EXPECT_THAT(ask({"list"}).out, HasSubstr("arm/pose   f64[3]"));
  EXPECT_EQ(ask({"list", "no/such", "-f", "json"}).out, "[]\n");
}

TEST_P(RelayAnswers, WatchPrintsSamplesAsTheyArrive) {
  Process watch({"smtrelay_client", "--connect", endpoint_, "watch", "wheel/*", "-f", "jsonl", "-n", "20"},
                env());
  Process sine({"smtsinewave", "wheel/speed", "--rate", "200", "--domain", "robot"}, env());
  const Ended ended = watch.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  uint64_t last = 0;
  const std::vector<Json> samples = json_lines(ended.out);
  for (const Json& sample : samples) {
    EXPECT_EQ(sample["topic"], "wheel/speed");
    EXPECT_GT(sample["sequence"], last);
    if (last != 0) {
      EXPECT_EQ(sample["sequence"], last + 1 + sample["missed"].get<uint64_t>());
    }
    last = sample["sequence"];
  }
  EXPECT_EQ(samples.size(), 20u);
  EXPECT_EQ(ask({"watch", "no/such", "--duration", "50ms"}).exit_code, 0);
}

TEST_P(RelayAnswers, WatchBeginsWithTheNewestSampleAndWithHistoryWithTheOldest) {
  const Result<Domain> robot = Domain::open({.root = root_, .domain = "robot"});
  auto node = Node::open(*robot, {.name = "drive"});
  ASSERT_TRUE(node.ok());
  auto ticks = Topic<uint64_t>::advertise(**node, {.name = "ticks", .history = 16});
  ASSERT_TRUE(ticks.ok());
  for (uint64_t i = 1; i <= 10; ++i) EXPECT_TRUE(ticks->publish(i).ok());
  // The history first: a proxy that has had the newest sample has no older one.
  uint64_t sequence = 0;
  for (const Json& sample : json_lines(ask({"watch", "ticks", "--history", "-n", "10", "-f", "jsonl"}).out)) {
    EXPECT_EQ(sample["sequence"], ++sequence);
    EXPECT_EQ(sample["value"]["value"], sequence);
    EXPECT_EQ(sample["state"], "fresh") << "from the first on";
  }
  EXPECT_EQ(sequence, 10u);
  const Json newest = Json::parse(ask({"watch", "ticks", "-n", "1", "-f", "jsonl"}).out);
  EXPECT_EQ(newest["sequence"], 10);
  EXPECT_EQ(newest["missed"], 0);
  EXPECT_EQ(newest["state"], "fresh");
  EXPECT_EQ(Json::parse(ask({"watch", "note", "-n", "1", "-f", "jsonl"}).out)["state"], "source-dead");
}

INSTANTIATE_TEST_SUITE_P(Way, RelayAnswers, testing::Bool(),
                         [](const auto& way) { return way.param ? "ThroughAProxy" : "Directly"; });

TEST_F(RelayClient, SaysThatNobodyIsThere) {
  for (const char* endpoint : {"tcp://127.0.0.1:1", "ipc:///dev/shm/no-such-socket"}) {
    for (const char* verb : {"get", "list", "watch"}) {
      const Ended ended = client(endpoint, {verb, "x", "--timeout", "200ms"});
      EXPECT_EQ(ended.exit_code, 7) << ended.err;
      EXPECT_THAT(ended.err, HasSubstr(std::string("nobody answered at ") + endpoint + " within 200 ms"));
    }
  }
}

TEST_F(RelayClient, AsksAProxyThatIsAlone) {
  const Relay gate = proxy();
  const Ended get = client(gate.endpoint(), {"get", "x"});
  EXPECT_EQ(get.exit_code, 4) << get.err;
}

TEST_F(RelayClient, HasTheLastValueOfACacheWhenTheRobotIsGone) {
  publish("x", "u8", "9");
  const Relay gate = proxy({"--cache", "**"});
  Relay robot = pub({"--connect", gate.endpoint()});
  ASSERT_TRUE(eventually([&] { return client(gate.endpoint(), {"get", "x"}).exit_code == 0; }));
  robot.process->send(SIGKILL);
  robot.process->wait();
  EXPECT_TRUE(eventually([&] {
    const Ended get = client(gate.endpoint(), {"get", "x", "-f", "json"});
    return get.exit_code == 0 && Json::parse(get.out)[0]["state"] == "link-down";
  }));
  EXPECT_EQ(Json::parse(client(gate.endpoint(), {"get", "x", "-f", "json"}).out)[0]["value"]["value"], 9);
}

}  // namespace
}  // namespace smt::tools
