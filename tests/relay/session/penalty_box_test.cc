// Who is barred, and how much of a relay's time a peer may take.
#include "relay/session/penalty_box.h"

#include <gtest/gtest.h>

#include "relay/session/allowance.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

TEST(BarsTest, ThreeStrikesWithinAMinuteBarForAMinute) {
  PenaltyBox penalty_box;
  EXPECT_FALSE(penalty_box.record_violation("key", 1 * kSecond));
  EXPECT_FALSE(penalty_box.record_violation("key", 30 * kSecond));
  EXPECT_FALSE(penalty_box.is_banned("key", 30 * kSecond));
  EXPECT_TRUE(penalty_box.record_violation("key", 60 * kSecond));
  EXPECT_TRUE(penalty_box.is_banned("key", 60 * kSecond));
  EXPECT_TRUE(penalty_box.is_banned("key", 119 * kSecond));
  EXPECT_FALSE(penalty_box.is_banned("key", 120 * kSecond));
  EXPECT_FALSE(penalty_box.is_banned("other", 60 * kSecond));
}

TEST(BarsTest, StrikesThatAreLongAgoDoNotCount) {
  PenaltyBox penalty_box;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(penalty_box.record_violation("key", i * 31 * kSecond));
}

TEST(BarsTest, WhoProvesNothingIsNeverBarred) {
  PenaltyBox penalty_box;
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(penalty_box.record_violation("", kSecond));
  EXPECT_FALSE(penalty_box.ban("", kSecond));
  EXPECT_FALSE(penalty_box.is_banned("", kSecond));
}

TEST(AllowanceTest, ShortRequestsAreFree) {
  Allowance allowance;
  for (int i = 0; i < 100'000; ++i) allowance.charge(kMs / 10, kSecond);
  EXPECT_TRUE(allowance.open(kSecond));
  EXPECT_TRUE(allowance.paid(kSecond));
}

TEST(AllowanceTest, LongOnesTakeAHundredthOfTheTimeInTheLongRun) {
  Allowance allowance;
  int64_t now = kSecond, taken = 0;
  for (; now < 1001 * kSecond; now += kMs) {
    if (!allowance.open(now)) continue;
    allowance.charge(5 * kMs, now);
    taken += 5 * kMs;
  }
  EXPECT_GT(taken, 10 * kSecond);
  EXPECT_LT(taken, 10'400 * kMs);
  EXPECT_FALSE(allowance.paid(now));
  EXPECT_TRUE(allowance.paid(now + 11 * kSecond));
}

}  // namespace
}  // namespace smt::relay
