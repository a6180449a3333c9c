// SIGINT, SIGTERM and SIGHUP as a descriptor, so that a tool ends between two samples and never inside one.
#ifndef SMT_CMD_CLI_STOP_H_
#define SMT_CMD_CLI_STOP_H_

#include <cstdint>

#include "cmd/text/deadline.h"
#include "shm/fd.h"

namespace smt::cmd {

enum class StopOn {
  kSignal,              // SIGINT, SIGTERM and SIGHUP
  kSignalOrOutputGone,  // also when output_gone()
  kSignalButHangUp,     // SIGINT and SIGTERM, where SIGHUP has another meaning
};

// The process was started with SIGHUP ignored, as by nohup: it outlives its terminal.
bool hangup_ignored();

// From construction on these signals are blocked in this thread. A SIGHUP that is ignored stays ignored. One
// object per process.
class Stop {
 public:
  explicit Stop(StopOn on = StopOn::kSignal);

  // Readable when a signal has come; with kSignalOrOutputGone also when output_gone().
  int fd() const { return either_.ok() ? either_.get() : signals_.get(); }
  bool stopped() const { return is_stopped(fd()); }
  bool sleep_until(int64_t until_ns, int wake_fd = -1) const {
    return cmd::sleep_until(until_ns, fd(), wake_fd);
  }

 private:
  Fd signals_;
  Fd either_;  // an epoll of the signals and of what happens to stdout
};

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_STOP_H_
