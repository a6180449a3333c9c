// pub, proxy and sub are killed one by one, one after the other in all six orders, and all at once, and a
// client in each round, while readers in the base stay open: they see each death from memory alone, data
// flows again after the last restart, and each publication is received once or counted as missed.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "shm/clock.h"
#include "shm/topic.h"
#include "tests/hosts/hosts.h"

namespace smt::hosts {
namespace {

using storm::Latencies;
using storm::patience_factor;

constexpr size_t kTopics = 10;

std::string name(size_t i) { return "t/" + std::to_string(i); }

// Publishes its own sequence on each of the topics, 200 times a second.
class Source {
 public:
  explicit Source(const Domain& domain) : node_(storm::must(Node::open(domain, {.name = "source"}))) {
    for (size_t i = 0; i < kTopics; ++i) {
      topics_.push_back(storm::must(Topic<uint64_t>::advertise(*node_, {.name = name(i)})));
    }
    thread_ = std::thread([this] {
      for (uint64_t n = 1; !stop_; ++n) {
        for (Topic<uint64_t>& topic : topics_) storm::must(topic.publish(n));
        last_ = n;
        storm::elapse(milliseconds(5));
      }
    });
  }
  ~Source() { stop(); }
  // The number published last.
  uint64_t stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return last_;
  }

 private:
  std::unique_ptr<Node> node_;
  std::vector<Topic<uint64_t>> topics_;
  std::atomic<bool> stop_{false};
  uint64_t last_ = 0;
  std::thread thread_;
};

// A reader in the base that is never opened again.
struct Follower {
  Reader reader;
  uint64_t last = 0, received = 0, back = 0, different = 0;

  void read() {
    while (const Sample* sample = reader.next()) {
      uint64_t value = 0;
      if (sample->bytes.size() == sizeof value) memcpy(&value, sample->bytes.data(), sizeof value);
      different += value != sample->sequence;
      back += sample->sequence <= last;
      last = sample->sequence;
      ++received;
    }
  }
  bool fresh() const { return reader.state() == State::kFresh; }
  bool down() const {
    const State s = reader.state();
    return s == State::kStale || s == State::kSourceDead || s == State::kLinkDown;
  }
};

enum class Victim { kPub, kProxy, kSub };
constexpr Victim kOrders[][3] = {
    {Victim::kPub, Victim::kProxy, Victim::kSub}, {Victim::kPub, Victim::kSub, Victim::kProxy},
    {Victim::kProxy, Victim::kPub, Victim::kSub}, {Victim::kProxy, Victim::kSub, Victim::kPub},
    {Victim::kSub, Victim::kPub, Victim::kProxy}, {Victim::kSub, Victim::kProxy, Victim::kPub},
};

class RelayKill : public HostsTest {
 protected:
  void kill(Victim v) { (v == Victim::kPub ? pub_ : v == Victim::kProxy ? proxy_ : sub_).reset(); }
  void start(Victim v) {
    if (v == Victim::kPub) return start_pub();
    if (v == Victim::kProxy) return start_proxy();
    start_sub();
  }
  template <class Condition>
  int64_t until(Condition condition, const char* what) {
    const int64_t begin = boottime_ns();
    const bool came = await(milliseconds(10'000), [&] {
      for (Follower& f : followers_) f.read();
      return std::all_of(followers_.begin(), followers_.end(), condition);
    });
    EXPECT_TRUE(came) << what << " does not come";
    return boottime_ns() - begin;
  }
  // Time until all mirrors say so, from memory alone.
  int64_t until_down() {
    return until([](const Follower& f) { return f.down(); }, "the state of a dead link");
  }
  // Time until each topic has a sample that was not there before, from now on.
  int64_t until_flow() {
    std::vector<uint64_t> before;
    for (const Follower& f : followers_) before.push_back(f.last);
    return until(
        [&](const Follower& f) {
          return f.fresh() && f.last > before[static_cast<size_t>(&f - followers_.data())];
        },
        "data");
  }

  // One that follows all topics is killed at any moment: nobody else notices.
  void kill_client() {
    const std::unique_ptr<Process> client = hosts_.start(
        Host::kBase, {"smtrelay_client", "--connect", hosts_.gate(Host::kBase), "--insecure", "watch", "**"},
        env());
    client->wait_for_output("t/");
    storm::elapse(milliseconds(storm::random_below(50)));
    client->send(SIGKILL);
    client->wait();
    EXPECT_TRUE(
        std::all_of(followers_.begin(), followers_.end(), [](const Follower& f) { return f.fresh(); }));
    ++clients_;
  }

  // Kills in this order and waits for the mirror to say so; then starts in this order and waits for data.
  void run_round(const std::vector<Victim>& order) {
    storm::elapse(milliseconds(storm::random_below(20)));  // any moment
    const int64_t killed = boottime_ns();
    for (const Victim v : order) kill(v);
    kills_ += order.size();
    until_down();
    down_.add(boottime_ns() - killed);
    for (size_t i = 0; i + 1 < order.size(); ++i) start(order[i]);
    const int64_t started = boottime_ns();
    start(order.back());
    until_flow();
    flow_.add(boottime_ns() - started);
  }

  std::vector<Follower> followers_;
  Latencies down_, flow_;
  size_t kills_ = 0, clients_ = 0;
};

TEST_F(RelayKill, IsSeenWithinASecondAndDataFlowsWithinASecondOfTheRestart) {
  const size_t rounds = storm::scaled(7, 50);
  // Before the first sample: what a reader misses counts from its opening.
  for (size_t i = 0; i < kTopics; ++i) {
    followers_.push_back({.reader = storm::must(Reader::open(in("base"), name(i)))});
  }
  Source source(in("robot"));
  start_all();
  ASSERT_TRUE(await(milliseconds(10'000), [&] {
    return std::all_of(followers_.begin(), followers_.end(),
                       [](Follower& f) { return f.reader.refresh().ok(); });
  }));
  until_flow();
  for (size_t round = 0; round < rounds && !HasFailure(); ++round) {
    const Victim* order = kOrders[round % std::size(kOrders)];
    const std::vector<Victim> all(order, order + 3);
    if (round % 7 < 6) {
      for (const Victim v : all) run_round({v});
    }
    run_round(all);
    kill_client();
  }
  const uint64_t published = source.stop();
  EXPECT_TRUE(await(milliseconds(5'000), [&] {
    for (Follower& f : followers_) f.read();
    return std::all_of(followers_.begin(), followers_.end(),
                       [&](const Follower& f) { return f.last == published; });
  }));
  uint64_t received = 0, missed = 0, back = 0, different = 0, reopened = 0;
  for (const Follower& f : followers_) {
    EXPECT_EQ(f.received + f.reader.missed(), published);
    received += f.received;
    missed += f.reader.missed();
    back += f.back;
    different += f.different;
    reopened += f.reader.reopened();
  }
  print_figures(
      "relay_kill: rounds {} kills {} and {} clients; kill to seen {}; last restart to data {}; received {} "
      "+ "
      "missed {} = published {} x {}; different {} steps back {} reopened {}",
      rounds, kills_, clients_, down_.text(), flow_.text(), received, missed, published, kTopics, different,
      back, reopened);
  EXPECT_LE(down_.percentile_ms(100), 1000.0 * patience_factor());
  EXPECT_LE(flow_.percentile_ms(99), 1000.0 * patience_factor());
  EXPECT_LE(flow_.percentile_ms(100), 2000.0 * patience_factor());
  EXPECT_EQ(different, 0u);
  EXPECT_EQ(back, 0u);
  EXPECT_EQ(reopened, 0u);
  print_row(Row{.id = "R7",
                .what = "relays killed: data again",
                .n = kills_ + clients_,
                .violations = HasFailure(),
                .max_ms = flow_.percentile_ms(100),
                .p99_ms = flow_.percentile_ms(99),
                .seed = storm::seed_of_run()});
  print_row(Row{.id = "R11",
                .what = "order and count through the kills",
                .n = received + missed,
                .violations = different + back + (received + missed == published * kTopics ? 0 : 1),
                .seed = storm::seed_of_run()});
}

}  // namespace
}  // namespace smt::hosts
