// The program that wants the values: asleep until its memory rings, then it looks at what is new.
#ifndef SMT_BENCH_RELAY_READER_H_
#define SMT_BENCH_RELAY_READER_H_

#include <vector>

#include "bench/relay/load.h"
#include "shm/clock.h"

namespace smt::bench {

inline void note(const ValueWords& value, const Control& control, Watched* me) {
  if (!control.measuring.load(std::memory_order_relaxed)) return;
  me->latency.add(boottime_ns() - static_cast<int64_t>(value.sent_ns));
  me->noted.store(true, std::memory_order_relaxed);
}

// `far` has newest(i, value): true if watched topic `i` has a value newer than the last one returned; and
// wait(), which returns at once if something was written since it returned last.
template <class Far>
[[noreturn]] void run_watch(const Load& load, const Control& control, Watched* me, Far far) {
  std::vector<bool> seen(static_cast<size_t>(load.watched()));
  for (;;) {
    for (int i = 0; i < load.watched(); ++i) {
      ValueWords value;
      if (!far.newest(i, &value)) continue;
      note(value, control, me);
      if (!value.is_whole(load.watched_topic(i))) me->wrong.fetch_add(1);
      if (!seen[static_cast<size_t>(i)]) me->topics.fetch_add(1);
      seen[static_cast<size_t>(i)] = true;
    }
    far.wait();
  }
}

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_READER_H_
