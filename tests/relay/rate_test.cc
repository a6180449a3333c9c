// How often topics are sent: rates that subscribers ask for, rates that a source allows, and one upstream
// stream for several of them.
#include <gtest/gtest.h>

#include <random>

#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

class RateTest : public RelayTest {
 protected:
  static Subscription asks(const std::string& topic, double hz) {
    Subscription s{{topic}, {}, 0};
    if (hz != 0) s.pacing.period_ns = static_cast<int64_t>(1e9 / hz + 0.5);
    return s;
  }
  // All of one size: a larger one than before would be a change of the topic, which is told at once.
  static std::string value(uint64_t n) { return std::to_string(1'000'000 + n); }
  // Publishes each topic at its rate, each publication up to `jitter` of the period late.
  void publish(const std::map<std::string, double>& rates_hz, int64_t seconds, double jitter = 0) {
    std::uniform_real_distribution<double> late(0, jitter);
    struct Due {
      double at, exact, period;
    };
    std::map<std::string, Due> due;
    for (const auto& [topic, hz] : rates_hz) due[topic] = {double(now_), double(now_), 1e9 / hz};
    for (const int64_t end = now_ + seconds * kSecond; now_ < end; now_ += kMs / 2) {
      for (auto& [topic, d] : due) {
        for (; d.at <= static_cast<double>(now_); d.at = d.exact + late(random_) * d.period) {
          a_->publish(topic, value(++published_[topic]), now_);
          d.exact += d.period;
        }
      }
      settle();
    }
  }
  // Samples of the topic that have come to `h`.
  uint64_t came(Host& h, const std::string& topic) const { return came_.at(&h).at(topic); }
  void count(Host& h) {
    came_[&h];
    h.store().on_sample = [this, &h](uint32_t id) { ++came_[&h][h.store().topic(id)->name]; };
  }

  std::mt19937 random_{7};
  std::map<std::string, uint64_t> published_;
  std::map<Host*, std::map<std::string, uint64_t>> came_;
};

TEST_F(RateTest, EachTopicComesAtTheRateThatIsAskedForAllAtOnce) {
  pair({}, {.receive = {asks("a", 100), asks("b", 8), asks("c", 30), asks("d", 1), asks("e", 0)},
            .serves = false});
  count(*b_);
  publish({{"a", 200}, {"b", 10}, {"c", 1000}, {"d", 100}, {"e", 50}}, 60);
  EXPECT_NEAR(static_cast<double>(came(*b_, "a")) / 60, 100, 1);
  EXPECT_NEAR(static_cast<double>(came(*b_, "b")) / 60, 8, 0.1);
  EXPECT_NEAR(static_cast<double>(came(*b_, "c")) / 60, 30, 0.3);
  EXPECT_NEAR(static_cast<double>(came(*b_, "d")) / 60, 1, 0.05);
  EXPECT_EQ(came(*b_, "e"), published_["e"]);
  EXPECT_EQ(a_->counters().outbound.superseded, 0u);
  EXPECT_GT(a_->counters().outbound.passed_over_by_rate, 60'000u);
}

TEST_F(RateTest, ASourceThatIsNotOnTimeDoesNotLowerTheRate) {
  pair({}, {.receive = {asks("a", 100), asks("b", 8)}, .serves = false});
  count(*b_);
  publish({{"a", 200}, {"b", 10}}, 60, 0.6);
  EXPECT_NEAR(static_cast<double>(came(*b_, "a")) / 60, 100, 1);
  EXPECT_NEAR(static_cast<double>(came(*b_, "b")) / 60, 8, 0.1);
}

TEST_F(RateTest, ASlowerSourceIsNotHeldUp) {
  pair({}, {.receive = {asks("a", 100)}, .serves = false});
  count(*b_);
  publish({{"a", 40}}, 10);
  EXPECT_EQ(came(*b_, "a"), published_["a"]);
  EXPECT_EQ(b_->value("a"), value(published_["a"]));
}

TEST_F(RateTest, TheLastWordArrivesWithinTwoPeriods) {
  pair({}, {.receive = {asks("button", 1)}, .serves = false});
  a_->publish("button", "u", now_);
  ASSERT_TRUE(until(*b_, "button", "u"));
  run(10 * kMs);
  a_->publish("button", "d", now_);
  run(20 * kMs);
  a_->publish("button", "v", now_);
  ASSERT_TRUE(until(*b_, "button", "v"));
  EXPECT_GE(took_ns_, 900 * kMs);
  EXPECT_LE(took_ns_, 1100 * kMs) << "its predecessor was followed sooner than that";
}

TEST_F(RateTest, TheSourcesRuleIsTheLimitOfEveryWish) {
  SendRule limited;
  limited.pacing.period_ns = 100 * kMs;
  pair({.send_rules = {limited}}, {.receive = {asks("a", 50), asks("b", 2)}, .serves = false});
  count(*b_);
  publish({{"a", 200}, {"b", 200}}, 20);
  EXPECT_NEAR(static_cast<double>(came(*b_, "a")) / 20, 10, 0.1);
  EXPECT_NEAR(static_cast<double>(came(*b_, "b")) / 20, 2, 0.1);
}

TEST_F(RateTest, AProxyAsksOnceForTheFastestAndGivesEachItsOwn) {
  chain({.receive = {asks("a", 1)}, .serves = false});
  Host& fast = host("fast", {.receive = {asks("a", 30)}, .serves = false});
  dial(fast, "fast", "down");
  count(*b_);
  count(fast);
  publish({{"a", 300}}, 20);
  EXPECT_NEAR(static_cast<double>(came(*b_, "a")) / 20, 1, 0.11);
  EXPECT_NEAR(static_cast<double>(came(fast, "a")) / 20, 30, 0.3);
  EXPECT_NEAR(static_cast<double>(a_->counters().outbound.samples) / 20, 30, 0.3);
  // Without the fast one less crosses the upstream link.
  fast.stop();
  run(kSecond);
  const uint64_t before = a_->counters().outbound.samples;
  publish({{"a", 300}}, 10);
  EXPECT_NEAR(static_cast<double>(a_->counters().outbound.samples - before) / 10, 1, 0.2);
}

TEST_F(RateTest, OfSeveralRulesTheFirstThatNamesATopicCounts) {
  pair({}, {.receive = {asks("arm/*", 20), asks("**", 1), asks("leg/*", 50)}, .serves = false});
  count(*b_);
  publish({{"arm/x", 100}, {"leg/x", 100}}, 10);
  EXPECT_NEAR(static_cast<double>(came(*b_, "arm/x")) / 10, 20, 0.2);
  EXPECT_NEAR(static_cast<double>(came(*b_, "leg/x")) / 10, 1, 0.11);
}

TEST_F(RateTest, WhatWaitsForItsTimeIsNotSentWhenNobodyWantsItAnyMore) {
  chain({.receive = {asks("a", 1)}, .serves = false});
  a_->publish("a", "1", now_);
  ASSERT_TRUE(until(*b_, "a", "1"));
  a_->publish("a", "2", now_);
  run(10 * kMs);
  b_->stop();
  ASSERT_TRUE(until([&] { return a_->counters().session.wants == 0; }));
  run(3 * kSecond);
  EXPECT_EQ(a_->counters().outbound.samples, 1u);
}

TEST_F(RateTest, AGetIsNotHeldUpByARate) {
  pair({}, {.receive = {asks("a", 0.1)}, .serves = false});
  a_->publish("a", "1", now_);
  ASSERT_TRUE(until(*b_, "a", "1"));
  a_->publish("a", "2", now_);
  run(100 * kMs);
  EXPECT_EQ(b_->value("a"), "1");
  const uint64_t request = b_->relay().get(only("a"), false, now_, kSecond);
  ASSERT_TRUE(until([&] { return b_->relay().get_result(request).done; }));
  EXPECT_EQ(b_->value("a"), "2");
}

TEST_F(RateTest, LargeValuesHaveTheirRateToo) {
  pair({}, {.receive = {asks("image", 5)}, .serves = false});
  count(*b_);
  for (int i = 0; i < 300; ++i) {
    a_->publish("image", std::string(700'000, static_cast<char>('a' + i % 26)), now_);
    run(33 * kMs, 11 * kMs);
  }
  EXPECT_NEAR(static_cast<double>(came(*b_, "image")), 300 * 0.033 * 5, 2);
}

}  // namespace
}  // namespace smt::relay
