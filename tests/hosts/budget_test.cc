// A command crosses to a host that acts on it, and the cable is pulled: what that host reads becomes zero and
// `substituted` when the command's maximum age is over, and the command again when the cable is back. With
// the relay itself dead nobody writes there any more, and latest_fresh() gives nothing.
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

constexpr int64_t kBudgetNs = 230'000'000, kPeriodNs = 20'000'000;

// Publishes 1.0 on cmd_vel, which nobody is to believe for longer than kBudgetNs.
class Operator {
 public:
  explicit Operator(const Domain& domain) : node_(storm::must(Node::open(domain, {.name = "operator"}))) {
    thread_ = std::thread([this, topic = storm::must(Topic<double>::advertise(
                                     *node_, {.name = "cmd_vel", .max_age_ns = kBudgetNs}))]() mutable {
      for (int64_t due = boottime_ns(); !stop_; due += kPeriodNs) {
        storm::elapse(std::chrono::nanoseconds(std::max<int64_t>(0, due - boottime_ns())));
        storm::must(topic.publish(1.0));
      }
    });
  }
  ~Operator() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::unique_ptr<Node> node_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class RelayBudget : public HostsTest {
 protected:
  bool drives() {
    (void)reader_->reader().refresh();
    return reader_->latest_fresh() == 1.0;
  }
  bool stands() { return reader_->latest() == 0.0 && reader_->reader().state() == State::kSubstituted; }
  std::optional<TopicReader<double>> reader_;
};

TEST_F(RelayBudget, WhenTheCableIsPulledTheCommandIsZeroAsSoonAsItsAgeIsOver) {
  SMT_NEED_NAMESPACES();
  Operator commands(in("robot"));
  sub_flags_ = {"--on-stale", "zero"};
  start_all();
  Result<TopicReader<double>> reader = TopicReader<double>::open(in("base"), "cmd_vel");
  reader_.emplace(std::move(*reader));
  Latencies pulled, back;
  const uint64_t pulls = storm::scaled(4, 20);
  for (uint64_t i = 0; i < pulls; ++i) {
    ASSERT_TRUE(await(milliseconds(10'000), [&] { return drives(); }));
    const Host end = i % 2 == 0 ? Host::kRobot : Host::kBase;
    hosts_.cut(end);
    const int64_t cut = boottime_ns();
    ASSERT_TRUE(await(milliseconds(10'000), [&] {
      const std::optional<double> value = reader_->latest_fresh();
      EXPECT_TRUE(!value || *value == 1.0) << "a value that stands in passes for a fresh one";
      return stands();
    }));
    pulled.add(boottime_ns() - cut);
    // And so it stays.
    storm::elapse(milliseconds(storm::random_below(700)));
    ASSERT_TRUE(stands());
    hosts_.heal(end);
    const int64_t healed = boottime_ns();
    ASSERT_TRUE(await(milliseconds(10'000), [&] { return drives(); }));
    back.add(boottime_ns() - healed);
  }
  sub_.reset();
  const int64_t killed = boottime_ns();
  ASSERT_TRUE(await(milliseconds(10'000), [&] { return !reader_->latest_fresh(); }));
  const int64_t noticed = boottime_ns() - killed;
  print_figures(
      "relay_budget: zero after {} (budget {} ms); the command again after {}; nothing fresh {:.0f} ms after "
      "the relay's death",
      pulled.text(), kBudgetNs / 1'000'000, back.text(), static_cast<double>(noticed) / 1e6);
  EXPECT_LE(pulled.percentile_ms(100), static_cast<double>((kBudgetNs / 1'000'000 + 50) * patience_factor()));
  EXPECT_LE(noticed, 1'000'000'000 * patience_factor());
}

}  // namespace
}  // namespace smt::hosts
