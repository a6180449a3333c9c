// The ledger of requests alone, under numbers and times that stand here.
#include "relay/requests/pending_requests.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace smt::relay {
namespace {

struct LedgerResult {
  bool done = false, complete = true;
  uint32_t peers = 0;
};
using Pending = PendingRequests<std::string, LedgerResult>;

constexpr uint64_t kAsker = 1, kPeer = 2, kOther = 3;  // keys of sessions
constexpr int64_t kKeepNs = 100;

class PendingRequestsTest : public testing::Test {
 protected:
  static constexpr RequestLimits kLimits = {.max_unanswered = 2, .max_answered = 2, .max_kept = 4};
  Pending pending_{kLimits};

  Pending::Request* add(uint64_t number, uint64_t asker, const std::set<uint64_t>& waiting,
                        int64_t deadline_ns = 1000) {
    Pending::Request* r = pending_.add(number, asker, "request " + std::to_string(number), deadline_ns);
    r->waiting = waiting;
    return r;
  }
  // The numbers of those that are answered in this step, by the rule that all uses share.
  std::vector<uint64_t> update(int64_t now_ns) {
    std::vector<uint64_t> answered;
    pending_.update(now_ns, [&](uint64_t number, Pending::Request* r, bool late) {
      if (!late && !r->has_all_replies()) return;
      pending_.finish(r, now_ns + kKeepNs);
      answered.push_back(number);
    });
    return answered;
  }
  bool is_known(uint64_t number) const { return pending_.result(number).complete; }
};

using Numbers = std::vector<uint64_t>;

TEST_F(PendingRequestsTest, ARequestIsAnsweredOnceAllPeersHaveReplied) {
  add(7, kAsker, {kPeer, kOther});
  pending_.on_reply(7, kPeer, true);
  EXPECT_EQ(update(1), Numbers{});
  pending_.on_reply(7, kOther, true);
  EXPECT_EQ(update(2), Numbers{7});
  EXPECT_EQ(pending_.result(7).peers, 2u);
  EXPECT_TRUE(pending_.result(7).complete);
}

TEST_F(PendingRequestsTest, AReplyThatIsNotCompleteMakesTheResultIncomplete) {
  add(7, kAsker, {kPeer, kOther});
  EXPECT_EQ(pending_.on_reply(7, kPeer, false)->content, "request 7");
  pending_.on_reply(7, kOther, true);
  EXPECT_FALSE(pending_.result(7).complete);
}

TEST_F(PendingRequestsTest, AReplyOfAPeerThatWasNotAskedDoesNothing) {
  add(7, kAsker, {kPeer});
  EXPECT_EQ(pending_.on_reply(7, kOther, false), nullptr);
  EXPECT_EQ(pending_.on_reply(8, kPeer, false), nullptr);
  EXPECT_EQ(pending_.result(7).peers, 0u);
  EXPECT_TRUE(pending_.result(7).complete);
}

TEST_F(PendingRequestsTest, ASecondReplyOfAPeerDoesNothing) {
  add(7, kAsker, {kPeer, kOther});
  EXPECT_NE(pending_.on_reply(7, kPeer, true), nullptr);
  EXPECT_EQ(pending_.on_reply(7, kPeer, false), nullptr);
  EXPECT_EQ(pending_.result(7).peers, 1u);
}

TEST_F(PendingRequestsTest, ARequestIsAnsweredAtItsDeadlineInAnyCase) {
  add(7, kAsker, {kPeer}, 50);
  add(8, kAsker, {kPeer}, 60);
  EXPECT_EQ(pending_.due_ns(), 50);
  EXPECT_EQ(update(49), Numbers{});
  EXPECT_EQ(update(50), Numbers{7});
  EXPECT_EQ(pending_.due_ns(), 60);
  EXPECT_EQ(update(60), Numbers{8});
  EXPECT_EQ(pending_.due_ns(), INT64_MAX);
}

TEST_F(PendingRequestsTest, OnesOwnRequestWaitsForAPeerToReplyAlthoughNobodyIsAsked) {
  add(7, 0, {}, 50);
  add(8, kAsker, {}, 50);
  EXPECT_EQ(update(1), Numbers{8});
  EXPECT_EQ(update(50), Numbers{7});
}

TEST_F(PendingRequestsTest, AnAnsweredRequestIsKnownForAWhileAndThenForgotten) {
  add(7, kAsker, {});
  update(1);
  update(1 + kKeepNs);
  EXPECT_TRUE(is_known(7));
  EXPECT_EQ(pending_.admit(7, kOther, 0), Admission::kKnown);
  update(2 + kKeepNs);
  EXPECT_FALSE(is_known(7));
  EXPECT_TRUE(pending_.empty());
  EXPECT_EQ(pending_.admit(7, kOther, 0), Admission::kNew);
}

TEST_F(PendingRequestsTest, TheResultOfAnUnknownRequestIsDoneAndNotComplete) {
  EXPECT_TRUE(pending_.result(7).done);
  EXPECT_FALSE(pending_.result(7).complete);
}

TEST_F(PendingRequestsTest, APeerMayHaveSoManyUnansweredAndNoMore) {
  add(7, kAsker, {kPeer});
  EXPECT_EQ(pending_.admit(8, kAsker, 0), Admission::kNew);
  EXPECT_EQ(pending_.admit(8, kAsker, 1), Admission::kTooMany);  // one message waits to be sent to it
  add(8, kAsker, {kPeer});
  EXPECT_EQ(pending_.admit(9, kAsker, 0), Admission::kTooMany);
  EXPECT_EQ(pending_.admit(9, kOther, 0), Admission::kNew);
}

TEST_F(PendingRequestsTest, OfTooManyAnsweredTheOldestIsForgotten) {
  for (const uint64_t number : {9, 8}) {
    add(number, kAsker, {});
    update(static_cast<int64_t>(10 - number));
  }
  EXPECT_EQ(pending_.admit(7, kAsker, 0), Admission::kNew);
  EXPECT_FALSE(is_known(9));
  EXPECT_TRUE(is_known(8));
}

TEST_F(PendingRequestsTest, WhenAllRoomIsTakenNothingIsAdmitted) {
  for (const uint64_t number : {1, 2, 3, 4}) add(number, 10 + number, {kPeer});
  EXPECT_EQ(pending_.admit(5, kOther, 0), Admission::kFull);
  EXPECT_EQ(pending_.admit(4, kOther, 0), Admission::kFull);
}

TEST_F(PendingRequestsTest, APeerThatEndsIsNotWaitedForAndCalledLostOnce) {
  add(7, kAsker, {kPeer, kOther});
  add(8, kAsker, {kOther});
  std::vector<std::string> lost;
  pending_.on_session_ended(kPeer, [&](Pending::Request* r) { lost.push_back(r->content); });
  EXPECT_EQ(lost, std::vector<std::string>{"request 7"});
  EXPECT_EQ(pending_.waiting_for(kPeer), 0u);
  EXPECT_EQ(pending_.waiting_for(kOther), 2u);
}

TEST_F(PendingRequestsTest, TheUnansweredRequestsOfASessionEndWithIt) {
  add(7, kAsker, {kPeer});
  pending_.look_later(7);
  pending_.finish(add(8, kAsker, {}), 1000);
  pending_.on_session_ended(kAsker, [](Pending::Request*) {});
  EXPECT_FALSE(is_known(7));
  EXPECT_FALSE(pending_.look_due());
  EXPECT_TRUE(is_known(8));  // it may come back over a ring
}

TEST_F(PendingRequestsTest, LooksAreTakenInOrderOfArrival) {
  for (const uint64_t number : {9, 7, 8}) {
    add(number, kAsker, {});
    pending_.look_later(number);
  }
  Numbers order;
  while (pending_.look_due()) order.push_back(pending_.take_look().first);
  EXPECT_EQ(order, (Numbers{9, 7, 8}));
}

TEST(WaitTest, ARelayFurtherAwayWaitsLess) {
  EXPECT_EQ(wait_ns(0), 1'000'000'000);
  EXPECT_EQ(wait_ns(3), 700'000'000);
}

}  // namespace
}  // namespace smt::relay
