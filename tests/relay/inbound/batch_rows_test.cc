// Rows of a Batch that go into the store side by side, and one at a time: whatever peers say and rules
// change, both ways leave the same topics, states and counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <set>

#include "relay/inbound/inbound.h"
#include "relay/store/mem_store.h"
#include "tests/proto/batch_rows.h"
#include "tests/relay/wire_topic.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

constexpr uint32_t kTopics = 12;  // of each peer; ids and names are the same for both

// Takes of the samples that it is given at once only so many.
class MeasuredStore : public MemStore {
 public:
  using MemStore::MemStore;
  size_t put_plain(std::span<const PlainSample> samples, const std::byte* values, int64_t written_ns,
                   const Provenance& provenance) override {
    const size_t taken =
        MemStore::put_plain(samples.first(std::min(samples.size(), max)), values, written_ns, provenance);
    at_once += taken;
    return taken;
  }
  size_t max = 0;
  uint64_t at_once = 0;
};

std::string name_of(uint32_t id) { return "t/" + std::to_string(id); }
std::string peer_name(size_t peer) { return peer == 0 ? "a" : "b"; }

// A relay's receiving side with two peers.
struct Side {
  MeasuredStore store{2000};  // not all that may come has room
  InboundCounters counters;
  Inbound inbound{&store, Id128{}, &counters};
  std::array<std::unique_ptr<PeerReceiver>, 2> peers;
  std::vector<std::string> warned;

  void begin(size_t peer) {
    peers[peer].reset();
    peers[peer] = std::make_unique<PeerReceiver>(
        &inbound, peer + 1, peer_name(peer),
        [this](const std::string& key, const std::string&) { warned.push_back(key); });
    want(peer, {"**"});
  }
  void want(size_t peer, const std::vector<std::string>& patterns) {
    peers[peer]->want(*SubscriptionSet::compile({{patterns, {}, 0}}));
  }
  // Of all topics, all that anybody can see of them.
  std::string seen() {
    std::string text;
    for (uint32_t id = 0; id < kTopics; ++id) {
      text += name_of(id);
      for (const auto& p : peers) {
        if (const auto s = p->status(name_of(id)))
          text += " last_put=" + std::to_string(static_cast<int>(s->last_put)) + " " + s->text;
      }
      if (const auto h = store.find(name_of(id))) {
        const SampleHead& head = store.head(*h);
        const Provenance from = store.provenance(*h, head.sequence);
        for (const int64_t n :
             {static_cast<int64_t>(head.sequence), head.stamp_ns, head.born_ns, head.written_ns,
              from.age_error_ns, from.delay_ns, static_cast<int64_t>(store.reported_state(*h)),
              static_cast<int64_t>(store.is_current(*h)), static_cast<int64_t>(store.session_key(*h))})
          text += " " + std::to_string(n);
        for (const std::byte b : store.value(*h)) text += static_cast<char>('a' + (static_cast<int>(b) & 15));
      }
      text += "\n";
    }
    return text;
  }
};

class BatchRows : public testing::TestWithParam<uint64_t> {
 protected:
  using SentAt = PeerReceiver::SentAt;
  uint64_t any(uint64_t below) { return random_() % below; }
  bool rarely() { return any(12) == 0; }

  static const Schema& schema_of(uint32_t id) {
    static const Schema kNumber = Schema::scalar(Type::kU64), kShort = Schema::scalar(Type::kU16),
                        kBytes = Schema::bytes();
    return id % 4 == 3 ? kBytes : id % 4 == 2 ? kShort : kNumber;
  }
  proto::Announce some_announce() {
    proto::Announce a;
    for (uint32_t id = 0; id < kTopics; ++id) {
      if (any(3) == 0) continue;
      proto::Topic t = wire_topic(id, name_of(id), 10, schema_of(id));
      t.set_hops(static_cast<uint32_t>(any(3)));
      t.set_every(id % 5 == 4);
      t.set_history(4);
      t.set_state(static_cast<proto::State>(any(4)));
      if (id == 1) t.mutable_origin()->set_id(std::string(16, any(2) == 0 ? 'o' : 'p'));
      *a.add_topic() = t;
      known_[peer_].insert(id);
    }
    return a;
  }
  // As a sender writes it, or nearly.
  proto::Batch some_batch(std::string* payload) {
    std::vector<proto::BatchRow> rows;
    std::vector<uint64_t> sizes;
    const int64_t error = any(4) == 0 ? -1 : static_cast<int64_t>(any(2) * 1000);
    for (uint32_t id = 0; id < kTopics; ++id) {
      if (any(4) == 0 || (known_[peer_].count(id) == 0 && any(200) != 0)) continue;
      for (uint64_t n = id % 5 == 4 ? 1 + any(3) : 1; n > 0; --n) {
        const int64_t age = rarely() ? static_cast<int64_t>(random_()) : static_cast<int64_t>(any(5 * kMs));
        const uint64_t step = rarely() ? random_() >> any(64) : any(60) == 0 ? -any(3) : 1;
        rows.push_back({id, step, static_cast<int64_t>(random_()), age,
                        rarely() ? static_cast<int64_t>(any(3)) : error});
        const uint64_t bytes = schema_of(id).size != 0 ? schema_of(id).size : any(11);
        if (schema_of(id).size == 0) sizes.push_back(bytes);
        for (uint64_t i = 0; i < bytes; ++i) *payload += static_cast<char>(random_());
      }
    }
    proto::Batch b;
    if (rows.empty()) return b;
    proto::append_rows(rows, &b);
    for (const uint64_t size : sizes) b.add_size(size);
    if (any(100) == 0) payload->resize(any(payload->size() + 3));
    return b;
  }
  proto::Chunk some_chunk(std::string* piece) {
    proto::Chunk c;
    c.set_id(static_cast<uint32_t>(any(kTopics)));
    c.set_sequence(1 + any(1000));
    c.set_size(schema_of(c.id()).size != 0 ? schema_of(c.id()).size : any(11));
    const uint64_t first = any(c.size() + 1);
    *piece = std::string(any(2) == 0 ? c.size() : first, 'c');
    return c;
  }
  std::vector<ReceiveRule> some_rules() {
    ReceiveRule strict, all;
    strict.topic = {name_of(static_cast<uint32_t>(any(kTopics)))};
    strict.drop_older_ns = any(2) == 0 ? kMs : 0;
    strict.on_stale = any(2) == 0 ? OnStale::kHold : OnStale::kZero;
    all.topic = {any(4) == 0 ? "t/1*" : "**"};
    return {strict, all};
  }

  // Does the same on both sides. What it returns is the same too.
  template <class Do>
  bool on_both(const Do& act) {
    const bool here = act(one_by_one_), there = act(side_by_side_);
    EXPECT_EQ(here, there);
    return here;
  }
  SentAt some_sent() {
    if (any(4) == 0) return {};
    const int64_t delay = any(40) == 0 ? 300 * kMs : static_cast<int64_t>(any(kMs));
    return {now_ns_ - delay, 1000};
  }
  bool say_something() {
    const SentAt sent = some_sent();
    std::string payload;
    switch (any(16)) {
      case 0: {
        const proto::Announce a = some_announce();
        return on_both([&](Side& s) { return s.peers[peer_]->announce(a, sent, now_ns_); });
      }
      case 1: {
        proto::StateChange change;
        change.add_id(static_cast<uint32_t>(any(kTopics)));
        change.add_state(static_cast<proto::State>(any(4)));
        if (known_[peer_].count(change.id(0)) == 0) return true;
        return on_both([&](Side& s) { return s.peers[peer_]->state(change); });
      }
      case 2: {
        const proto::Chunk c = some_chunk(&payload);
        if (known_[peer_].count(c.id()) == 0) return true;
        return on_both([&](Side& s) { return s.peers[peer_]->chunk(c, view(payload), sent, now_ns_); });
      }
      case 3: {
        proto::Forget forget;
        forget.add_id(static_cast<uint32_t>(any(kTopics)));
        if (known_[peer_].erase(forget.id(0)) == 0) return true;
        return on_both([&](Side& s) { return s.peers[peer_]->forget(forget); });
      }
      default: {
        const proto::Batch b = some_batch(&payload);
        if (b.topics() == 0) return true;
        proto::BatchColumns columns;
        if (!proto::read_columns(b, &columns)) columns.rows = 0;
        return on_both(
            [&](Side& s) { return s.peers[peer_]->batch(b, columns, view(payload), sent, now_ns_); });
      }
    }
  }
  void decide_something() {
    if (any(2) == 0) {
      const std::string pattern = any(2) == 0 ? "t/1*" : "**";
      on_both([&](Side& s) { return s.want(peer_, {pattern}), true; });
      return;
    }
    const std::vector<ReceiveRule> rules = some_rules();
    on_both([&](Side& s) {
      EXPECT_TRUE(s.inbound.configure(rules).ok());
      for (const auto& p : s.peers) p->reconsider();
      return true;
    });
  }
  void expect_same() {
    ASSERT_EQ(side_by_side_.seen(), one_by_one_.seen());
    ASSERT_EQ(memcmp(&side_by_side_.counters, &one_by_one_.counters, sizeof(InboundCounters)), 0);
    ASSERT_EQ(side_by_side_.warned, one_by_one_.warned);
  }
  static std::span<const std::byte> view(const std::string& s) { return std::as_bytes(std::span(s)); }

  std::mt19937_64 random_{GetParam()};
  Side one_by_one_, side_by_side_;
  std::array<std::set<uint32_t>, 2> known_;
  size_t peer_ = 0;
  int64_t now_ns_ = 100 * kSecond;
};

TEST_P(BatchRows, GoSideBySideAsTheyGoOneByOne) {
  for (const size_t peer : {0, 1}) on_both([&](Side& s) { return s.begin(peer), true; });
  for (int i = 0; i < 3000; ++i) {
    now_ns_ += static_cast<int64_t>(any(10 * kMs));
    peer_ = any(2);
    side_by_side_.store.max = any(4) == 0 ? any(kTopics) : SIZE_MAX;
    if (any(40) == 0) {
      decide_something();
    } else if (!say_something()) {  // its session ends
      known_[peer_].clear();
      on_both([&](Side& s) { return s.begin(peer_), true; });
    }
    expect_same();
    if (HasFailure()) return;
  }
  EXPECT_EQ(one_by_one_.store.at_once, 0u);
  EXPECT_GT(side_by_side_.store.at_once, 300u);
  EXPECT_GT(side_by_side_.counters.written, side_by_side_.store.at_once) << "some had more to ask";
}

INSTANTIATE_TEST_SUITE_P(Seeds, BatchRows, testing::Range<uint64_t>(0, 20));

}  // namespace
}  // namespace smt::relay
