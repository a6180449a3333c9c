// Bits are turned over on the way, behind TCP's checksum and before it: no damaged value is ever published,
// nothing that was not sent appears, and the values flow again.
#include <gtest/gtest.h>

#include <thread>

#include "shm/clock.h"
#include "tests/hosts/hosts.h"
#include "tests/hosts/timed_topics.h"
#include "tests/tools/chaos_proxy.h"
#include "tests/tools/relay_domains.h"

namespace smt::hosts {
namespace {

using storm::Latencies;
using storm::patience_factor;
using tools::Chaos;
using tools::ChaosProxy;

std::vector<TimedTopic> make_topics() {
  std::vector<TimedTopic> topics;
  for (int i = 0; i < 20; ++i) {
    topics.push_back({.name = "data/" + std::to_string(i), .bytes = 256, .period_ns = 5'000'000});
  }
  topics.push_back({.name = "data/image", .bytes = 100'000, .period_ns = 20'000'000});
  // In pieces while the link is not known.
  topics.push_back({.name = "data/map", .bytes = 1'000'000, .period_ns = 200'000'000});
  return topics;
}

class RelayDamage : public tools::RelayTest {
 protected:
  Domain in(const std::string& domain) const {
    return storm::must(Domain::open({.root = root_, .domain = domain}));
  }
  // All that a domain has are topics that were sent, and the counters of its relay.
  void expect_no_strangers(const std::string& domain) {
    const tools::Ended list = run({"smttopic", "list", "--domain", domain, "-f", "csv"});
    size_t lines = 0;
    for (size_t at = 0, end; (end = list.out.find('\n', at)) != std::string::npos; at = end + 1) {
      const std::string line = list.out.substr(at, end - at);
      if (lines++ == 0) continue;  // names of the columns
      EXPECT_TRUE(line.find("data/") < 2 || line.find("smt/relay/") < 2) << line;
    }
    EXPECT_GT(lines, make_topics().size()) << list.out << list.err;
  }
};

TEST_F(RelayDamage, BehindTheChecksumOfTcpIsFoundAndTheSessionsRecover) {
  const uint64_t target = storm::scaled(1'000, 100'000);
  constexpr size_t kSubs = 4;
  const std::vector<TimedTopic> topics = make_topics();
  TimedSource source(in("robot"), topics);
  const Relay robot = pub();
  const std::string& endpoint = robot.endpoint();

  std::vector<std::unique_ptr<ChaosProxy>> chaos;
  std::vector<Relay> subs;
  std::vector<std::unique_ptr<Watch>> watches;
  for (size_t i = 0; i < kSubs; ++i) {
    const std::string name = "base" + std::to_string(i);
    chaos.push_back(std::make_unique<ChaosProxy>(tools::port_of(endpoint), storm::random_engine()()));
    subs.push_back(start({"smtrelay_sub", "--domain", name, "--name", name, "--connect",
                          "tcp://127.0.0.1:" + std::to_string(chaos.back()->port())}));
    watches.push_back(std::make_unique<Watch>(in(name), topics));
  }
  for (const auto& watch : watches) {
    ASSERT_TRUE(await(milliseconds(20'000), [&] { return watch->all_have(3); }));
  }
  std::mutex mutex;
  Latencies recoveries;
  std::atomic<uint64_t> flips{0}, campaigns{0};
  const auto campaign = [&](size_t i, uint64_t round) {
    ChaosProxy& proxy = *chaos[i];
    const ChaosProxy::Way way = round % 4 == 3 ? ChaosProxy::kUp : ChaosProxy::kDown;
    const auto turned = [&] { return proxy.counts().flips[0] + proxy.counts().flips[1]; };
    const uint64_t before = turned();
    // One bit in many messages, or many in each; in a running session, or from its first byte on.
    const double shares[] = {1e-5, 1e-4, 1e-3, 0.1};
    const double share = way == ChaosProxy::kUp ? 1e-2 : shares[round / 4 % 4];
    const uint64_t enough = way == ChaosProxy::kUp ? 3 : share < 0.1 ? 20 : 1'000;
    proxy.set(way, {.flip = share});
    (void)await(milliseconds(1'000), [&] { return turned() >= before + enough; });
    proxy.set(way, {});
    const int64_t begin = boottime_ns();
    watches[i]->begin();
    const bool back = await(milliseconds(20'000), [&] { return watches[i]->all_have(1); });
    EXPECT_TRUE(back) << "nothing comes to " << i << " any more after round " << round;
    flips += turned() - before;
    ++campaigns;
    const std::lock_guard lock(mutex);
    recoveries.add(boottime_ns() - begin);
  };
  std::atomic<uint64_t> wrong{0}, back{0};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kSubs; ++i) {
    threads.emplace_back([&, i] {
      watches[i]->on_sample(
          [&, last = std::vector<uint64_t>(topics.size())](size_t t, const Arrivals& a) mutable {
            wrong += a.wrong != 0;
            back += a.sequence <= last[t];
            last[t] = a.sequence;
          });
      const int64_t end = boottime_ns() + static_cast<int64_t>(storm::scaled(30, 240, 120)) * 1'000'000'000;
      for (uint64_t round = i; (flips < target || campaigns < storm::scaled(10, 600)) && boottime_ns() < end;
           ++round) {
        campaign(i, round);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  uint64_t corrupt = 0, malformed = 0, sessions = 0;
  for (size_t i = 0; i < kSubs; ++i) {
    watches[i]->on_sample(nullptr);
    const std::string name = "base" + std::to_string(i), topic = "smt/relay/" + name + "/sub/session";
    corrupt += counter(name, topic, "corrupt");
    malformed += counter(name, topic, "malformed");
    sessions += counter(name, topic, "opened");
    expect_no_strangers(name);
    EXPECT_FALSE(subs[i].process->ended());
  }
  EXPECT_FALSE(robot.process->ended());
  print_figures(
      "relay_damage: {} bits turned over in {} campaigns: wrong values {}, steps back {}; subscribers "
      "counted {} "
      "corrupt and {} malformed messages, {} sessions; flow of all topics back after {}; {}",
      flips.load(), campaigns.load(), wrong.load(), back.load(), corrupt, malformed, sessions,
      recoveries.text(), load());
  EXPECT_GE(flips, target);
  EXPECT_GT(corrupt, 0u);
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(back, 0u);
  EXPECT_LT(recoveries.percentile_ms(100), 5'000.0 * static_cast<double>(patience_factor()));
  print_row(Row{.id = "R17",
                .what = "bits turned over behind TCP's checksum",
                .n = flips,
                .violations = wrong + back + (HasFailure() ? 1 : 0),
                .max_ms = recoveries.percentile_ms(100),
                .p99_ms = recoveries.percentile_ms(99),
                .seed = storm::seed_of_run()});
}

class RelayDamagedPackets : public HostsTest {};

TEST_F(RelayDamagedPackets, AreAsGoodAsLost) {
  SMT_NEED_BAD_CABLE(Host::kRobot, {.corrupt = 0.01, .bits_per_s = 50'000'000, .delay_ns = 1'000'000});
  const std::vector<TimedTopic> topics = make_topics();
  TimedSource source(in("robot"), topics);
  start_all();
  Watch watch(in("base"), topics);
  ASSERT_TRUE(await(milliseconds(20'000), [&] { return watch.all_have(1); }));
  watch.begin();
  storm::elapse(milliseconds(storm::scaled(3'000, 30'000)));
  Arrivals all = watch.of(0, topics.size());
  const BadCable::Traffic up = hosts_.traffic(Host::kRobot, true), down = hosts_.traffic(Host::kRobot, false);
  print_figures(
      "relay_damage: {} of {} packets damaged: {} samples, wrong {}, steps back {}, longest gap of a topic "
      "{:.0f} "
      "ms; {}",
      up.corrupted + down.corrupted, up.packets + down.packets, all.count, all.wrong, all.back,
      static_cast<double>(all.max_gap_ns) / 1e6, load());
  EXPECT_GT(up.corrupted + down.corrupted, 10u);
  EXPECT_EQ(all.wrong + all.back, 0u);
  EXPECT_LT(all.max_gap_ns, 2'000'000'000 * patience_factor());
  print_row(Row{.id = "R17",
                .what = "damaged packets, longest gap",
                .n = up.corrupted + down.corrupted,
                .violations = HasFailure(),
                .max_ms = static_cast<double>(all.max_gap_ns) / 1e6});
}

}  // namespace
}  // namespace smt::hosts
