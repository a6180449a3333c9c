// How far the other clock is ahead, and whether the stated error holds: random ways, fake time.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "relay/session/clock_offset.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

// Two hosts that exchange stamps every 200 ms over ways of random length.
class Pair {
 public:
  struct Way {
    int64_t min_ns, max_ns;
  };
  Pair(uint64_t seed, Way there_ns, Way back_ns) : out(there_ns), back(back_ns), random_(seed) {}

  int64_t there(int64_t now_ns) const {
    return now_ns + ahead_ns +
           static_cast<int64_t>(std::llround(static_cast<double>(now_ns - kBegin) * drift));
  }
  int64_t truth() const { return there(now) - now; }
  // One exchange, from now on; `now` is when its answer has come.
  void exchange() {
    const int64_t t1 = now, arrived = t1 + of(out), left = arrived + of({0, 150 * kMs});
    now = left + of(back);
    clock.sample(t1, there(arrived), there(left), now);
    min_rtt_ns = std::min(min_rtt_ns, now - left + arrived - t1);
  }
  void pause() { now += of({0, 200 * kMs}); }
  bool holds() {
    const auto e = clock.at(now);
    return e && std::abs(e->offset_ns - truth()) <= e->error_ns;
  }
  int64_t error() { return clock.at(now)->error_ns; }

  static constexpr int64_t kBegin = 5000 * kSecond;
  Way out, back;
  int64_t now = kBegin;
  int64_t ahead_ns = 3 * kSecond;
  double drift = 0;
  int64_t min_rtt_ns = INT64_MAX;
  ClockOffset clock;

 private:
  int64_t of(Way w) { return std::uniform_int_distribution<int64_t>(w.min_ns, w.max_ns)(random_); }
  std::mt19937_64 random_;
};

// Of 1,000 estimates, each some time after its exchange, how many hold.
int holding(Pair* p) {
  int held = 0;
  for (int i = 0; i < 1000; ++i) {
    p->exchange();
    p->pause();
    held += p->holds();
  }
  return held;
}

TEST(Clock, TheErrorHoldsUnderJitter) {
  for (const uint64_t seed : {1, 2, 3}) {
    Pair p(seed, {10 * kMs, 30 * kMs}, {10 * kMs, 30 * kMs});
    EXPECT_GE(holding(&p), 990);
    EXPECT_LT(p.error(), 16 * kMs) << "and says something: ways of 10 ms at least leave no less than 10 ms";
    EXPECT_GE(p.error(), p.min_rtt_ns / 2);
  }
}

TEST(Clock, TheErrorHoldsWhenOneWayIsMuchSlower) {
  for (const bool there : {false, true}) {
    Pair p(4, {1 * kMs, 2 * kMs}, {80 * kMs, 100 * kMs});
    if (there) std::swap(p.out, p.back);
    EXPECT_EQ(holding(&p), 1000);
    EXPECT_GT(std::abs(p.clock.at(p.now)->offset_ns - p.truth()), 30 * kMs) << "though the estimate is off";
    EXPECT_LT(p.error(), 55 * kMs);
  }
}

TEST(Clock, TheErrorHoldsWhileTheClocksDrift) {
  for (const double drift : {100e-6, -100e-6, 200e-6}) {
    Pair p(5, {10 * kMs, 30 * kMs}, {10 * kMs, 30 * kMs});
    p.drift = drift;
    EXPECT_GE(holding(&p), 990);
    // Ways that hardly differ, so that drift is what there is to be wrong about.
    Pair q(6, {20'000, 21'000}, {20'000, 21'000});
    q.drift = drift;
    EXPECT_EQ(holding(&q), 1000);
    q.now += 20 * kSecond;
    EXPECT_TRUE(q.holds()) << "without an exchange for 20 s";
    EXPECT_GT(q.error(), 4 * kMs);
  }
}

TEST(Clock, AfterAStepOfTheOtherClockTheNextExchangeIsBelieved) {
  for (const int64_t step : {40 * kSecond, -2 * kSecond, 60 * kMs, -60 * kMs}) {
    Pair p(7, {10 * kMs, 30 * kMs}, {10 * kMs, 30 * kMs});
    for (int i = 0; i < 50; ++i) p.exchange();
    ASSERT_TRUE(p.holds());
    p.ahead_ns += step;
    EXPECT_FALSE(p.holds()) << "nobody can know yet";
    for (int i = 0; i < 100; ++i) {
      p.exchange();
      EXPECT_TRUE(p.holds()) << step << " " << i;
    }
  }
}

TEST(Clock, OffsetsMoveNoFasterThanTheSlew) {
  Pair p(8, {10 * kMs, 30 * kMs}, {10 * kMs, 30 * kMs});
  p.drift = 100e-6;
  for (int i = 0; i < 100; ++i) p.exchange();
  int64_t at = p.now, offset = p.clock.at(at)->offset_ns, moved = 0;
  for (int i = 0; i < 2000; ++i) {
    if (i % 20 == 0) p.exchange();
    p.now += kMs;
    const int64_t next = p.clock.at(p.now)->offset_ns;
    EXPECT_LE(std::abs(next - offset), (p.now - at) / 2000 + 1);
    moved += std::abs(next - offset);
    offset = next;
    at = p.now;
  }
  EXPECT_GT(moved, kMs) << "but they do follow a clock that drifts";
}

TEST(Clock, ABetterEstimateIsGoneOverToSlowlyAndTheRestIsStatedAsError) {
  ClockOffset clock;
  int64_t now = 100 * kSecond;
  // 40 ms there, 20 ms back: 10 ms wrong. Then 25 and 25.
  clock.sample(now, now + 40 * kMs, now + 40 * kMs, now + 60 * kMs);
  EXPECT_EQ(clock.at(now + 60 * kMs)->offset_ns, 10 * kMs);
  now += 100 * kMs;
  clock.sample(now, now + 25 * kMs, now + 25 * kMs, now + 50 * kMs);
  now += 60 * kMs;
  const auto e = clock.at(now);  // 100 ms after the first
  EXPECT_EQ(e->offset_ns, 10 * kMs - 50'000);
  EXPECT_NEAR(static_cast<double>(e->error_ns), 25e6 + 9.95e6, 0.1e6);
  // Asked often or seldom, it gets there in 20 s.
  for (int i = 0; i < 5'000'000; ++i) (void)clock.at(now += 700);
  EXPECT_NEAR(static_cast<double>(clock.at(now)->offset_ns), 9.95e6 - 1.75e6, 2000);
  now += 17 * kSecond;
  EXPECT_EQ(clock.at(now)->offset_ns, 0);
}

TEST(Clock, WhatCannotBeTrueAnyMoreIsLeftAtOnce) {
  ClockOffset clock;
  int64_t now = 100 * kSecond;
  // 80 ms there, 0 ms back: 40 ms wrong. Then 1 and 1: no more than 1 ms wrong.
  clock.sample(now, now + 80 * kMs, now + 80 * kMs, now + 80 * kMs);
  EXPECT_EQ(clock.at(now + 80 * kMs)->offset_ns, 40 * kMs);
  now += 100 * kMs;
  clock.sample(now, now + kMs, now + kMs, now + 2 * kMs);
  const auto e = clock.at(now + 2 * kMs);
  EXPECT_LE(e->offset_ns, 1'001'000);
  EXPECT_LE(e->error_ns, 2'002'000);
}

TEST(Clock, AHostThatStoodStillMovesNothing) {
  for (const int64_t stood : {kSecond, 11 * kSecond, 59 * kSecond}) {
    Pair p(9, {kMs, 2 * kMs}, {kMs, 2 * kMs});
    for (int i = 0; i < 100; ++i, p.pause()) p.exchange();
    const int64_t before = p.clock.at(p.now)->offset_ns;
    // The answer was there, and nobody read it.
    p.back = {stood, stood};
    p.exchange();
    EXPECT_NEAR(static_cast<double>(p.clock.at(p.now)->offset_ns), static_cast<double>(before), 2e6) << stood;
    EXPECT_LT(p.error(), 20 * kMs) << "half of its round trip is not what is wrong";
    EXPECT_TRUE(p.holds());
  }
}

TEST(Clock, ImpossibleStampsAreIgnored) {
  ClockOffset clock;
  EXPECT_FALSE(clock.at(kSecond));
  clock.sample(10, 5, 5, 9);                    // has come before it was sent
  clock.sample(10, 6, 5, 20);                   // has left before it came
  clock.sample(10, 0, 20, 20);                  // took longer there than in all
  clock.sample(10, 20, 20, 10 + 61 * kSecond);  // a minute on the way
  clock.sample(-1, 20, 20, 30);
  clock.sample(10, INT64_MIN, INT64_MAX, 30);
  EXPECT_FALSE(clock.at(kSecond));
  clock.sample(10, INT64_MAX / 2, INT64_MAX / 2, 30);
  ASSERT_TRUE(clock.at(kSecond));
  clock.sample(INT64_MAX / 2 - 10, 0, 0, INT64_MAX / 2);
  EXPECT_TRUE(clock.at(INT64_MAX / 2)) << "as far apart as can be told";
  EXPECT_EQ(clock.smoothed_rtt_ns(), 19);
}

}  // namespace
}  // namespace smt::relay
