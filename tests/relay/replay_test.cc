// What was said once is not taken twice: messages of a session that are doubled on the way, sent again as
// they were, or said anew by another peer in a session of its own.
#include "tests/relay/relay_fixture.h"
#include "tests/row.h"

namespace smt::relay {
namespace {

class ReplayTest : public RelayTest {
 protected:
  static constexpr int kSamples = 300, kTopics = 3;

  ReplayTest() {
    sub_ = &host("sub", {.receive = all(), .proxy = true});
    bind(*sub_);
    good_ = &host("good");
    net().hook = [this](MemMessage* m) {
      if (m->dialer == "good" && m->to_binder) recording_.push_back(*m);
      return MemNet::Fate::kDeliver;
    };
    dial(*good_, "good");
    dial(host("reader", subscriber()), "reader");
    for (int i = 1; i <= kSamples; ++i) {
      for (int t = 0; t < kTopics; ++t) good_->publish(name(t), value(i), now_);
      run(kMs);
    }
    net().hook = nullptr;
  }
  static std::string name(int t) { return "t/" + std::to_string(t); }
  static std::string value(int i) { return std::to_string(1'000'000 + i); }

  // Says all that was recorded to the relay, as another peer, in a session that it has begun itself; how many
  // batches there were.
  int say_anew(const std::string& name) {
    Stranger thief(net(), name);
    thief.session = 4711 + recording_.size();
    thief.say(0, thief.hello(1'000 + name.size()));
    settle();
    uint64_t number = 0;
    int batches = 0;
    for (const MemMessage& m : recording_) {
      proto::Envelope e;
      EXPECT_EQ(proto::open_message(byte_view(m.header), byte_view(m.payload), &e), proto::Opened::kOk);
      if (e.has_announce()) thief.say(++number, e.announce());
      if (e.has_batch()) thief.say_batch(++number, e.batch(), m.payload);
      batches += e.has_batch();
      settle();
    }
    EXPECT_GT(number, 2u);
    return batches;
  }
  // Nothing has changed but what is counted as not taken.
  void expect_untouched(uint64_t written) {
    EXPECT_EQ(sub_->counters().inbound.written, written);
    for (int t = 0; t < kTopics; ++t) {
      EXPECT_EQ(sub_->head(name(t)).sequence, static_cast<uint64_t>(kSamples));
      EXPECT_EQ(sub_->value(name(t)), value(kSamples));
    }
  }

  Host *sub_, *good_;
  std::vector<MemMessage> recording_;
};

TEST_F(ReplayTest, WhatAnotherPeerSaysAgainIsNotPublishedAgain) {
  const uint64_t written = sub_->counters().inbound.written;
  ASSERT_GT(written, 2u * kSamples);
  int batches = say_anew("beside it");
  expect_untouched(written);
  good_->stop();
  run(2 * kSecond);
  batches += say_anew("afterwards");
  expect_untouched(written);
  EXPECT_GE(batches, kSamples);
  EXPECT_GE(sub_->counters().inbound.dropped_old + sub_->counters().inbound.confirmed, 2u * kSamples)
      << "they were heard";
  // Byte for byte, with its session, as nobody else could have it.
  Stranger same(net(), "same");
  for (const MemMessage& m : recording_) {
    same.send(m.header, m.payload);
    settle();
    if (!m.payload.empty()) ++batches;
  }
  expect_untouched(written);
  print_row(Row{.id = "S7",
                .what = "recorded batches sent again by a peer",
                .n = static_cast<uint64_t>(batches),
                .violations = sub_->counters().inbound.written - written});
  // The source itself goes on.
  good_->start();
  good_->publish(name(0), "now", now_);
  EXPECT_TRUE(until(*sub_, name(0), "now"));
}

TEST_F(ReplayTest, WhatIsDoubledOnTheWayIsPublishedOnce) {
  const uint64_t before = sub_->counters().inbound.written;
  uint64_t doubled = 0;
  net().hook = [&](MemMessage* m) {
    if (m->dialer != "good" || !m->to_binder || m->payload.empty()) return MemNet::Fate::kDeliver;
    ++doubled;
    return MemNet::Fate::kTwice;
  };
  for (int i = 1; i <= kSamples; ++i) {
    good_->publish(name(0), value(kSamples + i), now_);
    run(200 * kMs, 10 * kMs);
  }
  net().hook = nullptr;
  ASSERT_TRUE(until(*sub_, name(0), value(2 * kSamples)));
  const uint64_t written = sub_->counters().inbound.written - before;
  EXPECT_GT(doubled, 20u);
  EXPECT_LE(written, static_cast<uint64_t>(kSamples));
  print_row(Row{.id = "S7",
                .what = "batches doubled on the way",
                .n = doubled,
                .violations = written > kSamples ? written - kSamples : 0});
}

}  // namespace
}  // namespace smt::relay
