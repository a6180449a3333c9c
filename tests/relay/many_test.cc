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
  Sent send(const PeerId& to, std::span<const std::byte> header, const Frame& payload) override {
    ++messages_;
    proto::Envelope m;
    proto::BatchColumns columns;
    if (proto::open_message(header, payload.bytes, &m, &columns) == proto::Opened::kOk && m.has_reset())
      resets_[to] = m.reset().reason();
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
  // Why their sessions have ended.
  const std::map<PeerId, int>& resets() const { return resets_; }

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
  std::map<PeerId, int> values_, resets_;
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
  static proto::Reset bye() {
    proto::Reset reset;
    reset.set_reason(proto::Reset::BYE);
    return reset;
  }
  static proto::Announce announce(uint32_t first, uint32_t count) {
    const Schema schema = Schema::scalar(Type::kU64);
    proto::Announce message;
    for (uint32_t id = first; id < first + count; ++id) {
      proto::Topic* t = message.add_topic();
      t->set_id(id);
      t->set_name("topic/" + std::to_string(id));
      t->set_schema(schema.text());
      t->set_schema_hash(schema.hash());
      t->mutable_origin()->set_id(std::string(16, 'o'));
      t->mutable_origin()->set_segment_id(std::string(16, 's'));
    }
    return message;
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
  const size_t count = Scale::get().sized(500, 100'000, 1000), before = heap_bytes();
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
  add_peers(1000);
  const uint64_t before = link_->messages();
  for (int i = 0; i < 4; ++i) {
    now_ns_ += 100 * kMs;
    step();
  }
  EXPECT_EQ(link_->messages() - before, 2000u) << "one each 200 ms";
  EXPECT_EQ(relay_->peers().size(), 1000u);
  acknowledge(3, 0);
  step();
  now_ns_ += 300 * kMs;
  step();
  ASSERT_EQ(relay_->peers().size(), 1u);
  EXPECT_EQ(relay_->peers()[0].name, "p3");
}

TEST_F(CrowdTest, NoMoreSessionsBeginThanThereIsMemoryFor) {
  RelayOptions o;
  o.max_session_bytes = 100 * 4096;
  start(std::move(o));
  add_peers(103);
  EXPECT_EQ(relay_->peers().size(), 100u);
  EXPECT_EQ(relay_->counters().session.full, 3u);
  EXPECT_EQ(link_->resets(),
            (std::map<PeerId, int>{
                {"p100", proto::Reset::FULL}, {"p101", proto::Reset::FULL}, {"p102", proto::Reset::FULL}}));
  link_->say(5, 0, bye());
  step();
  add_peers(1);
  EXPECT_EQ(relay_->peers().size(), 100u);
}

TEST_F(CrowdTest, APeerWhoseTopicsTakeMoreMemoryThanItMayHaveIsRefused) {
  RelayOptions o;
  o.max_session_bytes = 1 << 20;
  o.proxy = true;
  start(std::move(o));
  add_peers(2);
  uint32_t topics = 0;
  for (uint64_t number = 1; relay_->peers().size() == 2 && topics < 10'000; ++number) {
    link_->say(1, number, announce(topics, 10));
    topics += 10;
    step();
  }
  EXPECT_EQ(link_->resets(), (std::map<PeerId, int>{{"p1", proto::Reset::FULL}}));
  EXPECT_EQ(relay_->counters().session.full, 1u);
  EXPECT_GT(topics, 100u);
  EXPECT_LT(topics, 2000u) << "each takes some 500 bytes";
  link_->say_hello(peers_++);
  step();
  EXPECT_EQ(relay_->peers().size(), 2u) << "what it held is free again";
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
  const FleetSize size{Scale::get().sized(50, 10'000, 200), Scale::get().sized(10, 20)};
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

TEST(ManyRobotsTest, SayATenthAtAGatewayThatAsksForTenTimesTheHeartbeat) {
  const FleetSize size{100, 1};
  const auto messages = [&](const Liveness& liveness) {
    MemoryFleet all(size, 100 * kSecond, liveness);
    all.go_on(all.now_ns() + 5 * kSecond, true, [] { return false; });
    const uint64_t before = all.messages();
    all.go_on(all.now_ns() + 20 * kSecond, true, [] { return false; });
    EXPECT_EQ(all.fleet().lost(), 0u);
    return static_cast<double>(all.messages() - before);
  };
  const double often = messages({}), seldom = messages({2 * kSecond, 5 * kSecond});
  EXPECT_NEAR(seldom / often, 0.1, 0.02);
}

}  // namespace
}  // namespace smt::relay
