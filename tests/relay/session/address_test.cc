// Several addresses of one peer: the preferred one is used while it answers, the next one when it does not,
// and nobody goes back and forth.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "relay/session/alternatives.h"
#include "relay/session/dial.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

// One source that is reached over three gateways, each a net of its own; "b" subscribes.
class AddressTest : public RelayTest {
 protected:
  void meet() {
    a_ = &host("a");
    for (const char* gate : {"first", "second"}) {
      Host& proxy = host(gate, {.proxy = true});
      bind(proxy, std::string("up-") + gate);
      bind(proxy, gate);
      dial(*a_, "a", std::string("up-") + gate);
    }
    b_ = &host("b", subscriber());
    b_->add_alternatives({[this] { return net("first").dial("mem://first", "b"); },
                          [this] { return net("second").dial("mem://second", "b"); }});
    a_->publish("x", "0", now_);
  }
  Host& gate_host(size_t i) { return *std::next(hosts_.begin(), static_cast<ptrdiff_t>(1 + i)); }
  size_t wants(size_t gate) { return gate_host(gate).runs() ? gate_host(gate).counters().session.wants : 0; }
  testing::AssertionResult flows() {
    a_->publish("x", std::to_string(++value_), now_);
    return until(*b_, "x", std::to_string(value_));
  }
  int value_ = 0;
};

TEST_F(AddressTest, ThePreferredAddressAloneIsUsedWhileItAnswers) {
  meet();
  ASSERT_TRUE(until(*b_, "x", "0"));
  run(10 * kSecond);
  EXPECT_EQ(b_->relay().peers().size(), 1u);
  EXPECT_EQ(b_->relay().peers()[0].endpoint, "mem://first");
  EXPECT_EQ(gate_host(1).counters().session.opened, 1u) << "the source's alone";
}

TEST_F(AddressTest, TheNextAddressTakesOverWithinThreeSeconds) {
  meet();
  ASSERT_TRUE(until(*b_, "x", "0"));
  gate_host(0).stop();
  ASSERT_TRUE(flows());
  EXPECT_LE(took_ns_, 3 * kSecond);
  EXPECT_EQ(wants(1), 1u);
}

TEST_F(AddressTest, WhereNobodyListensTheNextAddressIsTriedAtOnce) {
  meet();
  gate_host(0).stop();
  ASSERT_TRUE(until(*b_, "x", "0"));
  EXPECT_LE(took_ns_, 100 * kMs);
  EXPECT_EQ(wants(1), 1u);
}

TEST_F(AddressTest, TheEndOfAConnectionIsSeenAtOnce) {
  meet();
  ASSERT_TRUE(until(*b_, "x", "0"));
  net("first").cut("b");
  run(kMs);
  EXPECT_EQ(b_->counters().session.ended, 1u);
}

TEST_F(AddressTest, ThePreferredOneIsTakenBackWhenItHasStoodForHalfAMinute) {
  meet();
  ASSERT_TRUE(until(*b_, "x", "0"));
  gate_host(0).stop();
  ASSERT_TRUE(flows());
  gate_host(0).start();
  run(25 * kSecond);
  EXPECT_EQ(wants(0), 0u) << "it stands by";
  EXPECT_EQ(wants(1), 1u);
  ASSERT_TRUE(flows());
  run(20 * kSecond);
  EXPECT_EQ(wants(0), 1u);
  EXPECT_EQ(wants(1), 0u);
  EXPECT_EQ(b_->relay().peers().size(), 1u);
  ASSERT_TRUE(flows());
}

TEST_F(AddressTest, AnAddressThatComesAndGoesIsNotFollowed) {
  meet();
  ASSERT_TRUE(until(*b_, "x", "0"));
  gate_host(0).stop();
  ASSERT_TRUE(flows());
  const uint64_t opened = b_->counters().session.opened;
  for (int i = 0; i < 6; ++i) {
    gate_host(0).start();
    run(10 * kSecond);
    gate_host(0).stop();
    run(5 * kSecond);
    ASSERT_TRUE(flows());
    EXPECT_LE(took_ns_, 5 * kMs) << "the second one carries it all the time";
  }
  EXPECT_GT(b_->counters().session.opened, opened) << "the first one was tried";
}

TEST_F(AddressTest, WhenTheUsedOneIsLostTheOneThatStandsByGoesOnAtOnce) {
  meet();
  ASSERT_TRUE(until(*b_, "x", "0"));
  gate_host(0).stop();
  ASSERT_TRUE(flows());
  gate_host(0).start();
  run(10 * kSecond);
  gate_host(1).stop();
  ASSERT_TRUE(flows());
  EXPECT_LE(took_ns_, 1 * kSecond);
}

TEST_F(AddressTest, NothingCrossesTwiceToAPeerThatIsReachedTwoWays) {
  // The source has both addresses of a gateway that wants everything.
  Host& gate = host("gate", {.receive = all(), .proxy = true});
  bind(gate, "one");
  bind(gate, "two");
  a_ = &host("a");
  a_->add_alternatives({[this] { return net("one").dial("mem://one", "a"); },
                        [this] { return net("two").dial("mem://two", "a"); }});
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(gate, "x", "1"));
  net("one").hook = [](MemMessage*) { return MemNet::Fate::kDrop; };
  run(3 * kSecond);
  net("one").hook = nullptr;
  run(15 * kSecond);
  const uint64_t before = a_->counters().outbound.samples;
  for (int i = 0; i < 10; ++i) {
    a_->publish("x", "v" + std::to_string(i), now_);
    run(10 * kMs);
  }
  EXPECT_EQ(gate.value("x"), "v9");
  EXPECT_EQ(a_->counters().outbound.samples - before, 10u);
}

// Many relays, all with the same list of three gateways.
class ManyDialersTest : public RelayTest {
 protected:
  void start(AddressOrder order) {
    for (const char* gate : kGates) bind(host(gate, {.proxy = true}), gate);
    for (uint32_t i = 0; i < kDialers; ++i) {
      const std::string name = "b" + std::to_string(i);
      Host& b = host(name, {.receive = all(), .serves = false, .random = std::mt19937_64(i)});
      std::vector<Host::MakeLink> make;
      for (const char* gate : kGates)
        make.push_back([this, gate, name] { return net(gate).dial(std::string("mem://") + gate, name); });
      b.add_alternatives(make, order);
    }
  }
  Host& gate(size_t i) { return *std::next(hosts_.begin(), static_cast<ptrdiff_t>(i)); }
  size_t peers(size_t gate_number) {
    return gate(gate_number).runs() ? gate(gate_number).relay().peers().size() : 0;
  }
  static constexpr uint32_t kDialers = 60;
  static constexpr std::array kGates = {"first", "second", "third"};
};

TEST_F(ManyDialersTest, AllUseTheFirstAddressOfTheirList) {
  start(AddressOrder::kListed);
  run(5 * kSecond, 10 * kMs);
  EXPECT_EQ(peers(0), kDialers);
  EXPECT_EQ(peers(1) + peers(2), 0u);
}

TEST_F(ManyDialersTest, SpreadOverAllAddressesWhereTheOrderIsRandom) {
  start(AddressOrder::kRandom);
  run(5 * kSecond, 10 * kMs);
  EXPECT_EQ(peers(0) + peers(1) + peers(2), kDialers);
  for (size_t i = 0; i < kGates.size(); ++i) EXPECT_GE(peers(i), kDialers / 6) << kGates[i];
}

TEST_F(ManyDialersTest, GoOnAtTheAddressesThatAreLeftAndComeBackToTheOnesThatTheyPreferred) {
  start(AddressOrder::kRandom);
  run(5 * kSecond, 10 * kMs);
  const std::map<size_t, size_t> before = {{0, peers(0)}, {1, peers(1)}, {2, peers(2)}};
  gate(0).stop();
  run(5 * kSecond, 10 * kMs);
  EXPECT_EQ(peers(1) + peers(2), kDialers);
  EXPECT_GT(peers(1), before.at(1)) << "one of them alone would not spread them";
  EXPECT_GT(peers(2), before.at(2));
  gate(0).start();
  run(45 * kSecond, 50 * kMs);
  for (size_t i = 0; i < kGates.size(); ++i) EXPECT_EQ(peers(i), before.at(i)) << kGates[i];
}

TEST(Shuffle, EachOrderIsAsLikelyAsTheOthers) {
  std::mt19937_64 random(5);
  std::map<std::vector<int>, int> seen;
  for (int i = 0; i < 6000; ++i) {
    std::vector<int> list = {1, 2, 3};
    shuffle(&list, [&random] { return random(); });
    ++seen[list];
  }
  EXPECT_EQ(seen.size(), 6u);
  for (const auto& [list, times] : seen) EXPECT_NEAR(times, 1000, 150);
}

TEST(Dial, ARoundTripThatSeemedToLastAMinutePutsTheNextAttemptOffForEightSecondsAtMost) {
  Dial dial;
  dial.begin(1, kSecond);
  dial.on_hello_sent();
  dial.on_session_ended(60 * kSecond);
  EXPECT_TRUE(dial.due(2 * kSecond));
  dial.begin(2, 2 * kSecond);
  dial.on_hello_sent();
  EXPECT_EQ(dial.due_ns(2 * kSecond), 10 * kSecond);
}

}  // namespace
}  // namespace smt::relay
