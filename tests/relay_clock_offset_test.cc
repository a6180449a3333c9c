// How far another host's clock is ahead, as two simulated hosts find out. Seeded bug that makes it fail: in
// relay/clock_offset.h, sample() believes any once the best one is 5 s old.
#include <gtest/gtest.h>

#include <random>

#include "relay/clock_offset.h"

namespace smt::relay {
namespace {

constexpr int64_t kMs = 1'000'000, kSecond = 1000 * kMs;

// A report that is sent at `now` here, with the ways to and fro; the other clock is ahead by `ahead`. Arrives
// back at the time returned.
int64_t Exchange(ClockOffset* clock, int64_t now, int64_t to_ns, int64_t fro_ns, int64_t ahead) {
  const int64_t there = now + to_ns + ahead, held = 3 * kMs;
  clock->sample(now, there, there + held, now + to_ns + held + fro_ns);
  return now + to_ns + held + fro_ns;
}

TEST(ClockOffset, IsWrongByHalfTheRoundTripAtMost) {
  ClockOffset clock;
  EXPECT_FALSE(clock.offset_ns());
  Exchange(&clock, kSecond, 10 * kMs, 30 * kMs, 3600 * kSecond);
  EXPECT_EQ(clock.offset_ns(), 3600 * kSecond - 10 * kMs);
  Exchange(&clock, 2 * kSecond, 10 * kMs, 10 * kMs, 3600 * kSecond);
  EXPECT_EQ(clock.offset_ns(), 3600 * kSecond);
}

TEST(ClockOffset, AHostThatStoodStillMovesNothing) {
  for (const int64_t stood : {kSecond, 10 * kSecond, 59 * kSecond}) {
    ClockOffset clock;
    int64_t now = kSecond;
    while (now < 20 * kSecond) now = Exchange(&clock, now + 200 * kMs, kMs, kMs, kSecond);
    // The answer was there, and nobody read it.
    now = Exchange(&clock, now, kMs, stood, kSecond);
    EXPECT_EQ(clock.offset_ns(), kSecond) << stood;
  }
}

TEST(ClockOffset, FollowsClocksThatDriftApart) {
  ClockOffset clock;
  std::mt19937_64 random(1);
  std::uniform_int_distribution<int64_t> queue(0, 20 * kMs);
  int64_t now = kSecond, worst = 0;
  while (now < 1000 * kSecond) {
    const int64_t ahead = 5 * kSecond + now / 10'000;  // 100 ppm
    Exchange(&clock, now, 5 * kMs + queue(random), 5 * kMs + queue(random), ahead);
    now += 200 * kMs;
    worst = std::max(worst, std::abs(*clock.offset_ns() - ahead));
    if (now < 2 * kSecond) worst = 0;
  }
  EXPECT_LE(worst, 10 * kMs);
}

TEST(ClockOffset, ALinkThatHasBecomeLongerIsBelievedInTheEnd) {
  ClockOffset clock;
  int64_t now = Exchange(&clock, kSecond, kMs, kMs, 0);
  // The clocks have drifted by 2 ms in 20 s, and the way is longer since.
  for (; now < 400 * kSecond; now += 200 * kMs) Exchange(&clock, now, 20 * kMs, 20 * kMs, now / 10'000);
  EXPECT_LE(std::abs(*clock.offset_ns() - now / 10'000), 20 * kMs);
}

TEST(ClockOffset, ImpossibleStampsAreIgnored) {
  ClockOffset clock;
  clock.sample(-1, 2, 3, 4);
  clock.sample(10, 2, 3, 4);             // received before it was sent
  clock.sample(1, 3, 2, 4);              // likewise, there
  clock.sample(1, 2, 10, 4);             // held for longer than all of it took
  clock.sample(1, 2, 3, 100 * kSecond);  // lasted too long
  clock.sample(1, INT64_MAX, INT64_MAX, 4);
  EXPECT_FALSE(clock.offset_ns());
  EXPECT_EQ(clock.smoothed_rtt_ns(), 0);
}

}  // namespace
}  // namespace smt::relay
