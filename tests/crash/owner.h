// The process that is killed: everything that changes a segment, between two SIGSTOPs each.
#ifndef SMT_TESTS_CRASH_OWNER_H_
#define SMT_TESTS_CRASH_OWNER_H_

#include <cstdint>
#include <string>

#include "shm/reader.h"
#include "tests/crash/progress.h"

namespace smt {

// Runs all operations in the domain "d" of `root` and ends the process. Sizes and numbers follow from `seed`.
[[noreturn]] void run_owner(const std::string& root, uint64_t seed, Progress* progress);

// The number that a sample proves to hold in each of its words; 0: torn.
uint64_t value_of(const Sample& sample);

}  // namespace smt

#endif  // SMT_TESTS_CRASH_OWNER_H_
