// Why a topic does not come: robot - gate - base in process, with one fault planted each time, asked at the
// gate by a client; rings, and peers that do not answer.
#include <filesystem>

#include "relay/store/shm_store.h"
#include "tests/relay/requests/trace_fixture.h"
#include "tests/temp_folder.h"

namespace smt::relay {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(TraceTest, ATopicThatPassesIsFollowedFromTheRobotToTheBase) {
  chain();
  publish();
  const Route way = why("arm/pose");
  EXPECT_EQ(cause(way), "passes");
  EXPECT_TRUE(trail_.complete);
  std::vector<std::string> names;
  for (const Route::Step& s : way.steps) {
    if (s.on_way) names.push_back(s.finding.relay() + " " + side_words(s.finding));
  }
  EXPECT_THAT(names, ElementsAre("robot here", "robot to gate", "gate from robot", "gate here",
                                 "gate to base", "base from gate", "base here"));
  EXPECT_EQ(way.steps[0].finding.age_ns(), 200 * kMs);
  EXPECT_EQ(way.steps[0].finding.role(), "pub");
}

// --- twelve faults

TEST_F(TraceTest, AFilterOfTheRobotIsNamedByItsPattern) {
  SendRule all, raw;
  raw.topic = {"log/**"};
  all.exclude = {"arm/secret", "arm/po*"};
  chain({.send_rules = {raw, all}});
  publish();
  EXPECT_EQ(cause(why("arm/pose")), "robot, to gate: filter: [[send]] rule 2 excludes it by arm/po*");
}

TEST_F(TraceTest, ARateIsToldAndStopsNothing) {
  SendRule slow;
  slow.pacing = {.period_ns = 2 * kSecond};
  chain({.send_rules = {slow}});
  publish();
  const Route way = why("arm/pose");
  EXPECT_EQ(cause(way), "passes");
  EXPECT_THAT(all(way), Contains("robot, to gate: rate: [[send]] rule 1: at most 0.5 Hz"));
}

TEST_F(TraceTest, ARateThatTheBaseAsksForIsToldOnBothHops) {
  ReceiveRule slow;
  slow.pacing = {.period_ns = kSecond, .tick = true};
  chain({}, {}, {slow});
  publish();
  const Route way = why("arm/pose");
  EXPECT_THAT(all(way),
              Contains("robot, to gate: rate: [[send]] rule 1: on a tick of 1 Hz, as gate asks for"));
  EXPECT_THAT(all(way),
              Contains("gate, to base: rate: [[send]] rule 1: on a tick of 1 Hz, as base asks for"));
}

TEST_F(TraceTest, AWrongNameIsAnsweredWithTheRightOne) {
  chain();
  publish();
  publish("leg/pose");
  const Route way = why("arm/psoe");
  EXPECT_FALSE(way.found);
  ASSERT_TRUE(way.cause);
  EXPECT_EQ(way.stops()->verdict(), proto::VERDICT_NO_TOPIC);
  EXPECT_THAT(way.stops()->other_name(), ElementsAre("arm/pose"));
}

TEST_F(TraceTest, APrefixIsFoundOutInBothDirections) {
  ReceiveRule prefixed;
  prefixed.prefix = "{peer}/r1";
  chain({}, {}, {prefixed});
  publish();
  const Route as_robot = why("arm/pose");
  EXPECT_EQ(cause(as_robot), "passes");
  EXPECT_THAT(all(as_robot),
              Contains("base, from gate: renamed: [[receive]] rule 1; gate calls it arm/pose"));
  EXPECT_EQ(as_robot.steps.back().finding.topic(), "gate/r1/arm/pose");
  const Route as_base = why("gate/r1/arm/pose");
  EXPECT_EQ(cause(as_base), "passes") << "it is at the base";
  EXPECT_THAT(all(as_base), Contains(HasSubstr("gate, here: other-name: ")));
  base_->stop();
  run(kSecond);
  const Route nowhere = why("gate/r1/arm/pose");
  ASSERT_TRUE(nowhere.cause);
  EXPECT_EQ(nowhere.stops()->verdict(), proto::VERDICT_OTHER_NAME);
  EXPECT_THAT(nowhere.stops()->other_name(), ElementsAre("arm/pose"));
}

TEST_F(TraceTest, ARobotIsAskedByTheNameThatItUsesEvenOfWhatItNeverSent) {
  ReceiveRule as, prefixed;
  as.topic = {"arm/*/raw"};
  as.as = "{peer}/raw/*/arm";
  prefixed.prefix = "{peer}";
  base_ = &host("base", {.serves = false, .receive_rules = {as, prefixed}});
  bind(*base_, "x");
  SendRule some;
  some.exclude = {"arm/**", "leg"};
  robot_ = &host("robot", {.send_rules = {some}});
  dial(*robot_, "robot", "x");
  add_client("x");
  publish("arm/left/raw");
  publish("leg");
  EXPECT_EQ(cause(why("robot/raw/left/arm")),
            "robot, to base: filter: [[send]] rule 1 excludes it by arm/**");
  EXPECT_EQ(cause(why("robot/leg")), "robot, to base: filter: [[send]] rule 1 excludes it by leg");
}

TEST_F(TraceTest, ADeadWriterIsNamedWhereItLived) {
  chain();
  publish();
  robot_->store().report_state(*robot_->store().find("arm/pose"), State::kSourceDead);
  run(100 * kMs);
  EXPECT_EQ(cause(why("arm/pose")),
            "robot, here: source-dead: its writer, node n on robot, is gone; the last value stays");
}

TEST_F(TraceTest, ALayoutThatTheMemoryRefusesIsToldInItsWords) {
  const TempFolder folder;
  chain({}, {}, {});
  Result<Domain> domain = Domain::open({.root = folder.path(), .domain = "d"});
  ASSERT_TRUE(domain.ok());
  Result<std::unique_ptr<Store>> store = ShmStore::open(*domain, {.mirror = "base"});
  ASSERT_TRUE(store.ok()) << store.status().message();
  ReceiveRule rule;
  rule.on_stale = OnStale::kBytes;
  rule.fail_safe.resize(3);
  RelayOptions o;
  o.name = "base";
  o.origin_id = make_id(77);
  o.instance = 77;
  o.receive = {rule};
  uint64_t sessions = 77 << 20;
  o.random = [&] { return ++sessions; };
  Relay base(store->get(), std::move(o));
  base.add(net("down").dial("mem://down", "base"));
  const Schema f64 = Schema::scalar(Type::kF64);
  const uint32_t handle = *robot_->store().open(robot_->topic("speed", f64), 0);
  robot_->store().put(handle, {1, 0, now_, 0}, byte_view("12345678"));
  const auto step = [&] { base.step(now_); };
  ASSERT_TRUE(until([&] {
    step();
    return base.counters().inbound.dropped_size == 1;
  }));
  EXPECT_EQ(cause(why("speed", step)),
            "base, from gate: mismatch: topic speed: its fail-safe value has 3 bytes, its values have 8");
}

TEST_F(TraceTest, ALinkThatIsDownIsNamedByItsEndpointAndSinceWhen) {
  robot_ = &host("robot");
  bind(*robot_, "up");
  gate_ = &host("gate", {.proxy = true});
  dial(*gate_, "gate", "up");
  bind(*gate_, "down");
  base_ = &host("base", {.receive = RelayTest::all(), .serves = false});
  dial(*base_, "base", "down");
  add_client("down");
  publish();
  robot_->stop();
  run(12 * kSecond);
  EXPECT_EQ(cause(why("arm/pose")), "gate, link: link-down: nobody has answered at mem://up for 12 s");
  EXPECT_EQ(cause(why("never/seen")).substr(0, 10), "gate, link") << "it may well be behind it";
}

TEST_F(TraceTest, ALoopIsNamedWhereItEnds) {
  chain();
  TopicDescription d = robot_->topic("arm/pose", Schema::bytes(), 8);
  d.hops = proto::kMaxHops;
  robot_->store().put(*robot_->store().open(d, 0), {1, 0, now_, 0}, byte_view("12345678"));
  run(200 * kMs);
  EXPECT_EQ(cause(why("arm/pose")),
            "robot, to gate: loop: it has come over 8 relays and goes no further: do they stand in a ring?");
}

TEST_F(TraceTest, ATopicThatNobodyAsksForIsStoppedAtTheEndOfItsWay) {
  chain({}, {}, {});
  publish();
  EXPECT_EQ(cause(why("arm/pose")), "robot, to gate: no-demand: gate asks for nothing");
  EXPECT_EQ(gate_->described("arm/pose"), nullptr) << "asking why is no demand";
  EXPECT_EQ(robot_->counters().outbound.samples, 0u);
}

TEST_F(TraceTest, WhatTheBaseDoesNotAskForIsStoppedByItsRule) {
  ReceiveRule max;
  max.exclude = {"arm/**"};
  chain({}, {}, {max});
  publish();
  const Route way = why("arm/pose");
  EXPECT_EQ(cause(way), "base, from gate: filter: [[receive]] rule 1 excludes it by arm/**");
  EXPECT_THAT(all(way), Contains("gate, to base: no-demand: base asks for ** but not arm/**: not for this"));
}

TEST_F(TraceTest, ASizeCapIsToldWithBothSizes) {
  SendRule small;
  small.max_bytes = 64;
  chain({.send_rules = {small}});
  publish("camera", std::string(65, 'x'));
  EXPECT_EQ(cause(why("camera")),
            "robot, to gate: too-large: [[send]] rule 1 lets values of at most 64 bytes pass; those of this "
            "topic have up to 65");
}

TEST_F(TraceTest, ABudgetOfAgeThatIsOverIsToldByWhoKeepsIt) {
  SendRule fresh;
  fresh.drop_older_ns = 100 * kMs;
  chain({.send_rules = {fresh}});
  publish();
  EXPECT_EQ(
      cause(why("arm/pose")),
      "robot, to gate: stale: [[send]] rule 1 sends nothing older than 100 ms; its newest sample is 200 "
      "ms old");
}

TEST_F(TraceTest, AMaximumAgeThatTheBaseSetsIsOverAtTheBase) {
  ReceiveRule rule;
  rule.max_age_ns = 50 * kMs;
  chain({}, {}, {rule});
  publish();
  EXPECT_EQ(cause(why("arm/pose")),
            "base, here: stale: sample 1 of peer gate is 200 ms old, its maximum age is 50 ms");
}

TEST_F(TraceTest, WhatIsTooOldOnArrivalIsToldByTheRuleThatDropsIt) {
  ReceiveRule rule;
  rule.drop_older_ns = 50 * kMs;
  chain({}, {}, {rule});
  run(kSecond);  // clocks are compared
  robot_->publish("arm/pose", "1", now_ - 60 * kMs);
  run(200 * kMs);
  EXPECT_EQ(cause(why("arm/pose")),
            "base, from gate: stale: [[receive]] rule 1 takes nothing older than 50 ms");
}

TEST_F(TraceTest, ARuleOfTheGateItselfIsNamedAtTheGate) {
  SendRule ours;
  ours.to = {"ops*"};
  chain({}, {.send_rules = {ours}});
  publish();
  EXPECT_EQ(cause(why("arm/pose")),
            "gate, to base: filter: [[send]] rule 1 names it by **, but is for other peers (`to`)");
}

// --- more than one cause, more than one way

TEST_F(TraceTest, ARuleCountsMoreThanADeadWriterAndThatMoreThanDemand) {
  SendRule rule;
  rule.exclude = {"arm/**"};
  chain({}, {.send_rules = {rule}}, {});
  publish();
  robot_->store().report_state(*robot_->store().find("arm/pose"), State::kSourceDead);
  run(100 * kMs);
  EXPECT_THAT(cause(why("arm/pose")), HasSubstr("robot, here: source-dead"));
  base_ = &host("base", {.receive = RelayTest::all(), .serves = false});
  dial(*base_, "base", "down");
  run(200 * kMs);
  EXPECT_THAT(cause(why("arm/pose")), HasSubstr("gate, to base: filter"));
}

TEST_F(TraceTest, ARuleIsNamedEvenWhereNobodyAsks) {
  SendRule rule;
  rule.exclude = {"arm/**"};
  chain({.send_rules = {rule}}, {}, {});
  publish();
  EXPECT_EQ(cause(why("arm/pose")), "robot, to gate: filter: [[send]] rule 1 excludes it by arm/**");
}

TEST_F(TraceTest, ARobotThatHasNoSuchTopicIsNoHopOfAnothersTopic) {
  SendRule nothing;
  nothing.topic = {"log/**"};
  chain();
  Host& other = host("other", {.send_rules = {nothing}});
  dial(other, "other", "up");
  publish();
  const Route way = why("arm/pose");
  EXPECT_EQ(cause(way), "passes");
  EXPECT_THAT(all(way), Contains("other, to gate: filter: no [[send]] rule names it"));
}

TEST_F(TraceTest, TwoRobotsWithOneNameAreAConflictAtTheGate) {
  chain();
  publish();
  Host& other = host("other");
  dial(other, "other", "up");
  other.publish("arm/pose", "2", now_);
  run(200 * kMs);
  EXPECT_EQ(
      cause(why("arm/pose")),
      "gate, from other: conflict: topic arm/pose comes from two hosts; that of other is not taken: give "
      "each sender a --prefix");
}

TEST_F(TraceTest, InARingEachRelayAnswersOnce) {
  for (const char* name : {"p1", "p2", "p3"}) bind(host(name, {.proxy = true}), name);
  std::vector<Host*> ring;
  for (Host& h : hosts_) ring.push_back(&h);
  for (size_t i = 0; i < 3; ++i) {
    const std::string to = "p" + std::to_string((i + 1) % 3 + 1);
    dial(*ring[i], "from" + std::to_string(i), to);
  }
  robot_ = &host("robot");
  dial(*robot_, "robot", "p1");
  base_ = &host("base", {.receive = RelayTest::all(), .serves = false});
  dial(*base_, "base", "p3");
  add_client("p2");
  publish();
  const Route way = why("arm/pose");
  EXPECT_EQ(cause(way), "passes");
  EXPECT_TRUE(trail_.complete);
  std::map<std::string, int> here;
  for (const Route::Step& s : way.steps) here[s.finding.relay()] += s.finding.side() == proto::SIDE_HERE;
  EXPECT_THAT(here, ElementsAre(std::pair("base", 1), std::pair("p1", 1), std::pair("p2", 1),
                                std::pair("p3", 1), std::pair("robot", 1)));
  EXPECT_LT(took_ns_, 100 * kMs);
}

TEST_F(TraceTest, WhoDoesNotAnswerIsNamedInTime) {
  chain();
  publish();
  // Alive by its reports, and dumb.
  net("up").hook = [](MemMessage* m) {
    proto::Envelope e;
    const bool answer =
        m->to_binder &&
        proto::open_message(byte_view(m->header), byte_view(m->payload), &e) == proto::Opened::kOk &&
        e.has_traced();
    return answer ? MemNet::Fate::kDrop : MemNet::Fate::kDeliver;
  };
  const Route way = why("arm/pose");
  EXPECT_FALSE(trail_.complete);
  EXPECT_THAT(all(way), Contains("gate, link: no-answer: peer robot has not answered in time"));
  EXPECT_LE(took_ns_, 1050 * kMs);
}

TEST_F(TraceTest, NamesAreSuggestedOnlyToWhoMayHaveTheirTopics) {
  SendRule ours, theirs;
  ours.topic = {"arm/**"};
  theirs.topic = {"key/**"};
  theirs.to = {"vault"};
  chain({.send_rules = {ours, theirs}});
  publish("arm/secret1");
  publish("key/secret1");
  for (const char* asked : {"key/secret2", "secret1"}) {
    for (const std::string& words : all(why(asked)))
      EXPECT_THAT(words, Not(HasSubstr("key/secret1"))) << asked;
  }
}

}  // namespace
}  // namespace smt::relay
