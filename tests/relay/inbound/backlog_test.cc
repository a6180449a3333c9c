// A link that stands still for a moment, too short to end the session, and then delivers all that was under
// way, as TCP does.
#include "relay/inbound/backlog.h"

#include <utility>

#include "tests/relay/relay_diary.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

constexpr int64_t kPeriodNs = 20 * kMs, kStallNs = 350 * kMs;

class BacklogTest : public RelayTest {
 protected:
  // 50 Hz in all that follows; the clocks are compared.
  void begin(HostOptions source = {},
             HostOptions mirror = {.receive = {{{"**"}, {}, 0}}, .serves = false, .clock_ns = 3 * kSecond}) {
    pair(std::move(source), std::move(mirror));
    came_.follow(*b_);
    publish(2 * kSecond);
    ASSERT_EQ(b_->value("pose"), a_->value("pose"));
  }
  void publish(int64_t for_ns) {
    for (const int64_t end = now_ + for_ns; now_ < end;) {
      net().set_delay(0, std::max(delay_ns_, stands_until_ns_ - now_));
      a_->publish("pose", std::to_string(++published_), now_);
      born_[published_] = now_;
      for (const int64_t next = now_ + kPeriodNs; now_ < next; now_ += kMs) settle();
    }
  }
  // From the host that publishes, from now on.
  void stand_still() { stands_until_ns_ = now_ + kStallNs; }

  Diary came_{&now_};
  std::map<uint64_t, int64_t> born_;
  uint64_t published_ = 0;
  int64_t stands_until_ns_ = 0, delay_ns_ = 0;
};

TEST_F(BacklogTest, TheFirstValueAfterItIsOfNow) {
  begin();
  const uint64_t samples = b_->counters().inbound.samples;
  stand_still();
  const size_t before = came_.of("pose").size();
  publish(kSecond);
  const std::vector<Diary::Entry> entries = came_.of("pose");
  ASSERT_GT(entries.size(), before);
  for (size_t i = before; i < entries.size(); ++i) {
    EXPECT_LE(entries[i].at_ns - born_[std::stoull(entries[i].value)], 2 * kPeriodNs) << entries[i].value;
  }
  EXPECT_LE(entries[before].at_ns, stands_until_ns_ + kPeriodNs + kMs);
  EXPECT_TRUE(came_.rises("pose"));
  const InboundCounters c = b_->counters().inbound;
  EXPECT_EQ(b_->counters().session.ended, 0u) << "too short to be noticed";
  EXPECT_GE(c.superseded, 15u);
  EXPECT_EQ(c.samples, c.written + c.superseded);
  EXPECT_EQ(c.samples - samples, uint64_t{kSecond / kPeriodNs}) << "each came";
}

// As TCP does whose first acknowledgement is lost: the rest comes with its next attempt, much later.
TEST_F(BacklogTest, TheFirstValueIsOfNowWhereTheLinkStandsStillOnceMore) {
  begin();
  const size_t before = came_.of("pose").size();
  stand_still();
  publish(kStallNs / 2);
  stands_until_ns_ += 300 * kMs;
  publish(kSecond);
  EXPECT_EQ(b_->counters().session.ended, 0u) << "too short to be noticed";
  const std::vector<Diary::Entry> entries = came_.of("pose");
  ASSERT_GT(entries.size(), before);
  for (size_t i = before; i < entries.size(); ++i) {
    EXPECT_LE(entries[i].at_ns - born_[std::stoull(entries[i].value)], 2 * kPeriodNs) << entries[i].value;
  }
}

TEST_F(BacklogTest, AValueThatNothingFollowsIsToldAllTheSame) {
  begin();
  a_->publish("mode", "idle", now_);
  publish(kPeriodNs);
  ASSERT_EQ(b_->value("mode"), "idle");
  stand_still();
  net().set_delay(0, kStallNs);
  const int64_t born = now_;
  a_->publish("mode", "manual", now_);
  settle();
  net().set_delay(0, 0);
  // The next heartbeat is on time.
  ASSERT_TRUE(until(*b_, "mode", "manual"));
  EXPECT_GE(now_ - born, kStallNs);
  EXPECT_LE(now_ - born, kStallNs + 210 * kMs);
  EXPECT_NEAR(static_cast<double>(b_->age_ns("mode", now_)), static_cast<double>(now_ - born), 1e6);
}

TEST_F(BacklogTest, ATopicThatIsAnnouncedMeanwhileDoesNotHaveThePastTold) {
  begin();
  const size_t before = came_.of("pose").size();
  stand_still();
  publish(kStallNs / 2);
  a_->publish("mode", "manual", now_);
  publish(kSecond);
  const std::vector<Diary::Entry> entries = came_.of("pose");
  ASSERT_GT(entries.size(), before);
  for (size_t i = before; i < entries.size(); ++i) {
    EXPECT_LE(entries[i].at_ns - born_[std::stoull(entries[i].value)], 2 * kPeriodNs) << entries[i].value;
  }
  EXPECT_EQ(b_->value("mode"), "manual");
}

TEST_F(BacklogTest, WhatIsWantedInOrderComesInOrder) {
  begin({.history = 64}, {.receive = {{{"**"}, {}, 0, {.every = true}, 0}}, .serves = false});
  const size_t before = came_.of("pose").size();
  stand_still();
  publish(kSecond);
  EXPECT_EQ(came_.of("pose").size() - before, uint64_t{kSecond / kPeriodNs});
  EXPECT_EQ(came_.missing("pose"), 0u);
  EXPECT_EQ(b_->counters().inbound.superseded, 0u);
}

TEST_F(BacklogTest, APeerThatSaysGoodbyeHasItsLastValueTold) {
  begin();
  net().set_delay(0, kStallNs);
  a_->publish("pose", "the last one", now_);
  settle();
  net().set_delay(0, 0);
  // Nothing follows it but the goodbye.
  bool goodbye = false;
  net().hook = [&](MemMessage* m) {
    return m->to_binder || std::exchange(goodbye, false) ? MemNet::Fate::kDeliver : MemNet::Fate::kDrop;
  };
  run(kStallNs + 10 * kMs);
  ASSERT_NE(b_->value("pose"), "the last one");
  goodbye = true;
  a_->relay().hang_up("it ends");
  settle();
  EXPECT_EQ(b_->value("pose"), "the last one");
}

// Whoever dials begins anew at once, and has values of now then.
TEST_F(BacklogTest, AConnectionThatEndsDropsWhatItHeldWhereItWasDialled) {
  begin();
  stand_still();
  net().set_delay(0, kStallNs);
  a_->publish("pose", "old", now_);
  run(kStallNs + 10 * kMs);
  ASSERT_NE(b_->value("pose"), "old") << "it is held back";
  net().set_delay(0, 0);
  net().cut("b");
  run(kSecond);
  ASSERT_NE(b_->value("pose"), "old");
  EXPECT_EQ(b_->counters().inbound.dropped_held, 1u);
  a_->publish("pose", "new", now_);
  net().heal("b");
  EXPECT_TRUE(until(*b_, "pose", "new"));
  for (const Diary::Entry& e : came_.of("pose")) EXPECT_NE(e.value, "old");
}

// As a robot dials a gateway.
class BoundBacklogTest : public BacklogTest {
 protected:
  // "old" came late and is held back.
  void hold() {
    a_ = &host("a");
    b_ = &host("b", {.receive = {{{"**"}, {}, 0}}, .serves = false, .clock_ns = 3 * kSecond});
    bind(*b_);
    dial(*a_, "a");
    came_.follow(*b_);
    publish(2 * kSecond);
    net().set_delay(kStallNs, 0);
    a_->publish("pose", "old", now_);
    run(kStallNs + 10 * kMs);
    ASSERT_NE(b_->value("pose"), "old") << "it is held back";
    net().set_delay(0, 0);
  }
};

TEST_F(BoundBacklogTest, APeerThatDoesNotReturnHasItsLastValueToldOnceItWouldBeSilent) {
  hold();
  net().cut("a");
  const int64_t cut_ns = now_;
  EXPECT_TRUE(until(*b_, "pose", "old"));
  EXPECT_GT(now_ - cut_ns, 400 * kMs);
  EXPECT_EQ(b_->counters().session.ended, 1u);
  EXPECT_EQ(b_->counters().session.silent, 0u);
}

TEST_F(BoundBacklogTest, APeerThatReturnsHasTheValueOfNowToldFirst) {
  hold();
  net().cut("a");
  run(100 * kMs);
  a_->publish("pose", "new", now_);
  net().heal("a");
  EXPECT_TRUE(until(*b_, "pose", "new"));
  for (const Diary::Entry& e : came_.of("pose")) EXPECT_NE(e.value, "old");
  EXPECT_EQ(b_->counters().inbound.dropped_held, 1u);
}

// The next session begins with values of now, and what came of this one is of before the outage.
TEST_F(BacklogTest, ASessionThatThePeerBeginsAnewDropsWhatItHeldAndCountsIt) {
  begin();
  stand_still();
  net().set_delay(0, kStallNs);
  a_->publish("pose", "old", now_);
  settle();
  // Nothing follows it,
  net().hook = [](MemMessage* m) { return m->to_binder ? MemNet::Fate::kDeliver : MemNet::Fate::kDrop; };
  run(kStallNs + 10 * kMs);
  net().set_delay(0, 0);
  a_->stop();  // not even a goodbye
  net().hook = nullptr;
  a_->start();
  a_->publish("pose", "new", now_);
  ASSERT_TRUE(until(*b_, "pose", "new"));
  for (const Diary::Entry& e : came_.of("pose")) EXPECT_NE(e.value, "old");
  EXPECT_EQ(b_->counters().session.silent, 0u);
  EXPECT_EQ(b_->counters().inbound.dropped_held, 1u);
}

TEST_F(BacklogTest, ALinkThatIsSlowerForGoodDeliversEachSampleAgain) {
  begin();
  delay_ns_ = kStallNs;
  publish(2 * kSecond);
  const uint64_t superseded = b_->counters().inbound.superseded;
  EXPECT_LE(superseded, 10u) << "until it turns out to be slower";
  const size_t before = came_.of("pose").size();
  publish(kSecond);
  EXPECT_EQ(came_.of("pose").size() - before, uint64_t{kSecond / kPeriodNs});
  EXPECT_EQ(b_->counters().inbound.superseded, superseded);
}

TEST_F(BacklogTest, ATopicThatIsRemovedTakesWhatIsHeldWithIt) {
  begin();
  stand_still();
  net().set_delay(0, kStallNs);
  a_->publish("pose", "the last one", now_);
  settle();
  a_->remove("pose");
  run(kSecond);
  EXPECT_EQ(b_->value("pose"), "(no topic)");
  EXPECT_EQ(b_->counters().session.malformed, 0u);
}

TEST(Backlog, AStampOfTheFarPastOrFutureHoldsNothingForLong) {
  Backlog backlog;
  int64_t now_ns = kSecond;
  for (const int64_t travelled_ns : {INT64_MAX, INT64_MIN, INT64_MAX, int64_t{-1}, INT64_MAX}) {
    backlog.late(travelled_ns, kMs, now_ns);
    now_ns += 200 * kMs;
    EXPECT_FALSE(backlog.late(travelled_ns, kMs, now_ns)) << travelled_ns;
  }
}

TEST(Backlog, AMessageThatSeemsToComeFromTheFutureIsOnTime) {
  Backlog backlog;
  backlog.late(-kMs, kMs, kSecond);
  EXPECT_TRUE(backlog.late(kStallNs, kMs, kSecond + kStallNs)) << "the link stood still since";
}

TEST(Backlog, ALinkThatStandsStillAgainAndAgainHoldsASecondAtMost) {
  Backlog backlog;
  backlog.late(0, kMs, 0);
  int64_t now_ns = kStallNs, begun_ns = now_ns;
  // Never on time.
  for (int i = 0; backlog.late(i % 2 == 0 ? kStallNs : 100 * kMs, kMs, now_ns); ++i) now_ns += 50 * kMs;
  EXPECT_GT(now_ns - begun_ns, kSecond);
  EXPECT_LT(now_ns - begun_ns, kSecond + 200 * kMs);
}

}  // namespace
}  // namespace smt::relay
