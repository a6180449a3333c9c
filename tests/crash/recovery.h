// What a reader and a successor make of the folder as a killed owner left it.
#ifndef SMT_TESTS_CRASH_RECOVERY_H_
#define SMT_TESTS_CRASH_RECOVERY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/crash/progress.h"

namespace smt {

struct Recovery {
  std::vector<std::string> violations;
  int64_t slowest_ns = 0;     // thread CPU time of taking over
  uint32_t half_written = 0;  // slots that the successor repaired
};

// Reads the domain "d" of `root`, takes over kNode in it, publishes, and reads again. The folder may be
// changed.
Recovery recover(const std::string& root, const Progress& progress);

}  // namespace smt

#endif  // SMT_TESTS_CRASH_RECOVERY_H_
