// Values of 100 MiB beside a small topic of 100 Hz, on one machine: no session ends, the small one stays
// young, and no relay works for longer than 20 ms without turning to its links.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "shm/clock.h"
#include "tests/hosts/hosts.h"
#include "tests/hosts/timed_topics.h"
#include "tests/tools/relay_domains.h"

namespace smt::hosts {
namespace {

using storm::Latencies;

constexpr uint64_t kMiB = 1 << 20;
constexpr double kMaxStepMs = 20, kMaxAgeMs = 20, kMaxRareAgeMs = 40;

// How late this machine wakes a program that sleeps for 1 ms: so late everything else may be too.
class Sleeper {
 public:
  Sleeper() {
    thread_ = std::thread([this] {
      while (!stop_) {
        constexpr int64_t kSleepNs = 1'000'000;
        const int64_t due = boottime_ns() + kSleepNs;
        storm::elapse(std::chrono::nanoseconds(kSleepNs));
        late_.add(boottime_ns() - due);
      }
    });
  }
  ~Sleeper() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // REQUIRES: stop().
  Latencies& late() { return late_; }

 private:
  std::atomic<bool> stop_{false};
  Latencies late_;
  std::thread thread_;
};

struct Case {
  std::string name;
  bool proxy;
  uint64_t bytes;
  int64_t period_ns;
};

class RelayLarge : public tools::RelayTest {
 protected:
  // What the relay counts in its own domain; a proxy's own topics are mirrored.
  uint64_t session(const std::string& in, const std::string& relay, const std::string& field) const {
    return counter(in, "smt/relay/" + relay + "/session", field);
  }
  void expect_steps(const std::string& in, const std::string& relay) const {
    const double ms = static_cast<double>(session(in, relay, "max_step_ns")) / 1e6;
    print_figures("relay_large: longest step of {} {:.1f} ms", relay, ms);
    EXPECT_GT(ms, 0) << relay;
    EXPECT_LE(ms, kMaxStepMs * static_cast<double>(storm::patience_factor())) << relay;
    EXPECT_EQ(session(in, relay, "silent"), 0u) << relay;
    EXPECT_EQ(session(in, relay, "ended"), 0u) << relay;
  }
  void run_case(const Case& c);
};

void RelayLarge::run_case(const Case& c) {
  const std::string segment = std::to_string(std::max<uint64_t>(1024, 8 * c.bytes / kMiB)) + "M";
  const TimedTopic large{"large", c.bytes, c.period_ns, 4}, small{"small", 8, 10'000'000, 4096};
  const Domain robot = storm::must(Domain::open({.root = root_, .domain = "robot"}));
  const Domain base = storm::must(Domain::open({.root = root_, .domain = "base"}));
  Relay pub = this->pub(), gate;
  if (c.proxy) gate = proxy({"--connect", pub.endpoint()});
  Relay sub = this->sub(c.proxy ? gate.ready[2] : pub.endpoint(),
                        {"--segment-size", segment, "--topic", "**", "--topic", "smt/**"});
  // They begin while the relays run, as programs of a robot do.
  TimedSource scalars(robot, {small}, "scalars");
  TimedSource images(robot, {large}, "images", 8 * c.bytes);
  Watch watch(base, {small, large});
  ASSERT_TRUE(await(milliseconds(30'000), [&] { return watch.all_have(1); }));
  Sleeper sleeper;
  watch.begin();
  const uint64_t before = images.published(0), seconds = storm::scaled(6, 60, 12);
  storm::elapse(std::chrono::seconds(seconds));
  watch.stop();
  sleeper.stop();
  Arrivals scalar = watch.of(0), image = watch.of(1);
  const uint64_t published = images.published(0) - before;
  print_figures(
      "relay_large: {}, {} MiB: {} of {} values arrived, age {}; age of the small topic {} p99.9 {:.1f}; "
      "this machine wakes sleepers late by {} p99.9 {:.1f}",
      c.name, c.bytes / kMiB, image.count, published, image.ages.text(), scalar.ages.text(),
      scalar.ages.percentile_ms(99.9), sleeper.late().text(), sleeper.late().percentile_ms(99.9));
  // A sample waits for up to five threads that sleep: its publisher, and relays with their I/O threads.
  const double wakings = c.proxy ? 7 : 5;
  EXPECT_LE(scalar.ages.percentile_ms(99), kMaxAgeMs + wakings * sleeper.late().percentile_ms(99));
  EXPECT_LE(scalar.ages.percentile_ms(99.9), kMaxRareAgeMs + wakings * sleeper.late().percentile_ms(99.9));
  EXPECT_EQ(scalar.wrong + image.wrong + scalar.back + image.back, 0u);
  EXPECT_GE(scalar.count, seconds * 90);
  EXPECT_GE(image.count, 1u);
  // Counters are told once a second.
  storm::elapse(milliseconds(1'200));
  expect_steps("robot", "robot/pub");
  if (c.proxy) expect_steps("base", "gate/proxy");
  expect_steps("base", "base/sub");
  print_row({.id = "R23",
             .what = "relay_large " + c.name,
             .n = scalar.count + image.count,
             .violations = HasFailure() ? 1u : 0u,
             .max_ms = scalar.ages.percentile_ms(100),
             .p99_ms = scalar.ages.percentile_ms(99)});
  if (!HasFailure()) return;
  for (Relay* relay : {&pub, &gate, &sub}) {
    if (relay->process == nullptr) continue;
    relay->process->send(SIGTERM);
    printf("%s", relay->process->wait().err.c_str());
  }
}

TEST_F(RelayLarge, ValuesDoNotHoldUpSmallOnes) { run_case({"direct", false, 100 * kMiB, 1'000'000'000}); }

TEST_F(RelayLarge, ValuesDoNotHoldUpSmallOnesThroughAProxy) {
  run_case({"by a proxy", true, 100 * kMiB, 1'000'000'000});
}

// Sixteen times its size is needed, by the sender's ring, the mirror's and the copies on the way.
TEST_F(RelayLarge, AValueOfAGibibyteIsHandledInPieces) {
  if (storm::sized(0, 1) == 0) GTEST_SKIP() << "it takes 16 GiB of memory: at full size only";
  run_case({"a gibibyte", false, 1024 * kMiB, 10'000'000'000});
}

}  // namespace
}  // namespace smt::hosts
