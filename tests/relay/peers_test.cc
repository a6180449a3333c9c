// Peers that come and go while a relay runs: what is not touched goes on as if nothing had happened.
#include <limits>

#include "tests/relay/relay_diary.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

class PeersTest : public RelayTest {
 protected:
  // A source that binds one net for each mirror, by its name; samples come each in order.
  void SetUp() override { a_ = &host("a", {.history = 64}); }
  uint64_t bind_link(const std::string& name, const LinkOptions& options = {}) {
    return a_->relay().add(net(name).bind("mem://" + name), options);
  }
  Host& add_mirror(const std::string& name) {
    ReceiveRule every;
    every.topic = {"t*"};
    every.pacing.every = true;
    Host& h = host(name, {.serves = false, .receive_rules = {every}});
    dial(h, name, name);
    return h;
  }
  // Three topics, at 1 kHz.
  void go(int ms) {
    for (int i = 0; i < ms; ++i, now_ += kMs) {
      ++n_;
      for (const char* topic : {"t0", "t1", "t2"}) a_->publish(topic, std::to_string(1'000'000 + n_), now_);
      settle();
    }
  }
  // Each publication came once, over one session, and nothing was announced twice.
  void expect_undisturbed(Host& h, Diary* came) {
    for (const char* topic : {"t0", "t1", "t2"}) {
      EXPECT_EQ(came->count(topic), n_) << topic;
      EXPECT_EQ(came->missing(topic), 0u) << topic;
      EXPECT_TRUE(came->rises(topic)) << topic;
    }
    EXPECT_EQ(h.counters().session.opened, 1u);
    EXPECT_EQ(h.counters().session.ended, 0u);
  }
  uint64_t n_ = 0;
};

TEST_F(PeersTest, ALinkThatIsRemovedSaysGoodbyeAndTheOthersGoOn) {
  bind_link("left");
  const uint64_t right_link = bind_link("right");
  Host &left = add_mirror("left"), &right = add_mirror("right");
  Diary came(&now_);
  came.follow(left);
  run(100 * kMs);
  go(100);
  ASSERT_EQ(right.state("t0"), State::kEmpty);
  const uint64_t announces = a_->counters().outbound.announces;
  a_->relay().remove(right_link);
  settle();
  EXPECT_EQ(right.state("t0"), State::kLinkDown) << "at once";
  EXPECT_EQ(right.counters().session.ended, 1u);
  EXPECT_EQ(right.counters().session.silent, 0u);
  EXPECT_EQ(a_->relay().peers().size(), 1u);
  go(1000);
  expect_undisturbed(left, &came);
  EXPECT_EQ(a_->counters().outbound.announces, announces);
  EXPECT_EQ(right.value("t0"), "1000100") << "it keeps what it had";
}

TEST_F(PeersTest, ALinkThatIsAddedServesAndTheOthersGoOn) {
  bind_link("left");
  Host& left = add_mirror("left");
  Diary came(&now_);
  came.follow(left);
  run(100 * kMs);
  go(100);
  Host& right = add_mirror("right");
  bind_link("right");
  ASSERT_TRUE(until([&] { return right.state("t0") == State::kEmpty && right.head("t0").sequence == n_; }));
  go(100);
  EXPECT_EQ(right.head("t2").sequence, n_);
  expect_undisturbed(left, &came);
}

TEST_F(PeersTest, OneThatComesAndGoesFiftyTimesDisturbsNobody) {
  bind_link("left");
  Host &left = add_mirror("left"), &right = add_mirror("right");
  Diary came(&now_);
  came.follow(left);
  run(100 * kMs);
  for (int i = 0; i < 50; ++i) {
    const uint64_t link = bind_link("right");
    go(i % 7);
    a_->relay().remove(link);
    go(i % 3);
  }
  bind_link("right");
  ASSERT_TRUE(until([&] { return right.state("t0") == State::kEmpty && right.head("t0").sequence == n_; }));
  expect_undisturbed(left, &came);
}

TEST_F(PeersTest, OneThatDialsSaysGoodbyeToo) {
  Host& dialler = host("d");
  bind(*a_, "hub");
  Host& mirror = add_mirror("hub");
  const uint64_t link = dialler.relay().add(net("hub").dial("mem://hub", "d"));
  dialler.publish("x", "1", now_);
  run(100 * kMs);
  go(100);
  ASSERT_EQ(a_->relay().peers().size(), 2u);
  dialler.relay().remove(link);
  settle();
  EXPECT_EQ(a_->relay().peers().size(), 1u);
  EXPECT_EQ(a_->counters().session.silent, 0u);
  run(5 * kSecond);
  EXPECT_EQ(a_->counters().session.opened, 2u) << "and does not come back";
  EXPECT_EQ(mirror.counters().session.opened, 1u);
}

TEST_F(PeersTest, AllAddressesOfOnePeerGoTogether) {
  bind_link("first");
  bind_link("second");
  Host& h = host("m", subscriber());
  std::vector<std::unique_ptr<Link>> ways;
  ways.push_back(net("first").dial("mem://first", "m"));
  ways.push_back(net("second").dial("mem://second", "m"));
  const uint64_t number = h.relay().add(std::move(ways));
  const uint64_t other = h.relay().add(net("third").dial("mem://third", "m"));
  EXPECT_NE(number, other);
  go(100);
  ASSERT_EQ(h.head("t0").sequence, n_);
  h.relay().remove(number);
  settle();
  EXPECT_EQ(h.state("t0"), State::kLinkDown);
  run(5 * kSecond);
  EXPECT_TRUE(a_->relay().peers().empty());
}

TEST_F(PeersTest, WhatAPeerWantedIsNotAskedForUpstreamWhenItsLinkIsGone) {
  Host& proxy = host("p", {.proxy = true});
  bind_link("up");
  dial(proxy, "p", "up");
  const uint64_t link = proxy.relay().add(net("down").bind("mem://down"));
  Host& mirror = add_mirror("down");
  go(100);
  ASSERT_EQ(mirror.head("t0").sequence, n_);
  const uint64_t sent = a_->counters().outbound.samples;
  ASSERT_GT(sent, 0u);
  proxy.relay().remove(link);
  settle();
  go(100);
  EXPECT_EQ(a_->counters().outbound.samples, sent);
}

TEST_F(PeersTest, AnotherCapOfALinkCountsFromThereOnWithoutANewSession) {
  constexpr uint64_t kCap = 30'000;
  const uint64_t link = bind_link("left", {.bytes_per_s = kCap});
  Host& left = host("left", subscriber());
  dial(left, "left", "left");
  const auto sent_in = [&](int64_t ns) {
    const auto bytes = [&] {
      const MemNet::Traffic t = net("left").traffic("left", false);
      return t.header_bytes + t.payload_bytes;
    };
    const uint64_t before = bytes();
    for (const int64_t end = now_ + ns; now_ < end; now_ += kMs) {
      for (const char* topic : {"t0", "t1"}) a_->publish(topic, std::string(200, 'x'), now_);
      settle();
    }
    return bytes() - before;
  };
  sent_in(kSecond);
  EXPECT_LT(sent_in(2 * kSecond), 2 * kCap * 5 / 4);
  a_->relay().set_options(link, {});
  EXPECT_GT(sent_in(kSecond), 400'000u);
  a_->relay().set_options(link, {.bytes_per_s = kCap / 2});
  EXPECT_LT(sent_in(4 * kSecond), 2 * kCap * 5 / 4);
  EXPECT_EQ(left.counters().session.opened, 1u);
  EXPECT_EQ(left.counters().session.ended, 0u);
}

TEST_F(PeersTest, CompressionIsSwitchedWithoutANewSession) {
  const uint64_t link = bind_link("left");
  Host& left = host("left", subscriber());
  dial(left, "left", "left");
  const auto saved_in = [&](int ms) {
    const uint64_t before = a_->counters().outbound.saved_bytes;
    for (int i = 0; i < ms; ++i, now_ += kMs) {
      a_->publish("t0", std::string(4000, 'x'), now_);
      settle();
    }
    return a_->counters().outbound.saved_bytes - before;
  };
  EXPECT_EQ(saved_in(100), 0u);
  a_->relay().set_options(link, {.compress = true});
  EXPECT_GT(saved_in(100), 100'000u);
  a_->relay().set_options(link, {});
  EXPECT_EQ(saved_in(100), 0u);
  EXPECT_EQ(left.value("t0"), std::string(4000, 'x'));
  EXPECT_EQ(left.counters().session.opened, 1u);
}

TEST_F(PeersTest, ANumberThatNothingHasIsNobodys) {
  bind_link("left");
  Host& left = add_mirror("left");
  go(100);
  a_->relay().remove(std::numeric_limits<uint64_t>::max());
  a_->relay().set_options(0, {.bytes_per_s = 1});
  go(100);
  EXPECT_EQ(left.head("t0").sequence, n_);
}

}  // namespace
}  // namespace smt::relay
