// What is to be carried in one trial, and the page on which its processes meet.
#ifndef SMT_BENCH_RELAY_LOAD_H_
#define SMT_BENCH_RELAY_LOAD_H_

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/relay/histogram.h"

namespace smt::bench {

inline constexpr int kMaxSubscribers = 8;
inline constexpr int kSenderCore = 0, kReceiverCore = 1;

struct Load {
  int topics = 1;
  size_t bytes = 32;      // of each value: a multiple of 8, at least 32
  int64_t period_ns = 0;  // all topics change once in it; 0: as fast as the transport takes them (bare only)
  int64_t jitter_ns = 0;  // each period is longer by a random part of this
  int subscribers = 1;
  bool silent = false;  // nothing changes while it is measured

  // A reader looks at up to 100 topics, evenly spread, so that looking stays cheap beside carrying.
  int watched() const { return std::min(topics, 100); }
  int watched_topic(int i) const { return static_cast<int>(int64_t{i} * topics / watched()); }
};

inline std::string topic_name(int topic) { return fmt::format("bench/topic/{:05}", topic); }

// The words of a value that are looked at: it begins with the three and ends with `sent_again`.
struct ValueWords {
  uint64_t sent_ns = 0;  // BOOTTIME just before it was published
  uint64_t topic = 0;
  uint64_t burst = 0;
  uint64_t sent_again = 0;  // = sent_ns, or the value is torn
};

// One reader's. Written by that reader alone.
struct Watched {
  std::atomic<int> topics{0};        // seen at least once
  std::atomic<uint64_t> wrong{0};    // values torn or of another topic
  std::atomic<uint64_t> updates{0};  // received; only where there is no memory that counts them
  Histogram latency;                 // of what was seen while `measuring`
};

struct Control {
  std::atomic<bool> measuring{false};
  std::atomic<bool> quiet{false};  // the writer pauses
  std::atomic<int> port{0};        // of the sender; 0: it does not listen yet
  std::atomic<uint64_t> offered{0};
  Watched watched[kMaxSubscribers];
};

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_LOAD_H_
