// Topics that come, go and change while their samples cross; large values, many topics, many peers, proxies.
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

using TopicsTest = RelayTest;

TEST_F(TopicsTest, ATopicThatIsRemovedIsGoneAndItsIdMayNameAnother) {
  pair();
  a_->publish("x", "1", now_);
  a_->publish("y", "1", now_);
  const uint32_t id = *a_->store().find("x");
  ASSERT_TRUE(until(*b_, "x", "1"));
  for (int i = 0; i < 20; ++i) {
    const std::string before = i == 0 ? "x" : "x" + std::to_string(i - 1), name = "x" + std::to_string(i);
    a_->remove(before);
    settle();
    a_->publish(name, "of " + name, now_);
    ASSERT_EQ(*a_->store().find(name), id);
    ASSERT_TRUE(until(*b_, name, "of " + name));
    EXPECT_EQ(b_->described(before), nullptr);
  }
  EXPECT_EQ(b_->value("y"), "1");
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

TEST_F(TopicsTest, ATopicThatIsGoneBeforeItWasAnnouncedIsNeverSpokenOf) {
  pair();
  settle();
  for (int i = 0; i < 2000; ++i) a_->publish("t" + std::to_string(i), "1", now_);
  net().set_delay(50 * kMs, 50 * kMs);  // so that credit runs out
  a_->relay().step(now_);
  for (int i = 0; i < 2000; ++i) a_->remove("t" + std::to_string(i));
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  run(kSecond);
  EXPECT_EQ(b_->counters().session.malformed, 0u);
  EXPECT_EQ(b_->described("t7"), nullptr);
}

TEST_F(TopicsTest, AnotherTypeIsAnotherTopicOfTheSameName) {
  pair();
  a_->publish("x", "abc", now_, 1000);
  ASSERT_TRUE(until(*b_, "x", "abc"));
  const uint32_t handle = *a_->store().open(a_->topic("x", Schema::scalar(Type::kU64)), 0);
  settle();
  ASSERT_EQ(a_->store().put(handle, {7, 0, now_, 0}, byte_view("12345678")), PutResult::kTaken);
  ASSERT_TRUE(until(*b_, "x", "12345678"));
  EXPECT_EQ(b_->head("x").sequence, 7u) << "smaller than before, and newer";
  EXPECT_EQ(*b_->described("x")->schema, Schema::scalar(Type::kU64).text());
}

TEST_F(TopicsTest, SequencesJumpAndWrapWithoutHarm) {
  pair();
  const uint64_t half = uint64_t{1} << 63;
  for (const uint64_t sequence :
       {uint64_t{1}, uint64_t{5}, half - 1, half, half + 1, ~uint64_t{0} - 1, ~uint64_t{0}}) {
    a_->publish("x", "at " + std::to_string(sequence), now_, sequence);
    ASSERT_TRUE(until(*b_, "x", "at " + std::to_string(sequence)));
    EXPECT_EQ(b_->head("x").sequence, sequence);
  }
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

std::string large(char with) { return std::string(3'000'000, with); }

// A link of 10 ms and some 10 MB/s by its credit, with a large value under way.
class LargeTest : public RelayTest {
 protected:
  void begin() {
    pair();
    net().set_delay(5 * kMs, 5 * kMs);
    a_->publish("small", "0", now_);
    ASSERT_TRUE(until(*b_, "small", "0"));
    a_->publish("large", large('1'), now_);
    ASSERT_TRUE(until([&] { return a_->counters().outbound.chunks >= 2 && b_->described("large"); }));
    ASSERT_EQ(b_->value("large"), "(no sample)");
  }
};

TEST_F(LargeTest, ALargeValueCrossesInPiecesAndSmallTopicsGoBetween) {
  begin();
  int64_t worst = 0;
  for (int i = 1; b_->value("large") == "(no sample)"; ++i) {
    a_->publish("small", std::to_string(i), now_);
    ASSERT_TRUE(until(*b_, "small", std::to_string(i)));
    worst = std::max(worst, took_ns_);
  }
  EXPECT_LE(worst, 25 * kMs);
  EXPECT_EQ(b_->value("large"), large('1'));
  EXPECT_GE(a_->counters().outbound.chunks, 6u);
  a_->publish("large", large('2'), now_);
  a_->publish("large", large('3'), now_);
  EXPECT_TRUE(until([&] { return b_->value("large") == large('3'); }));
  EXPECT_EQ(b_->counters().session.malformed, 0u);
}

TEST_F(LargeTest, ANewerValueDoesNotInterruptAnOlderOneUnderWay) {
  begin();
  for (int i = 0; b_->value("large") == "(no sample)"; ++i) {
    a_->publish("large", large(static_cast<char>('a' + i % 26)), now_);
    run(kMs);
    ASSERT_LT(i, 5000);
  }
  EXPECT_EQ(b_->value("large"), large('1'));
}

TEST_F(TopicsTest, EveryValueThatTheLinkHasRoomForIsSentWithoutWaitingForTheNext) {
  pair();
  a_->publish("x", std::string(600'000, '0'), now_);
  run(2 * kSecond);
  for (int i = 1; i < 10; ++i) {
    const std::string value(600'000, static_cast<char>('0' + i));
    a_->publish("x", value, now_);
    settle();
    ASSERT_TRUE(b_->value("x") == value) << "value " << i << " waits";
    run(50 * kMs);
  }
}

TEST_F(LargeTest, AChangeOfTypeAndSizeInTheMiddleOfItsPiecesIsFollowed) {
  begin();
  const uint32_t handle = *a_->store().open(a_->topic("large", Schema::scalar(Type::kU64)), 0);
  ASSERT_EQ(a_->store().put(handle, {1, 0, now_, 0}, byte_view("12345678")), PutResult::kTaken);
  ASSERT_TRUE(until(*b_, "large", "12345678"));
  ASSERT_EQ(a_->store().put(handle, {2, 0, now_, 0}, byte_view("abcdefgh")), PutResult::kTaken);
  ASSERT_TRUE(until(*b_, "large", "abcdefgh")) << "nothing of the value under way holds it up";
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

TEST_F(LargeTest, ARemovalInTheMiddleOfItsPiecesIsFollowed) {
  begin();
  a_->remove("large");
  ASSERT_TRUE(until([&] { return b_->described("large") == nullptr; }));
  a_->publish("large", large('2'), now_);
  ASSERT_TRUE(until([&] { return b_->value("large") == large('2'); }));
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

TEST_F(LargeTest, AConnectionThatEndsInTheMiddleOfItsPiecesLeavesNothingBehind) {
  begin();
  net().cut("b");
  run(kSecond);
  EXPECT_EQ(b_->value("large"), "(no sample)");
  net().heal("b");
  ASSERT_TRUE(until([&] { return b_->value("large") == large('1'); }));
}

TEST_F(TopicsTest, ManyTopicsWithLongNamesAndSchemasFitTheirMessages) {
  pair();
  Schema wide{"wide", 0, {}};
  for (int i = 0; i < 3000; ++i)
    wide.fields.push_back({"a_rather_long_name_of_a_field_" + std::to_string(i), Type::kF64,
                           static_cast<uint32_t>(8 * i), 1, ""});
  wide.size = 8 * 3000;
  const std::string value(wide.size, 'v');
  for (int i = 0; i < 5; ++i) {
    wide.type_name = "wide" + std::to_string(i);
    const uint32_t handle = *a_->store().open(a_->topic("wide" + std::to_string(i), wide), 0);
    a_->store().put(handle, {1, 0, now_, 0}, byte_view(value));
  }
  const std::string tail(240, 'n');
  for (int i = 0; i < 8000; ++i) a_->publish(std::to_string(i) + tail, "1", now_);
  ASSERT_TRUE(until([&] { return b_->value("7999" + tail) == "1" && b_->value("wide4") == value; }));
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

TEST_F(TopicsTest, WithoutAWantNothingIsReadAndNoPayloadSent) {
  pair({}, {.receive = {}, .serves = false});
  for (int i = 0; i < 100; ++i) {
    a_->publish("x", std::to_string(i), now_);
    run(10 * kMs);
  }
  EXPECT_EQ(a_->relay().peers().size(), 1u);
  EXPECT_FALSE(a_->relay().has_demand());
  EXPECT_EQ(a_->store().slot_reads(), 0u);
  EXPECT_EQ(net().traffic("b", false).payload_bytes, 0u);
}

TEST_F(TopicsTest, TenPeersCostNoMoreReadsThanOne) {
  Host& a = host("a");
  bind(a);
  std::vector<Host*> subs;
  for (int i = 0; i < 10; ++i) {
    subs.push_back(&host("s" + std::to_string(i), subscriber()));
    dial(*subs.back(), "s" + std::to_string(i));
  }
  uint64_t publications = 0;
  for (int i = 0; i < 50; ++i) {
    for (int k = 0; k < 20; ++k, ++publications)
      a.publish("t/" + std::to_string(k), std::to_string(100 + i), now_);
    run(10 * kMs);
  }
  for (Host* s : subs) EXPECT_EQ(s->value("t/19"), "149");
  EXPECT_LE(a.store().slot_reads(), publications);
  EXPECT_GE(a.counters().outbound.samples, 10 * publications / 2);
}

TEST_F(TopicsTest, ALargeValueIsReadOnceForAllPeersAndNeverMixedWithItsSuccessor) {
  Host& a = host("a");
  bind(a);
  std::vector<Host*> subs;
  for (int i = 0; i < 3; ++i) {
    subs.push_back(&host("s" + std::to_string(i), subscriber()));
    dial(*subs.back(), "s" + std::to_string(i));
  }
  for (char c = 'a'; c <= 'z'; ++c) {
    // Now in pieces, now in one frame; sometimes described anew together with its value.
    const std::string value(c % 2 == 0 ? 100'000 : 10, c);
    if (c % 3 == 0) *a.store().open(a.topic("x", Schema::bytes(), 100'000), 0);
    a.publish("x", value, now_);
    for (Host* s : subs) ASSERT_TRUE(until(*s, "x", value));
  }
  EXPECT_LE(a.store().slot_reads(), 30u);
}

TEST_F(TopicsTest, AStateThatOnlyTheSourceKnowsReachesTheMirror) {
  chain();
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  a_->store().report_state(*a_->store().find("x"), State::kSourceDead);
  ASSERT_TRUE(until([&] { return b_->state("x") == State::kSourceDead; }));
  EXPECT_LE(took_ns_, 50 * kMs);
  a_->store().report_state(*a_->store().find("x"), State::kEmpty);
  ASSERT_TRUE(until([&] { return b_->state("x") == State::kEmpty; }));
  net("up").hook = [](MemMessage*) { return MemNet::Fate::kDrop; };
  ASSERT_TRUE(until([&] { return b_->state("x") == State::kLinkDown; }));
  EXPECT_LE(took_ns_, 700 * kMs);
}

TEST_F(TopicsTest, AProxyWantsWhatItsSubscribersWantAndStopsWhenTheyLeave) {
  chain({.receive = only("x/*"), .serves = false});
  a_->publish("x/1", "1", now_);
  a_->publish("y", "1", now_);
  ASSERT_TRUE(until(*b_, "x/1", "1"));
  EXPECT_EQ(p_->described("y"), nullptr);
  EXPECT_EQ(b_->described("x/1")->hops, 2u);
  EXPECT_EQ(a_->counters().session.wants, 1u);
  b_->stop();
  ASSERT_TRUE(until([&] { return a_->counters().session.wants == 0; }));
  const uint64_t payload = net("up").traffic("a", true).payload_bytes;
  for (int i = 0; i < 20; ++i) {
    a_->publish("x/1", "2", now_);
    run(10 * kMs);
  }
  EXPECT_EQ(net("up").traffic("a", true).payload_bytes, payload);
}

TEST_F(TopicsTest, AReturningSubscriberGetsNothingThatNobodyKeptCurrent) {
  chain();
  std::vector<std::string> seen;
  const auto follow = [&](const std::string& topic) {
    b_->store().on_sample = [&, topic](uint32_t) { seen.push_back(b_->value(topic)); };
  };
  a_->publish("x", "1", now_);
  a_->publish("rests", "same", now_);
  a_->publish("large", std::string(100'000, 'a'), now_);
  ASSERT_TRUE(until([&] { return b_->value("x") == "1" && b_->value("large").size() == 100'000; }));
  b_->stop();
  ASSERT_TRUE(until([&] { return a_->counters().session.wants == 0; }));
  a_->publish("x", "2", now_);
  a_->publish("large", std::string(100'000, 'b'), now_);
  run(kSecond);
  EXPECT_EQ(p_->value("x"), "1");
  b_->start();
  follow("x");
  ASSERT_TRUE(until([&] {
    return b_->value("x") == "2" && b_->value("rests") == "same" &&
           b_->value("large") == std::string(100'000, 'b');
  }));
  EXPECT_THAT(seen, testing::Not(testing::Contains("1")));
  EXPECT_EQ(b_->state("rests"), State::kEmpty);
}

TEST_F(TopicsTest, WhatAProxyFetchedOnceIsNotShownToASubscriberLater) {
  chain({.receive = {}, .serves = false});
  a_->publish("x", "1", now_);
  run(100 * kMs);
  const uint64_t request = b_->relay().get(all(), false, now_, kSecond);
  ASSERT_TRUE(until([&] { return b_->relay().get_result(request).done; }));
  EXPECT_EQ(p_->value("x"), "1");
  a_->publish("x", "2", now_);
  Host& sub = host("sub", {.receive = only("x"), .serves = false});
  std::vector<std::string> seen;
  sub.store().on_sample = [&](uint32_t) { seen.push_back(sub.value("x")); };
  dial(sub, "sub", "down");
  ASSERT_TRUE(until(sub, "x", "2"));
  EXPECT_THAT(seen, testing::ElementsAre("2"));
}

TEST_F(TopicsTest, WhatNobodyKeptCurrentIsShownOnceItsSourceIsGone) {
  chain();
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  b_->stop();
  ASSERT_TRUE(until([&] { return a_->counters().session.wants == 0; }));
  a_->publish("x", "2", now_);
  run(kSecond);
  a_->stop();
  run(kSecond);
  Host& late = host("late", subscriber());
  dial(late, "late", "down");
  ASSERT_TRUE(until(late, "x", "1"));
  EXPECT_EQ(late.state("x"), State::kLinkDown);
}

TEST_F(TopicsTest, ALateJoinerGetsTheCachedValueWithItsTrueAgeAfterTheSourceIsGone) {
  chain(subscriber(), {.receive = all()});
  b_->stop();
  a_->publish("x", "1", now_);
  const int64_t born = now_;
  ASSERT_TRUE(until(*p_, "x", "1"));
  a_->stop();
  run(30 * kSecond, 20 * kMs);
  b_->start();
  ASSERT_TRUE(until(*b_, "x", "1"));
  EXPECT_NEAR(static_cast<double>(b_->age_ns("x", now_)), static_cast<double>(now_ - born), 5e6);
  EXPECT_EQ(b_->state("x"), State::kLinkDown);
}

}  // namespace
}  // namespace smt::relay
