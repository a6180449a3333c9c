// Several addresses of one peer: the preferred one is used while it answers, the next one when it does not,
// and nobody goes back and forth. Seeded bug that makes it fail: in relay/session/alternatives.h, update() asks for
// no kStandsNs.
#include <gtest/gtest.h>

#include "relay/session/alternatives.h"
#include "relay/session/dial.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

// One source that is reached over three gateways, each a net of its own; "b" subscribes.
class AddressTest : public RelayTest {
 protected:
  void Meet() {
    a_ = &host("a");
    for (const char* gate : {"first", "second"}) {
      Host& proxy = host(gate, {.proxy = true});
      bind(proxy, std::string("up-") + gate);
      bind(proxy, gate);
      dial(*a_, "a", std::string("up-") + gate);
    }
    b_ = &host("b", Subscriber());
    b_->add_alternatives({[this] { return net("first").dial("mem://first", "b"); },
                          [this] { return net("second").dial("mem://second", "b"); }});
    a_->publish("x", "0", now_);
  }
  Host& Gate(size_t i) { return *std::next(hosts_.begin(), static_cast<ptrdiff_t>(1 + i)); }
  size_t Wants(size_t gate) { return Gate(gate).runs() ? Gate(gate).counters().session.wants : 0; }
  testing::AssertionResult Flows() {
    a_->publish("x", std::to_string(++value_), now_);
    return Until(*b_, "x", std::to_string(value_));
  }
  int value_ = 0;
};

TEST_F(AddressTest, ThePreferredAddressAloneIsUsedWhileItAnswers) {
  Meet();
  ASSERT_TRUE(Until(*b_, "x", "0"));
  Run(10 * kSecond);
  EXPECT_EQ(b_->relay().peers().size(), 1u);
  EXPECT_EQ(b_->relay().peers()[0].endpoint, "mem://first");
  EXPECT_EQ(Gate(1).counters().session.opened, 1u) << "the source's alone";
}

TEST_F(AddressTest, TheNextAddressTakesOverWithinThreeSeconds) {
  Meet();
  ASSERT_TRUE(Until(*b_, "x", "0"));
  Gate(0).stop();
  ASSERT_TRUE(Flows());
  EXPECT_LE(took_ns_, 3 * kSecond);
  EXPECT_EQ(Wants(1), 1u);
}

TEST_F(AddressTest, ThePreferredOneIsTakenBackWhenItHasStoodForHalfAMinute) {
  Meet();
  ASSERT_TRUE(Until(*b_, "x", "0"));
  Gate(0).stop();
  ASSERT_TRUE(Flows());
  Gate(0).start();
  Run(25 * kSecond);
  EXPECT_EQ(Wants(0), 0u) << "it stands by";
  EXPECT_EQ(Wants(1), 1u);
  ASSERT_TRUE(Flows());
  Run(20 * kSecond);
  EXPECT_EQ(Wants(0), 1u);
  EXPECT_EQ(Wants(1), 0u);
  EXPECT_EQ(b_->relay().peers().size(), 1u);
  ASSERT_TRUE(Flows());
}

TEST_F(AddressTest, AnAddressThatComesAndGoesIsNotFollowed) {
  Meet();
  ASSERT_TRUE(Until(*b_, "x", "0"));
  Gate(0).stop();
  ASSERT_TRUE(Flows());
  const uint64_t opened = b_->counters().session.opened;
  for (int i = 0; i < 6; ++i) {
    Gate(0).start();
    Run(10 * kSecond);
    Gate(0).stop();
    Run(5 * kSecond);
    ASSERT_TRUE(Flows());
    EXPECT_LE(took_ns_, 5 * kMs) << "the second one carries it all the time";
  }
  EXPECT_GT(b_->counters().session.opened, opened) << "the first one was tried";
}

TEST_F(AddressTest, WhenTheUsedOneIsLostTheOneThatStandsByGoesOnAtOnce) {
  Meet();
  ASSERT_TRUE(Until(*b_, "x", "0"));
  Gate(0).stop();
  ASSERT_TRUE(Flows());
  Gate(0).start();
  Run(10 * kSecond);
  Gate(1).stop();
  ASSERT_TRUE(Flows());
  EXPECT_LE(took_ns_, 1 * kSecond);
}

TEST_F(AddressTest, NothingCrossesTwiceToAPeerThatIsReachedTwoWays) {
  // The source has both addresses of a gateway that wants everything.
  Host& gate = host("gate", {.receive = All(), .proxy = true});
  bind(gate, "one");
  bind(gate, "two");
  a_ = &host("a");
  a_->add_alternatives({[this] { return net("one").dial("mem://one", "a"); },
                        [this] { return net("two").dial("mem://two", "a"); }});
  a_->publish("x", "1", now_);
  ASSERT_TRUE(Until(gate, "x", "1"));
  net("one").hook = [](MemMessage*) { return MemNet::Fate::kDrop; };
  Run(3 * kSecond);
  net("one").hook = nullptr;
  Run(15 * kSecond);
  const uint64_t before = a_->counters().outbound.samples;
  for (int i = 0; i < 10; ++i) {
    a_->publish("x", "v" + std::to_string(i), now_);
    Run(10 * kMs);
  }
  EXPECT_EQ(gate.value("x"), "v9");
  EXPECT_EQ(a_->counters().outbound.samples - before, 10u);
}

TEST(Dial, ARoundTripThatSeemedToLastAMinutePutsTheNextAttemptOffForEightSecondsAtMost) {
  Dial dial;
  dial.begin(1, kSecond);
  dial.said();
  dial.lost(60 * kSecond);
  EXPECT_TRUE(dial.due(2 * kSecond));
  dial.begin(2, 2 * kSecond);
  dial.said();
  EXPECT_EQ(dial.due_ns(2 * kSecond), 10 * kSecond);
}

}  // namespace
}  // namespace smt::relay
