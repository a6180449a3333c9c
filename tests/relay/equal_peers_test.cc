// Peers that want the same share what the relay knows of them: each gets what it would get if it were alone,
// and is counted as if it were, also when its link refuses, its connection ends, or its rules change.
#include <map>
#include <string>
#include <vector>

#include "tests/relay/relay_diary.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

class EqualPeersTest : public RelayTest {
 protected:
  // Of two words, and so small that one message has all of them: what a peer has had is taken over from the
  // last message alone.
  static constexpr int kTopics = 80, kPeers = 4;

  // A host that serves, and those that mirror it.
  struct Side {
    std::string net;
    Host* source;
    std::vector<Host*> to;
    std::map<std::string, std::vector<std::string>> batches;  // by dialler, with their payloads
  };

  static std::string name(int topic) { return "t/" + std::to_string(topic); }
  static std::string dialer(int peer) { return "p" + std::to_string(peer); }
  static std::vector<SendRule> rules(const std::vector<std::pair<std::string, Pacing>>& pacing) {
    std::vector<SendRule> out;
    for (const auto& [topic, p] : pacing) {
      out.emplace_back().topic = {topic};
      out.back().pacing = p;
    }
    return out;
  }
  void begin(Side* s, const std::string& net_name, const std::vector<int>& peers) {
    s->net = net_name;
    s->source = &host("a", {.send_rules = rules({{"**", {}}}), .origin = 1});
    bind(*s->source, net_name);
    for (const int peer : peers) {
      HostOptions options = subscriber();
      if (peer == otherwise_)
        options.receive.insert(options.receive.begin(), {{"t/5"}, {}, 0, {.on_change = true}, 0});
      s->to.push_back(&host(dialer(peer), options));
      dial(*s->to.back(), dialer(peer), net_name);
    }
    net(net_name).set_delay(kMs / 2, kMs / 2);
    net(net_name).hook = [s](MemMessage* m) {
      proto::Envelope e;
      EXPECT_EQ(proto::open_message(byte_view(m->header), byte_view(m->payload), &e), proto::Opened::kOk);
      if (e.has_batch()) s->batches[m->dialer].push_back(e.batch().SerializeAsString() + m->payload);
      return MemNet::Fate::kDeliver;
    };
  }
  uint64_t any(uint64_t below) { return random_() % below; }
  std::string value() { return std::string(4, static_cast<char>('a' + any(26))); }
  // On all hosts alike.
  void publish(int topic) {
    const std::string v = value();
    const uint64_t sequence = ++sequences_[topic];
    for (Side* s : sides_) s->source->publish(name(topic), v, now_, sequence);
  }
  void publish_all() {
    for (int i = 0; i < kTopics; ++i) publish(i);
  }
  void publish_rounds(int rounds) {
    for (int i = 0; i < rounds; ++i, now_ += kMs) {
      publish_all();
      settle();
    }
  }
  void remove(int topic) {
    for (Side* s : sides_) s->source->remove(name(topic));
  }
  void configure(const std::vector<std::pair<std::string, Pacing>>& pacing) {
    for (Side* s : sides_) {
      ASSERT_TRUE(s->source->relay().configure(rules(pacing), {}, {}, {}, {}).ok());
    }
  }
  static std::vector<uint64_t> counts(const OutboundCounters& c) {
    return {c.publications,    c.samples,    c.batches,   c.payload_bytes,
            c.announces,       c.superseded, c.unchanged, c.overwritten,
            c.dropped_too_old, c.refused,    c.chunks,    c.passed_over_by_rate};
  }
  static std::vector<uint64_t> sum(const std::vector<Side>& sides) {
    std::vector<uint64_t> out = counts({});
    for (const Side& s : sides) {
      const std::vector<uint64_t> more = counts(s.source->counters().outbound);
      for (size_t i = 0; i < out.size(); ++i) out[i] += more[i];
    }
    return out;
  }
  void expect_newest(const Host& source, const Host& peer) {
    for (int i = 0; i < kTopics; ++i) {
      ASSERT_EQ(peer.value(name(i)), source.value(name(i))) << i;
      ASSERT_EQ(peer.head(name(i)).sequence, sequences_[i]) << i;
      ASSERT_EQ(peer.head(name(i)).stamp_ns, source.head(name(i)).stamp_ns) << i;
    }
  }
  // One side, all of whose peers have all topics, which are steady from here on.
  void begin_together() {
    begin(&together_, "together", {0, 1, 2, 3});
    sides_ = {&together_};
    publish_all();
    run(50 * kMs);
    publish_rounds(3);
    run(10 * kMs);
    for (const Host* peer : together_.to) expect_newest(*together_.source, *peer);
  }
  OutboundCounters sent() const { return together_.source->counters().outbound; }

  int otherwise_ = -1;  // this peer wants one topic on change
  std::mt19937 random_{23};
  std::map<int, uint64_t> sequences_;
  Side together_;
  std::vector<Side> alone_{kPeers};
  std::vector<Side*> sides_;
};

TEST_F(EqualPeersTest, EachGetsAndIsCountedWhatItWouldBeAlone) {
  otherwise_ = 3;
  begin(&together_, "together", {0, 1, 2, 3});
  sides_.push_back(&together_);
  for (int peer = 0; peer < kPeers; ++peer) {
    Side& side = alone_[static_cast<size_t>(peer)];
    begin(&side, "alone" + std::to_string(peer), {peer});
    sides_.push_back(&side);
  }
  const auto each_net = [&](const auto& call) {
    for (Side* s : sides_) call(net(s->net));
  };
  publish_all();
  for (int round = 0; round < 600; ++round, now_ += kMs) {
    // Mostly all topics move, in other rounds some do, several times.
    for (int i = 0; i < kTopics; ++i) {
      if (round % 10 < 6 || any(3) == 0) publish(i);
      if (round % 10 == 8 && any(2) == 0) publish(i);
    }
    const std::string slow = dialer(static_cast<int>(round / 40 % kPeers));
    if (round % 40 == 17) each_net([&](MemNet& n) { n.set_room(slow, 0); });
    if (round % 40 == 17 + round / 40 % 5) each_net([&](MemNet& n) { n.set_room(slow, 1000); });
    if (round == 155) each_net([](MemNet& n) { n.cut("p2"); });
    if (round == 165) each_net([](MemNet& n) { n.heal("p2"); });
    if (round % 90 == 45) remove(static_cast<int>(any(kTopics)));
    if (round == 240) configure({{"t/*3", {.period_ns = 3 * kMs}}, {"**", {}}});
    if (round == 300)
      configure({{"t/*3", {.on_change = true}}, {"t/*4", {.priority = Priority::kHigh}}, {"**", {}}});
    if (round == 360) configure({{"t/*7", {.every = true}}, {"t/1*", {}}, {"**", {}}});
    if (round == 420) configure({{"**", {}}});
    if (round == 450) {
      for (Side* s : sides_) {
        for (Host* peer : s->to) {
          if (peer->name() == "p1") peer->relay().get(all(), false, now_, kSecond);
        }
      }
    }
    settle();
    for (const Side& side : alone_) {
      for (const auto& [to, batches] : side.batches)
        ASSERT_EQ(together_.batches[to], batches) << to << " " << round;
    }
    ASSERT_EQ(counts(sent()), sum(alone_)) << round;
    for (Side* s : sides_) s->batches.clear();
  }
  run(kSecond, 10 * kMs);
  EXPECT_EQ(counts(sent()), sum(alone_));
  EXPECT_GT(sent().refused, 20u);
  for (const Host* peer : together_.to) expect_newest(*together_.source, *peer);
}

TEST_F(EqualPeersTest, ASlowOneLosesWhatIsItsOwnAndNoMore) {
  begin_together();
  std::vector<Diary> diaries(kPeers, Diary(&now_));
  for (size_t i = 0; i < kPeers; ++i) diaries[i].follow(*together_.to[i]);
  const OutboundCounters before = sent();
  net("together").set_room("p1", 0);
  publish_rounds(5);
  net("together").set_room("p1", 1000);
  run(10 * kMs);
  for (const Host* peer : together_.to) expect_newest(*together_.source, *peer);
  for (int i = 0; i < kTopics; ++i) {
    for (const size_t peer : {0, 2, 3}) ASSERT_EQ(diaries[peer].count(name(i)), 5u) << peer << " " << i;
    ASSERT_EQ(diaries[1].count(name(i)), 1u) << i;
  }
  EXPECT_EQ(sent().superseded - before.superseded, 4u * kTopics);
  EXPECT_EQ(sent().samples - before.samples, (3u * 5 + 1) * kTopics);
  EXPECT_EQ(sent().publications - before.publications, 4u * 5 * kTopics);
  // It is one of them again.
  publish_rounds(3);
  run(10 * kMs);
  for (size_t peer = 0; peer < kPeers; ++peer) {
    for (int i = 0; i < kTopics; ++i)
      ASSERT_EQ(diaries[peer].count(name(i)), peer == 1 ? 4u : 8u) << peer << " " << i;
  }
  EXPECT_EQ(sent().superseded - before.superseded, 4u * kTopics);
}

TEST_F(EqualPeersTest, WhatAReloadMakesSpecialIsCountedOnce) {
  begin_together();
  publish_rounds(3);
  const OutboundCounters before = sent();
  configure({{"**", {.priority = Priority::kHigh}}});
  publish_rounds(2);
  run(10 * kMs);
  for (const Host* peer : together_.to) expect_newest(*together_.source, *peer);
  EXPECT_EQ(sent().publications - before.publications, 4u * 2 * kTopics);
  EXPECT_EQ(sent().samples - before.samples, 4u * 2 * kTopics);
  EXPECT_EQ(sent().superseded, before.superseded);
}

TEST_F(EqualPeersTest, OneThatComesBackGetsWhatItHasMissedAndTheOthersNothingTwice) {
  begin_together();
  net("together").cut("p2");
  for (int i = 0; i < kTopics; i += 3) publish(i);
  run(50 * kMs);
  std::vector<Diary> diaries(kPeers, Diary(&now_));
  for (size_t i = 0; i < kPeers; ++i) diaries[i].follow(*together_.to[i]);
  net("together").heal("p2");
  ASSERT_TRUE(until([&] { return together_.to[2]->head(name(0)).sequence == sequences_[0]; }));
  run(50 * kMs);
  expect_newest(*together_.source, *together_.to[2]);
  publish_rounds(3);
  run(10 * kMs);
  for (size_t peer = 0; peer < kPeers; ++peer) {
    expect_newest(*together_.source, *together_.to[peer]);
    for (int i = 0; i < kTopics; ++i) {
      ASSERT_TRUE(diaries[peer].rises(name(i))) << peer << " " << i;
      if (peer == 2) continue;
      ASSERT_EQ(diaries[peer].count(name(i)), 3u) << peer << " " << i;
    }
  }
}

}  // namespace
}  // namespace smt::relay
