// Instants at a steady rate. Each is counted from the start, so being late for one puts off none that
// follows.
#ifndef SMT_CMD_TEXT_BEAT_H_
#define SMT_CMD_TEXT_BEAT_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace smt::cmd {

class Beat {
 public:
  // The beats are at start_ns + n / hz. Between 1e-6 and 1e6 Hz, and below 2^53 beats.
  Beat(double hz, int64_t start_ns) : hz_(hz), start_ns_(start_ns) {}

  int64_t due_ns(uint64_t n) const { return start_ns_ + std::llround(static_cast<double>(n) * 1e9 / hz_); }
  // The beat after beat `n`, or where that has passed by a whole period, the last one that has come: what was
  // due meanwhile is left out, not made up for.
  uint64_t after(uint64_t n, int64_t now_ns) const {
    const double past = static_cast<double>(now_ns - start_ns_) * hz_ / 1e9;
    return std::max(n + 1, static_cast<uint64_t>(std::max(0.0, past)));
  }

 private:
  double hz_;
  int64_t start_ns_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_BEAT_H_
