#include "relay/session/schedule.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace smt::relay {
namespace {

using Keys = std::vector<uint64_t>;

struct Sleeper {
  Schedule::Turn own_turn;

  Schedule::Turn& turn() { return own_turn; }
};

class ScheduleTest : public testing::Test {
 protected:
  Sleeper* find(uint64_t key) {
    const auto it = sleepers_.find(key);
    return it == sleepers_.end() ? nullptr : &it->second;
  }
  void wake(uint64_t key) { schedule_.wake(key, &sleepers_[key].own_turn); }
  // The session is due then, and that is said.
  void set_due(uint64_t key, int64_t due_ns) { schedule_.wake_at(key, &sleepers_[key].own_turn, due_ns); }
  // Those that are stepped at this time.
  Keys step(int64_t now_ns) {
    schedule_.wake_due(now_ns, [this](uint64_t key) { return find(key); });
    Keys awake;
    schedule_.take_awake(&awake);
    for (const uint64_t key : awake) {
      if (Sleeper* s = find(key)) s->own_turn.is_awake = false;
    }
    return awake;
  }
  int64_t first_due_ns() {
    return schedule_.first_due_ns([this](uint64_t key) { return find(key); });
  }

  Schedule schedule_;
  std::map<uint64_t, Sleeper> sleepers_;
};

TEST_F(ScheduleTest, ASessionThatWokeIsSteppedOnce) {
  wake(7);
  wake(3);
  wake(7);
  EXPECT_EQ(step(1), (Keys{3, 7}));
  EXPECT_EQ(step(2), Keys{});
  wake(7);
  EXPECT_EQ(step(3), Keys{7});
}

TEST_F(ScheduleTest, ASessionIsSteppedWhenItIsDue) {
  set_due(1, 20);
  set_due(2, 10);
  EXPECT_EQ(first_due_ns(), 10);
  EXPECT_EQ(step(9), Keys{});
  EXPECT_EQ(step(10), Keys{2});
  EXPECT_EQ(first_due_ns(), 20);
  EXPECT_EQ(step(30), Keys{1});
  EXPECT_EQ(first_due_ns(), INT64_MAX);
}

TEST_F(ScheduleTest, TheEarlierOfTwoTimesCounts) {
  set_due(1, 20);
  set_due(1, 10);
  EXPECT_EQ(step(10), Keys{1});
  set_due(1, 30);
  EXPECT_EQ(step(20), Keys{}) << "what was said first is not its turn any more";
  EXPECT_EQ(step(30), Keys{1});
}

TEST_F(ScheduleTest, ATimeThatIsPutOffWakesNobody) {
  set_due(1, 10);
  set_due(2, 15);
  set_due(1, 40);
  EXPECT_EQ(step(10), Keys{});
  EXPECT_EQ(step(15), Keys{2});
  EXPECT_EQ(first_due_ns(), 40);
  EXPECT_EQ(step(40), Keys{1});
}

TEST_F(ScheduleTest, ATimeThatIsPutOffIsNotTheFirst) {
  set_due(1, 10);
  set_due(1, 40);
  EXPECT_EQ(first_due_ns(), 40);
  set_due(2, 30);
  EXPECT_EQ(first_due_ns(), 30);
}

TEST_F(ScheduleTest, ASessionThatHasEndedIsPassedOver) {
  set_due(1, 10);
  set_due(2, 20);
  sleepers_.erase(1);
  EXPECT_EQ(first_due_ns(), 20);
  EXPECT_EQ(step(20), Keys{2});
}

}  // namespace
}  // namespace smt::relay
