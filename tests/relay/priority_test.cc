// What goes first, what a rule or a link may take of the line, and what is too old or too large to be sent.
#include "tests/relay/relay_diary.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

SendRule prioritized(const std::string& topic, Priority priority, uint64_t bytes_per_s = 0) {
  SendRule r;
  r.topic = {topic};
  r.pacing.priority = priority;
  r.bytes_per_s = bytes_per_s;
  return r;
}
HostOptions wants(Pacing pacing = {}) { return {.receive = {{{"**"}, {}, 0, pacing, 0}}, .serves = false}; }

class PriorityTest : public RelayTest {
 protected:
  // `a` sends over a link of so many bytes a second.
  void slow_pair(uint64_t bytes_per_s, std::vector<SendRule> rules, HostOptions mirror = wants()) {
    pair({.send_rules = std::move(rules), .link = {.bytes_per_s = bytes_per_s}}, std::move(mirror));
    came_.follow(*b_);
  }
  int64_t max_age(const std::string& topic) {
    int64_t age = 0;
    for (const Diary::Entry& e : came_.of(topic)) age = std::max(age, e.age_ns);
    return age;
  }
  // Bytes that left in the second that held most of them.
  void watch(MemNet& n) {
    n.hook = [this](MemMessage* m) {
      if (!m->to_binder) {
        left_.push_back({now_, m->header.size() + m->payload.size(), m->payload.size()});
      }
      return MemNet::Fate::kDeliver;
    };
  }
  struct Left {
    int64_t at_ns;
    size_t bytes, payload;
  };
  size_t max_in_a_second(size_t Left::*of) const {
    size_t max = 0, sum = 0;
    for (size_t begin = 0, end = 0; end < left_.size(); ++end) {
      sum += left_[end].*of;
      for (; left_[begin].at_ns <= left_[end].at_ns - kSecond; ++begin) sum -= left_[begin].*of;
      max = std::max(max, sum);
    }
    return max;
  }
  size_t greatest(size_t Left::*of) const {
    size_t max = 0;
    for (const Left& l : left_) max = std::max(max, l.*of);
    return max;
  }

  Diary came_{&now_};
  std::vector<Left> left_;
};

TEST_F(PriorityTest, UnderLittleCreditUrgentTopicsKeepTheirRateAndLowOnesGetWhatIsLeft) {
  // 100 topics of 100 bytes at 50 Hz are four times what the line carries.
  slow_pair(150'000, {prioritized("urgent/*", Priority::kUrgent), prioritized("low/*", Priority::kLow),
                      prioritized("**", Priority::kNormal)});
  const std::string tail(100, 'v');
  for (int i = 0; i < 500; ++i) {
    for (int t = 0; t < 98; ++t) a_->publish("low/" + std::to_string(t), tail, now_);
    for (int t = 0; t < 2; ++t) a_->publish("urgent/" + std::to_string(t), tail, now_);
    run(20 * kMs, 2 * kMs);
  }
  for (int t = 0; t < 2; ++t) {
    EXPECT_GE(came_.count("urgent/" + std::to_string(t)), 490u);
    EXPECT_LE(max_age("urgent/" + std::to_string(t)), 60 * kMs);
  }
  uint64_t min = UINT64_MAX, max = 0;
  for (int t = 0; t < 98; ++t) {
    min = std::min(min, came_.count("low/" + std::to_string(t)));
    max = std::max(max, came_.count("low/" + std::to_string(t)));
  }
  EXPECT_GE(min, 10u);
  EXPECT_LE(max, 2 * min + 10) << "of one priority each has its turn";
}

TEST_F(PriorityTest, TheReceiversPriorityCountsWhereTheSenderStatesNone) {
  const auto subscription = [](const std::string& topic, Priority p) {
    return Subscription{{topic}, {}, 0, {.priority = p}, 0};
  };
  slow_pair(20'000, {prioritized("stated", Priority::kLow), prioritized("**", Priority::kNormal)},
            {.receive = {subscription("stated", Priority::kUrgent), subscription("hurry", Priority::kUrgent),
                         subscription("**", Priority::kNormal)},
             .serves = false});
  const std::string value(1000, 'v');
  for (int i = 0; i < 500; ++i) {
    for (const char* topic : {"stated", "hurry", "other"}) a_->publish(topic, value, now_);
    run(20 * kMs, 2 * kMs);
  }
  EXPECT_LE(came_.count("stated"), 10u) << "the sender's word";
  EXPECT_LE(came_.count("other"), 10u);
  EXPECT_GE(came_.count("hurry"), 150u);
}

TEST_F(PriorityTest, SmallUrgentTopicsGoBetweenThePiecesOfALargeValue) {
  slow_pair(1'000'000, {prioritized("urgent", Priority::kUrgent), prioritized("**", Priority::kNormal)});
  const std::string image = make_noise(2'000'000);
  a_->publish("image", image, now_);
  for (int i = 0; b_->value("image") != image && i < 2000; ++i) {
    a_->publish("urgent", std::to_string(10000 + i), now_);
    run(5 * kMs);
  }
  EXPECT_GE(came_.count("urgent"), 300u);
  EXPECT_LE(max_age("urgent"), 25 * kMs) << "a message is what the line carries in 10 ms";
}

TEST_F(PriorityTest, ALargeUrgentValueOvertakesALargeOneUnderWayWhichThenGoesOn) {
  slow_pair(1'000'000, {prioritized("alarm", Priority::kUrgent), prioritized("**", Priority::kLow)});
  const std::string image = make_noise(3'000'000), alarm = make_noise(500'000);
  a_->publish("image", image, now_);
  run(kSecond);
  ASSERT_GE(a_->counters().outbound.chunks, 10u);
  a_->publish("alarm", alarm, now_);
  ASSERT_TRUE(until([&] { return b_->value("alarm") == alarm; }));
  EXPECT_LE(took_ns_, 700 * kMs);
  EXPECT_EQ(b_->value("image"), "(no sample)");
  ASSERT_TRUE(until([&] { return b_->value("image") == image; }));
  EXPECT_LE(now_ - (came_.of("image")[0].at_ns - came_.of("image")[0].age_ns), 4 * kSecond)
      << "from where it was";
  EXPECT_EQ(b_->counters().session.malformed, 0u);
}

TEST_F(PriorityTest, SmallTopicsThatFillTheLineDoNotHoldUpALargeValueOfTheirPriority) {
  slow_pair(200'000, {});
  const std::string image = make_noise(400'000), value(400, 'v');
  for (int t = 0; t < 100; ++t) a_->publish("small/" + std::to_string(t), value, now_);
  run(kSecond);
  a_->publish("image", image, now_);
  for (int i = 0; i < 2000 && b_->value("image") != image; ++i) {
    for (int t = 0; t < 100; ++t) a_->publish("small/" + std::to_string(t), value, now_);
    run(5 * kMs);
  }
  EXPECT_EQ(b_->value("image").size(), image.size());
  EXPECT_GT(came_.count("small/7"), 3u);
}

TEST_F(PriorityTest, TheCapOfARuleHoldsInEverySecondAndOnlyForItsTopics) {
  pair({.send_rules = {prioritized("capped/**", Priority::kHigh, 20'000),
                       prioritized("**", Priority::kNormal)}},
       wants());
  came_.follow(*b_);
  run(100 * kMs);
  for (int i = 0; i < 5000; ++i, now_ += 2 * kMs) {
    for (int t = 0; t < 5; ++t) a_->publish("capped/" + std::to_string(t), std::string(200, 'c'), now_);
    if (i % 100 == 0) a_->publish("capped/image", std::string(5'000, 'i'), now_);
    a_->publish("free", std::to_string(100'000 + i), now_);
    settle();
  }
  EXPECT_EQ(came_.count("free"), 5000u) << "not held up";
  std::vector<std::pair<int64_t, size_t>> arrived;
  size_t all = 0;
  for (int t = 0; t < 6; ++t) {
    const std::string topic = "capped/" + (t == 5 ? "image" : std::to_string(t));
    EXPECT_GE(came_.count(topic), 10u) << topic;
    for (const Diary::Entry& e : came_.of(topic))
      arrived.push_back({e.at_ns, e.value.size()}), all += e.value.size();
  }
  std::sort(arrived.begin(), arrived.end());
  size_t max = 0, sum = 0;
  for (size_t begin = 0, end = 0; end < arrived.size(); ++end) {
    sum += arrived[end].second;
    for (; arrived[begin].first <= arrived[end].first - kSecond; ++begin) sum -= arrived[begin].second;
    max = std::max(max, sum);
  }
  EXPECT_LE(max, 20'000u + 1400u + 5'000u) << "and a message, and the pieces of a value that came before";
  EXPECT_GE(static_cast<double>(all) / 10, 17'000) << "and it is used";
}

TEST_F(PriorityTest, TheCapOfARuleHoldsForSamplesInOrderAndForPieces) {
  pair({.send_rules = {prioritized("**", Priority::kNormal, 20'000)}, .history = 512},
       wants({.every = true}));
  came_.follow(*b_);
  watch(net());
  for (int i = 0; i < 10'000; ++i, now_ += kMs) {
    a_->publish("x", std::string(200, 'c'), now_);
    if (i % 1000 == 500) a_->publish("image", std::string(10'000, 'i'), now_);
    settle();
  }
  EXPECT_LE(greatest(&Left::payload), 1400u) << "10 ms, and a packet at least";
  EXPECT_LE(max_in_a_second(&Left::payload), 20'000u + 1400u);
  EXPECT_GE(max_in_a_second(&Left::payload), 17'000u);
  EXPECT_TRUE(came_.rises("x"));
  EXPECT_GE(came_.count("image"), 3u);
}

TEST_F(PriorityTest, TheCapOfALinkHoldsInEverySecondForAllThatIsSent) {
  slow_pair(30'000, {prioritized("urgent", Priority::kUrgent), prioritized("**", Priority::kNormal)});
  net().set_delay(kMs, kMs);
  watch(net());
  for (int i = 0; i < 5000; ++i, now_ += 2 * kMs) {
    for (int t = 0; t < 5; ++t) a_->publish("t" + std::to_string(t), make_noise(200), now_);
    if (i % 500 == 0) a_->publish("image", make_noise(10'000), now_);
    if (i % 10 == 0) a_->publish("urgent", std::to_string(100'000 + i), now_);
    settle();
  }
  EXPECT_LE(max_in_a_second(&Left::bytes), 30'000u + greatest(&Left::bytes));
  EXPECT_LE(greatest(&Left::bytes), 2000u);
  EXPECT_GE(max_in_a_second(&Left::bytes), 27'000u);
  EXPECT_GE(came_.count("urgent"), 200u);
  EXPECT_GE(came_.count("image"), 5u);
}

TEST_F(PriorityTest, AGetIsNotHeldUpByTheCapOfARuleThatIsNotItsOwn) {
  pair({.send_rules = {prioritized("capped", Priority::kUrgent, 1000), prioritized("**", Priority::kNormal)}},
       {.receive = only("capped"), .proxy = true});  // takes what it asks for, and keeps that
  a_->publish("other", "1", now_);                   // before the other one is there
  for (int i = 0; i < 20; ++i) a_->publish("capped", std::string(1000, 'c'), now_), run(10 * kMs);
  const uint64_t request = b_->relay().get(only("other"), false, now_, 5 * kSecond);
  ASSERT_TRUE(until([&] { return b_->relay().get_result(request).done; }));
  EXPECT_LE(took_ns_, 10 * kMs);
  EXPECT_EQ(b_->value("other"), "1");
}

class DropOlderTest : public PriorityTest {
 protected:
  // Nothing goes between the two for five seconds; then they find each other again.
  void stall(const std::function<void()>& each_ms) {
    net().cut("b");
    for (int i = 0; i < 5000; ++i, now_ += kMs) each_ms(), settle();
    net().heal("b");
    came_.clear();
  }
};

TEST_F(DropOlderTest, AfterAStallTheSenderSendsNothingThatIsOlderThanItsRuleAllows) {
  SendRule rule;
  rule.drop_older_ns = 300 * kMs;
  pair({.send_rules = {rule}, .history = 8192}, wants({.every = true}));
  came_.follow(*b_);
  uint64_t published = 0;
  const auto publish = [&] { a_->publish("x", std::to_string(10'000 + ++published), now_); };
  publish();
  ASSERT_TRUE(until(*b_, "x", "10001"));
  stall([&] {
    publish();
    if (published == 1000)
      a_->publish("old", "1", now_), a_->publish("image", std::string(700'000, 'i'), now_);
  });
  for (int i = 0; i < 3000; ++i, now_ += kMs) publish(), settle();
  EXPECT_EQ(b_->value("x"), std::to_string(10'000 + published));
  EXPECT_LE(max_age("x"), 300 * kMs);
  EXPECT_EQ(b_->value("old"), "(no sample)");
  EXPECT_EQ(b_->value("image"), "(no sample)");
  EXPECT_TRUE(came_.rises("x"));
  const OutboundCounters c = a_->counters().outbound;
  EXPECT_GE(c.dropped_too_old, 4000u);
  EXPECT_EQ(c.publications, published + 2);
  EXPECT_EQ(c.publications, c.samples + c.dropped_too_old + c.overwritten);
}

TEST_F(DropOlderTest, ManySamplesThatAreTooOldDoNotHoldUpThoseThatAreNot) {
  SendRule rule;
  rule.drop_older_ns = 300 * kMs;
  pair({.send_rules = {rule}, .history = 8192}, wants({.every = true}));
  a_->publish("y", "1", now_);
  ASSERT_TRUE(until(*b_, "y", "1"));
  came_.follow(*b_);
  // All at once, so that no step but one has to go through them.
  for (int i = 0; i < 4000; ++i) a_->publish("x", std::to_string(10'000 + i), now_ - kSecond);
  a_->publish("x", "fresh", now_);
  a_->relay().step(now_);
  a_->relay().step(now_);
  for (int i = 0; i < 3; ++i) b_->relay().step(now_), a_->relay().step(now_);
  b_->relay().step(now_);
  EXPECT_EQ(b_->value("x"), "fresh");
  EXPECT_EQ(came_.count("x"), 1u);
  EXPECT_EQ(a_->counters().outbound.dropped_too_old, 4000u);
}

TEST_F(DropOlderTest, TheReceiverDropsWhatIsOlderThanItsRuleAllowsAndCountsIt) {
  ReceiveRule rule;
  rule.topic = {"x", "image"};
  rule.drop_older_ns = 300 * kMs;
  ReceiveRule rest;
  pair({}, {.serves = false, .receive_rules = {rule, rest}});
  came_.follow(*b_);
  a_->publish("x", "1", now_);
  a_->publish("rest", "1", now_);
  a_->publish("image", std::string(700'000, '1'), now_);
  ASSERT_TRUE(until([&] { return b_->value("image") == std::string(700'000, '1'); }));
  stall([] {});
  net().cut("b");
  a_->publish("x", "2", now_);
  a_->publish("rest", "2", now_);
  a_->publish("image", std::string(700'000, '2'), now_);
  run(kSecond);
  net().heal("b");
  ASSERT_TRUE(until(*b_, "rest", "2"));
  run(100 * kMs);
  EXPECT_EQ(b_->value("x"), "1");
  EXPECT_EQ(b_->value("image"), std::string(700'000, '1'));
  EXPECT_EQ(b_->counters().inbound.dropped_too_old, 2u);
  a_->publish("x", "3", now_);
  a_->publish("image", std::string(700'000, '3'), now_);
  ASSERT_TRUE(until(*b_, "x", "3"));
  ASSERT_TRUE(until([&] { return b_->value("image") == std::string(700'000, '3'); }));
}

TEST_F(PriorityTest, ATopicWithLargerValuesThanItsRuleAllowsIsNotSent) {
  SendRule small = prioritized("**", Priority::kNormal);
  small.max_bytes = 1000;
  pair({.send_rules = {small}}, wants());
  a_->publish("x", std::string(1000, 'x'), now_);
  a_->publish("image", std::string(1001, 'i'), now_);
  ASSERT_TRUE(until(*b_, "x", std::string(1000, 'x')));
  run(kSecond);
  EXPECT_EQ(b_->described("image"), nullptr);
  a_->publish("x", std::string(1001, 'y'), now_);  // it has grown
  ASSERT_TRUE(until([&] { return b_->described("x") == nullptr; }));
}

}  // namespace
}  // namespace smt::relay
