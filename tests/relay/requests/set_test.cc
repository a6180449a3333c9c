// Who may set a topic of another machine, within what bounds, for how long, and what becomes of it after.
// Seeded bugs that make it fail: relay/writes/writes.cc, Judge() without the lease, or a dead man's time that a
// release puts off; configure() that does not look at leases; OtherWriter() that says nothing.
#include "tests/relay/requests/set_fixture.h"

namespace smt::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A parameter: nobody need go on setting it.
WriteRule Parameter(const std::string& pattern) {
  WriteRule rule = Writing(pattern);
  rule.dead_man_ns = 0;
  return rule;
}

// --- who may

TEST_F(SetTest, WithoutARuleEverythingIsDenied) {
  Host& robot = host("robot");
  bind(robot, "down");
  robot.publish("cmd/speed", "12345678", now_);
  Host& anna = Asker("anna");
  const Relay::SetResult probed = Probe(anna, "cmd/speed");
  ASSERT_THAT(probed.answers, SizeIs(1));
  EXPECT_EQ(probed.answers[0].outcome(), proto::SET_NO_RULE);
  EXPECT_EQ(probed.answers[0].schema(), "") << "nothing is told of what may not be set";
  Relay::SetRequest wish{.kind = proto::SET_VALUE, .topic = "cmd/speed", .target = probed.answers[0].instance()};
  wish.value.resize(8);
  EXPECT_NE(Send(anna, wish).answers.at(0).outcome(), proto::SET_DONE);
  EXPECT_EQ(robot.value("cmd/speed"), "12345678");
}

TEST_F(SetTest, WhatNoRuleNamesIsDeniedAndToldToTheAudit) {
  Gate({Writing("cmd/**")});
  Host& anna = Asker("anna");
  EXPECT_EQ(Set(anna, "cmd/speed", 1.5).outcome(), proto::SET_DONE);
  EXPECT_EQ(Read("cmd/speed"), "1.5 fresh");
  const proto::SetAnswer refused = Set(anna, "arm/pose", 1);
  EXPECT_EQ(refused.outcome(), proto::SET_NO_RULE);
  EXPECT_EQ(Words(refused), "robot: no [[write]] rule lets gate set topic arm/pose");
  EXPECT_THAT(ToldOf(WriteAct::kRefused),
              ElementsAre("anna by gate: arm/pose: no [[write]] rule lets gate set topic arm/pose"));
  EXPECT_EQ(Counted().refused_no_rule, 1u);
  EXPECT_EQ(Read("arm/pose"), "nothing");
}

TEST_F(SetTest, ARuleIsForThePeerThatAsksHere) {
  WriteRule rule = Writing("cmd/**");
  rule.from = {"ops*"};
  bind(host("ops1", {.proxy = true}), "a");
  bind(hosts_.back(), "down");
  bind(host("guests", {.proxy = true}), "b");
  bind(hosts_.back(), "lobby");
  Robot& robot = AddRobot({rule});
  robot.relay->add(net("b").dial("mem://b", "robot"));
  Host& anna = Asker("anna");
  Host& bert = Asker("bert", "lobby");
  EXPECT_EQ(Set(anna, "cmd/speed", 1).outcome(), proto::SET_DONE);
  EXPECT_EQ(Set(bert, "cmd/speed", 2).outcome(), proto::SET_NO_RULE);
  EXPECT_EQ(Read("cmd/speed"), "1 fresh");
}

TEST_F(SetTest, TheFirstRuleThatNamesATopicDecides) {
  WriteRule slow = Writing("cmd/speed"), any = Writing("cmd/**");
  slow.max = {{"", 1}};
  Gate({slow, any});
  Host& anna = Asker("anna");
  EXPECT_EQ(Set(anna, "cmd/speed", 2).outcome(), proto::SET_LIMIT);
  EXPECT_EQ(Set(anna, "cmd/turn", 2).outcome(), proto::SET_DONE);
}

// --- one at a time

TEST_F(SetTest, ASecondWriterIsRefusedAndToldWhoHoldsIt) {
  Gate({Writing("cmd/**")});
  Host& anna = Asker("anna");
  Host& bert = Asker("bert");
  EXPECT_EQ(Set(anna, "cmd/speed", 1).outcome(), proto::SET_DONE);
  Run(400 * kMs);
  const proto::SetAnswer refused = Set(bert, "cmd/speed", 2);
  EXPECT_EQ(refused.outcome(), proto::SET_HELD);
  EXPECT_EQ(refused.holder_name(), "anna");
  EXPECT_NEAR(static_cast<double>(refused.lease_ns()), 600e6, 10e6);
  EXPECT_THAT(Words(refused), StartsWith("robot: topic cmd/speed: held by anna (by gate) for another 6"));
  EXPECT_EQ(Read("cmd/speed"), "1 fresh");
  EXPECT_EQ(Counted().refused_held, 1u);
  EXPECT_EQ(Set(bert, "cmd/turn", 2).outcome(), proto::SET_DONE) << "another topic is another lease";
}

TEST_F(SetTest, WhoLetsGoMakesRoomForTheNext) {
  Gate({Writing("cmd/**")});
  Host& anna = Asker("anna");
  Host& bert = Asker("bert");
  Set(anna, "cmd/speed", 1);
  EXPECT_EQ(Release(bert, "cmd/speed").outcome(), proto::SET_HELD) << "only the holder lets go";
  EXPECT_EQ(Release(anna, "cmd/speed").outcome(), proto::SET_DONE);
  EXPECT_EQ(Set(bert, "cmd/speed", 2).outcome(), proto::SET_DONE);
  EXPECT_EQ(Read("cmd/speed"), "2 fresh");
  EXPECT_THAT(ToldOf(WriteAct::kLease), SizeIs(2));
  EXPECT_THAT(ToldOf(WriteAct::kReleased), SizeIs(1));
}

TEST_F(SetTest, EachValueRenewsTheLease) {
  Gate({Writing("cmd/**")});
  Host& anna = Asker("anna");
  Host& bert = Asker("bert");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Set(anna, "cmd/speed", i).outcome(), proto::SET_DONE);
    Run(800 * kMs);
    EXPECT_EQ(Set(bert, "cmd/speed", 100).outcome(), proto::SET_HELD);
  }
  EXPECT_EQ(Counted().leases, 1u);
  EXPECT_EQ(Counted().written, 10u);
  EXPECT_THAT(ToldOf(WriteAct::kSet), SizeIs(10));
}

// --- silence

TEST_F(SetTest, ASilentWriterExpiresAndZeroStandsIn) {
  WriteRule rule = Writing("cmd/**");
  rule.dead_man_ns = 300 * kMs;
  Gate({rule});
  Host& anna = Asker("anna");
  Host& bert = Asker("bert");
  const proto::SetAnswer set = Set(anna, "cmd/speed", 5);
  EXPECT_EQ(set.lease_ns(), 300u * kMs) << "the lease is the dead man's time unless told otherwise";
  EXPECT_EQ(set.dead_man_ns(), 300u * kMs);
  const int64_t begin = now_;
  ASSERT_TRUE(Until([&] { return Read("cmd/speed") == "0 substituted"; }));
  EXPECT_LE(now_ - begin, 301 * kMs);
  EXPECT_GE(now_ - begin, 295 * kMs);
  EXPECT_THAT(ToldOf(WriteAct::kExpired),
              ElementsAre("anna by gate: cmd/speed: silent for 300 ms: zero is written"));
  EXPECT_EQ(Counted().expired, 1u);
  EXPECT_EQ(Counted().fail_safe, 1u);
  Run(5 * kSecond);
  EXPECT_EQ(Counted().fail_safe, 1u) << "once";
  EXPECT_EQ(Set(bert, "cmd/speed", 2).outcome(), proto::SET_DONE) << "the lease is free";
  EXPECT_EQ(Read("cmd/speed"), "2 fresh");
}

TEST_F(SetTest, WhatStandsInIsWhatTheRuleSays) {
  WriteRule bytes = Writing("cmd/bytes"), gone = Writing("cmd/gone"), hold = Writing("cmd/hold");
  const double parked = -1;
  bytes.on_expiry = OnStale::kBytes;
  bytes.fail_safe.assign(std::as_bytes(std::span(&parked, 1)).begin(),
                         std::as_bytes(std::span(&parked, 1)).end());
  gone.on_expiry = OnStale::kTombstone;
  hold.on_expiry = OnStale::kHold;
  Gate({bytes, gone, hold});
  Host& anna = Asker("anna");
  for (const char* topic : {"cmd/bytes", "cmd/gone", "cmd/hold"}) Set(anna, topic, 5);
  Run(1100 * kMs);
  EXPECT_EQ(Read("cmd/bytes"), "-1 substituted");
  EXPECT_EQ(Read("cmd/gone"), "nothing");
  EXPECT_THAT(Read("cmd/hold"), StartsWith("5 "));
  EXPECT_THAT(ToldOf(WriteAct::kExpired), SizeIs(3));
  EXPECT_EQ(Set(anna, "cmd/gone", 6).outcome(), proto::SET_DONE);
  EXPECT_EQ(Read("cmd/gone"), "6 fresh") << "it comes back";
}

TEST_F(SetTest, AReleaseDoesNotPutTheDeadManOff) {
  Gate({Writing("cmd/**")});
  Host& anna = Asker("anna");
  Set(anna, "cmd/speed", 5);
  const int64_t begin = now_;
  Run(500 * kMs);
  Release(anna, "cmd/speed");
  EXPECT_EQ(Read("cmd/speed"), "5 fresh") << "the next one may go on from here";
  ASSERT_TRUE(Until([&] { return Read("cmd/speed") == "0 substituted"; }));
  EXPECT_LE(now_ - begin, 1001 * kMs);
}

TEST_F(SetTest, AParameterStaysWhenItsLeaseIsOver) {
  Gate({Parameter("param/**")});
  Host& anna = Asker("anna");
  Host& bert = Asker("bert");
  EXPECT_EQ(Set(anna, "param/gain", 3).dead_man_ns(), 0u);
  EXPECT_EQ(Set(bert, "param/gain", 4).outcome(), proto::SET_HELD);
  Run(2 * kSecond);
  EXPECT_THAT(ToldOf(WriteAct::kExpired), ElementsAre("anna by gate: param/gain: the lease is over"));
  EXPECT_EQ(Read("param/gain"), "3 fresh");
  EXPECT_EQ(Set(bert, "param/gain", 4).outcome(), proto::SET_DONE);
}

TEST_F(SetTest, WhatIsRefusedIsNoSignOfLife) {
  WriteRule rule = Writing("cmd/**");
  rule.max = {{"", 10}};
  Gate({rule});
  Host& anna = Asker("anna");
  Set(anna, "cmd/speed", 5);
  for (int i = 0; i < 11; ++i) {
    Set(anna, "cmd/speed", 11);
    Run(100 * kMs);
  }
  EXPECT_EQ(Read("cmd/speed"), "0 substituted");
}

TEST_F(SetTest, ARelayThatEndsLeavesTheFailSafeValue) {
  Gate({Writing("cmd/**"), Parameter("param/**")});
  Host& anna = Asker("anna");
  Set(anna, "cmd/speed", 5);
  Set(anna, "param/gain", 3);
  robots_.front().relay->end_writes(now_);
  EXPECT_EQ(Read("cmd/speed"), "0 substituted");
  EXPECT_EQ(Read("param/gain"), "3 fresh");
  EXPECT_THAT(ToldOf(WriteAct::kWithdrawn), SizeIs(2));
}

TEST_F(SetTest, ARelayThatDiesIsSeenByTheTopicsMaximumAge) {
  WriteRule rule = Writing("cmd/**");
  rule.dead_man_ns = 300 * kMs;
  Gate({rule});
  Set(Asker("anna"), "cmd/speed", 5);
  Result<Reader> reader = Reader::open(*robots_.front().domain, "cmd/speed");
  ASSERT_TRUE(reader.ok() && reader->refresh().ok());
  EXPECT_EQ(reader->freshness().max_age_ns, 300 * kMs);
}

// --- what is written

TEST_F(SetTest, AValueOutsideTheLimitsIsRefusedAndANaNToo) {
  WriteRule rule = Writing("cmd/**");
  rule.min = {{"", -1}};
  rule.max = {{"value", 1.5}};
  Gate({rule});
  Host& anna = Asker("anna");
  EXPECT_EQ(Set(anna, "cmd/speed", 1.5).outcome(), proto::SET_DONE);
  EXPECT_EQ(Words(Set(anna, "cmd/speed", 1.6)), "robot: topic cmd/speed: value is 1.6, and max is 1.5");
  EXPECT_EQ(Words(Set(anna, "cmd/speed", -1.01)), "robot: topic cmd/speed: value is -1.01, and min is -1");
  EXPECT_EQ(Set(anna, "cmd/speed", std::nan("")).outcome(), proto::SET_LIMIT);
  EXPECT_EQ(Set(anna, "cmd/speed", -std::nan("")).outcome(), proto::SET_LIMIT);
  EXPECT_EQ(Set(anna, "cmd/speed", INFINITY).outcome(), proto::SET_LIMIT);
  EXPECT_EQ(Read("cmd/speed"), "1.5 fresh");
  EXPECT_EQ(Counted().refused_limit, 5u);
}

TEST_F(SetTest, MoreOftenThanTheRuleAllowsIsRefused) {
  WriteRule rule = Writing("cmd/**");
  rule.period_ns = 100 * kMs;
  Gate({rule});
  Host& anna = Asker("anna");
  int written = 0;
  for (int i = 0; i < 100; ++i) {  // at 50 Hz
    written += Set(anna, "cmd/speed", i).outcome() == proto::SET_DONE;
    Run(20 * kMs);
  }
  EXPECT_GE(written, 20);
  EXPECT_LE(written, 22);
  EXPECT_EQ(Counted().refused_rate, 100u - static_cast<uint64_t>(written));
  // A writer that keeps the rate is never refused, though it is not on time.
  Run(kSecond);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Set(anna, "cmd/speed", i).outcome(), proto::SET_DONE) << i;
    Run((i % 2 == 0 ? 60 : 140) * kMs);
  }
}

TEST_F(SetTest, AnotherTypeOrSizeIsAMismatch) {
  Gate({Writing("cmd/**"), Writing("text/**", "string")});
  Host& anna = Asker("anna");
  EXPECT_EQ(Words(Set(anna, "cmd/speed", "1234567")),
            "robot: topic cmd/speed: the value has 7 bytes, and type f64 has 8");
  EXPECT_EQ(Set(anna, "cmd/speed", std::string(100'000, 'x')).outcome(), proto::SET_MISMATCH);
  const uint64_t robot = Probe(anna, "cmd/speed").answers.at(0).instance();
  Relay::SetRequest wish{.kind = proto::SET_VALUE, .topic = "cmd/speed", .target = robot};
  wish.schema_hash = Schema::Scalar(smt::Type::kI64).hash();
  wish.value.resize(8);
  EXPECT_EQ(Send(anna, wish).answers.at(0).outcome(), proto::SET_MISMATCH);
  EXPECT_EQ(Read("cmd/speed"), "nothing");
  for (const size_t size : {3, 100, 0, 5000}) {
    EXPECT_EQ(Set(anna, "text/note", std::string(size, 'x')).outcome(), proto::SET_DONE) << size;
  }
  EXPECT_EQ(Counted().refused_mismatch, 3u);
}

TEST_F(SetTest, AFailSafeValueOfAnotherSizeIsFoundBeforeItIsNeeded) {
  WriteRule rule = Writing("cmd/**");
  rule.on_expiry = OnStale::kBytes;
  rule.fail_safe.resize(4);
  Gate({rule});
  EXPECT_EQ(Words(Set(Asker("anna"), "cmd/speed", 1)),
            "robot: topic cmd/speed: the rule's fail-safe value has 4 bytes, and type f64 has 8");
}

TEST_F(SetTest, ATopicThatIsNotThereNeedsAType) {
  Gate({Writing("cmd/**", "")});
  Host& anna = Asker("anna");
  EXPECT_EQ(Set(anna, "cmd/speed", 1).outcome(), proto::SET_NO_TOPIC);
  { const Program driver = Publishes(robots_.front(), "cmd/speed", 0.5); }
  // Its program has ended, its type is known.
  ASSERT_TRUE(Until([&] { return Set(anna, "cmd/speed", 1).outcome() == proto::SET_DONE; }));
  EXPECT_EQ(Read("cmd/speed"), "1 fresh");
}

TEST_F(SetTest, WhatAProgramOfTheRobotWritesIsItsOwn) {
  Gate({Writing("cmd/**")});
  Host& anna = Asker("anna");
  const Program driver = Publishes(robots_.front(), "cmd/speed", 0.5);
  ASSERT_TRUE(Until([&] { return Probe(anna, "cmd/speed").answers.at(0).outcome() == proto::SET_OWNED; }));
  const proto::SetAnswer refused = Set(anna, "cmd/speed", 1);
  EXPECT_EQ(refused.outcome(), proto::SET_OWNED);
  EXPECT_THAT(Words(refused), StartsWith("robot: topic cmd/speed is written by node driver (pid " +
                                         std::to_string(getpid()) + " on "));
  EXPECT_EQ(Read("cmd/speed"), "0.5 fresh");
}

TEST_F(SetTest, AProgramThatComesMeanwhileTakesItsTopicOver) {
  WriteRule rule = Writing("cmd/**");
  rule.dead_man_ns = 60 * kSecond;
  Gate({rule});
  Host& anna = Asker("anna");
  EXPECT_EQ(Set(anna, "cmd/speed", 5).outcome(), proto::SET_DONE);
  const Program driver = Publishes(robots_.front(), "cmd/speed", 0.5);
  // New nodes are looked for every few milliseconds of the wall.
  ASSERT_TRUE(Until([&] { return Probe(anna, "cmd/speed").answers.at(0).outcome() == proto::SET_OWNED; }));
  EXPECT_EQ(Set(anna, "cmd/speed", 6).outcome(), proto::SET_OWNED);
  Run(61 * kSecond, 100 * kMs);
  EXPECT_EQ(Read("cmd/speed"), "0.5 fresh") << "no fail-safe value over a living program's";
  EXPECT_THAT(ToldOf(WriteAct::kExpired), ElementsAre(HasSubstr("writes it now, nothing is written")));
}

TEST_F(SetTest, WhatCannotBeAuditedIsNotWritten) {
  Gate({Writing("cmd/**")});
  Host& anna = Asker("anna");
  audit_works_ = false;
  EXPECT_EQ(Set(anna, "cmd/speed", 1).outcome(), proto::SET_NO_AUDIT);
  EXPECT_EQ(Read("cmd/speed"), "nothing");
  audit_works_ = true;
  Host& bert = Asker("bert");
  EXPECT_EQ(Set(bert, "cmd/speed", 2).outcome(), proto::SET_DONE) << "nobody has taken the lease";
}

TEST_F(SetTest, APatternMakesNoMoreThanAThousandTopics) {
  Gate({Parameter("param/**")});
  Host& anna = Asker("anna");
  for (int i = 0; i < 1024; ++i)
    ASSERT_EQ(Set(anna, "param/" + std::to_string(i), i).outcome(), proto::SET_DONE) << i;
  EXPECT_EQ(Set(anna, "param/one-more", 1).outcome(), proto::SET_NO_ROOM);
  EXPECT_EQ(Set(anna, "param/7", 1).outcome(), proto::SET_DONE);
}

// --- other rules

TEST_F(SetTest, ATopicWhoseRuleGoesAwayLosesItsLeaseAndIsSafe) {
  Gate({Writing("cmd/**"), Parameter("param/**")});
  Host& anna = Asker("anna");
  Set(anna, "cmd/speed", 5);
  Set(anna, "param/gain", 3);
  Relay& relay = *robots_.front().relay;
  ASSERT_TRUE(relay.configure({SendRule()}, {}, {}, {Parameter("param/**")}, {}).ok());
  Settle();
  EXPECT_EQ(Read("cmd/speed"), "0 substituted");
  EXPECT_EQ(Read("param/gain"), "3 fresh");
  EXPECT_THAT(ToldOf(WriteAct::kWithdrawn),
              ElementsAre("anna by gate: cmd/speed: the rules are other ones: zero is written"));
  EXPECT_EQ(Set(anna, "cmd/speed", 6).outcome(), proto::SET_NO_RULE);
  EXPECT_EQ(Set(anna, "param/gain", 4).outcome(), proto::SET_DONE);
  EXPECT_EQ(Counted().leases, 2u) << "this one goes on";
  ASSERT_TRUE(relay.configure({SendRule()}, {}, {}, {}, {}).ok());
  EXPECT_EQ(Set(anna, "param/gain", 5).outcome(), proto::SET_NO_RULE);
}

TEST_F(SetTest, OtherLimitsCountFromTheNextValueOn) {
  Gate({Writing("cmd/**")});
  Host& anna = Asker("anna");
  Set(anna, "cmd/speed", 5);
  WriteRule rule = Writing("cmd/**");
  rule.max = {{"", 1}};
  rule.dead_man_ns = 200 * kMs;
  ASSERT_TRUE(robots_.front().relay->configure({SendRule()}, {}, {}, {rule}, {}).ok());
  EXPECT_EQ(Set(anna, "cmd/speed", 5).outcome(), proto::SET_LIMIT);
  const proto::SetAnswer set = Set(anna, "cmd/speed", 1);
  EXPECT_EQ(set.dead_man_ns(), 200u * kMs);
  Run(250 * kMs);
  EXPECT_EQ(Read("cmd/speed"), "0 substituted");
}

}  // namespace
}  // namespace smt::relay
