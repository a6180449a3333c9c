// A program started by this one, which dies with it.
#ifndef SMT_CMD_DEMO_CHILD_H_
#define SMT_CMD_DEMO_CHILD_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "shm/fd.h"

namespace smt::demo {

class Child {
 public:
  // Starts `program` of the folder that this program lies in. Its stdout goes nowhere. Throws Failure.
  Child(std::string program, const std::vector<std::string>& arguments = {});
  Child(Child&& o) noexcept
      : program_(std::move(o.program_)),
        pid_(std::exchange(o.pid_, -1)),
        exit_code_(o.exit_code_),
        ended_(std::move(o.ended_)) {}
  Child& operator=(Child&&) = delete;
  ~Child() { kill(); }

  // SIGKILL, and waits for the end.
  void kill();
  // SIGTERM, and waits for the end: at most 2 s, then SIGKILL. Returns the exit code, or -1 if a signal ended
  // it.
  int stop();
  // Waits at most `milliseconds` for the end; then exit_code() tells.
  bool ended(int milliseconds = 0);
  int exit_code() const { return exit_code_; }
  const std::string& program() const { return program_; }

 private:
  void reap();

  std::string program_;
  pid_t pid_ = -1;  // -1: ended
  int exit_code_ = -1;
  Fd ended_;  // a pidfd: readable when the process has ended
};

}  // namespace smt::demo

#endif  // SMT_CMD_DEMO_CHILD_H_
