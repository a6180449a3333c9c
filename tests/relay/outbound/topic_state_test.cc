// What a relay knows of each topic for one peer: what the peer has been told, how its publications are
// counted, and when it is due.
#include "relay/outbound/topic_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "relay/outbound/wait_list.h"

namespace smt::relay {
namespace {

using ::testing::ElementsAre;

TEST(TopicState, IsAnnouncedOutdatedAndForgotten) {
  TopicState t;
  t.restart();
  EXPECT_EQ(t.announcement, Announcement::kNone);
  t.sequence = 4;
  t.torn = true;
  t.on_announced(true);
  EXPECT_TRUE(t.is_announced());
  EXPECT_EQ(t.sequence, 0u);
  EXPECT_FALSE(t.torn);
  t.restart();
  EXPECT_EQ(t.announcement, Announcement::kOutdated);
  EXPECT_TRUE(t.is_known());
  t.on_announced(true);
  t.forget();
  EXPECT_FALSE(t.is_known());
  EXPECT_EQ(t.resumes_due, 2) << "what the peer has been asked for still comes";
}

TEST(PublicationCount, CountsWhatWasNotLookedAtAsSuperseded) {
  OutboundCounters counters{};
  PublicationCount count;
  count.take_turn(10, 1, false, &counters);
  count.take_turn(15, 1, false, &counters);
  EXPECT_EQ(counters.publications, 6u);
  EXPECT_EQ(counters.superseded, 4u);
  count.take_turn(18, 1, true, &counters);
  EXPECT_EQ(counters.publications, 9u);
  EXPECT_EQ(counters.passed_over_by_rate, 2u);
}

TEST(PublicationCount, CountsASampleThatIsSentAfterItWasPassedOverAsSent) {
  OutboundCounters counters{};
  PublicationCount count;
  count.pass_over(1, &OutboundCounters::unchanged, false, &counters);
  count.pass_over(1, &OutboundCounters::unchanged, false, &counters);
  EXPECT_EQ(counters.publications, 1u);
  EXPECT_EQ(counters.unchanged, 1u);
  count.take_turn(1, 1, false, &counters);
  EXPECT_EQ(counters.publications, 1u);
  EXPECT_EQ(counters.unchanged, 0u);
}

TEST(WaitList, TheEarlierTimeCountsAndEachTopicIsDueOnce) {
  WaitList waits;
  const auto due = [&](int64_t now_ns) {
    std::vector<uint32_t> ids;
    waits.take_due(now_ns, [&](uint32_t id) { ids.push_back(id); });
    return ids;
  };
  EXPECT_EQ(waits.due_ns(), INT64_MAX);
  waits.wait_until(3, 300);
  waits.wait_until(8, 100);
  waits.wait_until(3, 400);
  waits.wait_until(3, 200);
  EXPECT_EQ(waits.due_ns(), 100);
  EXPECT_THAT(due(99), ElementsAre());
  EXPECT_THAT(due(250), ElementsAre(8, 3));
  EXPECT_THAT(due(INT64_MAX - 1), ElementsAre());
  waits.wait_until(3, 500);
  waits.stop(3);
  EXPECT_FALSE(waits.is_waiting(3));
  EXPECT_EQ(waits.due_ns(), INT64_MAX);
}

TEST(WaitList, TopicsThatWaitForOneTimeStopOneByOne) {
  WaitList waits;
  std::vector<uint32_t> due;
  for (uint32_t id = 0; id < 5; ++id) waits.wait_until(id, 100);
  waits.stop(1);
  waits.stop(3);
  waits.wait_until(3, 100);  // again
  waits.stop(4);
  waits.wait_until(4, 50);
  EXPECT_EQ(waits.due_ns(), 50);
  waits.take_due(100, [&](uint32_t id) { due.push_back(id); });
  EXPECT_THAT(due, ElementsAre(4, 0, 2, 3));
  for (uint32_t id = 0; id < 5; ++id) EXPECT_FALSE(waits.is_waiting(id));
}

}  // namespace
}  // namespace smt::relay
