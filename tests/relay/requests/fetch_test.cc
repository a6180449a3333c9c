// Get: the present values once, or a list, directly and through a proxy.
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

class FetchTest : public RelayTest {
 protected:
  Relay::GetResult get(Host& h, const std::vector<Subscription>& what, bool list = false,
                       int64_t timeout_ns = 2 * kSecond) {
    const uint64_t request = h.relay().get(what, list, now_ + h.clock_ns(), timeout_ns);
    const bool done = until([&] { return h.relay().get_result(request).done; });
    EXPECT_TRUE(done);
    return h.relay().get_result(request);
  }
  static HostOptions client() { return {.serves = false}; }
};

TEST_F(FetchTest, AGetBringsEachTopicThatMatchesOnceAndThenItsReply) {
  pair({}, client());
  a_->publish("x/1", "one", now_);
  a_->publish("x/2", std::string(2'000'000, '2'), now_);
  a_->publish("y", "no", now_);
  run(100 * kMs);
  const Relay::GetResult answer = get(*b_, only("x/*"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.topics, 2u);
  EXPECT_EQ(answer.peers, 1u);
  EXPECT_EQ(b_->value("x/1"), "one");
  EXPECT_EQ(b_->value("x/2"), std::string(2'000'000, '2'));
  EXPECT_EQ(b_->described("y"), nullptr);
  a_->publish("x/1", "two", now_);
  run(100 * kMs);
  EXPECT_EQ(b_->value("x/1"), "one") << "once";
  get(*b_, only("x/1"));
  EXPECT_EQ(b_->value("x/1"), "two");
  get(*b_, only("x/1"));
  EXPECT_EQ(b_->value("x/1"), "two") << "the same again is no error";
}

TEST_F(FetchTest, TheReplyComesAfterTheLastValueOnASlowLinkToo) {
  pair({.link = {.bytes_per_s = 1'000'000}}, client());
  a_->publish("x/1", "one", now_);
  a_->publish("x/2", std::string(500'000, '2'), now_);
  run(100 * kMs);
  const Relay::GetResult answer = get(*b_, only("x/*"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.topics, 2u);
  EXPECT_EQ(b_->value("x/1"), "one");
  EXPECT_EQ(b_->value("x/2"), std::string(500'000, '2'));
  EXPECT_GE(took_ns_, 400 * kMs);
}

TEST_F(FetchTest, AGetOfNothingSaysThatNothingMatched) {
  pair({}, client());
  const Relay::GetResult answer = get(*b_, only("x"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.topics, 0u);
  EXPECT_LE(took_ns_, 300 * kMs);
}

TEST_F(FetchTest, AGetWithNobodyThereEndsInTimeAndIsNotComplete) {
  b_ = &host("b", client());
  dial(*b_, "b");
  const Relay::GetResult answer = get(*b_, only("x"), false, kSecond);
  EXPECT_FALSE(answer.complete);
  EXPECT_EQ(answer.peers, 0u);
  EXPECT_NEAR(static_cast<double>(took_ns_), 1e9, 2e6);
}

TEST_F(FetchTest, AListTellsSequenceStampAndAgeAndSendsNoValue) {
  pair({}, client());
  a_->publish("x", "12345", now_ - 5 * kSecond, 77);
  ASSERT_TRUE(a_->store().open(a_->topic("empty"), 0).ok());
  run(100 * kMs);
  const Relay::GetResult answer = get(*b_, all(), true);
  EXPECT_EQ(answer.topics, 2u);
  EXPECT_EQ(b_->head("x").sequence, 77u);
  EXPECT_EQ(b_->head("x").stamp_ns, a_->head("x").stamp_ns);
  EXPECT_NEAR(static_cast<double>(b_->age_ns("x", now_)), 5.1e9, 0.3e9);
  EXPECT_EQ(b_->head("empty").sequence, 0u);
  EXPECT_EQ(b_->state("x"), State::kEmpty);
  EXPECT_EQ(net().traffic("b", false).payload_bytes, 0u);
}

TEST_F(FetchTest, AGetThroughAProxyBringsWhatNobodyWanted) {
  chain(client());
  a_->publish("x", "1", now_);
  run(100 * kMs);
  EXPECT_EQ(p_->described("x"), nullptr);
  Relay::GetResult answer = get(*b_, only("x"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.topics, 1u);
  EXPECT_EQ(b_->value("x"), "1");
  EXPECT_EQ(b_->described("x")->hops, 2u);
  a_->publish("x", "2", now_);
  get(*b_, only("x"));
  EXPECT_EQ(b_->value("x"), "2") << "not the one that the proxy keeps";
  answer = get(*b_, only("z"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.topics, 0u);
}

TEST_F(FetchTest, AListThroughAProxyTakesNoValueFromItsCache) {
  chain(client());
  const Schema u64 = Schema::scalar(Type::kU64);
  const uint32_t handle = *a_->store().open(a_->topic("x", u64), 0);
  a_->store().put(handle, {5, 0, now_, 0}, byte_view("12345678"));
  Host& late = host("late", client());
  dial(late, "late", "down");
  run(100 * kMs);
  Relay::GetResult answer = get(*b_, all(), true);
  EXPECT_EQ(answer.topics, 1u);
  EXPECT_EQ(b_->head("x").sequence, 5u);
  answer = get(late, all());
  EXPECT_EQ(answer.topics, 1u);
  EXPECT_EQ(late.value("x"), "12345678");
  EXPECT_EQ(p_->value("x"), "12345678");
  EXPECT_EQ(late.counters().session.opened, 1u);
}

TEST_F(FetchTest, AProxyWhoseSourceFallsSilentAnswersInTimeAndSaysIncomplete) {
  chain(client());
  a_->publish("x", "1", now_);
  run(100 * kMs);
  get(*b_, only("x"));
  net("up").hook = [](MemMessage*) { return MemNet::Fate::kDrop; };
  const Relay::GetResult answer = get(*b_, only("x"));
  EXPECT_FALSE(answer.complete);
  EXPECT_EQ(answer.topics, 1u) << "what the proxy keeps";
  EXPECT_LE(took_ns_, 1100 * kMs);
}

TEST_F(FetchTest, WantsAndRequestsReturnToTheNumberBefore) {
  chain(client());
  a_->publish("x", "1", now_);
  run(100 * kMs);
  Host& sub = host("sub", {.receive = only("x"), .serves = false});
  dial(sub, "sub", "down");
  ASSERT_TRUE(until(sub, "x", "1"));
  const uint64_t wants = p_->counters().session.wants, upstream = a_->counters().session.wants;
  EXPECT_EQ(wants, 1u);
  for (int i = 0; i < 50; ++i) {
    Host host("c" + std::to_string(i), static_cast<uint8_t>(100 + i), client());
    host.add([&] { return net("down").dial("mem://down", "c" + std::to_string(i)); });
    const uint64_t request = host.relay().get(all(), false, now_, 2 * kSecond);
    ASSERT_TRUE(until([&] {
      host.relay().step(now_);
      return host.relay().get_result(request).done;
    }));
    EXPECT_EQ(host.value("x"), "1");
  }
  run(kSecond);
  EXPECT_EQ(p_->relay().peers().size(), 3u);
  EXPECT_EQ(p_->counters().session.wants, wants);
  EXPECT_EQ(a_->counters().session.wants, upstream);
  EXPECT_EQ(p_->counters().session.requests, 0u);
  EXPECT_EQ(a_->counters().session.requests, 0u);
}

}  // namespace
}  // namespace smt::relay
