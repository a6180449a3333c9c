// Values on their way through two relays: from shared memory into shared memory, over a link in memory and
// under a clock that the case moves. A relay is woken as its process is: by a change of its store, by a
// message, and when it is due.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/relay.h"
#include "relay/store/shm_store.h"
#include "shm/node.h"
#include "shm/topic.h"
#include "tests/instructions/cases.h"
#include "tests/relay/link_mem.h"
#include "tests/temp_folder.h"
#include "tests/times.h"

namespace smt::instructions {
namespace {

using relay::Pacing;

constexpr int kRoundMs = 5;  // each topic has a new value 200 times a second
constexpr int kWarmRounds = 40, kHeldUpRounds = 10;
constexpr size_t kRoom = 1000;  // of a link, in messages

int64_t now_ns = 1'000'000 * kSecond;
int64_t boottime() { return now_ns; }
int64_t realtime() { return now_ns + 1'700'000'000 * kSecond; }

// A host: its shared memory, and the relay over it.
class Machine {
 public:
  Machine(const std::string& root, const std::string& name, std::optional<std::string> mirror,
          relay::RelayOptions options, std::unique_ptr<relay::Link> link)
      : domain_(must(Domain::open({.root = root, .domain = name, .clock = {boottime, realtime}}))),
        store_(must(relay::ShmStore::open(domain_, {.mirror = std::move(mirror), .segment_bytes = 1 << 24}))),
        link_(link.get()) {
    options.name = name;
    options.origin_id = must(domain_.origin_id());
    options.instance = name.size();
    options.random = [this] { return ++random_; };
    relay_ = std::make_unique<relay::Relay>(store_.get(), std::move(options));
    relay_->add(std::move(link));
  }

  // What its process does until it may sleep again.
  void wake() {
    do {
      relay_->step(now_ns);
    } while ((relay_->has_demand() && !store_->arm()) || !relay_->idle());
    due_ns_ = relay_->next_due_ns();
  }
  bool is_due() const { return link_->readable() || now_ns >= due_ns_; }

  const Domain& domain() const { return domain_; }
  relay::Counters counters() const { return relay_->counters(); }

 private:
  const Domain domain_;
  const std::unique_ptr<relay::Store> store_;
  relay::Link* const link_;  // relay_ owns it
  std::unique_ptr<relay::Relay> relay_;
  uint64_t random_ = 0;
  int64_t due_ns_ = 0;
};

enum class Side { kPub, kSub };

// Topics of a number that one machine publishes and others mirror.
class Mirrored {
 public:
  Mirrored(int topics, const Pacing& pacing, int peers)
      : pub_(folder_.path(), "pub", std::nullopt, sending(), net_.bind("mem://x")),
        other_node_(must(Node::open(pub_.domain(), {.name = "a", .segment_bytes = 1 << 20}))),
        other_topic_(must(Topic<double>::advertise(*other_node_, {.name = "robot/battery"}))),
        node_(must(Node::open(pub_.domain(), {.name = "n", .segment_bytes = 1 << 24}))) {
    for (int i = 0; i < peers; ++i) {
      const std::string& name = names_.emplace_back("subscriber" + std::string(static_cast<size_t>(i), 's'));
      subs_.push_back(std::make_unique<Machine>(folder_.path(), name, "m", receiving(pacing),
                                                net_.dial("mem://x", name)));
    }
    net_.set_delay(kMs / 2, kMs / 2);
    for (int i = 0; i < topics; ++i) {
      topics_.push_back(must(Topic<double>::advertise(
          *node_, {.name = "robot/joint/" + std::to_string(i) + "/position", .history = 16})));
    }
  }

  // Each topic gets a value, and what follows from it happens. The instructions of one side count, of those
  // that mirror of the first.
  void round(std::optional<Side> counted) {
    publish();
    wake(pub_, counted == Side::kPub);
    for (int ms = 0; ms < kRoundMs; ++ms) {
      now_ns += kMs;
      for (const auto& sub : subs_) {
        if (sub->is_due()) wake(*sub, sub == subs_.front() && counted == Side::kSub);
      }
      if (pub_.is_due()) wake(pub_, counted == Side::kPub);
    }
  }
  // One of several peers takes nothing for a while, and all of it later.
  void hold_up_one(int rounds) {
    const std::string& name = names_.back();
    net_.set_room(name, 0);
    for (int i = 0; i < rounds; ++i) round(std::nullopt);
    net_.set_room(name, kRoom);
  }
  // Of that side so far.
  uint64_t samples(Side side) const {
    return side == Side::kPub ? pub_.counters().outbound.samples : subs_[0]->counters().inbound.written;
  }
  // Each mirror holds one of the last `count` values.
  bool holds_one_of(int count) const {
    return std::all_of(subs_.begin(), subs_.end(), [&](const auto& sub) {
      TopicReader<double> reader = must(TopicReader<double>::open(sub->domain(), "robot/joint/0/position"));
      const std::optional<double> value = reader.latest();
      return value && *value > value_ - count;
    });
  }

 private:
  static relay::RelayOptions sending() {
    relay::RelayOptions o;
    o.send.resize(1);
    return o;
  }
  static relay::RelayOptions receiving(const Pacing& pacing) {
    relay::RelayOptions o;
    o.receive.resize(1);
    o.receive[0].pacing = pacing;
    return o;
  }
  // One after the other, 150 to 300 ns apart, up to now.
  void publish() {
    value_ += 1;
    const int64_t n = static_cast<int64_t>(topics_.size());
    for (int64_t i = 0; i < n; ++i) {
      const int64_t ago_ns = (n - i) * 150 + i * 37 % 150;
      require(topics_[static_cast<size_t>(i)].publish(value_, realtime() - ago_ns, now_ns - ago_ns).ok(),
              "no publication");
    }
  }
  static void wake(Machine& m, bool counted) {
    if (counted) {
      measured([&] { m.wake(); });
    } else {
      m.wake();
    }
  }

  const TempFolder folder_;
  relay::MemNet net_{&now_ns};
  Machine pub_;
  std::vector<std::string> names_;  // of subs_
  std::vector<std::unique_ptr<Machine>> subs_;
  // Whose topic has the first id: those of the others are not their indexes.
  std::unique_ptr<Node> other_node_;
  Topic<double> other_topic_;
  std::unique_ptr<Node> node_;
  std::vector<Topic<double>> topics_;
  double value_ = 0;
};

struct Load {
  int topics, rounds;
  Pacing pacing;
  int one_of = 1;  // so many publications of a topic one is sent
  int peers = 1;
};

uint64_t count_updates(Side side, const Load& load) {
  Mirrored mirrored(load.topics, load.pacing, load.peers);
  if (load.peers > 1) {
    for (int i = 0; i < kWarmRounds; ++i) mirrored.round(std::nullopt);
    mirrored.hold_up_one(kHeldUpRounds);
  }
  for (int i = 0; i < kWarmRounds; ++i) mirrored.round(std::nullopt);
  require(mirrored.holds_one_of(load.one_of), "the mirror has another value");
  const uint64_t before = mirrored.samples(side);
  for (int i = 0; i < load.rounds; ++i) mirrored.round(side);
  const uint64_t samples = mirrored.samples(side) - before;
  const auto updates = static_cast<uint64_t>(load.topics * load.rounds / load.one_of);
  const auto peers = static_cast<uint64_t>(side == Side::kPub ? load.peers : 1);
  require(samples == updates * peers, "another number of samples than was to be sent");
  return updates;
}

}  // namespace

std::vector<Case> relay_cases() {
  const std::pair<const char*, Load> loads[] = {
      {"1000", {1000, 40, {}}},
      {"1", {1, 400, {}}},
      {"1000_rate", {1000, 40, {.period_ns = 2 * kRoundMs * kMs}, 2}},
      {"1000_on_change", {1000, 40, {.on_change = true}}},
      {"1000_every", {1000, 40, {.every = true}}}};
  std::vector<Case> cases;
  for (const auto& [name, load] : loads) {
    for (const Side side : {Side::kPub, Side::kSub}) {
      cases.push_back({(side == Side::kPub ? "pub_" : "sub_") + std::string(name),
                       [side, l = load] { return count_updates(side, l); }});
    }
  }
  for (const int peers : {8, 16}) {
    cases.push_back({"pub_1000_to_" + std::to_string(peers), [peers] {
                       return count_updates(Side::kPub, {1000, 40, {}, 1, peers});
                     }});
  }
  return cases;
}

}  // namespace smt::instructions
