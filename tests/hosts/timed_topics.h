// Topics whose values say when they were published and prove that they are whole; and what a mirror makes of
// them. Both "hosts" have one CLOCK_BOOTTIME, so a test knows the true age where a relay can but reckon it.
#ifndef SMT_TESTS_HOSTS_TIMED_TOPICS_H_
#define SMT_TESTS_HOSTS_TIMED_TOPICS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "shm/domain.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "storm/storm.h"

namespace smt::hosts {

struct TimedTopic {
  std::string name;
  size_t bytes = 8;  // a multiple of 8; 8: only the time, without a proof
  int64_t period_ns = 10'000'000;
  uint32_t history = 4;
};

// Publishes each topic in its period until it goes.
class TimedSource {
 public:
  TimedSource(const Domain& domain, const std::vector<TimedTopic>& topics, const std::string& node = "source",
              uint64_t segment_bytes = 0);
  ~TimedSource() { stop(); }
  void stop();
  uint64_t published(size_t topic) const { return out_[topic]->published; }

 private:
  struct Out {
    TimedTopic topic;
    Publisher publisher;
    std::vector<uint64_t> value;
    int64_t due_ns;
    std::atomic<uint64_t> published{0};
  };
  void run();
  static void publish(Out* out);
  std::unique_ptr<Node> node_;
  std::vector<std::unique_ptr<Out>> out_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// What has come of one topic. "Arrived" is when the relay wrote it into the mirror.
struct Arrivals {
  uint64_t count = 0;
  uint64_t wrong = 0;        // not whole
  uint64_t back = 0;         // not newer than the one before
  storm::Latencies ages;     // true, on arrival
  int64_t max_gap_ns = 0;    // between two arrivals, or an arrival and the beginning or end of counting
  int64_t age_error_ns = 0;  // the most that an age in the mirror differed from the true one
  uint64_t sequence = 0;     // of the last one
  int64_t arrived_ns = 0, published_ns = 0, stamp_ns = 0;  // of the last one
};

// Follows topics in a mirror, in a thread of its own.
class Watch {
 public:
  Watch(const Domain& domain, const std::vector<TimedTopic>& topics);
  ~Watch() { stop(); }

  // Counts anew from now on. `last_count`: how many samples of the last topic there were before.
  void begin(uint64_t* last_count = nullptr);
  void stop();
  // As of now, or of stop(). Of topics [first, last) together: `last_` fields are those of the last of them.
  Arrivals of(size_t topic) const;
  Arrivals of(size_t first, size_t last) const;
  State state(size_t topic) const;
  bool all_have(uint64_t count) const;
  // Called for every sample, in the thread of this object, from now on.
  using Seen = std::function<void(size_t topic, const Arrivals& arrivals)>;
  void on_sample(Seen seen);

 private:
  struct In {
    Reader reader;
    size_t bytes;
    Arrivals arrivals;
  };
  void run();
  void take(size_t topic, const Sample& sample);

  mutable std::mutex mutex_;
  std::vector<In> in_;
  Seen seen_;
  int64_t begun_ns_, ended_ns_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace smt::hosts

#endif  // SMT_TESTS_HOSTS_TIMED_TOPICS_H_
