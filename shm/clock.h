// The two clocks of libsmt, as functions, so that tests and replays bring their own.
#ifndef SMT_SHM_CLOCK_H_
#define SMT_SHM_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace smt {

// Nanoseconds of CLOCK_BOOTTIME: age and order. Goes on while the machine sleeps; starts anew at each boot.
inline int64_t boottime_ns() {
  timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// Nanoseconds since 1970 of CLOCK_REALTIME: a label (the default stamp), never used for age or order.
inline int64_t realtime_ns() {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// now - born. Also where `born` is no time at all, as a damaged segment may say: then as old as can be told.
inline int64_t age_at(int64_t now_ns, int64_t born_ns) {
  int64_t age;
  if (!__builtin_sub_overflow(now_ns, born_ns, &age)) return age;
  return born_ns < 0 ? INT64_MAX : INT64_MIN;
}

// The first multiple of the period after `now_ns`. Timers of which nobody needs the exact instant are set by
// it: where one period divides the other they fall due together, and whoever sleeps wakes up once for all of
// them. REQUIRES: 0 < period_ns
inline int64_t next_tick_ns(int64_t now_ns, int64_t period_ns) {
  return now_ns - now_ns % period_ns + period_ns;
}

struct Clock {
  int64_t (*boottime_ns)() = smt::boottime_ns;
  int64_t (*realtime_ns)() = smt::realtime_ns;

  bool operator==(const Clock&) const = default;
};

}  // namespace smt

#endif  // SMT_SHM_CLOCK_H_
