// The lateness with which this machine wakes a thread that asks for it: all other programs may be as late.
#ifndef SMT_TESTS_LATENESS_H_
#define SMT_TESTS_LATENESS_H_

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>

#include "shm/clock.h"
#include "tests/times.h"

namespace smt {

// Measures from when it is made until it is gone, on a thread of its own.
class Lateness {
 public:
  Lateness()
      : thread_([this] {
          while (!ended_) {
            const int64_t due = boottime_ns() + kMs;
            usleep(kMs / 1000);
            max_ns_ = std::max<int64_t>(max_ns_, boottime_ns() - due);
          }
        }) {}
  ~Lateness() {
    ended_ = true;
    thread_.join();
  }
  // The greatest so far.
  int64_t max_ns() const { return max_ns_; }

 private:
  std::atomic<bool> ended_{false};
  std::atomic<int64_t> max_ns_{0};
  std::thread thread_;
};

}  // namespace smt

#endif  // SMT_TESTS_LATENESS_H_
