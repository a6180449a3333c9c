// A relay answers the requests of one peer in the order in which they came, each when its topics have left.
#include "relay/outbound/request_queue.h"

#include <gtest/gtest.h>

#include <set>

namespace smt::relay {
namespace {

TEST(RequestQueue, RequestsAreAnsweredInOrderWhenTheirTopicsHaveLeft) {
  std::set<uint32_t> pending;
  const auto is_pending = [&](uint32_t id) { return pending.count(id) != 0; };
  RequestQueue queue;
  EXPECT_EQ(queue.begin_new(), nullptr);
  queue.push(7, SubscriptionSet(), false, true);
  queue.push(8, SubscriptionSet(), true, true);
  EXPECT_TRUE(queue.has_new());
  EXPECT_EQ(queue.answered(is_pending), nullptr) << "it has not begun";
  RequestQueue::Request* const first = queue.begin_new();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->number, 7u);
  first->ids = {1, 2};
  pending = {1, 2};
  EXPECT_EQ(queue.begin_new()->number, 8u);
  EXPECT_FALSE(queue.has_new());
  EXPECT_EQ(queue.answered(is_pending), nullptr) << "the second one waits for the first";
  pending = {1};
  EXPECT_EQ(queue.answered(is_pending), nullptr);
  pending.clear();
  ASSERT_NE(queue.answered(is_pending), nullptr);
  EXPECT_EQ(queue.answered(is_pending)->number, 7u);
  queue.on_reply_sent();
  EXPECT_EQ(queue.answered(is_pending)->number, 8u);
  queue.on_reply_sent();
  EXPECT_TRUE(queue.is_empty());
}

}  // namespace
}  // namespace smt::relay
