// Relays that stand still (SIGSTOP), while their sockets go on: the mirror says within a second that nothing
// comes any more, and has values of now within a second of their going on; a subscriber that slept never
// holds up anybody, nor ends.
#include <gtest/gtest.h>
#include <signal.h>

#include "shm/clock.h"
#include "tests/hosts/hosts.h"
#include "tests/hosts/timed_topics.h"

namespace smt::hosts {
namespace {

using storm::Latencies;
using storm::patience_factor;

constexpr int64_t kPeriodNs = 20'000'000, kRttNs = 1'000'000;

class RelayStopped : public HostsTest {
 protected:
  void start_robots() {
    source_ = std::make_unique<TimedSource>(in("robot"), topics_);
    start_all();
    watch_ = std::make_unique<Watch>(in("base"), topics_);
    reader_.emplace(storm::must(Reader::open(in("base"), "pose")));
    ASSERT_TRUE(await(milliseconds(20'000), [&] { return watch_->all_have(20); }));
  }
  // What a reader believes is of now.
  bool fresh() {
    (void)reader_->refresh();
    const Sample* sample = reader_->latest_fresh();
    return sample != nullptr && boottime_ns() - sample->born_ns <= 2 * kPeriodNs + kRttNs;
  }
  const std::vector<TimedTopic> topics_ = {{.name = "pose", .bytes = 56, .period_ns = kPeriodNs}};
  std::unique_ptr<TimedSource> source_;
  std::unique_ptr<Watch> watch_;
  std::optional<Reader> reader_;
};

TEST_F(RelayStopped, AreNoticedWithinASecondAndFreshWithinASecondOfGoingOn) {
  start_robots();
  const uint64_t rounds = storm::scaled(1, 10);
  for (const char* name : {"pub", "proxy", "sub"}) {
    Latencies noticed, back;
    for (uint64_t i = 0; i < rounds; ++i) {
      ASSERT_TRUE(await(milliseconds(10'000), [&] { return fresh(); }));
      storm::elapse(milliseconds(300 + storm::random_below(200)));
      Process& victim = *(name[1] == 'u' ? (name[0] == 'p' ? pub_ : sub_) : proxy_);
      victim.send(SIGSTOP);
      const int64_t stopped = boottime_ns();
      EXPECT_TRUE(await(milliseconds(10'000), [&] { return reader_->latest_fresh() == nullptr; }));
      noticed.add(boottime_ns() - stopped);
      storm::elapse(milliseconds(storm::random_below(1'500)));
      EXPECT_EQ(reader_->latest_fresh(), nullptr);
      victim.send(SIGCONT);
      const int64_t went_on = boottime_ns();
      EXPECT_TRUE(await(milliseconds(10'000), [&] { return fresh(); })) << name;
      back.add(boottime_ns() - went_on);
      EXPECT_FALSE(victim.ended());
    }
    print_figures("relay_stopped: {} stands still: not fresh after {}, fresh again after {}; {}", name,
                  noticed.text(), back.text(), load());
    EXPECT_LT(noticed.percentile_ms(100), 1000.0 * static_cast<double>(patience_factor()));
    EXPECT_LT(back.percentile_ms(100), 1000.0 * static_cast<double>(patience_factor()));
    for (const auto& [what, times] : {std::pair("seen", &noticed), {"of now again", &back}}) {
      print_row(
          Row{.id = "R8",
              .what = fmt::format("{} stands still: {}", name, what),
              .n = times->count(),
              .violations = times->percentile_ms(100) >= 1000.0 * static_cast<double>(patience_factor()),
              .max_ms = times->percentile_ms(100),
              .p99_ms = times->percentile_ms(99),
              .seed = storm::seed_of_run()});
    }
  }
}

TEST_F(RelayStopped, ASubscriberThatSleptHasTheNewestValue) {
  start_robots();
  const std::vector<int64_t> quick = {100, 400, 1'500},
                             full = {100, 200, 300, 500, 700, 1'000, 2'000, 3'000, 5'000, 10'000};
  Latencies back, ages;
  uint64_t old = 0;
  for (const int64_t stall_ms : storm::sized(0, 1) == 0 ? quick : full) {
    ASSERT_TRUE(await(milliseconds(10'000), [&] { return fresh(); }));
    storm::elapse(milliseconds(500 + storm::random_below(100)));
    sub_->send(SIGSTOP);
    storm::elapse(milliseconds(stall_ms));
    // What it had read before it stopped, and what its kernel holds, comes first, with its true age.
    std::atomic<int64_t> newest_ns{0}, newest_age_ns{0};
    std::atomic<uint64_t> older{0};
    const int64_t went_on = boottime_ns();
    watch_->on_sample([&](size_t, const Arrivals& a) {
      if (a.arrived_ns <= went_on || newest_ns != 0) return;
      const int64_t age_ns = a.arrived_ns - a.published_ns;
      if (age_ns > 2 * kPeriodNs + kRttNs) {
        ++older;
        return;
      }
      newest_age_ns = age_ns;
      newest_ns = a.arrived_ns;
    });
    sub_->send(SIGCONT);
    EXPECT_TRUE(await(milliseconds(10'000), [&] { return newest_ns != 0; })) << stall_ms << " ms";
    watch_->on_sample(nullptr);
    back.add(newest_ns - went_on);
    ages.add(newest_age_ns);
    old += older;
    EXPECT_FALSE(sub_->ended()) << stall_ms << " ms";
  }
  const Arrivals all = watch_->of(0);
  print_figures(
      "relay_stopped: a subscriber that slept 0.1 to 10 s has the newest value after {}, its age on arrival "
      "{}; {} "
      "older ones before it; ages wrong by at most {:.2f} ms; {}",
      back.text(), ages.text(), old, static_cast<double>(all.age_error_ns) / 1e6, load());
  EXPECT_LT(back.percentile_ms(100), 1000.0 * static_cast<double>(patience_factor()));
  EXPECT_EQ(all.wrong, 0u);
  EXPECT_EQ(all.back, 0u);
  // Nobody takes the older ones for new.
  EXPECT_LE(all.age_error_ns, 20'000'000 * patience_factor());
  EXPECT_FALSE(pub_->ended() || proxy_->ended());
  print_row(Row{.id = "R10",
                .what = "a subscriber that slept: the newest",
                .n = back.count(),
                .violations = HasFailure(),
                .max_ms = back.percentile_ms(100),
                .seed = storm::seed_of_run()});
}

}  // namespace
}  // namespace smt::hosts
