// What smttopic hz and bw compute, of samples of times that the test says.
#include "cmd/monitor/rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shm/node.h"
#include "shm/waiter.h"
#include "tests/shm/shm_fixture.h"
#include "tests/times.h"

namespace smt::cmd {
namespace {

class Rates : public ShmTest {
 protected:
  Rates() { meter_.look(waiter_.nodes()); }
  void publish(int64_t written_ns, size_t bytes = 8, uint64_t sequence = 0) {
    const std::vector<std::byte> value(bytes);
    ASSERT_TRUE(publisher_.publish(value, SampleHead{sequence, 0, written_ns, written_ns}).ok());
  }
  Rate take() {
    waiter_.collect();
    meter_.look(waiter_.nodes());
    return meter_.take().at("x");
  }

  Domain domain_ = open_domain();
  std::unique_ptr<Node> node_ = open_node(domain_, "w");
  Publisher publisher_ = advertise(*node_, "x", {.history = 16});
  Waiter waiter_ = std::move(*Waiter::open(domain_));
  RateMeter meter_{*relay::PatternSet::parse({"**"})};
};

TEST_F(Rates, TellsPeriodsAndTheirSpread) {
  for (int64_t at : {10, 11, 14, 15, 18, 19, 22}) publish(at * kMs);  // 1, 3, 1, 3, 1, 3 ms
  const Rate rate = take();
  EXPECT_EQ(rate.published, 7u);
  EXPECT_EQ(rate.intervals, 6u);
  EXPECT_EQ(rate.min_ns, 1 * kMs);
  EXPECT_EQ(rate.max_ns, 3 * kMs);
  EXPECT_DOUBLE_EQ(rate.mean_ns(), 2.0 * kMs);
  EXPECT_NEAR(rate.jitter_ns(), 1.0 * kMs, 1);
  EXPECT_EQ(rate.missed, 0u);
}

TEST_F(Rates, CountsNothingThatWasPublishedBeforeItBegan) {
  for (int i = 1; i <= 10; ++i) publish(i * kMs);
  RateMeter later{*relay::PatternSet::parse({"**"})};
  waiter_.collect();
  later.look(waiter_.nodes());
  publish(12 * kMs);
  later.look(waiter_.nodes());
  const Rate rate = later.take().at("x");
  EXPECT_EQ(rate.published, 1u);
  EXPECT_EQ(rate.intervals, 1u) << "from the newest that was there";
  EXPECT_EQ(rate.missed, 0u);
}

TEST_F(Rates, CountsWhatTheRingNoLongerHolds) {
  publish(1 * kMs);
  take();
  for (int i = 2; i <= 1001; ++i) publish(i * kMs);
  const Rate rate = take();
  EXPECT_EQ(rate.published, 1000u) << "from the counter, not from what was seen";
  EXPECT_EQ(rate.seen, 16u);
  EXPECT_EQ(rate.max_ns, 1 * kMs) << "no interval over what was not seen";
}

TEST_F(Rates, TellsBytesAndWhatTheSourceHadMore) {
  publish(1 * kMs, 10, 5);
  publish(2 * kMs, 30, 6);
  publish(3 * kMs, 20, 9);
  const Rate rate = take();
  EXPECT_EQ(rate.missed, 2u) << "7 and 8";
  EXPECT_EQ(rate.min_bytes, 10u);
  EXPECT_EQ(rate.max_bytes, 30u);
  EXPECT_DOUBLE_EQ(rate.mean_bytes(), 20);
}

TEST_F(Rates, GoesOnFromOneIntervalToTheNext) {
  publish(1 * kMs);
  EXPECT_EQ(take().intervals, 0u);
  publish(3 * kMs);
  const Rate rate = take();
  EXPECT_EQ(rate.intervals, 1u);
  EXPECT_EQ(rate.max_ns, 2 * kMs);
  EXPECT_EQ(take().published, 0u);
}

}  // namespace
}  // namespace smt::cmd
