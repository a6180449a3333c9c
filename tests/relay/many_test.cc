// Many peers of one relay: what a session costs that wants nothing, and a whole fleet at one proxy.
#include <gtest/gtest.h>
#include <malloc.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proto/codec.h"
#include "relay/relay.h"
#include "relay/store/mem_store.h"
#include "tests/relay/fleet.h"
#include "tests/relay/store/relay_description.h"
#include "tests/scale.h"
#include "tests/text.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

// A link that binds and has any number of peers, which say what the test has them say, and take all.
class CrowdLink : public Link {
 public:
  bool dials() const override { return false; }
  const std::string& endpoint() const override { return endpoint_; }
  bool receive(Incoming* in) override {
    if (next_ == said_.size()) return false;
    Said& s = said_[next_++];
    in->peer = std::exchange(s.peer, {});
    header_ = std::exchange(s.header, {});
    in->malformed = false;
    in->header = std::as_bytes(std::span(header_));
    in->payload = {};
    return true;
  }
  Sent send(const PeerId& to, std::span<const std::byte>, const Frame& payload) override {
    ++messages_;
    if (!payload.bytes.empty()) ++values_[to];
    return Sent::kOk;
  }
  void redial() override {}
  int fd() const override { return -1; }
  bool readable() override { return next_ != said_.size(); }

  static PeerId name(size_t peer) { return "p" + std::to_string(peer); }
  template <class Body>
  void say(size_t peer, uint64_t number, const Body& body) {
    if (next_ == said_.size()) {
      said_.clear();
      next_ = 0;
    }
    said_.push_back({name(peer), proto::seal_message(peer + 1, number, body)});
  }
  void say_hello(size_t peer) {
    proto::Hello hello;
    hello.set_least_version(proto::kMinVersion);
    hello.set_version(proto::kVersion);
    hello.set_instance(peer + 1000);
    hello.set_name(name(peer));
    hello.set_serves(true);
    say(peer, 0, hello);
  }
  uint64_t messages() const { return messages_; }
  // Messages with a payload.
  std::map<PeerId, int>& values() { return values_; }

 private:
  struct Said {
    PeerId peer;
    std::string header;
  };
  const std::string endpoint_ = "crowd://";
  std::vector<Said> said_;
  size_t next_ = 0;
  std::string header_;
  uint64_t messages_ = 0;
  std::map<PeerId, int> values_;
};

class CrowdTest : public testing::Test {
 protected:
  CrowdTest() { start({}); }
  void start(RelayOptions o) {
    relay_.reset();
    o.name = "relay";
    o.instance = 1;
    o.send.resize(1);
    o.random = [this] { return ++random_; };
    relay_ = std::make_unique<Relay>(&store_, std::move(o));
    auto link = std::make_unique<CrowdLink>();
    link_ = link.get();
    relay_->add(std::move(link));
  }
  void step() {
    do {
      relay_->step(now_ns_);
    } while (!relay_->idle());
  }
  void add_topics(size_t count) {
    TopicOrigin origin;
    origin.origin_id[0] = 1;  // no peer's own
    for (size_t i = 0; i < count; ++i) {
      const std::string name = "robot/" + std::to_string(i) + "/position";
      handles_.push_back(*store_.open(describe(name, Schema::scalar(Type::kU64), 0, origin), 0));
    }
    publish();
  }
  void publish() {
    ++sequence_;
    for (const uint32_t handle : handles_)
      store_.put(handle, {sequence_, now_ns_, now_ns_, now_ns_}, byte_view("8 bytes."));
  }
  void add_peers(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      link_->say_hello(peers_++);
      if (i % 1000 == 999) step();
    }
    step();
  }
  void want(size_t peer, const std::string& pattern) {
    proto::Want want;
    want.add_selection()->add_topic(pattern);
    link_->say(peer, 1, want);
    step();
  }
  // Round trips are of no interest here: the window is open.
  void acknowledge(size_t peer, uint64_t number) {
    proto::Report report;
    report.set_acknowledged(number);
    link_->say(peer, 0, report);
  }
  static size_t heap_bytes() {
    const struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
  }

  int64_t now_ns_ = 1'000'000 * kSecond;
  MemStore store_;
  std::unique_ptr<Relay> relay_;
  CrowdLink* link_;  // relay_ owns it
  std::vector<uint32_t> handles_;
  uint64_t sequence_ = 0, random_ = 0;
  size_t peers_ = 0;
};

TEST_F(CrowdTest, APeerThatWantsNothingTakesFourKibibytesHoweverManyTopicsThereAre) {
#ifdef SMT_ADDRESS_SANITIZER
  GTEST_SKIP() << "its allocator does not tell";
#endif
  add_topics(2000);
  add_peers(10);
  const size_t count = Scale::get().sized(500, 900), before = heap_bytes();
  add_peers(count);
  ASSERT_EQ(relay_->peers().size(), count + 10);
  publish();
  step();
  EXPECT_LE((heap_bytes() - before) / count, 4096u);
}

TEST_F(CrowdTest, OfManyPeersThoseGetATopicThatWantIt) {
  add_topics(200);
  add_peers(300);
  want(17, "robot/3/position");
  want(251, "robot/199/**");
  link_->values().clear();
  publish();
  step();
  EXPECT_EQ(link_->values(), (std::map<PeerId, int>{{"p17", 1}, {"p251", 1}}));
}

TEST_F(CrowdTest, APeerIsToldOfATopicThatAppearsAfterItsWant) {
  add_peers(10);
  want(4, "robot/*/position");
  add_topics(1);
  step();
  EXPECT_EQ(link_->values(), (std::map<PeerId, int>{{"p4", 1}}));
}

TEST_F(CrowdTest, EachOfManyPeersGetsItsReportsAndEndsInSilence) {
  add_peers(900);
  const uint64_t before = link_->messages();
  for (int i = 0; i < 4; ++i) {
    now_ns_ += 100 * kMs;
    step();
  }
  EXPECT_EQ(link_->messages() - before, 1800u) << "one each 200 ms";
  EXPECT_EQ(relay_->peers().size(), 900u);
  acknowledge(3, 0);
  step();
  now_ns_ += 300 * kMs;
  step();
  ASSERT_EQ(relay_->peers().size(), 1u);
  EXPECT_EQ(relay_->peers()[0].name, "p3");
}

TEST_F(CrowdTest, APeerThatWantsOneTopicTakesLittleForAllOthers) {
#ifdef SMT_ADDRESS_SANITIZER
  GTEST_SKIP() << "its allocator does not tell";
#endif
  const size_t topics = 20'000, count = 50;
  add_peers(count);
  for (size_t i = 0; i < count; ++i) want(i, "robot/" + std::to_string(i * topics / count) + "/*");
  step();
  const size_t before = heap_bytes();
  add_topics(topics);
  const size_t of_topics = heap_bytes() - before;
  step();
  EXPECT_EQ(link_->values().size(), count);
  EXPECT_LE((heap_bytes() - before - of_topics) / count, 256u * 1024)
      << "136 bytes a topic would be ten times that";
}

TEST_F(CrowdTest, ATopicIsToldOfOnlyToThoseThatWantIt) {
  add_peers(200);
  want(7, "other/**");
  const uint64_t before = link_->messages();
  add_topics(100);
  step();
  EXPECT_EQ(link_->messages(), before);
  EXPECT_EQ(relay_->counters().outbound.announces, 0u);
}

// 262,144 topics are the most that one session tells of, and the desk has them all from one.
TEST(ManyRobotsTest, StartTogetherAreAllUpSoonAndLoseNothing) {
  const FleetSize size{Scale::get().sized(50, 900, 200), Scale::get().sized(10, 20)};
  MemoryFleet all(size, kSecond);
  const int64_t began_ns = all.now_ns();
  all.go_on(began_ns + 10 * kSecond, true, [&] { return all.fleet().is_up(); });
  ASSERT_TRUE(all.fleet().is_up()) << all.fleet().desk().up() << " topics are up";
  EXPECT_EQ(all.fleet().lost(), 0u);
  all.go_on(all.now_ns() + 5 * kSecond, true, [] { return false; });
  all.go_on(all.now_ns() + kSecond, false, [&] { return all.fleet().stale() == 0; });
  EXPECT_EQ(all.fleet().stale(), 0u);
  EXPECT_EQ(all.fleet().lost(), 0u);
  EXPECT_EQ(all.fleet().desk().wrong(), 0u);
}

}  // namespace
}  // namespace smt::relay
