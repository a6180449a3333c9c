// A link that is made worse on purpose, over plain memory and a clock that the test moves; and relays over
// it.
#include <algorithm>

#include "relay/link/link_impair.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

Frame frame_of(std::string_view text) {
  Frame frame;
  std::shared_ptr<std::byte[]> room = Frame::room(text.size());
  memcpy(room.get(), text.data(), text.size());
  frame.bytes = {room.get(), text.size()};
  frame.block = room;
  return frame;
}

// "binder" is plain; "dialer", the other end, is impaired.
class ImpairTest : public RelayTest {
 protected:
  void open_topic(const Impairment& impairment) {
    binder_ = net().bind("mem://a");
    dialer_ = std::make_unique<ImpairedLink>(net().dial("mem://a", "d"), impairment, [this] { return now_; });
    dialer_->redial();
  }
  Sent say(std::string_view text, std::string_view payload = "") {
    return dialer_->send("", byte_view(text), frame_of(payload));
  }
  // What has come to `link` by now; the dialler's turn is taken too, as a relay's step does.
  std::vector<std::string> receive_all(Link& link) {
    Incoming in;
    if (&link != dialer_.get()) {
      EXPECT_FALSE(dialer_->receive(&in));
    }
    std::vector<std::string> out;
    const auto text = [](std::span<const std::byte> b) {
      return std::string(reinterpret_cast<const char*>(b.data()), b.size());
    };
    while (link.receive(&in)) {
      peer_ = in.peer;
      out.push_back(text(in.header) + text(in.payload));
    }
    return out;
  }
  // When each of the messages on their way to the binder comes, from now: looking only when something is due.
  std::vector<int64_t> arrivals() {
    std::vector<int64_t> out;
    const int64_t begin = now_;
    for (;;) {
      const std::vector<std::string> come = receive_all(*binder_);
      for (const std::string& m : come) {
        order_.push_back(std::stoi(m));
        out.push_back(now_ - begin);
      }
      if (dialer_->due_ns() == INT64_MAX) return out;
      now_ = std::max(now_, dialer_->due_ns());
    }
  }

  std::unique_ptr<Link> binder_;
  std::unique_ptr<ImpairedLink> dialer_;
  PeerId peer_;
  std::vector<int> order_;
};

TEST_F(ImpairTest, EachWayTakesTheDelay) {
  open_topic({.delay_ns = 80 * kMs});
  ASSERT_EQ(say("there", " and more"), Sent::kOk);
  EXPECT_EQ(dialer_->due_ns(), now_ + 80 * kMs);
  EXPECT_FALSE(dialer_->readable());
  now_ += 80 * kMs - 1;
  EXPECT_TRUE(receive_all(*binder_).empty());
  now_ += 1;
  EXPECT_TRUE(dialer_->readable()) << "there is something to do";
  EXPECT_THAT(receive_all(*binder_), testing::ElementsAre("there and more"));
  EXPECT_EQ(dialer_->due_ns(), INT64_MAX);

  ASSERT_EQ(binder_->send(peer_, byte_view("back"), frame_of("!")), Sent::kOk);
  EXPECT_TRUE(dialer_->readable()) << "it has come, and its time begins when it is taken in";
  EXPECT_TRUE(receive_all(*dialer_).empty());
  EXPECT_FALSE(dialer_->readable());
  EXPECT_EQ(dialer_->due_ns(), now_ + 80 * kMs);
  now_ += 80 * kMs - 1;
  EXPECT_TRUE(receive_all(*dialer_).empty());
  now_ += 1;
  EXPECT_TRUE(dialer_->readable());
  EXPECT_THAT(receive_all(*dialer_), testing::ElementsAre("back!"));
}

TEST_F(ImpairTest, JitterSpreadsDelaysAndKeepsTheOrder) {
  open_topic({.delay_ns = 50 * kMs, .jitter_ns = 20 * kMs});
  std::vector<int64_t> took;
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(say(std::to_string(i)), Sent::kOk);
    took.push_back(arrivals().at(0));
    EXPECT_GE(took.back(), 30 * kMs);
    EXPECT_LE(took.back(), 70 * kMs);
  }
  EXPECT_LT(*std::min_element(took.begin(), took.end()), 35 * kMs);
  EXPECT_GT(*std::max_element(took.begin(), took.end()), 65 * kMs);
  order_.clear();
  for (int i = 0; i < 200; ++i) ASSERT_EQ(say(std::to_string(i)), Sent::kOk);
  arrivals();
  EXPECT_EQ(order_.size(), 200u);
  EXPECT_TRUE(std::is_sorted(order_.begin(), order_.end()));
}

TEST_F(ImpairTest, OneMessageAfterTheOtherFitsThroughTheRate) {
  open_topic({.delay_ns = 10 * kMs, .bits_per_s = 2'000'000});
  const std::string rest(2499, ' ');  // with its digit 2,500 bytes: 10 ms
  for (int i = 0; i < 10; ++i) ASSERT_EQ(say(std::to_string(i), rest), Sent::kOk);
  std::vector<int64_t> want;
  for (int i = 1; i <= 10; ++i) want.push_back(10 * kMs + i * 10 * kMs);
  EXPECT_EQ(arrivals(), want);
  now_ += kSecond;
  ASSERT_EQ(say("1", rest), Sent::kOk);
  EXPECT_THAT(arrivals(), testing::ElementsAre(20 * kMs)) << "what was not used is not saved up";
}

TEST_F(ImpairTest, LossIsAStallOfOneTimeOutAndNothingIsLost) {
  open_topic({.delay_ns = 20 * kMs, .loss = 0.02});
  constexpr int kMessages = 5000;
  std::vector<int64_t> took;
  int64_t stalled_until = 0;
  int stalls = 0;
  // A message each 10 ms; its delay says whether it, or one before it, was lost.
  std::vector<int64_t> sent;
  for (int i = 0; i < kMessages; ++i, now_ += 10 * kMs) {
    sent.push_back(now_);
    ASSERT_EQ(say(std::to_string(i)), Sent::kOk);
    for (const std::string& m : receive_all(*binder_)) {
      order_.push_back(std::stoi(m));
      const int64_t late = now_ - sent[static_cast<size_t>(order_.back())];
      // Looked at every 10 ms.
      if (late >= 220 * kMs) ++stalls, stalled_until = now_;
      if (late > 20 * kMs) {
        EXPECT_EQ(now_, stalled_until) << "what waits behind it comes with it";
      }
      EXPECT_TRUE(late == 20 * kMs || (late > 20 * kMs && late <= 220 * kMs)) << late;
    }
  }
  EXPECT_GT(stalls, 50);
  EXPECT_LT(stalls, 110) << "2 % of those that are not behind one already";
  arrivals();
  EXPECT_EQ(order_.size(), static_cast<size_t>(kMessages));
  EXPECT_TRUE(std::is_sorted(order_.begin(), order_.end()));
}

TEST_F(ImpairTest, AMessageOfManyPacketsIsLostMoreOften) {
  open_topic({.delay_ns = 200 * kMs, .loss = 0.02});
  int stalls = 0;
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(say(std::to_string(i), std::string(70'000, ' ')), Sent::kOk);
    const int64_t took = arrivals().at(0);
    EXPECT_TRUE(took == 200 * kMs || took == 600 * kMs) << "twice the delay is longer than 200 ms";
    stalls += took == 600 * kMs;
  }
  EXPECT_GT(stalls, 100) << "1 - 0.98^51 = 64 %";
  EXPECT_LT(stalls, 160);
}

TEST_F(ImpairTest, AFullDirectionTakesNothingAndMemoryIsBounded) {
  open_topic({.delay_ns = kSecond});
  const std::string payload(100'000, 'p');
  int taken = 0;
  while (taken < 1000 && say("1", payload) == Sent::kOk) ++taken;
  EXPECT_EQ(taken, static_cast<int>(ImpairedLink::kMaxBytes / 100'001) + 1);
  now_ += kSecond;
  EXPECT_EQ(receive_all(*binder_).size(), static_cast<size_t>(taken));
  EXPECT_EQ(say("1", payload), Sent::kOk);
  now_ += kSecond;
  receive_all(*binder_);
  for (size_t i = 0; i < ImpairedLink::kMaxMessages; ++i) ASSERT_EQ(say(""), Sent::kOk);
  EXPECT_EQ(say(""), Sent::kFull);
  now_ += kSecond;
  while (dialer_->due_ns() != INT64_MAX) receive_all(*binder_), now_ += 5 * kMs;

  // The other way: the rest waits below.
  for (int i = 0; i < 100; ++i) ASSERT_EQ(binder_->send(peer_, byte_view("1"), frame_of(payload)), Sent::kOk);
  EXPECT_TRUE(receive_all(*dialer_).empty());
  EXPECT_FALSE(dialer_->readable()) << "no use looking before something has left";
  now_ += kSecond;
  EXPECT_TRUE(dialer_->readable());
  EXPECT_EQ(receive_all(*dialer_).size(), static_cast<size_t>(taken));
  now_ += kSecond;
  EXPECT_EQ(receive_all(*dialer_).size(), static_cast<size_t>(taken));
}

TEST_F(ImpairTest, RedialLosesWhatIsHeldBack) {
  open_topic({.delay_ns = 10 * kMs});
  ASSERT_EQ(say("old"), Sent::kOk);
  now_ += 10 * kMs;
  ASSERT_EQ(receive_all(*binder_).size(), 1u);
  ASSERT_EQ(binder_->send(peer_, byte_view("old"), Frame()), Sent::kOk);
  EXPECT_TRUE(receive_all(*dialer_).empty());
  ASSERT_EQ(say("old"), Sent::kOk);
  dialer_->redial();
  EXPECT_EQ(dialer_->due_ns(), INT64_MAX);
  ASSERT_EQ(say("new"), Sent::kOk);
  now_ += kSecond;
  EXPECT_THAT(receive_all(*binder_), testing::ElementsAre("new"));
  EXPECT_TRUE(receive_all(*dialer_).empty());
}

TEST_F(ImpairTest, WhatTheLinkBelowDoesNotTakeIsOfferedAgain) {
  dialer_ = std::make_unique<ImpairedLink>(net().dial("mem://a", "d"), Impairment{.delay_ns = 10 * kMs},
                                           [this] { return now_; });
  dialer_->redial();
  ASSERT_EQ(say("1"), Sent::kOk) << "nobody is there yet";
  now_ += 10 * kMs;
  Incoming in;
  EXPECT_FALSE(dialer_->receive(&in));
  EXPECT_FALSE(dialer_->readable()) << "not at once, which would keep a processor busy";
  EXPECT_LE(dialer_->due_ns(), now_ + 20 * kMs);
  binder_ = net().bind("mem://a");
  now_ = dialer_->due_ns();
  EXPECT_THAT(receive_all(*binder_), testing::ElementsAre("1"));
}

TEST_F(ImpairTest, APeerThatIsGoneIsToldWithTheNextMessage) {
  ImpairedLink binder(net().bind("mem://a"), {.delay_ns = 10 * kMs}, [this] { return now_; });
  ASSERT_EQ(binder.send("nobody", byte_view("1"), Frame()), Sent::kOk);
  now_ += 10 * kMs;
  Incoming in;
  EXPECT_FALSE(binder.receive(&in));
  EXPECT_EQ(binder.send("nobody", byte_view("2"), Frame()), Sent::kGone);
  EXPECT_EQ(binder.due_ns(), INT64_MAX);
}

// --- relays over it

class ImpairedRelays : public RelayTest {
 protected:
  void pair(const Impairment& impairment) {
    a_ = &host("a");
    b_ = &host("b", {.receive = all(), .serves = false, .clock_ns = 3 * kSecond});
    bind(*a_);
    b_->add([this, impairment] {
      return std::make_unique<ImpairedLink>(net().dial("mem://a", "b"), impairment,
                                            [this] { return now_ + b_->clock_ns(); });
    });
  }
  Provenance provenance_of(const std::string& topic) {
    const uint32_t id = *b_->store().find(topic);
    return b_->store().provenance(id, b_->store().head(id).sequence);
  }
};

// 1,000 ages over a way of 20 +- 10 ms in each direction.
TEST_F(ImpairedRelays, AgesHoldWithinTheirErrorUnderJitter) {
  pair({.delay_ns = 20 * kMs, .jitter_ns = 10 * kMs});
  a_->publish("x", "0", now_);
  ASSERT_TRUE(until(*b_, "x", "0"));
  run(5 * kSecond);
  int held = 0;
  for (int i = 1; i <= 1000; ++i) {
    const int64_t born = now_;
    a_->publish("x", std::to_string(i), born);
    ASSERT_TRUE(until(*b_, "x", std::to_string(i)));
    const int64_t error = provenance_of("x").age_error_ns, miss = b_->age_ns("x", now_) - (now_ - born);
    ASSERT_GT(error, 0);
    EXPECT_LT(error, 20 * kMs) << "better than any one round trip";
    held += std::abs(miss) <= error;
  }
  EXPECT_GE(held, 990);
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

TEST_F(ImpairedRelays, ASleepingRelayIsWokenForWhatIsHeldBack) {
  pair({.delay_ns = 33 * kMs});
  a_->publish("x", "1", now_);
  // Time goes from one due moment to the next.
  const int64_t begin = now_;
  for (int i = 0; i < 100; ++i) {
    settle();
    if (b_->value("x") == "1") break;
    if (!a_->relay().idle() || !b_->relay().idle()) continue;
    const int64_t due =
        std::min(a_->relay().next_due_ns() - a_->clock_ns(), b_->relay().next_due_ns() - b_->clock_ns());
    now_ = std::max(now_ + 1, due);
  }
  EXPECT_EQ(b_->value("x"), "1");
  EXPECT_LE(now_ - begin, 132 * kMs) << "Hello, its answer, Want, the value: 132 ms";
}

TEST_F(ImpairedRelays, ASessionOutlivesLossesAndASlowRateAndEveryTopicComesToBeCurrent) {
  pair({.delay_ns = 80 * kMs, .jitter_ns = 20 * kMs, .loss = 0.02, .bits_per_s = 2'000'000});
  for (int round = 0; round < 100; ++round) {
    for (int t = 0; t < 20; ++t) {
      a_->publish("t/" + std::to_string(t), std::to_string(round) + std::string(400, '.'), now_);
    }
    run(50 * kMs);
  }
  ASSERT_TRUE(until([&] {
    for (int t = 0; t < 20; ++t) {
      if (b_->value("t/" + std::to_string(t)) != "99" + std::string(400, '.')) return false;
    }
    return true;
  }));
  EXPECT_EQ(b_->counters().session.malformed, 0u);
  EXPECT_GT(a_->counters().outbound.superseded, 0u) << "1.3 Mbit/s and the stalls: not every sample fits";
}

}  // namespace
}  // namespace smt::relay
