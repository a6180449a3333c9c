// An owner (owner.h) in a child that is traced: brought to any instruction or system call of any of its
// operations.
#ifndef SMT_TESTS_CRASH_TRACED_OWNER_H_
#define SMT_TESTS_CRASH_TRACED_OWNER_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tests/crash/progress.h"

namespace smt {

// What cannot be, ends the program with a sentence.
[[noreturn]] void fail(const std::string& what);

class TracedOwner {
 public:
  explicit TracedOwner(uint64_t seed);
  ~TracedOwner();  // killed, its folder removed
  TracedOwner(const TracedOwner&) = delete;
  TracedOwner& operator=(const TracedOwner&) = delete;

  // Goes on to where an operation begins, or to where the one that has begun ends. False: it has ended
  // itself.
  bool run_on();
  // Executes one instruction. False: the operation has ended.
  bool step();
  // Goes on to where a system call begins or ends. False: the operation has ended.
  bool step_to_system_call();
  // It is gone on return.
  void kill();

  const Progress& progress() const { return *progress_; }
  const std::string& root() const { return root_; }            // of its domain "d"
  const std::string& copy_root() const { return copy_root_; }  // of another one, empty

 private:
  // False: the operation has ended.
  bool resume(int request);
  std::string folder_, root_, copy_root_;
  Progress* progress_;
  pid_t child_;
};

}  // namespace smt

#endif  // SMT_TESTS_CRASH_TRACED_OWNER_H_
