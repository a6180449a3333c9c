// The processor time of a thread that takes turns and sleeps in between, as the longest turn is judged by.
#ifndef SMT_CMD_SERVE_TURN_TIME_H_
#define SMT_CMD_SERVE_TURN_TIME_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

namespace smt::cmd {

// The clock of a thread's processor time costs a system call, and a relay of one topic takes 400 turns a
// second of some 20 us. So a short turn counts with the time between its beginning and its end. A turn of 1
// ms or more counts with no more than the processor time since the clock was read last: it is read after each
// such turn, and ten times a second. No turn counts with more than the time it took, so that what it takes to
// sleep is no part of one. Reads no other clock.
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
    int64_t took_ns = now_ns - began_ns_;
    if (took_ns >= kLongNs || now_ns - read_at_ns_ >= kReadNs) {
      const int64_t cpu_ns = read_();
      took_ns = std::min(took_ns, cpu_ns - read_ns_);
      read_ns_ = cpu_ns;
      read_at_ns_ = now_ns;
    }
    turns_ns_ += took_ns;
  }
  // The sum is that of all turns that have ended.
  int64_t cpu_ns() const { return turns_ns_; }

 private:
  std::function<int64_t()> read_;
  bool ended_ = true;
  int64_t began_ns_ = 0, read_at_ns_ = 0, read_ns_ = 0, turns_ns_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_TURN_TIME_H_
