// The longest turn of a thread is found although its clock is seldom read.
#include "cmd/serve/turn_time.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/times.h"

namespace smt::cmd {
namespace {

constexpr int64_t kUs = 1000;
constexpr int64_t kSleepCpuNs = 6 * kUs;  // of the thread, to go to sleep and to wake

class TurnTimeTest : public testing::Test {
 protected:
  // A turn that has the processor for `cpu_ns` and waits for it for `waits_ns`, and a sleep. What it is taken
  // for.
  int64_t turn(int64_t cpu_ns, int64_t waits_ns = 0) {
    turns_.begin(now_ns_);
    const int64_t before_ns = turns_.cpu_ns();
    cpu_ns_ += cpu_ns;
    now_ns_ += cpu_ns + waits_ns;
    turns_.end(now_ns_);
    now_ns_ += kMs;
    cpu_ns_ += kSleepCpuNs;
    return turns_.cpu_ns() - before_ns;
  }

  int64_t now_ns_ = 1000 * kSecond, cpu_ns_ = kSecond;
  int reads_ = 0;
  TurnTime turns_{[this] { return ++reads_, cpu_ns_; }};
};

TEST_F(TurnTimeTest, ALongTurnIsTakenForWhatItIs) {
  turn(kUs);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(turn(20 * kUs), 20 * kUs);
  EXPECT_EQ(turn(5 * kMs), 5 * kMs);
  EXPECT_EQ(turn(3 * kMs, 4 * kMs), 3 * kMs + kSleepCpuNs);
}

TEST_F(TurnTimeTest, NoTurnIsLongBecauseOthersHadTheProcessor) {
  turn(kUs);
  int64_t max_ns = 0;
  for (int i = 0; i < 500; ++i) max_ns = std::max(max_ns, turn(20 * kUs, 900 * kUs));
  EXPECT_LT(max_ns, kMs);
  EXPECT_GE(turn(5 * kMs, 5 * kMs), 5 * kMs);
}

TEST_F(TurnTimeTest, NoTurnIsLongBecauseOfWhatSleepingTakes) {
  turn(kUs);
  int64_t max_ns = 0;
  for (int i = 0; i < 5000; ++i) max_ns = std::max(max_ns, turn(20 * kUs));
  EXPECT_EQ(max_ns, 20 * kUs);
}

TEST_F(TurnTimeTest, TheClockIsReadTenTimesASecond) {
  const int64_t until_ns = now_ns_ + 10 * kSecond;
  while (now_ns_ < until_ns) turn(20 * kUs);
  EXPECT_GT(reads_, 90);
  EXPECT_LE(reads_, 101);
}

TEST_F(TurnTimeTest, ATurnThatEndsInNoSleepEndsWhereTheNextBegins) {
  turn(kUs);
  const int64_t before_ns = turns_.cpu_ns();
  turns_.begin(now_ns_);
  now_ns_ += 20 * kUs;
  turns_.begin(now_ns_);
  EXPECT_EQ(turns_.cpu_ns() - before_ns, 20 * kUs);
}

}  // namespace
}  // namespace smt::cmd
