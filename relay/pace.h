// How often a topic is sent: at most once in a period on the average. The phase is kept: what is sent a
// little late, since the source is not on time, does not put off all that follows, so 200 Hz at no more than
// 100 Hz gives 100, not 80.
#ifndef SMT_RELAY_PACE_H_
#define SMT_RELAY_PACE_H_

#include <algorithm>
#include <cstdint>

namespace smt::relay {

class Pace {
 public:
  // 0: no limit.
  void set_period(int64_t period_ns) { period_ns_ = period_ns; }
  int64_t period_ns() const { return period_ns_; }

  // There is a newer sample. 0: it may go now. Else it is to go at this time, unless a newer one comes once
  // the topic is due: it waits as long for that one as its predecessor was followed by it. So what a steady
  // source says is sent while it is new, and the last word of any source is sent too.
  int64_t moved(int64_t now_ns) {
    const int64_t gap = moved_ns_ == 0 ? 0 : std::min(now_ns - moved_ns_, period_ns_);
    moved_ns_ = now_ns;
    return period_ns_ == 0 || now_ns >= due_ns_ ? 0 : due_ns_ + gap;
  }
  void sent(int64_t now_ns) { due_ns_ = (now_ns - due_ns_ < period_ns_ ? due_ns_ : now_ns) + period_ns_; }

 private:
  int64_t period_ns_ = 0;
  int64_t due_ns_ = 0;    // the next sample may go
  int64_t moved_ns_ = 0;  // when the last one came; 0: none has
};

}  // namespace smt::relay

#endif  // SMT_RELAY_PACE_H_
