// When the next may go: samples of a topic, or bytes of several.
#ifndef SMT_RELAY_OUTBOUND_RATE_LIMITER_H_
#define SMT_RELAY_OUTBOUND_RATE_LIMITER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace smt::relay {

// A topic is sent at most once in a period on the average. The phase is kept: what is sent a little late,
// since the source is not on time, does not put off all that follows, so 200 Hz at no more than 100 Hz gives
// 100, not 80.
class RateLimiter {
 public:
  // 0: no limit. `tick`: at multiples of the period instead, so that all topics go at the same instants.
  void set(int64_t period_ns, bool tick) {
    period_ns_ = period_ns;
    tick_ = tick;
  }

  // There is a newer sample. 0: it may go now. Else it is to go at this time, unless a newer one comes once
  // the topic is due: it waits as long for that one as its predecessor was followed by it. So what a steady
  // source says is sent while it is new, and the last word of any source is sent too.
  int64_t on_updated(int64_t now_ns) {
    if (tick_ && period_ns_ != 0) return (now_ns / period_ns_ + 1) * period_ns_;
    const int64_t gap = moved_ns_ == 0 ? 0 : std::min(now_ns - moved_ns_, period_ns_);
    moved_ns_ = now_ns;
    return period_ns_ == 0 || now_ns >= due_ns_ ? 0 : due_ns_ + gap;
  }
  void on_sent(int64_t now_ns) { due_ns_ = (now_ns - due_ns_ < period_ns_ ? due_ns_ : now_ns) + period_ns_; }

 private:
  int64_t period_ns_ = 0;
  int64_t due_ns_ = 0;    // the next sample may go
  int64_t moved_ns_ = 0;  // when the last one came; 0: none has
  bool tick_ = false;
};

// So many bytes a second at most, and one message more: what is sent is paid for before the next one goes.
class ByteCap {
 public:
  // 0: no cap.
  explicit ByteCap(uint64_t bytes_per_s = 0) : bytes_per_s_(bytes_per_s) {}

  bool is_limited() const { return bytes_per_s_ != 0; }
  // From this time on.
  int64_t open_ns() const { return open_ns_; }
  void on_sent(size_t bytes, int64_t now_ns) {
    if (bytes_per_s_ == 0) return;
    const double ns = static_cast<double>(bytes) * 1e9 / static_cast<double>(bytes_per_s_);
    open_ns_ = std::max(open_ns_, now_ns) + static_cast<int64_t>(ns) + 1;
  }
  // What one message should hold, so that the next one's turn comes soon: 10 ms, and a packet at least.
  size_t message_bytes() const {
    return bytes_per_s_ == 0 ? SIZE_MAX : std::max<size_t>(1400, bytes_per_s_ / 100);
  }

 private:
  uint64_t bytes_per_s_;
  int64_t open_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_RATE_LIMITER_H_
