#include "relay/store/ring_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>

namespace smt::relay {
namespace {

TEST(RingQueueTest, HoldsWhatADequeHolds) {
  RingQueue<int> queue;
  std::deque<int> other;
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const unsigned what = random() % 5;
    if (what < 3 || other.empty()) {
      queue.push_back(i);
      other.push_back(i);
    } else if (what == 3) {
      queue.pop_front();
      other.pop_front();
    } else {
      queue.pop_back();
      other.pop_back();
    }
    ASSERT_EQ(queue.size(), other.size());
    ASSERT_EQ(queue.empty(), other.empty());
    if (other.empty()) continue;
    ASSERT_EQ(queue.front(), other.front());
    ASSERT_EQ(queue.back(), other.back());
    const size_t any = random() % other.size();
    ASSERT_EQ(queue[any], other[any]);
  }
}

TEST(RingQueueTest, LetsGoOfWhatIsTakenOut) {
  RingQueue<std::shared_ptr<int>> queue;
  const auto value = std::make_shared<int>(1);
  queue.push_back(value);
  queue.push_back(value);
  queue.push_back(value);
  queue.pop_front();
  queue.pop_back();
  EXPECT_EQ(value.use_count(), 2);
  queue.clear();
  EXPECT_EQ(value.use_count(), 1);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace smt::relay
