// The death that hurts most: the bell is cleared, and nobody is woken. This replaces the C library's
// syscall() and write() in the program that links it.
#ifndef SMT_TESTS_STORM_DIE_BEFORE_WAKE_H_
#define SMT_TESTS_STORM_DIE_BEFORE_WAKE_H_

#include <atomic>
#include <cstdint>

namespace smt::storm {

enum class DieBefore { kNever, kFutexWake, kFifoWrite };

// From now on the calling process kills itself, with SIGKILL, where it is about to make such a call; it adds
// 1 to `deaths` before.
void arm_death(DieBefore call, std::atomic<uint64_t>* deaths);

}  // namespace smt::storm

#endif  // SMT_TESTS_STORM_DIE_BEFORE_WAKE_H_
