#include "shm/tick_clock.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "shm/fd.h"

namespace smt {

namespace {

constexpr int64_t kAnchorNs = 1'000'000;
constexpr int64_t kMinSpanNs = 10'000'000, kMaxSpanNs = 1'000'000'000;
// A look at the clock that took longer than this part of a millisecond was interrupted.
constexpr uint64_t kMaxLookPart = 64;

bool is_invariant() {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  return __get_cpuid(0x8000'0007, &a, &b, &c, &d) != 0 && (d & 1U << 8) != 0;
#else
  return false;
#endif
}

bool kernel_goes_by_ticks() {
  const Fd fd(open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC));
  char name[8] = {};
  const ssize_t bytes = fd.ok() ? read(fd.get(), name, sizeof name) : 0;
  return bytes > 0 && std::string_view(name, static_cast<size_t>(bytes)) == "tsc\n";
}

}  // namespace

bool ticks_are_trusted() {
  static const bool trusted = is_invariant() && kernel_goes_by_ticks();
  return trusted;
}

Times TickClock::look() {
  Look now;
  now.before = ticks_();
  now.boottime_ns = clock_.boottime_ns();
  now.after = ticks_();
  const Times times = {clock_.realtime_ns(), now.boottime_ns};
  measure(now);
  anchor_ = now;
  realtime_offset_ns_ = times.realtime_ns - times.boottime_ns;
  usable_ticks_ = rate_ == 0 ? 0 : (static_cast<uint64_t>(kAnchorNs) << 32) / rate_;
  if ((now.after - now.before) * kMaxLookPart > usable_ticks_) usable_ticks_ = 0;
  return times;
}

void TickClock::measure(const Look& look) {
  const int64_t span_ns = look.boottime_ns - begin_.boottime_ns;
  if (span_ns >= 0 && span_ns < kMinSpanNs) return;
  // From before the one look to after the other: more ticks than the span had, so that the rate is too low
  // rather than too high.
  const uint64_t ticks = look.after - begin_.before;
  uint64_t rate = 0;
  if (span_ns > 0 && span_ns <= kMaxSpanNs && ticks != 0)
    rate = (static_cast<uint64_t>(span_ns) << 32) / ticks;
  const uint64_t apart = rate > measured_ ? rate - measured_ : measured_ - rate;
  rate_ = apart <= rate >> 11 ? rate - (rate >> 10) : 0;
  measured_ = rate;
  begin_ = look;
}

}  // namespace smt
