// How often two relays hear from each other, and how long a silence they bear: as both agree in Hello.
#include "relay/rules/liveness.h"

#include "tests/relay/relay_diary.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

constexpr Liveness kSlow = {kSecond, 2500 * kMs};

class LivenessTest : public RelayTest {
 protected:
  // Both relays, in session for a while; nothing is published.
  void meet(const Liveness& of_binder, const Liveness& of_dialer) {
    pair({.liveness = of_binder}, {.receive = all(), .serves = false, .liveness = of_dialer});
    run(2 * kSecond);
    ASSERT_EQ(a_->relay().peers().size(), 1u);
  }
  uint64_t messages(bool to_binder) { return net().traffic("b", to_binder).messages; }
  // Each side's reports in 12 s.
  void expect_reports(uint64_t count) {
    const uint64_t there = messages(true), back = messages(false);
    run(12 * kSecond);
    EXPECT_NEAR(static_cast<double>(messages(true) - there), static_cast<double>(count), 1);
    EXPECT_NEAR(static_cast<double>(messages(false) - back), static_cast<double>(count), 1);
    EXPECT_EQ(a_->counters().session.ended + b_->counters().session.ended, 0u);
  }
  // Nothing passes any more. When both sides have ended the session.
  void expect_ends(const Liveness& agreed) {
    net().hook = [](MemMessage*) { return MemNet::Fate::kDrop; };
    ASSERT_TRUE(until([&] { return a_->counters().session.silent == 1; }, 20 * kSecond));
    EXPECT_LE(took_ns_, agreed.patience_ns + 2 * kMs);
    EXPECT_GE(took_ns_, agreed.patience_ns - agreed.heartbeat_ns) << "the last report came a while before";
    ASSERT_TRUE(until([&] { return b_->counters().session.silent == 1; }, kSecond));
  }
};

TEST_F(LivenessTest, AsLongAsNothingIsSaidAReportComesEach200MsAndHalfASecondOfSilenceIsTheEnd) {
  meet({}, {});
  expect_reports(60);
  expect_ends({});
}

TEST_F(LivenessTest, ABinderThatAsksForSeldomReportsGetsThem) {
  meet(kSlow, {});
  expect_reports(12);
}

TEST_F(LivenessTest, ADialerThatAsksForSeldomReportsGetsThem) {
  meet({}, kSlow);
  expect_reports(12);
}

TEST_F(LivenessTest, TheLongerHeartbeatAndTheLongerPatienceCountWhicheverSideAsksForEach) {
  meet({3 * kSecond, 6 * kSecond}, {20 * kMs, 9 * kSecond});
  expect_reports(4);
  EXPECT_THAT(a_->told["mem://a b"], testing::EndsWith(", heartbeat 3 s, patience 9 s"));
  EXPECT_THAT(b_->told["mem://a"], testing::EndsWith(", heartbeat 3 s, patience 9 s"));
}

TEST_F(LivenessTest, TwoThatAskForReportsMoreOftenGetThem) {
  meet({50 * kMs, 150 * kMs}, {20 * kMs, 100 * kMs});
  expect_reports(240);
  expect_ends({50 * kMs, 150 * kMs});
}

TEST_F(LivenessTest, ASilenceShorterThanThePatienceEndsNothingAndALongerOneDoes) {
  meet(kSlow, {});
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  run(kSecond);  // all is acknowledged
  net().hook = [](MemMessage*) { return MemNet::Fate::kDrop; };
  run(900 * kMs);  // one report of each side is lost
  net().hook = nullptr;
  run(3 * kSecond);
  a_->publish("x", "2", now_);
  EXPECT_TRUE(until(*b_, "x", "2"));
  EXPECT_LE(took_ns_, 2 * kMs);
  EXPECT_EQ(a_->counters().session.ended + b_->counters().session.ended, 0u);
  expect_ends(kSlow);
  EXPECT_EQ(b_->state("x"), State::kLinkDown);
}

TEST_F(LivenessTest, AValueThatSeldomReportsPassByArrivesAtOnceWithItsAge) {
  pair({.liveness = kSlow}, {.receive = all(), .serves = false, .clock_ns = 300 * kSecond});
  net().set_delay(20 * kMs, 20 * kMs);
  run(500 * kMs);  // each side has echoed a stamp, though no second heartbeat has come
  EXPECT_NE(a_->relay().peers()[0].rtt_ns, 0);
  EXPECT_NE(b_->relay().peers()[0].rtt_ns, 0);
  for (int i = 0; i < 50; ++i) {
    const int64_t born = now_;
    a_->publish("x", std::to_string(i), born);
    ASSERT_TRUE(until(*b_, "x", std::to_string(i)));
    EXPECT_LE(took_ns_, 22 * kMs);
    EXPECT_NEAR(static_cast<double>(b_->age_ns("x", now_)), static_cast<double>(now_ - born), 1e6);
    run(100 * kMs);
  }
}

TEST_F(LivenessTest, ManyValuesAreAcknowledgedLongBeforeTheNextHeartbeat) {
  meet({4 * kSecond, 10 * kSecond}, {});
  a_->publish("x", make_noise(4 << 20), now_);
  ASSERT_TRUE(until([&] { return b_->head("x").sequence == 1; }, kSecond));
  run(100 * kMs);
  EXPECT_EQ(a_->counters().outbound.in_flight_bytes, 0u);
}

TEST_F(LivenessTest, OfAPeerThatWasKilledAndStartedAgainAllIsCurrentBeforeItsOldSessionEnds) {
  chain({.receive = all(), .serves = false}, {.liveness = {4 * kSecond, 10 * kSecond}});
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  run(kSecond);
  // What it says at its end is lost.
  net("up").hook = [](MemMessage*) { return MemNet::Fate::kDrop; };
  a_->stop();
  net("up").hook = nullptr;
  a_->start();
  a_->publish("x", "2", now_);
  ASSERT_TRUE(until(*b_, "x", "2"));
  EXPECT_LE(took_ns_, kSecond);
  EXPECT_EQ(p_->counters().session.silent, 0u);
}

// A stranger dials a relay that asks for kSlow.
class StrangersLivenessTest : public RelayTest {
 protected:
  void greet(const proto::Hello& hello, const std::string& more = "") {
    a_ = &host("a", {.liveness = kSlow});
    a_->add([this] { return net("x").bind("mem://x"); });
    const std::string body = hello.SerializeAsString() + more;
    stranger_.send(proto::seal_message(stranger_.session, 0, proto::Envelope::kHelloFieldNumber, body,
                                       proto::payload_hash({})),
                   "");
    run(50 * kMs);
    ASSERT_EQ(a_->relay().peers().size(), 1u);
    for (const proto::Envelope& e : stranger_.hear()) {
      if (e.has_hello()) answer_ = e.hello();
    }
  }
  // Reports of the relay in `ns`, while the stranger says one each 10 ms and echoes what comes.
  size_t reports(int64_t ns) {
    size_t count = 0;
    for (const int64_t end = now_ + ns; now_ < end;) {
      proto::Report report;
      report.set_sent_ns(static_cast<uint64_t>(now_));
      stranger_.say(0, report);
      run(10 * kMs);
      for (const proto::Envelope& e : stranger_.hear()) count += e.has_report();
    }
    return count;
  }
  testing::AssertionResult ends_after(int64_t ns) {
    const testing::AssertionResult ended =
        until([&] { return a_->counters().session.silent == 1; }, 20 * kSecond);
    if (!ended || std::abs(took_ns_ - ns) <= 10 * kMs) return ended;
    return testing::AssertionFailure() << "after " << took_ns_ / kMs << " ms";
  }
  Stranger stranger_{net("x"), "s"};
  proto::Hello answer_;
};

TEST_F(StrangersLivenessTest, APeerOfAVersionThatSaysNothingOfItHearsEach200MsAndEndsAfter500) {
  greet(stranger_.hello());
  EXPECT_EQ(answer_.heartbeat_ns(), uint64_t{kSecond}) << "which such a peer passes over";
  EXPECT_EQ(answer_.patience_ns(), uint64_t{2500 * kMs});
  EXPECT_NEAR(static_cast<double>(reports(4 * kSecond)), 20, 1);
  EXPECT_TRUE(ends_after(500 * kMs));
}

TEST_F(StrangersLivenessTest, APeerThatSaysOneOfBothIsTakenForOneThatSaysNone) {
  proto::Hello hello = stranger_.hello();
  hello.set_patience_ns(uint64_t{9 * kSecond});
  greet(hello);
  EXPECT_NEAR(static_cast<double>(reports(4 * kSecond)), 20, 1);
  EXPECT_TRUE(ends_after(500 * kMs));
}

TEST_F(StrangersLivenessTest, WhatAPeerAsksForIsBoundedFromAbove) {
  proto::Hello hello = stranger_.hello();
  hello.set_heartbeat_ns(UINT64_MAX);
  hello.set_patience_ns(UINT64_MAX);
  greet(hello);
  (void)reports(kSecond);
  EXPECT_NEAR(static_cast<double>(reports(40 * kSecond)), 10, 1);
  EXPECT_TRUE(ends_after(10 * kSecond));
}

TEST_F(StrangersLivenessTest, ThePatienceIsTwoHeartbeatsAtLeast) {
  proto::Hello hello = stranger_.hello();
  hello.set_heartbeat_ns(uint64_t{3 * kSecond});
  hello.set_patience_ns(1);
  greet(hello);
  (void)reports(kSecond);
  EXPECT_TRUE(ends_after(6 * kSecond));
}

TEST_F(StrangersLivenessTest, APeerThatAsksForEachNanosecondGetsWhatThisRelayAsksFor) {
  proto::Hello hello = stranger_.hello();
  hello.set_heartbeat_ns(1);
  hello.set_patience_ns(1);
  greet(hello);
  (void)reports(kSecond);
  EXPECT_NEAR(static_cast<double>(reports(10 * kSecond)), 10, 1);
  EXPECT_TRUE(ends_after(2500 * kMs));
}

TEST_F(StrangersLivenessTest, AFieldOfHelloThatIsNotKnownYetIsPassedOver) {
  greet(stranger_.hello(), "\xfa\x01\x03new");  // field 31, three bytes
  EXPECT_EQ(a_->counters().session.malformed, 0u);
}

TEST(Agreement, APeerThatSaysNothingHasTheDefault) {
  EXPECT_EQ(agree(kSlow, 0, 0), Liveness());
  EXPECT_EQ(agree(kSlow, uint64_t{2 * kSecond}, 0), Liveness());
  EXPECT_EQ(agree(kSlow, 0, uint64_t{9 * kSecond}), Liveness());
}

TEST(Agreement, WhatAPeerSaysIsBroughtIntoTheRanges) {
  const Liveness often = {20 * kMs, 40 * kMs};
  EXPECT_EQ(agree(often, 1, 1), often);
  EXPECT_EQ(agree(often, UINT64_MAX, 1), (Liveness{4 * kSecond, 8 * kSecond}));
  EXPECT_EQ(agree(often, uint64_t{30 * kMs}, UINT64_MAX), (Liveness{30 * kMs, 10 * kSecond}));
}

TEST(Agreement, BothSidesComeToTheSame) {
  const auto say = [](const Liveness& l) {
    return std::pair(static_cast<uint64_t>(l.heartbeat_ns), static_cast<uint64_t>(l.patience_ns));
  };
  const Liveness all[] = {
      {}, kSlow, {20 * kMs, 40 * kMs}, {4 * kSecond, 8 * kSecond}, {kSecond, 10 * kSecond}};
  for (const Liveness& a : all) {
    for (const Liveness& b : all) {
      const auto [ah, ap] = say(a);
      const auto [bh, bp] = say(b);
      EXPECT_EQ(agree(a, bh, bp), agree(b, ah, ap));
      EXPECT_GE(agree(a, bh, bp).patience_ns, 2 * agree(a, bh, bp).heartbeat_ns);
    }
  }
}

}  // namespace
}  // namespace smt::relay
