#include "shm/tick_clock.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace smt {
namespace {

// A machine whose clocks and ticks a test moves. A tick is 0.4 ns.
struct Machine {
  int64_t boottime_ns = 5'000'000'000, realtime_ns = 1'700'000'000'000'000'000;
  uint64_t ticks = 77;
  int looks = 0;
  int64_t look_takes_ns = 24;

  void pass(int64_t ns) {
    boottime_ns += ns;
    realtime_ns += ns;
    ticks += static_cast<uint64_t>(ns * 5 / 2);
  }
};
Machine machine;

int64_t boottime() {
  ++machine.looks;
  const int64_t now = machine.boottime_ns;
  machine.pass(machine.look_takes_ns);
  return now;
}
int64_t realtime() { return machine.realtime_ns; }
uint64_t ticks() { return machine.ticks; }

class TickClockTest : public testing::Test {
 protected:
  TickClockTest() { machine = {}; }

  Times now() { return clock_.at(ticks()); }
  // Asks each 10 us, so that the rate is known. Returns the greatest lag.
  int64_t run(int64_t ns) {
    int64_t lag = 0;
    for (int64_t passed = 0; passed < ns; passed += 10'000) {
      machine.pass(10'000);
      lag = std::max(lag, check());
    }
    return lag;
  }
  // How far it is behind. Neither clock is ahead.
  int64_t check() {
    const Times times = now();
    EXPECT_LE(times.boottime_ns, machine.boottime_ns);
    EXPECT_LE(times.realtime_ns, machine.realtime_ns);
    return machine.boottime_ns - times.boottime_ns;
  }

  TickClock clock_{Clock{boottime, realtime}, ticks};
};

TEST_F(TickClockTest, ReadsTheClocksEachTimeUntilItKnowsTheRateAndOnceAMillisecondThen) {
  run(10'000'000);
  EXPECT_EQ(machine.looks, 1000);
  run(30'000'000);
  machine.looks = 0;
  const int64_t lag = run(100'000'000);
  EXPECT_LE(machine.looks, 101);
  EXPECT_LE(lag, 2000);
}

TEST_F(TickClockTest, NeverGoesBack) {
  run(50'000'000);
  int64_t before = now().boottime_ns;
  for (int i = 0; i < 100'000; ++i) {
    machine.pass(40);
    const int64_t then = now().boottime_ns;
    ASSERT_GE(then, before);
    before = then;
  }
}

TEST_F(TickClockTest, AfterASleepInWhichTicksStoodStillItIsBehindForOneMillisecondAtMost) {
  run(50'000'000);
  machine.boottime_ns += 400'000'000;
  machine.realtime_ns += 400'000'000;
  EXPECT_LE(check(), 402'000'000);
  run(1'010'000);
  EXPECT_LE(run(100'000'000), 2000);
}

TEST_F(TickClockTest, ACounterThatJumpsIsNotBelieved) {
  run(50'000'000);
  for (const int64_t jump : {int64_t{-100'000'000'000}, int64_t{-1000}, int64_t{100'000'000'000}}) {
    machine.ticks += static_cast<uint64_t>(jump);
    EXPECT_LE(check(), 2000) << jump;
    EXPECT_LE(run(50'000'000), 2000) << jump;
  }
}

TEST_F(TickClockTest, ACounterThatStandsStillIsNotBelieved) {
  const uint64_t stands = machine.ticks;
  for (int i = 0; i < 100'000; ++i) {
    machine.pass(1000);
    machine.ticks = stands;
    ASSERT_LE(check(), machine.look_takes_ns);
  }
}

TEST_F(TickClockTest, AStepOfTheWallClockIsSeenWithinAMillisecond) {
  run(50'000'000);
  machine.realtime_ns += 3'600'000'000'000;
  int64_t waited = 0;
  for (; now().realtime_ns < machine.realtime_ns - 2000 && waited < 10'000'000; waited += 10'000)
    machine.pass(10'000);
  EXPECT_LE(waited, 1'010'000);
  EXPECT_LE(run(50'000'000), 2000);
}

TEST_F(TickClockTest, DoesNotCountFromALookThatWasInterrupted) {
  run(50'000'000);
  for (int i = 0; i < 10; ++i) {
    machine.pass(1'000'000);
    machine.look_takes_ns = 5'000'000;
    check();
    machine.look_takes_ns = 24;
    EXPECT_LE(check(), 2000);
    run(30'000'000);
  }
}

TEST(ProcessorTicks, AreAsGoodAsTheClocksWhereTheyAreTrusted) {
  if (!ticks_are_trusted()) GTEST_SKIP() << "the kernel does not go by the processor's ticks here";
  TickClock clock{Clock{}, processor_ticks};
  int64_t before = 0;
  for (const int64_t end = boottime_ns() + 60'000'000; before < end;) {
    const Times times = clock.at(processor_ticks());
    const int64_t after = boottime_ns();
    ASSERT_GE(times.boottime_ns, before);
    ASSERT_LE(times.boottime_ns, after);
    before = times.boottime_ns;
  }
}

}  // namespace
}  // namespace smt
