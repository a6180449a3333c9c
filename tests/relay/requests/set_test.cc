// Who may set a topic of another machine, within what bounds, for how long, and what becomes of it after.
#include "tests/relay/requests/set_fixture.h"

namespace smt::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A parameter: nobody need go on setting it.
WriteRule parameter(const std::string& pattern) {
  WriteRule rule = writing(pattern);
  rule.dead_man_ns = 0;
  return rule;
}

// --- who may

TEST_F(SetTest, WithoutARuleEverythingIsDenied) {
  Host& robot = host("robot");
  bind(robot, "down");
  robot.publish("cmd/speed", "12345678", now_);
  Host& anna = asker("anna");
  const Relay::SetResult probed = probe(anna, "cmd/speed");
  ASSERT_THAT(probed.answers, SizeIs(1));
  EXPECT_EQ(probed.answers[0].outcome(), proto::SET_NO_RULE);
  EXPECT_EQ(probed.answers[0].schema(), "") << "nothing is told of what may not be set";
  Relay::SetRequest wish{
      .kind = proto::SET_VALUE, .topic = "cmd/speed", .target = probed.answers[0].instance()};
  wish.value.resize(8);
  EXPECT_NE(send(anna, wish).answers.at(0).outcome(), proto::SET_DONE);
  EXPECT_EQ(robot.value("cmd/speed"), "12345678");
}

TEST_F(SetTest, WhatNoRuleNamesIsDeniedAndToldToTheAudit) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  EXPECT_EQ(set_value(anna, "cmd/speed", 1.5).outcome(), proto::SET_DONE);
  EXPECT_EQ(read("cmd/speed"), "1.5 fresh");
  const proto::SetAnswer refused = set_value(anna, "arm/pose", 1);
  EXPECT_EQ(refused.outcome(), proto::SET_NO_RULE);
  EXPECT_EQ(words(refused), "robot: no [[write]] rule lets gate set topic arm/pose");
  EXPECT_THAT(told_of(WriteAct::kRefused),
              ElementsAre("anna by gate: arm/pose: no [[write]] rule lets gate set topic arm/pose"));
  EXPECT_EQ(counted().refused_no_rule, 1u);
  EXPECT_EQ(read("arm/pose"), "nothing");
}

TEST_F(SetTest, ARuleIsForThePeerThatAsksHere) {
  WriteRule rule = writing("cmd/**");
  rule.from = {"ops*"};
  bind(host("ops1", {.proxy = true}), "a");
  bind(hosts_.back(), "down");
  bind(host("guests", {.proxy = true}), "b");
  bind(hosts_.back(), "lobby");
  Robot& robot = add_robot({rule});
  robot.relay->add(net("b").dial("mem://b", "robot"));
  Host& anna = asker("anna");
  Host& bert = asker("bert", "lobby");
  EXPECT_EQ(set_value(anna, "cmd/speed", 1).outcome(), proto::SET_DONE);
  EXPECT_EQ(set_value(bert, "cmd/speed", 2).outcome(), proto::SET_NO_RULE);
  EXPECT_EQ(read("cmd/speed"), "1 fresh");
}

TEST_F(SetTest, TheFirstRuleThatNamesATopicDecides) {
  WriteRule slow = writing("cmd/speed"), any = writing("cmd/**");
  slow.max = {{"", 1}};
  gate({slow, any});
  Host& anna = asker("anna");
  EXPECT_EQ(set_value(anna, "cmd/speed", 2).outcome(), proto::SET_LIMIT);
  EXPECT_EQ(set_value(anna, "cmd/turn", 2).outcome(), proto::SET_DONE);
}

// --- one at a time

TEST_F(SetTest, ASecondWriterIsRefusedAndToldWhoHoldsIt) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  Host& bert = asker("bert");
  EXPECT_EQ(set_value(anna, "cmd/speed", 1).outcome(), proto::SET_DONE);
  run(400 * kMs);
  const proto::SetAnswer refused = set_value(bert, "cmd/speed", 2);
  EXPECT_EQ(refused.outcome(), proto::SET_HELD);
  EXPECT_EQ(refused.holder_name(), "anna");
  EXPECT_NEAR(static_cast<double>(refused.lease_ns()), 600e6, 10e6);
  EXPECT_THAT(words(refused), StartsWith("robot: topic cmd/speed: held by anna (by gate) for another 6"));
  EXPECT_EQ(read("cmd/speed"), "1 fresh");
  EXPECT_EQ(counted().refused_held, 1u);
  EXPECT_EQ(set_value(bert, "cmd/turn", 2).outcome(), proto::SET_DONE) << "another topic is another lease";
}

TEST_F(SetTest, WhoLetsGoMakesRoomForTheNext) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  Host& bert = asker("bert");
  set_value(anna, "cmd/speed", 1);
  EXPECT_EQ(release(bert, "cmd/speed").outcome(), proto::SET_HELD) << "only the holder lets go";
  EXPECT_EQ(release(anna, "cmd/speed").outcome(), proto::SET_DONE);
  EXPECT_EQ(set_value(bert, "cmd/speed", 2).outcome(), proto::SET_DONE);
  EXPECT_EQ(read("cmd/speed"), "2 fresh");
  EXPECT_THAT(told_of(WriteAct::kLease), SizeIs(2));
  EXPECT_THAT(told_of(WriteAct::kReleased), SizeIs(1));
}

TEST_F(SetTest, EachValueRenewsTheLease) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  Host& bert = asker("bert");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(set_value(anna, "cmd/speed", i).outcome(), proto::SET_DONE);
    run(800 * kMs);
    EXPECT_EQ(set_value(bert, "cmd/speed", 100).outcome(), proto::SET_HELD);
  }
  EXPECT_EQ(counted().leases, 1u);
  EXPECT_EQ(counted().written, 10u);
  EXPECT_THAT(told_of(WriteAct::kSet), SizeIs(10));
}

// --- silence

TEST_F(SetTest, ASilentWriterExpiresAndZeroStandsIn) {
  WriteRule rule = writing("cmd/**");
  rule.dead_man_ns = 300 * kMs;
  gate({rule});
  Host& anna = asker("anna");
  Host& bert = asker("bert");
  const proto::SetAnswer set = set_value(anna, "cmd/speed", 5);
  EXPECT_EQ(set.lease_ns(), 300u * kMs) << "the lease is the dead man's time unless told otherwise";
  EXPECT_EQ(set.dead_man_ns(), 300u * kMs);
  const int64_t begin = now_;
  ASSERT_TRUE(until([&] { return read("cmd/speed") == "0 substituted"; }));
  EXPECT_LE(now_ - begin, 301 * kMs);
  EXPECT_GE(now_ - begin, 295 * kMs);
  EXPECT_THAT(told_of(WriteAct::kExpired),
              ElementsAre("anna by gate: cmd/speed: silent for 300 ms: zero is written"));
  EXPECT_EQ(counted().expired, 1u);
  EXPECT_EQ(counted().fail_safe, 1u);
  run(5 * kSecond);
  EXPECT_EQ(counted().fail_safe, 1u) << "once";
  EXPECT_EQ(set_value(bert, "cmd/speed", 2).outcome(), proto::SET_DONE) << "the lease is free";
  EXPECT_EQ(read("cmd/speed"), "2 fresh");
}

TEST_F(SetTest, WhatStandsInIsWhatTheRuleSays) {
  WriteRule bytes = writing("cmd/bytes"), gone = writing("cmd/gone"), hold = writing("cmd/hold");
  const double parked = -1;
  bytes.on_expiry = OnStale::kBytes;
  bytes.fail_safe.assign(std::as_bytes(std::span(&parked, 1)).begin(),
                         std::as_bytes(std::span(&parked, 1)).end());
  gone.on_expiry = OnStale::kTombstone;
  hold.on_expiry = OnStale::kHold;
  gate({bytes, gone, hold});
  Host& anna = asker("anna");
  for (const char* topic : {"cmd/bytes", "cmd/gone", "cmd/hold"}) set_value(anna, topic, 5);
  run(1100 * kMs);
  EXPECT_EQ(read("cmd/bytes"), "-1 substituted");
  EXPECT_EQ(read("cmd/gone"), "nothing");
  EXPECT_THAT(read("cmd/hold"), StartsWith("5 "));
  EXPECT_THAT(told_of(WriteAct::kExpired), SizeIs(3));
  EXPECT_EQ(set_value(anna, "cmd/gone", 6).outcome(), proto::SET_DONE);
  EXPECT_EQ(read("cmd/gone"), "6 fresh") << "it comes back";
}

TEST_F(SetTest, AReleaseDoesNotPutTheDeadManOff) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  set_value(anna, "cmd/speed", 5);
  const int64_t begin = now_;
  run(500 * kMs);
  release(anna, "cmd/speed");
  EXPECT_EQ(read("cmd/speed"), "5 fresh") << "the next one may go on from here";
  ASSERT_TRUE(until([&] { return read("cmd/speed") == "0 substituted"; }));
  EXPECT_LE(now_ - begin, 1001 * kMs);
}

TEST_F(SetTest, AParameterStaysWhenItsLeaseIsOver) {
  gate({parameter("param/**")});
  Host& anna = asker("anna");
  Host& bert = asker("bert");
  EXPECT_EQ(set_value(anna, "param/gain", 3).dead_man_ns(), 0u);
  EXPECT_EQ(set_value(bert, "param/gain", 4).outcome(), proto::SET_HELD);
  run(2 * kSecond);
  EXPECT_THAT(told_of(WriteAct::kExpired), ElementsAre("anna by gate: param/gain: the lease is over"));
  EXPECT_EQ(read("param/gain"), "3 fresh");
  EXPECT_EQ(set_value(bert, "param/gain", 4).outcome(), proto::SET_DONE);
}

TEST_F(SetTest, WhatIsRefusedIsNoSignOfLife) {
  WriteRule rule = writing("cmd/**");
  rule.max = {{"", 10}};
  gate({rule});
  Host& anna = asker("anna");
  set_value(anna, "cmd/speed", 5);
  for (int i = 0; i < 11; ++i) {
    set_value(anna, "cmd/speed", 11);
    run(100 * kMs);
  }
  EXPECT_EQ(read("cmd/speed"), "0 substituted");
}

TEST_F(SetTest, ARelayThatEndsLeavesTheFailSafeValue) {
  gate({writing("cmd/**"), parameter("param/**")});
  Host& anna = asker("anna");
  set_value(anna, "cmd/speed", 5);
  set_value(anna, "param/gain", 3);
  robots_.front().relay->end_writes(now_);
  EXPECT_EQ(read("cmd/speed"), "0 substituted");
  EXPECT_EQ(read("param/gain"), "3 fresh");
  EXPECT_THAT(told_of(WriteAct::kWithdrawn), SizeIs(2));
}

TEST_F(SetTest, ARelayThatDiesIsSeenByTheTopicsMaximumAge) {
  WriteRule rule = writing("cmd/**");
  rule.dead_man_ns = 300 * kMs;
  gate({rule});
  set_value(asker("anna"), "cmd/speed", 5);
  Result<Reader> reader = Reader::open(*robots_.front().domain, "cmd/speed");
  ASSERT_TRUE(reader.ok() && reader->refresh().ok());
  EXPECT_EQ(reader->freshness().max_age_ns, 300 * kMs);
}

// --- what is written

TEST_F(SetTest, AValueOutsideTheLimitsIsRefusedAndANaNToo) {
  WriteRule rule = writing("cmd/**");
  rule.min = {{"", -1}};
  rule.max = {{"value", 1.5}};
  gate({rule});
  Host& anna = asker("anna");
  EXPECT_EQ(set_value(anna, "cmd/speed", 1.5).outcome(), proto::SET_DONE);
  EXPECT_EQ(words(set_value(anna, "cmd/speed", 1.6)), "robot: topic cmd/speed: value is 1.6, and max is 1.5");
  EXPECT_EQ(words(set_value(anna, "cmd/speed", -1.01)),
            "robot: topic cmd/speed: value is -1.01, and min is -1");
  EXPECT_EQ(set_value(anna, "cmd/speed", std::nan("")).outcome(), proto::SET_LIMIT);
  EXPECT_EQ(set_value(anna, "cmd/speed", -std::nan("")).outcome(), proto::SET_LIMIT);
  EXPECT_EQ(set_value(anna, "cmd/speed", INFINITY).outcome(), proto::SET_LIMIT);
  EXPECT_EQ(read("cmd/speed"), "1.5 fresh");
  EXPECT_EQ(counted().refused_limit, 5u);
}

TEST_F(SetTest, MoreOftenThanTheRuleAllowsIsRefused) {
  WriteRule rule = writing("cmd/**");
  rule.period_ns = 100 * kMs;
  gate({rule});
  Host& anna = asker("anna");
  int written = 0;
  for (int i = 0; i < 100; ++i) {  // at 50 Hz
    written += set_value(anna, "cmd/speed", i).outcome() == proto::SET_DONE;
    run(20 * kMs);
  }
  EXPECT_GE(written, 20);
  EXPECT_LE(written, 22);
  EXPECT_EQ(counted().refused_rate, 100u - static_cast<uint64_t>(written));
  // A writer that keeps the rate is never refused, though it is not on time.
  run(kSecond);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(set_value(anna, "cmd/speed", i).outcome(), proto::SET_DONE) << i;
    run((i % 2 == 0 ? 60 : 140) * kMs);
  }
}

TEST_F(SetTest, AnotherTypeOrSizeIsAMismatch) {
  gate({writing("cmd/**"), writing("text/**", "string")});
  Host& anna = asker("anna");
  EXPECT_EQ(words(set_value(anna, "cmd/speed", "1234567")),
            "robot: topic cmd/speed: the value has 7 bytes, and type f64 has 8");
  EXPECT_EQ(set_value(anna, "cmd/speed", std::string(100'000, 'x')).outcome(), proto::SET_MISMATCH);
  const uint64_t robot = probe(anna, "cmd/speed").answers.at(0).instance();
  Relay::SetRequest wish{.kind = proto::SET_VALUE, .topic = "cmd/speed", .target = robot};
  wish.schema_hash = Schema::scalar(smt::Type::kI64).hash();
  wish.value.resize(8);
  EXPECT_EQ(send(anna, wish).answers.at(0).outcome(), proto::SET_MISMATCH);
  EXPECT_EQ(read("cmd/speed"), "nothing");
  for (const size_t size : {3, 100, 0, 5000}) {
    EXPECT_EQ(set_value(anna, "text/note", std::string(size, 'x')).outcome(), proto::SET_DONE) << size;
  }
  EXPECT_EQ(counted().refused_mismatch, 3u);
}

TEST_F(SetTest, AFailSafeValueOfAnotherSizeIsFoundBeforeItIsNeeded) {
  WriteRule rule = writing("cmd/**");
  rule.on_expiry = OnStale::kBytes;
  rule.fail_safe.resize(4);
  gate({rule});
  EXPECT_EQ(words(set_value(asker("anna"), "cmd/speed", 1)),
            "robot: topic cmd/speed: the rule's fail-safe value has 4 bytes, and type f64 has 8");
}

TEST_F(SetTest, ATopicThatIsNotThereNeedsAType) {
  gate({writing("cmd/**", "")});
  Host& anna = asker("anna");
  EXPECT_EQ(set_value(anna, "cmd/speed", 1).outcome(), proto::SET_NO_TOPIC);
  { const Program driver = publishes(robots_.front(), "cmd/speed", 0.5); }
  // Its program has ended, its type is known.
  ASSERT_TRUE(until([&] { return set_value(anna, "cmd/speed", 1).outcome() == proto::SET_DONE; }));
  EXPECT_EQ(read("cmd/speed"), "1 fresh");
}

TEST_F(SetTest, WhatAProgramOfTheRobotWritesIsItsOwn) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  const Program driver = publishes(robots_.front(), "cmd/speed", 0.5);
  ASSERT_TRUE(until([&] { return probe(anna, "cmd/speed").answers.at(0).outcome() == proto::SET_OWNED; }));
  const proto::SetAnswer refused = set_value(anna, "cmd/speed", 1);
  EXPECT_EQ(refused.outcome(), proto::SET_OWNED);
  EXPECT_THAT(words(refused), StartsWith("robot: topic cmd/speed is written by node driver (pid " +
                                         std::to_string(getpid()) + " on "));
  EXPECT_EQ(read("cmd/speed"), "0.5 fresh");
}

TEST_F(SetTest, AProgramThatComesMeanwhileTakesItsTopicOver) {
  WriteRule rule = writing("cmd/**");
  rule.dead_man_ns = 60 * kSecond;
  gate({rule});
  Host& anna = asker("anna");
  EXPECT_EQ(set_value(anna, "cmd/speed", 5).outcome(), proto::SET_DONE);
  const Program driver = publishes(robots_.front(), "cmd/speed", 0.5);
  // New nodes are looked for every few milliseconds of the wall.
  ASSERT_TRUE(until([&] { return probe(anna, "cmd/speed").answers.at(0).outcome() == proto::SET_OWNED; }));
  EXPECT_EQ(set_value(anna, "cmd/speed", 6).outcome(), proto::SET_OWNED);
  run(61 * kSecond, 100 * kMs);
  EXPECT_EQ(read("cmd/speed"), "0.5 fresh") << "no fail-safe value over a living program's";
  EXPECT_THAT(told_of(WriteAct::kExpired), ElementsAre(HasSubstr("writes it now, nothing is written")));
}

TEST_F(SetTest, WhatCannotBeAuditedIsNotWritten) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  audit_.works = false;
  EXPECT_EQ(set_value(anna, "cmd/speed", 1).outcome(), proto::SET_NO_AUDIT);
  EXPECT_EQ(read("cmd/speed"), "nothing");
  audit_.works = true;
  Host& bert = asker("bert");
  EXPECT_EQ(set_value(bert, "cmd/speed", 2).outcome(), proto::SET_DONE) << "nobody has taken the lease";
}

TEST_F(SetTest, AnAuditThatStandsStillRefusesInTimeForTheAnswer) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  audit_.stalled = true;
  const int64_t begin = now_;
  EXPECT_THAT(words(set_value(anna, "cmd/speed", 1)),
              StartsWith("robot: topic cmd/speed: the audit was not written within 900 ms"));
  EXPECT_LE(now_ - begin, kSecond) << "the gate has not given up";
  EXPECT_EQ(read("cmd/speed"), "nothing");
  EXPECT_EQ(set_value(anna, "arm/pose", 1).outcome(), proto::SET_NO_RULE) << "refusals wait for nothing";
  audit_.go_on();
  EXPECT_EQ(set_value(anna, "cmd/speed", 2).outcome(), proto::SET_DONE);
  EXPECT_EQ(read("cmd/speed"), "2 fresh");
}

TEST_F(SetTest, AValueWhoseAskerIsGoneIsWrittenWithoutAnAnswer) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  EXPECT_EQ(set_value(anna, "cmd/speed", 1).outcome(), proto::SET_DONE);
  audit_.stalled = true;
  const uint64_t robot = probe(anna, "cmd/speed").answers.at(0).instance();
  Relay::SetRequest wish{.kind = proto::SET_VALUE, .topic = "cmd/speed", .target = robot};
  wish.schema_hash = Schema::scalar(smt::Type::kF64).hash();
  wish.value.resize(8);
  wish.holder_name = "anna";
  anna.relay().set(wish, now_, 2 * kSecond);
  run(50 * kMs);
  EXPECT_EQ(audit_.open_tickets(), 1u);
  gate_->stop();
  run(50 * kMs);
  audit_.go_on();
  run(50 * kMs);
  EXPECT_EQ(read("cmd/speed"), "0 fresh");
  EXPECT_EQ(audit_.open_tickets(), 0u);
  gate_->start();
  run(kSecond);
  EXPECT_EQ(set_value(anna, "cmd/speed", 2).outcome(), proto::SET_DONE);
}

TEST_F(SetTest, APatternMakesNoMoreThanAThousandTopics) {
  gate({parameter("param/**")});
  Host& anna = asker("anna");
  for (int i = 0; i < 1024; ++i)
    ASSERT_EQ(set_value(anna, "param/" + std::to_string(i), i).outcome(), proto::SET_DONE) << i;
  EXPECT_EQ(set_value(anna, "param/one-more", 1).outcome(), proto::SET_NO_ROOM);
  EXPECT_EQ(set_value(anna, "param/7", 1).outcome(), proto::SET_DONE);
}

// --- other rules

TEST_F(SetTest, ATopicWhoseRuleGoesAwayLosesItsLeaseAndIsSafe) {
  gate({writing("cmd/**"), parameter("param/**")});
  Host& anna = asker("anna");
  set_value(anna, "cmd/speed", 5);
  set_value(anna, "param/gain", 3);
  Relay& relay = *robots_.front().relay;
  ASSERT_TRUE(relay.configure({SendRule()}, {}, {}, {parameter("param/**")}, {}).ok());
  settle();
  EXPECT_EQ(read("cmd/speed"), "0 substituted");
  EXPECT_EQ(read("param/gain"), "3 fresh");
  EXPECT_THAT(told_of(WriteAct::kWithdrawn),
              ElementsAre("anna by gate: cmd/speed: the rules are other ones: zero is written"));
  EXPECT_EQ(set_value(anna, "cmd/speed", 6).outcome(), proto::SET_NO_RULE);
  EXPECT_EQ(set_value(anna, "param/gain", 4).outcome(), proto::SET_DONE);
  EXPECT_EQ(counted().leases, 2u) << "this one goes on";
  ASSERT_TRUE(relay.configure({SendRule()}, {}, {}, {}, {}).ok());
  EXPECT_EQ(set_value(anna, "param/gain", 5).outcome(), proto::SET_NO_RULE);
}

TEST_F(SetTest, OtherLimitsCountFromTheNextValueOn) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  set_value(anna, "cmd/speed", 5);
  WriteRule rule = writing("cmd/**");
  rule.max = {{"", 1}};
  rule.dead_man_ns = 200 * kMs;
  ASSERT_TRUE(robots_.front().relay->configure({SendRule()}, {}, {}, {rule}, {}).ok());
  EXPECT_EQ(set_value(anna, "cmd/speed", 5).outcome(), proto::SET_LIMIT);
  const proto::SetAnswer set = set_value(anna, "cmd/speed", 1);
  EXPECT_EQ(set.dead_man_ns(), 200u * kMs);
  run(250 * kMs);
  EXPECT_EQ(read("cmd/speed"), "0 substituted");
}

}  // namespace
}  // namespace smt::relay
