// Times in nanoseconds.
#ifndef SMT_TESTS_TIMES_H_
#define SMT_TESTS_TIMES_H_

#include <cstdint>

namespace smt {

inline constexpr int64_t kMs = 1'000'000, kSecond = 1000 * kMs;

}  // namespace smt

#endif  // SMT_TESTS_TIMES_H_
