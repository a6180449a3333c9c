// Both clocks at the price of the processor's counter of ticks: what a publication without time stamps asks.
#ifndef SMT_SHM_TICK_CLOCK_H_
#define SMT_SHM_TICK_CLOCK_H_

#include <cstdint>

#include "shm/clock.h"

namespace smt {

struct Times {
  int64_t realtime_ns = 0, boottime_ns = 0;
};

// The time stamp counter of x86, about 8 ns; elsewhere 0, and ticks_are_trusted() is false.
inline uint64_t processor_ticks() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return 0;
#endif
}

// Whether the counter runs at one rate whatever the processor does, and the kernel keeps its own time by it,
// which it does only as long as the counters of all processors agree. One look at /sys for each process.
bool ticks_are_trusted();

// Reads the clocks once a millisecond, and counts ticks from there meanwhile. Its times are behind the
// clocks' by 2 us at most, and never ahead of them as long as nobody slews those by more than 0.05 %. After a
// step of a clock or a sleep of the machine they are behind until the millisecond of ticks is over. While two
// spans of 10 ms, one after the other, do not have the same number of ticks, it reads the clocks each time,
// as it does to begin with. One thread at a time.
class TickClock {
 public:
  constexpr TickClock(Clock clock, uint64_t (*ticks)()) : clock_(clock), ticks_(ticks) {}

  // The times now. `ticks`: as the function given above tells now.
  Times at(uint64_t ticks) {
    const uint64_t since = ticks - anchor_.after;
    if (since >= usable_ticks_) [[unlikely]]
      return look();
    const int64_t boottime_ns = anchor_.boottime_ns + static_cast<int64_t>(since * rate_ >> 32);
    return {boottime_ns + realtime_offset_ns_, boottime_ns};
  }

 private:
  struct Look {
    uint64_t before = 0, after = 0;  // ticks around the look at the clock
    int64_t boottime_ns = 0;
  };
  Times look();
  void measure(const Look& look);

  Clock clock_;
  uint64_t (*ticks_)();
  Look anchor_;  // from where ticks are counted
  int64_t realtime_offset_ns_ = 0;
  uint64_t usable_ticks_ = 0;  // after the anchor
  uint64_t rate_ = 0;          // 2^32 nanoseconds a tick, a little less than measured; 0: not known
  Look begin_;                 // of the span that is being measured
  uint64_t measured_ = 0;      // 2^32 nanoseconds a tick, in the span before
};

}  // namespace smt

#endif  // SMT_SHM_TICK_CLOCK_H_
