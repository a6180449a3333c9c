// Get: the present values once, or a list, directly and through a proxy.
// Seeded bugs that must make this file fail: relay/outbound/feed.cc, SendReplies that does not wait for its
// topics; relay/requests/questions.cc, ended() without `complete = false`; relay/inbound/inbound.cc,
// announce() that puts an empty value where a list tells of a sample.
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

class FetchTest : public RelayTest {
 protected:
  Relay::GetResult Get(Host& h, const std::vector<Selection>& what, bool list = false,
                    int64_t timeout_ns = 2 * kSecond) {
    const uint64_t request = h.relay().get(what, list, now_ + h.clock_ns(), timeout_ns);
    const bool done = Until([&] { return h.relay().answer(request).done; });
    EXPECT_TRUE(done);
    return h.relay().answer(request);
  }
  static HostOptions Client() { return {.serves = false}; }
};

TEST_F(FetchTest, AGetBringsEachTopicThatMatchesOnceAndThenItsReply) {
  Pair({}, Client());
  a_->publish("x/1", "one", now_);
  a_->publish("x/2", std::string(2'000'000, '2'), now_);
  a_->publish("y", "no", now_);
  Run(100 * kMs);
  const Relay::GetResult answer = Get(*b_, Only("x/*"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.topics, 2u);
  EXPECT_EQ(answer.peers, 1u);
  EXPECT_EQ(b_->value("x/1"), "one");
  EXPECT_EQ(b_->value("x/2"), std::string(2'000'000, '2'));
  EXPECT_EQ(b_->described("y"), nullptr);
  a_->publish("x/1", "two", now_);
  Run(100 * kMs);
  EXPECT_EQ(b_->value("x/1"), "one") << "once";
  Get(*b_, Only("x/1"));
  EXPECT_EQ(b_->value("x/1"), "two");
  Get(*b_, Only("x/1"));
  EXPECT_EQ(b_->value("x/1"), "two") << "the same again is no error";
}

TEST_F(FetchTest, AGetOfNothingSaysThatNothingMatched) {
  Pair({}, Client());
  const Relay::GetResult answer = Get(*b_, Only("x"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.topics, 0u);
  EXPECT_LE(took_ns_, 300 * kMs);
}

TEST_F(FetchTest, AGetWithNobodyThereEndsInTimeAndIsNotComplete) {
  b_ = &host("b", Client());
  dial(*b_, "b");
  const Relay::GetResult answer = Get(*b_, Only("x"), false, kSecond);
  EXPECT_FALSE(answer.complete);
  EXPECT_EQ(answer.peers, 0u);
  EXPECT_NEAR(static_cast<double>(took_ns_), 1e9, 2e6);
}

TEST_F(FetchTest, AListTellsSequenceStampAndAgeAndSendsNoValue) {
  Pair({}, Client());
  a_->publish("x", "12345", now_ - 5 * kSecond, 77);
  ASSERT_TRUE(a_->store().open(a_->topic("empty"), 0).ok());
  Run(100 * kMs);
  const Relay::GetResult answer = Get(*b_, All(), true);
  EXPECT_EQ(answer.topics, 2u);
  EXPECT_EQ(b_->head("x").sequence, 77u);
  EXPECT_EQ(b_->head("x").stamp_ns, a_->head("x").stamp_ns);
  EXPECT_NEAR(static_cast<double>(b_->age_ns("x", now_)), 5.1e9, 0.3e9);
  EXPECT_EQ(b_->head("empty").sequence, 0u);
  EXPECT_EQ(b_->state("x"), State::kEmpty);
  EXPECT_EQ(net().traffic("b", false).payload_bytes, 0u);
}

TEST_F(FetchTest, AGetThroughAProxyBringsWhatNobodyWanted) {
  Chain(Client());
  a_->publish("x", "1", now_);
  Run(100 * kMs);
  EXPECT_EQ(p_->described("x"), nullptr);
  Relay::GetResult answer = Get(*b_, Only("x"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.topics, 1u);
  EXPECT_EQ(b_->value("x"), "1");
  EXPECT_EQ(b_->described("x")->hops, 2u);
  a_->publish("x", "2", now_);
  Get(*b_, Only("x"));
  EXPECT_EQ(b_->value("x"), "2") << "not the one that the proxy keeps";
  answer = Get(*b_, Only("z"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.topics, 0u);
}

TEST_F(FetchTest, AListThroughAProxyTakesNoValueFromItsCache) {
  Chain(Client());
  const Schema u64 = Schema::Scalar(Type::kU64);
  const uint32_t handle = *a_->store().open(a_->topic("x", u64), 0);
  a_->store().put(handle, {5, 0, now_, 0}, Bytes("12345678"));
  Host& late = host("late", Client());
  dial(late, "late", "down");
  Run(100 * kMs);
  Relay::GetResult answer = Get(*b_, All(), true);
  EXPECT_EQ(answer.topics, 1u);
  EXPECT_EQ(b_->head("x").sequence, 5u);
  answer = Get(late, All());
  EXPECT_EQ(answer.topics, 1u);
  EXPECT_EQ(late.value("x"), "12345678");
  EXPECT_EQ(p_->value("x"), "12345678");
  EXPECT_EQ(late.counters().session.opened, 1u);
}

TEST_F(FetchTest, AProxyWhoseSourceFallsSilentAnswersInTimeAndSaysIncomplete) {
  Chain(Client());
  a_->publish("x", "1", now_);
  Run(100 * kMs);
  Get(*b_, Only("x"));
  net("up").hook = [](MemMessage*) { return MemNet::Fate::kDrop; };
  const Relay::GetResult answer = Get(*b_, Only("x"));
  EXPECT_FALSE(answer.complete);
  EXPECT_EQ(answer.topics, 1u) << "what the proxy keeps";
  EXPECT_LE(took_ns_, 1100 * kMs);
}

TEST_F(FetchTest, WantsAndRequestsReturnToTheNumberBefore) {
  Chain(Client());
  a_->publish("x", "1", now_);
  Run(100 * kMs);
  Host& sub = host("sub", {.receive = Only("x"), .serves = false});
  dial(sub, "sub", "down");
  ASSERT_TRUE(Until(sub, "x", "1"));
  const uint64_t wants = p_->counters().session.wants, upstream = a_->counters().session.wants;
  EXPECT_EQ(wants, 1u);
  for (int i = 0; i < 50; ++i) {
    Host client("c" + std::to_string(i), static_cast<uint8_t>(100 + i), Client());
    client.add([&] { return net("down").dial("mem://down", "c" + std::to_string(i)); });
    const uint64_t request = client.relay().get(All(), false, now_, 2 * kSecond);
    ASSERT_TRUE(Until([&] {
      client.relay().step(now_);
      return client.relay().answer(request).done;
    }));
    EXPECT_EQ(client.value("x"), "1");
  }
  Run(kSecond);
  EXPECT_EQ(p_->relay().peers().size(), 3u);
  EXPECT_EQ(p_->counters().session.wants, wants);
  EXPECT_EQ(a_->counters().session.wants, upstream);
  EXPECT_EQ(p_->counters().session.requests, 0u);
  EXPECT_EQ(a_->counters().session.requests, 0u);
}

}  // namespace
}  // namespace smt::relay
