// Lets the k-th call that takes space, names or descriptors fail. This replaces the C library's functions in
// the program that links it: posix_fallocate, ftruncate, open, openat, linkat, mkdirat, mkfifoat, mmap.
// The files of memory limits do not count: what cannot be read there is no limit.
#ifndef SMT_TESTS_STORM_FAULTS_H_
#define SMT_TESTS_STORM_FAULTS_H_

#include <cstdint>
#include <string>

namespace smt::storm {

// The k-th of these calls from now on (1 = the next one) fails with the error that fits it: ENOSPC, for a
// plain open EMFILE, for ftruncate EFBIG, for mmap ENOMEM. With `lasting`, all after it fail too.
void fail_call(uint64_t k, bool lasting);
// Ends it. The name of the first call that failed; empty if there were fewer than k.
std::string failed_call();

}  // namespace smt::storm

#endif  // SMT_TESTS_STORM_FAULTS_H_
