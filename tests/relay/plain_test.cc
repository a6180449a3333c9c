// Topics of which nothing is to be asked before a sample goes are sent, and counted, many at once: each still
// has its own value, sequence and age, every publication is counted once, and a topic that something becomes
// special about is treated so from its next sample on.
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

class PlainTest : public RelayTest {
 protected:
  static constexpr int kTopics = 200;

  static std::string name(int topic) { return "t/" + std::to_string(topic); }
  // Of one size, or of two.
  static std::string value(int topic, uint64_t sequence) {
    return std::to_string(1'000'000 + sequence) + (topic % 7 == 0 ? "" : std::to_string(1000 + topic));
  }
  void publish(int topic) {
    ++published_;
    const uint64_t sequence = ++sequences_[topic];
    a_->publish(name(topic), value(topic, sequence), now_ - topic * 1000, sequence);
  }
  void publish_all() {
    for (int i = 0; i < kTopics; ++i) publish(i);
  }
  // Each topic has gone once, and is plain from here on.
  void begin(Host& h) {
    publish_all();
    ASSERT_TRUE(until(h, name(kTopics - 1), value(kTopics - 1, 1)));
    run(10 * kMs);
  }
  void expect_newest(Host& h) {
    for (int i = 0; i < kTopics; ++i) {
      ASSERT_EQ(h.value(name(i)), value(i, sequences_[i])) << i;
      ASSERT_EQ(h.head(name(i)).sequence, sequences_[i]) << i;
      ASSERT_EQ(h.head(name(i)).stamp_ns, a_->head(name(i)).stamp_ns) << i;
    }
  }
  OutboundCounters sent() { return a_->counters().outbound; }

  std::map<int, uint64_t> sequences_;
  uint64_t published_ = 0;
};

TEST_F(PlainTest, EachTopicOfABatchHasItsOwnValueAndSequence) {
  Subscription changes = {{"t/*5"}, {}, 0, {.on_change = true}, 0};
  Subscription slow = {{"t/*3"}, {}, 0, {.one_of = 2}, 0};
  pair({}, {.receive = {changes, slow, {{"**"}, {}, 0}}, .serves = false});
  std::mt19937 random(5);
  begin(*b_);
  for (int round = 0; round < 100; ++round, now_ += kMs) {
    for (int i = 0; i < kTopics; ++i) {
      for (unsigned n = random() % 3; n > 0; --n) publish(i);
    }
    settle();
  }
  for (int more = 0; more < 2; ++more) {  // so that none of them was passed over
    for (int i = 3; i < kTopics; i += 10) {
      if (sequences_[i] % 2 == 1) publish(i);
    }
    settle();
  }
  expect_newest(*b_);
}

TEST_F(PlainTest, EachPublicationIsCountedOnceAsSentOrSuperseded) {
  pair();
  begin(*b_);
  const OutboundCounters before = sent();
  const uint64_t first = published_, batches = before.batches;
  for (int round = 0; round < 10; ++round) {
    publish_all();
    for (int i = 0; i < 50; ++i) publish(i), publish(i);
    settle();
  }
  EXPECT_EQ(sent().publications - before.publications, published_ - first);
  EXPECT_EQ(sent().samples - before.samples, 10u * kTopics);
  EXPECT_EQ(sent().superseded - before.superseded, 10u * 50 * 2);
  EXPECT_EQ(sent().batches - batches, 10u) << "all of a round go together";
  run(100 * kMs);
  EXPECT_EQ(sent().samples - before.samples, 10u * kTopics) << "none goes twice";
  expect_newest(*b_);
}

TEST_F(PlainTest, ARateThatAReloadSetsHoldsFromTheNextSampleOn) {
  pair();
  begin(*b_);
  SendRule slow;
  slow.topic = {"t/2*"};
  slow.pacing = {.period_ns = 100 * kMs};
  ASSERT_TRUE(a_->relay().configure({slow, SendRule()}, {}, {}, {}, {}).ok());
  settle();
  const OutboundCounters before = sent();
  for (int i = 0; i < 100; ++i, now_ += kMs) publish_all(), settle();
  uint64_t slow_topics = 0;
  for (int i = 0; i < kTopics; ++i) slow_topics += Pattern::parse("t/2*")->matches(name(i));
  const uint64_t fast = kTopics - slow_topics;
  EXPECT_GE(sent().samples - before.samples, 100 * fast);
  EXPECT_LE(sent().samples - before.samples, 100 * fast + 3 * slow_topics);
  EXPECT_GT(sent().passed_over_by_rate, 0u);
}

TEST_F(PlainTest, WhatTheLinkRefusesIsSentWhenItHasRoom) {
  pair();
  begin(*b_);
  net().set_room(0);
  publish_all();
  a_->relay().step(now_);
  EXPECT_GT(sent().refused, 0u);
  publish_all();
  net().set_room(1000);
  run(10 * kMs);
  expect_newest(*b_);
}

TEST_F(PlainTest, APeerThatLacksOtherTopicsGetsTheNewestOfThoseThatAnotherHas) {
  Host& a = host("a");
  a_ = &a;
  bind(a);
  Host& first = host("s1", subscriber());
  dial(first, "s1");
  Host& second = host("s2", {.receive = {{{"**"}, {"t/*7"}, 0}}, .serves = false});
  dial(second, "s2");
  begin(first);
  ASSERT_TRUE(until(second, name(0), value(0, 1)));
  const uint64_t reads = a.store().slot_reads(), published = published_;
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round, now_ += kMs) {
    for (int i = 0; i < kTopics; ++i) {
      if (random() % 2 == 0) publish(i);
    }
    settle();
  }
  run(10 * kMs);
  expect_newest(first);
  for (int i = 0; i < kTopics; ++i) {
    if (i % 10 == 7) continue;
    ASSERT_EQ(second.value(name(i)), value(i, sequences_[i])) << i;
  }
  EXPECT_LE(a.store().slot_reads() - reads, published_ - published) << "what both want is read once";
}

TEST_F(PlainTest, AListedTopicIsSentAgainFromItsAnnouncementOn) {
  pair();
  begin(*b_);
  b_->relay().get({{{"**"}, {}, 0}}, true, now_, kSecond);
  settle();
  for (int i = 0; i < 5; ++i, now_ += kMs) publish_all(), settle();
  expect_newest(*b_);
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

}  // namespace
}  // namespace smt::relay
