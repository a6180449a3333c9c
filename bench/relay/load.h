// What is to be carried in one trial, and the page on which its processes meet.
#ifndef SMT_BENCH_RELAY_LOAD_H_
#define SMT_BENCH_RELAY_LOAD_H_

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "bench/relay/histogram.h"

namespace smt::bench {

inline constexpr int64_t kUs = 1000, kMs = 1000 * kUs, kSecond = 1000 * kMs;  // in ns

inline constexpr int kMaxSubscribers = 64, kMaxHops = 3;
inline constexpr int kSenderCore = 0, kReceiverCore = 1;

struct Load {
  int topics = 1;
  size_t bytes = 32;      // of each value: a multiple of 8
  int64_t period_ns = 0;  // all topics change once in it; 0: as fast as the transport takes them (bare only)
  int64_t jitter_ns = 0;  // each period is longer by a random part of this
  int subscribers = 1;
  int hops = 0;             // processes between the sender and the receivers
  int changed = 0;          // topics that change in a period, always the same, evenly spread; 0: all
  bool silent = false;      // nothing changes while it is measured
  bool saturating = false;  // more than can be carried; who would queue without end sends at his own pace

  // The topics that change after all were written once.
  int active() const { return changed == 0 ? topics : changed; }
  int active_topic(int i) const { return static_cast<int>(int64_t{i} * topics / active()); }
  // A reader looks at up to 100 of them, evenly spread, so that looking stays cheap beside carrying.
  int watched() const { return std::min(active(), 100); }
  int watched_topic(int i) const { return active_topic(static_cast<int>(int64_t{i} * active() / watched())); }
};

inline std::string topic_name(int topic) { return fmt::format("bench/topic/{:05}", topic); }

// The words of a value that are looked at: it begins with the three and ends with `sent_again`. A value of
// less than 32 bytes has the first alone.
struct ValueWords {
  uint64_t sent_ns = 0;  // BOOTTIME just before it was published
  uint64_t topic = 0;
  uint64_t burst = 0;
  uint64_t sent_again = 0;  // = sent_ns, or the value is torn

  bool is_whole(int of_topic) const {
    return sent_ns == sent_again && topic == static_cast<uint64_t>(of_topic);
  }
};

inline bool has_all_words(size_t bytes) { return bytes >= sizeof(ValueWords); }

// The words of `topic`'s value. REQUIRES: bytes >= 8
inline ValueWords words_of(const void* value, size_t bytes, int topic) {
  ValueWords words;
  if (!has_all_words(bytes)) {
    memcpy(&words.sent_ns, value, 8);
    words.topic = static_cast<uint64_t>(topic);
    words.sent_again = words.sent_ns;
    return words;
  }
  uint64_t begin[3];
  memcpy(begin, value, sizeof begin);
  words = {begin[0], begin[1], begin[2], 0};
  memcpy(&words.sent_again, static_cast<const char*>(value) + bytes - 8, 8);
  return words;
}

// One reader's. Written by that reader alone.
struct Watched {
  std::atomic<int> topics{0};        // seen at least once
  std::atomic<uint64_t> wrong{0};    // values torn or of another topic
  std::atomic<uint64_t> updates{0};  // received; only where there is no memory that counts them
  std::atomic<bool> noted{false};    // a latency at least
  Histogram latency;                 // of what was seen while `measuring`
};

struct Control {
  std::atomic<bool> measuring{false};
  std::atomic<bool> quiet{false};  // the writer pauses
  // The port of the sender comes first, then that of each process between. A process whose port is 0 does not
  // listen yet.
  std::atomic<int> ports[1 + kMaxHops] = {};
  std::atomic<uint64_t> offered{0};
  std::atomic<uint64_t> scrapes{0};  // of the relays' /metrics, answered
  Watched watched[kMaxSubscribers];
};

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_LOAD_H_
