// Each sample that arrives has one outcome: it is written, dropped for a reason, or held back.
#include <memory>
#include <string>

#include "relay/link/link_impair.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

class OutcomesTest : public RelayTest {
 protected:
  static uint64_t outcomes(const InboundCounters& c) {
    return c.written + c.confirmed + c.superseded + c.dropped_held + c.dropped_old + c.dropped_too_old +
           c.dropped_denied + c.dropped_conflict + c.dropped_size + c.dropped_hops + c.held;
  }
  // Over a link that carries 10 MB a second, and delivers nothing while it stands still.
  void dial_slowly(Host& h) {
    h.add([this, &h] {
      return std::make_unique<ImpairedLink>(net().dial("mem://a", h.name()),
                                            Impairment{.delay_ns = kMs, .bits_per_s = 80'000'000},
                                            [this] { return now_; });
    });
  }
  // A subscriber has the name from one publisher, and another one begins to send 4 MiB under it, slowly.
  void send_to_a_taken_name(Host** to, Host** from) {
    Host& sub = host("sub", subscriber());
    bind(sub);
    Host& first = host("first");
    dial(first, "first");
    first.publish("x", "small", now_);
    ASSERT_TRUE(until(sub, "x", "small"));
    Host& second = host("second");
    dial_slowly(second);
    second.publish("x", make_noise(4 << 20), now_);
    *to = &sub;
    *from = &second;
  }
  // The counts agree at each instant.
  void run_exactly(Host& h, int64_t ns) {
    for (const int64_t end = now_ + ns; now_ < end;) {
      run(kMs);
      const InboundCounters c = h.counters().inbound;
      ASSERT_EQ(c.samples, outcomes(c)) << (end - now_) / kMs << " ms before the end";
    }
  }
};

// Its pieces come for half a second; the value counts when it is complete, as arrived and as dropped.
TEST_F(OutcomesTest, ALargeValueWhoseNameIsTakenIsCountedOnceAndAtItsEnd) {
  Host *sub, *second;
  ASSERT_NO_FATAL_FAILURE(send_to_a_taken_name(&sub, &second));
  run_exactly(*sub, kSecond);
  EXPECT_EQ(sub->counters().inbound.dropped_conflict, 1u);
  EXPECT_EQ(sub->value("x"), "small");
}

TEST_F(OutcomesTest, ALargeValueWhoseSessionEndsInItsMidstIsNoSample) {
  Host *sub, *second;
  ASSERT_NO_FATAL_FAILURE(send_to_a_taken_name(&sub, &second));
  run_exactly(*sub, 100 * kMs);
  second->stop();
  run_exactly(*sub, kSecond);
  EXPECT_EQ(sub->counters().inbound.dropped_conflict, 0u);
}

// What a link delivers after it stood still is held back, and the count of it is there.
TEST_F(OutcomesTest, WhatIsHeldBackIsCountedUntilItHasAnOutcome) {
  pair();
  ASSERT_TRUE(until([&] { return b_->relay().peers().size() == 1; }));
  for (int i = 0; i < 3000; ++i) {
    a_->publish("x" + std::to_string(i % 7), std::to_string(i), now_);
    // b does not step for 300 ms of each second.
    if (now_ / kMs % 1000 < 300) {
      a_->relay().step(now_);
    } else {
      settle();
    }
    now_ += kMs;
    const InboundCounters c = b_->counters().inbound;
    ASSERT_EQ(c.samples, outcomes(c));
  }
  run(kSecond);
  EXPECT_GT(b_->counters().inbound.samples, 1000u);
  EXPECT_EQ(b_->counters().inbound.held, 0u);
}

}  // namespace
}  // namespace smt::relay
