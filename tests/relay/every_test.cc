// Topics of which each sample is wanted: in order, after interruptions too, as far as the source's ring
// reaches.
#include "tests/relay/relay_diary.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

Subscription every_sample_of(const std::string& topic) { return {{topic}, {}, 0, {.every = true}, 0}; }
HostOptions wants_every() { return {.receive = {every_sample_of("**")}, .serves = false}; }

class EveryTest : public RelayTest {
 protected:
  void publish(const std::string& topic, uint64_t n) {
    for (uint64_t i = 0; i < n; ++i)
      a_->publish(topic, std::to_string(1'000'000 + ++published_[topic]), now_);
  }
  // At 1 kHz.
  void publish_for(const std::string& topic, int64_t ns, uint64_t burst = 1) {
    for (const int64_t end = now_ + ns; now_ < end; now_ += kMs) publish(topic, burst), settle();
  }
  testing::AssertionResult caught(Host& h, const std::string& topic) {
    return until(h, topic, std::to_string(1'000'000 + published_[topic]));
  }
  void expect_in_order(Diary& d, const std::string& topic, uint64_t missing = 0) {
    EXPECT_TRUE(d.rises(topic));
    EXPECT_EQ(d.missing(topic), missing);
    for (const Diary::Entry& e : d.of(topic)) {
      ASSERT_EQ(e.value, std::to_string(1'000'000 + e.sequence)) << "another one's value";
    }
  }
  static bool live(Host& h) { return h.relay().peers().size() == 1; }

  Diary came_{&now_};
  std::map<std::string, uint64_t> published_;
};

TEST_F(EveryTest, EachSampleArrivesInOrderWhetherOneOrManyAreNewAtATime) {
  pair({.history = 256}, wants_every());
  came_.follow(*b_);
  for (const uint64_t burst : {1, 2, 63, 64, 65, 200}) publish_for("x", 50 * kMs, burst);
  ASSERT_TRUE(caught(*b_, "x"));
  EXPECT_EQ(came_.count("x"), published_["x"]);
  expect_in_order(came_, "x");
  const OutboundCounters c = a_->counters().outbound;
  EXPECT_EQ(c.samples, published_["x"]);
  EXPECT_EQ(c.publications, published_["x"]);
  EXPECT_EQ(c.superseded + c.overwritten, 0u);
}

TEST_F(EveryTest, ManyTopicsShareTheirMessages) {
  pair({.history = 64}, wants_every());
  came_.follow(*b_);
  for (int round = 0; round < 20; ++round) {
    for (int t = 0; t < 50; ++t) publish("t" + std::to_string(t), 10);
    run(10 * kMs);
  }
  for (int t = 0; t < 50; ++t) {
    EXPECT_EQ(came_.count("t" + std::to_string(t)), 200u);
    expect_in_order(came_, "t" + std::to_string(t));
  }
  EXPECT_LT(a_->counters().outbound.batches, 1000u);
}

TEST_F(EveryTest, ALateJoinerBeginsAtTheOldestOfTheRing) {
  pair({.history = 16}, wants_every());
  b_->stop();
  publish("x", 100);
  run(100 * kMs);
  b_->start();
  came_.follow(*b_);
  ASSERT_TRUE(caught(*b_, "x"));
  EXPECT_EQ(came_.count("x"), 16u);
  EXPECT_EQ(came_.of("x").front().sequence, 85u);
  expect_in_order(came_, "x");
  EXPECT_EQ(a_->counters().outbound.overwritten, 0u) << "nobody was there to miss them";
}

TEST_F(EveryTest, AfterAnInterruptionNothingIsLostThatIsStillInTheRing) {
  pair({.history = 512}, wants_every());
  came_.follow(*b_);
  net().set_delay(3 * kMs, 3 * kMs);
  for (int i = 0; i < 20; ++i) {
    publish_for("x", 200 * kMs);
    net().cut("b");  // and with it what is on its way
    publish_for("x", (50 + 11 * i) * kMs);
    net().heal("b");
  }
  ASSERT_TRUE(caught(*b_, "x"));
  EXPECT_EQ(came_.count("x"), published_["x"]);
  expect_in_order(came_, "x");
  EXPECT_GE(b_->counters().session.opened, 20u);
  EXPECT_EQ(b_->counters().inbound.dropped_old + b_->counters().inbound.confirmed, 0u) << "none came twice";
}

TEST_F(EveryTest, WhatTheRingHasLostIsCountedExactlyByTheReceiversGap) {
  pair({.history = 64}, wants_every());
  came_.follow(*b_);
  publish_for("x", 200 * kMs);
  ASSERT_TRUE(caught(*b_, "x"));
  net().cut("b");
  publish_for("x", 500 * kMs);
  net().heal("b");
  ASSERT_TRUE(caught(*b_, "x"));
  EXPECT_EQ(came_.count("x"), 264u);
  expect_in_order(came_, "x", 500 - 64);
  EXPECT_EQ(a_->counters().outbound.overwritten, 500u - 64u);
  const OutboundCounters c = a_->counters().outbound;
  EXPECT_EQ(c.publications, c.samples + c.overwritten);
}

TEST_F(EveryTest, ASlowLinkLosesOnlyWhatTheRingLosesAndSaysHowMuch) {
  pair({.link = {.bytes_per_s = 5000}, .history = 64}, wants_every());
  came_.follow(*b_);
  publish_for("x", 5 * kSecond);
  ASSERT_TRUE(caught(*b_, "x"));
  EXPECT_TRUE(came_.rises("x"));
  const OutboundCounters c = a_->counters().outbound;
  EXPECT_GT(c.overwritten, 1000u);
  EXPECT_EQ(came_.count("x") + c.overwritten, published_["x"]);
  EXPECT_EQ(came_.missing("x") + came_.of("x").front().sequence - 1, c.overwritten);
  EXPECT_EQ(c.publications, published_["x"]);
}

TEST_F(EveryTest, AQuietTopicIsNotLinkDownAfterItsLinkIsBack) {
  pair({.history = 16}, wants_every());
  came_.follow(*b_);
  publish("x", 5);
  ASSERT_TRUE(caught(*b_, "x"));
  ASSERT_EQ(b_->state("x"), State::kEmpty);
  net().cut("b");
  ASSERT_TRUE(until([&] { return b_->state("x") == State::kLinkDown; }));
  net().heal("b");
  EXPECT_TRUE(until([&] { return b_->state("x") == State::kEmpty; })) << "its source says nothing, and lives";
  EXPECT_EQ(b_->counters().inbound.confirmed, 1u) << "the newest one, as a sign of that";
  EXPECT_EQ(b_->counters().inbound.written, 5u);
}

TEST_F(EveryTest, AnotherSegmentOfTheSameNameBeginsAtItsOwnOldest) {
  pair({.history = 16}, wants_every());
  came_.follow(*b_);
  publish("x", 100);
  ASSERT_TRUE(until(*b_, "x", "1000100"));
  net().cut("b");
  TopicDescription other = a_->topic("x", Schema::bytes(), 7);
  other.origin = TopicOrigin{other.origin->origin_id, make_id(77), "", "", ""};
  ASSERT_TRUE(a_->store().open(other, 0).ok());
  for (uint64_t i = 1; i <= 40; ++i) a_->publish("x", std::to_string(2'000'000 + i), now_);
  came_.clear();
  net().heal("b");
  ASSERT_TRUE(until(*b_, "x", "2000040"));
  EXPECT_EQ(came_.count("x"), 16u);
  EXPECT_EQ(came_.of("x").front().sequence, 25u);
  // And while the session stands, with samples of the old one on their way.
  net().set_delay(5 * kMs, 5 * kMs);
  for (uint64_t i = 41; i <= 50; ++i) a_->publish("x", std::to_string(2'000'000 + i), now_);
  settle();
  other.origin = TopicOrigin{other.origin->origin_id, make_id(78), "", "", ""};
  ASSERT_TRUE(a_->store().open(other, 0).ok());
  came_.clear();
  for (uint64_t i = 1; i <= 12; ++i) a_->publish("x", std::to_string(3'000'000 + i), now_);
  ASSERT_TRUE(until(*b_, "x", "3000012"));
  std::vector<std::string> values;
  for (const Diary::Entry& e : came_.of("x")) values.push_back(e.value);
  ASSERT_EQ(values.size(), 22u);
  EXPECT_EQ(values[0], "2000041");
  EXPECT_EQ(values[10], "3000001");
  EXPECT_EQ(b_->counters().session.malformed, 0u);
}

TEST_F(EveryTest, AnAnswerThatIsOnItsWayWhenTheIdIsGivenAwayIsNotTakenForTheNextTopics) {
  pair({.history = 64}, wants_every());
  came_.follow(*b_);
  publish("x", 60);
  ASSERT_TRUE(caught(*b_, "x"));
  net().set_delay(10 * kMs, 10 * kMs);
  const uint32_t id = *a_->store().find("x");
  // Announced anew: b is to answer that it has 60.
  ASSERT_TRUE(a_->store().open(a_->topic("x", Schema::bytes(), 8), 0).ok());
  run(2 * kMs);
  a_->remove("x");
  settle();
  publish("y", 50);
  ASSERT_EQ(*a_->store().find("y"), id);
  ASSERT_TRUE(caught(*b_, "y"));
  EXPECT_EQ(came_.count("y"), 50u);
  expect_in_order(came_, "y");
}

TEST_F(EveryTest, LargeValuesComeInOrderToo) {
  pair({.history = 16}, wants_every());
  came_.follow(*b_);
  net().set_delay(2 * kMs, 2 * kMs);
  const auto image = [](int i) { return std::string(1'300'000, static_cast<char>('a' + i)); };
  for (int i = 0; i < 10; ++i) a_->publish("image", image(i), now_), publish("small", 3);
  ASSERT_TRUE(until([&] { return b_->value("image") == image(9); }));
  EXPECT_EQ(came_.sequences("image"), (std::vector<uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(came_.of("image")[static_cast<size_t>(i)].value == image(i)) << i;
  expect_in_order(came_, "small");
  // Cut in the middle of one of many: that one comes whole, and no other twice.
  for (int i = 10; i < 20; ++i) a_->publish("image", image(i), now_);
  const uint64_t chunks = a_->counters().outbound.chunks;
  ASSERT_TRUE(until([&] { return a_->counters().outbound.chunks >= chunks + 8; }));
  net().cut("b");
  run(kSecond);
  net().heal("b");
  ASSERT_TRUE(until([&] { return b_->value("image") == image(19); }));
  EXPECT_EQ(came_.count("image"), 20u);
  EXPECT_TRUE(came_.rises("image"));
  EXPECT_EQ(a_->counters().outbound.overwritten, 0u);
  EXPECT_EQ(b_->counters().session.malformed, 0u);
}

class EveryByProxyTest : public EveryTest {
 protected:
  void begin(uint32_t history, HostOptions mirror = wants_every()) {
    mirror_ = mirror;
    a_ = &host("a", {.history = history});
    p_ = &host("p", {.proxy = true});
    b_ = &host("b", std::move(mirror));
    bind(*p_, "up");
    bind(*p_, "down");
    dial(*a_, "a", "up");
    dial(*b_, "b", "down");
    came_.follow(*b_);
    ASSERT_TRUE(until([&] { return a_->counters().session.wants == 1; }));
  }
  HostOptions mirror_;
};

TEST_F(EveryByProxyTest, EitherLinkMayBreakAndNothingIsLostThatIsInTheRing) {
  begin(512);
  for (int i = 0; i < 10; ++i) {
    publish_for("x", 100 * kMs);
    net("up").cut("a");
    publish_for("x", 100 * kMs);
    net("down").cut("b");
    publish_for("x", 50 * kMs);
    net("up").heal("a");
    publish_for("x", 50 * kMs);
    net("down").heal("b");
  }
  ASSERT_TRUE(caught(*b_, "x"));
  EXPECT_EQ(came_.count("x"), published_["x"]);
  expect_in_order(came_, "x");
}

TEST_F(EveryByProxyTest, AProxyThatBeginsAnewGetsItFromTheSource) {
  begin(4096);
  publish_for("x", 500 * kMs);
  ASSERT_TRUE(caught(*b_, "x"));
  p_->stop();
  publish_for("x", 700 * kMs);
  p_->start();
  publish_for("x", 500 * kMs);
  ASSERT_TRUE(caught(*b_, "x"));
  EXPECT_EQ(came_.count("x"), published_["x"]);
  expect_in_order(came_, "x");
}

TEST_F(EveryByProxyTest, ALateJoinerGetsTheRingOfAQuietSource) {
  begin(16);
  publish("x", 5);
  ASSERT_TRUE(caught(*b_, "x"));
  b_->stop();
  ASSERT_TRUE(until([&] { return a_->counters().session.wants == 0; }));
  Host& late = host("late", wants_every());
  Host& latest = host("latest", subscriber());
  Diary its(&now_), newest(&now_);
  its.follow(late);
  newest.follow(latest);
  dial(late, "late", "down");
  dial(latest, "latest", "down");
  ASSERT_TRUE(caught(late, "x"));
  EXPECT_EQ(its.sequences("x"), (std::vector<uint64_t>{1, 2, 3, 4, 5}));
  ASSERT_TRUE(caught(latest, "x"));
  EXPECT_EQ(newest.sequences("x"), (std::vector<uint64_t>{5}));
}

TEST_F(EveryByProxyTest, OneHasEachSampleAndAnotherTheNewestAtItsRate) {
  begin(256);
  Host& slow = host("slow", {.receive = {{{"x"}, {}, 0, {.period_ns = 100 * kMs}, 0}}, .serves = false});
  dial(slow, "slow", "down");
  Diary its(&now_);
  its.follow(slow);
  run(kSecond);
  publish_for("x", 5 * kSecond);
  ASSERT_TRUE(caught(*b_, "x"));
  EXPECT_EQ(came_.count("x"), published_["x"]);
  expect_in_order(came_, "x");
  EXPECT_NEAR(static_cast<double>(its.count("x")), 50, 1);
  EXPECT_EQ(a_->counters().outbound.samples, published_["x"]) << "once upstream";
  // Without the first one the newest are enough upstream too.
  b_->stop();
  ASSERT_TRUE(until([&] { return !p_->described("x")->every; }));
  const uint64_t before = a_->counters().outbound.samples;
  publish_for("x", 5 * kSecond);
  EXPECT_NEAR(static_cast<double>(a_->counters().outbound.samples - before), 50, 2);
}

TEST_F(EveryTest, ARuleThatForbidsItLeavesTheNewest) {
  SendRule rule;
  rule.pacing.every = false;
  pair({.send_rules = {rule}, .history = 256}, wants_every());
  came_.follow(*b_);
  publish_for("x", 100 * kMs, 10);
  ASSERT_TRUE(caught(*b_, "x"));
  EXPECT_TRUE(came_.rises("x"));
  EXPECT_LE(came_.count("x"), 101u);
  EXPECT_FALSE(b_->described("x")->every);
  EXPECT_GE(a_->counters().outbound.superseded, 880u);
}

TEST_F(EveryTest, WhatIsDeniedIsNotSentAndWhatIsInConflictIsTakenOnceItsNameIsFree) {
  b_ = &host("b", wants_every());
  a_ = &host("a", {.history = 16});
  Host& other = host("other", {.history = 16});
  Host& own = host("own", {.history = 16, .origin = 1});  // has b's own origin: nothing of it is taken
  came_.follow(*b_);
  bind(*b_);
  dial(*a_, "a");
  publish_for("x", 20 * kMs);
  ASSERT_TRUE(caught(*b_, "x"));
  dial(other, "other");
  dial(own, "own");
  for (int i = 1; i <= 10; ++i) other.publish("x", "other" + std::to_string(10 + i), now_), run(kMs);
  for (int i = 1; i <= 10; ++i) own.publish("z", "own" + std::to_string(10 + i), now_), run(kMs);
  run(100 * kMs);
  EXPECT_EQ(b_->counters().inbound.dropped_conflict, 10u);
  EXPECT_EQ(own.counters().outbound.samples, 0u) << "never asked back to its origin";
  a_->remove("x");
  ASSERT_TRUE(until([&] { return b_->described("x") == nullptr; }));
  other.publish("x", "other30", now_);
  ASSERT_TRUE(until(*b_, "x", "other30"));
}

TEST_F(EveryTest, ATopicThatTheReceiverCannotTakeIsNotSentEither) {
  // The rule makes no name of it: announced, refused, answered with "none is wanted".
  ReceiveRule rule;
  rule.pacing.every = true;
  rule.prefix = std::string(200, 'p');
  pair({.history = 16}, {.serves = false, .receive_rules = {rule}});
  publish_for(std::string(100, 'n'), 50 * kMs);
  publish_for("x", 50 * kMs);
  ASSERT_TRUE(until(*b_, rule.prefix + "/x", "1000050"));
  EXPECT_EQ(a_->counters().outbound.samples, 50u);
  EXPECT_EQ(b_->counters().inbound.dropped_denied, 0u);
}

TEST_F(EveryTest, AStoreThatIsFullGivesUpThePastBeforeThePresent) {
  MemStore store(1'000'000);
  TopicDescription d = describe("images", Schema::bytes(), 100'000, {make_id(1), make_id(2), "h", "d", "n"});
  d.history = 64;
  d.every = true;
  const uint32_t images = *store.open(d, 1);
  const std::string value(100'000, 'v');
  for (uint64_t i = 1; i <= 50; ++i) {
    const std::span<std::byte> room = store.loan(images, value.size());
    ASSERT_EQ(room.size(), value.size()) << i;
    ASSERT_EQ(store.commit(images, {i, 0, 0, 0}), PutResult::kTaken) << i;
  }
  d.name = "other";
  d.every = false;
  const Result<uint32_t> other = store.open(d, 1);
  ASSERT_TRUE(other.ok()) << other.status().message();
  EXPECT_EQ(store.put(*other, {1, 0, 0, 0}, byte_view(value)), PutResult::kTaken);
  SampleHead head;
  std::vector<std::byte> room(100'000);
  uint64_t bytes = 0;
  ASSERT_EQ(store.read_after(images, 0, &head, room.data(), &bytes), SampleRead::kOk);
  EXPECT_GE(head.sequence, 43u);
  EXPECT_LE(head.sequence, 46u) << "the youngest of the past are there";
}

}  // namespace
}  // namespace smt::relay
