// SIGINT and SIGTERM as a descriptor, so that a tool ends between two samples and never inside one.
#ifndef SMT_CMD_CLI_STOP_H_
#define SMT_CMD_CLI_STOP_H_

#include <cstdint>
#include <limits>
#include <optional>

#include "shm/fd.h"

namespace smt::cmd {

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// From construction on the two signals are blocked in this thread. One object per process.
class Stop {
 public:
  Stop();

  // Readable when a signal has come.
  int fd() const { return fd_.get(); }
  bool stopped() const;
  // Returns at the BOOTTIME `until_ns` or when `wake_fd` can be read (false), or when a signal comes (true).
  // Deadlines are absolute: waiting for one after the other adds up no error.
  bool sleep_until(int64_t until_ns, int wake_fd = -1) const;

 private:
  Fd fd_;
};

// BOOTTIME at which `duration_ns` from now is over; kNever without a duration.
int64_t DeadlineAfter(std::optional<int64_t> duration_ns);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_STOP_H_
