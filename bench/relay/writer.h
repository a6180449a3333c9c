// The program that publishes: all topics in the first burst, those that change in each further one, and
// asleep until the next is due.
#ifndef SMT_BENCH_RELAY_WRITER_H_
#define SMT_BENCH_RELAY_WRITER_H_

#include <sys/prctl.h>

#include <vector>

#include "bench/measure.h"
#include "bench/relay/load.h"
#include "shm/clock.h"

namespace smt::bench {

// When the next burst is due.
class Pace {
 public:
  explicit Pace(const Load& load) : load_(load), due_(boottime_ns()) { prctl(PR_SET_TIMERSLACK, 1); }

  void wait() {
    due_ += load_.period_ns;
    if (load_.jitter_ns != 0) {
      random_ = random_ * 6364136223846793005u + 1442695040888963407u;
      due_ += static_cast<int64_t>((random_ >> 33) % static_cast<uint64_t>(load_.jitter_ns));
    }
    const int64_t now = boottime_ns();
    if (due_ > now) return sleep_until(due_);
    // Later than a whole period: what was left out is not made up for.
    if (now - due_ > load_.period_ns) due_ = now;
  }

 private:
  const Load load_;
  int64_t due_;
  uint64_t random_ = 1;
};

// `near` has put(topic, value, sent_ns) and end(), which ends a burst. The clock is read for every 32nd value
// of a burst: reading it for each would cost more than publishing.
template <class Near>
[[noreturn]] void run_writer(const Load& load, Control* control, Near near) {
  Pace pace(load);
  std::vector<uint64_t> value(load.bytes / 8);
  for (uint64_t burst = 1;; ++burst) {
    const int puts = burst == 1 ? load.topics : load.active();
    for (int i = 0; i < puts; ++i) {
      const int topic = burst == 1 ? i : load.active_topic(i);
      if (i % 32 == 0) value.front() = value.back() = static_cast<uint64_t>(boottime_ns());
      if (has_all_words(load.bytes)) {
        value[1] = static_cast<uint64_t>(topic);
        value[2] = burst;
      }
      near.put(topic, value, static_cast<int64_t>(value.front()));
    }
    near.end();
    control->offered.fetch_add(static_cast<uint64_t>(puts), std::memory_order_relaxed);
    while (control->quiet.load(std::memory_order_relaxed)) sleep_until(boottime_ns() + kSecond);
    pace.wait();
  }
}

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_WRITER_H_
