// The processor time of a thread that takes turns and sleeps in between, as the longest turn is judged by.
#ifndef SMT_CMD_SERVE_TURN_TIME_H_
#define SMT_CMD_SERVE_TURN_TIME_H_

#include <cstdint>
#include <functional>
#include <utility>

namespace smt::cmd {

// The clock of a thread's processor time costs a system call, and a relay of one topic takes 400 turns a
// second of some 20 us. So a short turn counts with the time between its beginning and its end. The clock is
// read after each turn of 1 ms or more, and ten times a second: what a short turn spent waiting for a
// processor is forgotten then. A long turn is never taken for longer than it is. Reads no other clock.
class TurnTime {
 public:
  static constexpr int64_t kLongNs = 1'000'000, kReadNs = 100'000'000;

  // `read`: the processor time of the thread.
  explicit TurnTime(std::function<int64_t()> read) : read_(std::move(read)) {}

  // The turn before, where it has not ended yet, ends now. `now_ns`: BOOTTIME.
  void begin(int64_t now_ns) {
    if (!ended_) end(now_ns);
    ended_ = false;
    began_ns_ = now_ns;
  }
  // The thread is to sleep.
  void end(int64_t now_ns) {
    ended_ = true;
    const int64_t took_ns = now_ns - began_ns_;
    if (took_ns < kLongNs && now_ns - read_at_ns_ < kReadNs) {
      cpu_ns_ += took_ns;
    } else {
      cpu_ns_ = read_();
      read_at_ns_ = now_ns;
    }
  }
  // When the last turn ended.
  int64_t cpu_ns() const { return cpu_ns_; }

 private:
  std::function<int64_t()> read_;
  bool ended_ = true;
  int64_t began_ns_ = 0, read_at_ns_ = 0, cpu_ns_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_TURN_TIME_H_
