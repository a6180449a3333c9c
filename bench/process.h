// Child processes that cannot outlive the program, and the processor time they take.
#ifndef SMT_BENCH_PROCESS_H_
#define SMT_BENCH_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "shm/fd.h"

namespace smt::bench {

// Killed and waited for when it goes out of scope; killed by the kernel when the calling process dies.
class Process {
 public:
  Process() = default;
  Process(Process&& o) noexcept : pid_(std::exchange(o.pid_, -1)), ask_(o.ask_) {}
  Process& operator=(Process&& o) noexcept {
    std::swap(pid_, o.pid_);
    std::swap(ask_, o.ask_);
    return *this;
  }
  ~Process();

  // Runs `body` on one core (-1: any); the process ends with it.
  static Process fork(int core, const std::function<void()>& body);
  // Runs a program on one core. Its stdout is at the other end of `out`, its stderr is added to the file
  // `log`.
  static Process execute(int core, const std::vector<std::string>& command, const std::string& log, Fd* out);

  // Instead of being killed at once it gets SIGTERM and up to 2 s.
  void ask_before_kill() { ask_ = true; }
  // Processor time so far, of all threads, in seconds. 0: there is no process.
  double cpu_s() const;
  // Memory that it has now, in MiB (RSS). 0: there is no process.
  double rss_mib() const;
  // It has ended though nobody killed it.
  bool ended() const;
  // Waits for the end; true: it ended by itself, with 0.
  bool finish();

 private:
  pid_t pid_ = -1;
  bool ask_ = false;
};

// The folder of this program, in which the others lie too.
std::string bin_folder();

}  // namespace smt::bench

#endif  // SMT_BENCH_PROCESS_H_
