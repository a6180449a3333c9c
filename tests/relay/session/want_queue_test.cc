#include "relay/session/want_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace smt::relay {
namespace {

constexpr int64_t kNow = 100'000'000'000;

std::vector<Subscription> want_topic(const std::string& topic) {
  std::vector<Subscription> wants(1);
  wants[0].topic = {topic};
  return wants;
}

class WantQueueTest : public testing::Test {
 protected:
  // What is sent at this time, by the first topic of each.
  std::vector<std::string> send(int64_t now_ns, size_t room = 100) {
    std::vector<std::string> sent;
    queue_.send(now_ns, [&](const std::vector<Subscription>& wants) {
      if (room-- == 0) return false;
      sent.push_back(wants.empty() ? "" : wants[0].topic[0]);
      return true;
    });
    return sent;
  }
  WantQueue queue_;
};

using Texts = std::vector<std::string>;

TEST_F(WantQueueTest, AWantIsSentOnce) {
  EXPECT_TRUE(queue_.set(want_topic("a")));
  EXPECT_EQ(send(kNow), Texts{"a"});
  EXPECT_EQ(send(kNow), Texts{});
  EXPECT_TRUE(queue_.empty());
}

TEST_F(WantQueueTest, WhatIsWantedAlreadyIsNotSentAgain) {
  queue_.set(want_topic("a"));
  send(kNow);
  EXPECT_FALSE(queue_.set(want_topic("a")));
  EXPECT_EQ(send(kNow), Texts{});
}

TEST_F(WantQueueTest, OfSeveralThatWaitTheLastIsSent) {
  queue_.set(want_topic("a"));
  queue_.set(want_topic("b"));
  EXPECT_EQ(send(kNow), Texts{"b"});
}

TEST_F(WantQueueTest, WhatTheLinkDoesNotTakeWaits) {
  queue_.set(want_topic("a"));
  EXPECT_EQ(send(kNow, 0), Texts{});
  EXPECT_EQ(send(kNow), Texts{"a"});
}

TEST_F(WantQueueTest, SettingAgainSendsTheOthersAndThenWhatIsWanted) {
  queue_.set(want_topic("a"));
  send(kNow);
  queue_.set_again(want_topic("other"));
  queue_.set(want_topic("b"));  // in place of what was wanted
  EXPECT_EQ(send(kNow), (Texts{"other", "b"}));
}

TEST_F(WantQueueTest, AfterSeveralAtOnceThereIsOneEach100Ms) {
  const auto try_send = [&](int64_t now_ns) {
    queue_.set(queue_.wanted() == want_topic("a") ? want_topic("b") : want_topic("a"));
    return send(now_ns).size();
  };
  size_t at_once = 0;
  while (at_once < 100 && try_send(kNow) == 1) ++at_once;
  EXPECT_EQ(at_once, static_cast<size_t>(WantQueue::kWantsAtOnce) + 1);
  EXPECT_EQ(queue_.due_ns(), kNow + WantQueue::kWantNs);
  EXPECT_EQ(try_send(kNow + WantQueue::kWantNs - 1), 0u);
  EXPECT_EQ(try_send(kNow + WantQueue::kWantNs), 1u);
  EXPECT_EQ(queue_.due_ns(), INT64_MAX);
}

}  // namespace
}  // namespace smt::relay
