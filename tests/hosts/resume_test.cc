// Outages of every kind and length at any moment: the base has values of now within a second of the return,
// and the first one is of now, whether the outage ended the session or was too short for that, so that TCP
// first brings what it had under way. Several sets of hosts at once, since an outage is mostly waiting.
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "shm/clock.h"
#include "tests/hosts/hosts.h"
#include "tests/hosts/timed_topics.h"

namespace smt::hosts {
namespace {

using storm::Latencies;
using storm::patience_factor;

constexpr int64_t kPeriodNs = 20'000'000, kRttNs = 1'000'000;
// Of a value of now.
constexpr int64_t kBoundNs = 2 * kPeriodNs + kRttNs;

enum class Kind { kFilter, kLinkDown, kReset, kHalfOpen };
constexpr const char* kNames[] = {"all packets lost", "link down", "reset", "packets lost one way"};

struct Outage {
  Kind kind;
  Host end;
  int64_t length_ns;
  int64_t resume_ns = 0;  // from when packets may pass again to the first value of now
  int64_t first_age_ns = 0;
  uint64_t first_behind = 0;  // newer ones had been published when it was seen
  bool noticed = false;
};

void lose(const Hosts& hosts, const Outage& o) {
  switch (o.kind) {
    case Kind::kFilter:
      return hosts.cut(o.end);
    case Kind::kLinkDown:
      return hosts.link(o.end, false);
    case Kind::kReset:
      return hosts.cut_one_way(o.end, true);
    case Kind::kHalfOpen:
      return hosts.cut_one_way(o.end, false);
  }
}

// When packets may pass again.
int64_t restore(const Hosts& hosts, const Outage& o) {
  const int64_t begun = boottime_ns();
  if (o.kind == Kind::kLinkDown) {
    hosts.link(o.end, true);
    return boottime_ns();
  }
  hosts.heal(o.end);
  return begun;
}

// One set of hosts, and the outages it goes through.
void suffer(const std::string& root, std::vector<Outage>* outages) {
  const std::vector<TimedTopic> topics = {{.name = "pose", .bytes = 56, .period_ns = kPeriodNs}};
  Trio trio(root);
  TimedSource source(trio.in("robot"), topics);
  trio.start_all();
  Watch watch(trio.in("base"), topics);
  const auto flows = [&](int64_t since_ns) {
    return await(milliseconds(20'000), [&] { return watch.of(0).arrived_ns > since_ns; });
  };
  ASSERT_TRUE(await(milliseconds(20'000), [&] { return watch.all_have(20); }));
  for (Outage& o : *outages) {
    // The relays are at rest after the outage before, and anywhere in their periods.
    storm::elapse(milliseconds(1'000 + storm::random_below(500)));
    ASSERT_TRUE(flows(boottime_ns()));
    lose(trio.hosts(), o);
    storm::elapse(std::chrono::nanoseconds(o.length_ns));
    o.noticed = watch.state(0) != State::kFresh;
    std::atomic<bool> first{true};
    std::atomic<int64_t> resumed_ns{0};
    const int64_t begun = boottime_ns();
    watch.on_sample([&](size_t, const Arrivals& a) {
      if (a.arrived_ns <= begun || resumed_ns != 0) return;
      const int64_t age_ns = a.arrived_ns - a.published_ns;
      if (first.exchange(false)) {
        o.first_age_ns = age_ns;
        o.first_behind = source.published(0) - a.sequence;
      }
      if (age_ns > kBoundNs) return;
      resumed_ns = a.arrived_ns;
    });
    const int64_t restored = restore(trio.hosts(), o);
    EXPECT_TRUE(await(milliseconds(20'000), [&] { return resumed_ns != 0; }))
        << "nothing comes after " << kNames[static_cast<size_t>(o.kind)];
    o.resume_ns = std::max<int64_t>(0, resumed_ns - restored);
    watch.on_sample(nullptr);
  }
  EXPECT_EQ(watch.of(0).wrong, 0u);
  EXPECT_EQ(watch.of(0).back, 0u);
  // Whatever is old says so.
  EXPECT_LE(watch.of(0).age_error_ns, kPeriodNs * patience_factor());
}

class RelayResume : public tools::ToolTest {};

TEST_F(RelayResume, IsWithinASecondOfTheReturnAndTheFirstValueIsOfNow) {
  if (const Hosts hosts; !hosts.isolated()) SMT_SKIP_RELAY_TEST(hosts.why_not());
  // In CI as many as at full size, but shorter ones.
  const size_t sets = 4, each = storm::scaled(2, 5, 5);
  const double max_s = storm::sized(2, 20, 4);
  std::vector<std::vector<Outage>> outages(sets);
  for (size_t i = 0; i < sets * each; ++i) {
    const auto kind = static_cast<Kind>((i / 2) % 4);
    const Host end = i % 2 == 0 ? Host::kRobot : Host::kBase;
    // Short ones are as many as long ones: 0.3 to 0.6 s as 10 to 20 s.
    const double share = std::uniform_real_distribution<double>(0, 1)(storm::random_engine());
    outages[i % sets].push_back({kind, end, static_cast<int64_t>(0.3e9 * std::pow(max_s / 0.3, share))});
    // And one that one end may take for the end of the session and the other one not.
    const auto more_ns = static_cast<int64_t>(storm::random_below(100'000'000));
    outages[i % sets].push_back({kind, end, 400'000'000 + more_ns});
  }
  std::vector<std::thread> threads;
  for (size_t i = 0; i < sets; ++i) {
    threads.emplace_back([&, i] {
      try {
        suffer(root_ + "/set" + std::to_string(i), &outages[i]);
      } catch (const std::exception& e) {
        ADD_FAILURE() << e.what();
      }
    });
  }
  for (std::thread& t : threads) t.join();
  Latencies resumes, ages, unnoticed_ages, lengths;
  for (const std::vector<Outage>& set : outages) {
    for (const Outage& o : set) {
      resumes.add(o.resume_ns);
      (o.noticed ? ages : unnoticed_ages).add(o.first_age_ns);
      lengths.add(o.length_ns);
      print_figures(
          "relay_resume: {} at the {}, {:.2f} s, {}: of now after {:.0f} ms, the first one {:.1f} ms old, {} "
          "behind",
          kNames[static_cast<size_t>(o.kind)], o.end == Host::kRobot ? "robot" : "base",
          static_cast<double>(o.length_ns) / 1e9, o.noticed ? "noticed" : "not noticed",
          static_cast<double>(o.resume_ns) / 1e6, static_cast<double>(o.first_age_ns) / 1e6, o.first_behind);
    }
  }
  print_figures(
      "relay_resume: {} outages of p50 {:.2f} max {:.2f} s: values of now after {}; age of the first one {}, "
      "after "
      "those too short to be noticed {}; {}",
      resumes.count(), lengths.percentile_ms(50) / 1e3, lengths.percentile_ms(100) / 1e3, resumes.text(),
      ages.text(), unnoticed_ages.text(), load());
  const auto patience = static_cast<double>(patience_factor());
  EXPECT_LT(resumes.percentile_ms(100), 1000 * patience);
  EXPECT_LT(resumes.percentile_ms(50), 500 * patience);
  EXPECT_LE(ages.percentile_ms(100), static_cast<double>(kBoundNs) / 1e6 * patience);
  EXPECT_LE(unnoticed_ages.percentile_ms(100), static_cast<double>(kBoundNs) / 1e6 * patience);
  print_row(Row{.id = "R5",
                .what = "values of now after an outage",
                .n = resumes.count(),
                .violations = HasFailure(),
                .max_ms = resumes.percentile_ms(100),
                .p99_ms = resumes.percentile_ms(99),
                .seed = storm::seed_of_run()});
  ages.add(unnoticed_ages);
  print_row(Row{.id = "R6",
                .what = "age of the first value after an outage",
                .n = ages.count(),
                .violations = HasFailure(),
                .max_ms = ages.percentile_ms(100),
                .p99_ms = ages.percentile_ms(99),
                .seed = storm::seed_of_run()});
}

}  // namespace
}  // namespace smt::hosts
