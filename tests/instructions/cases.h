// What is counted: each case does one thing of the data path again and again, and callgrind counts the
// instructions meanwhile (instructions_test.py).
#ifndef SMT_TESTS_INSTRUCTIONS_CASES_H_
#define SMT_TESTS_INSTRUCTIONS_CASES_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "shm/status.h"

namespace smt::instructions {

// callgrind knows this function by its name and counts what is executed in it, and nothing else.
template <class Call>
[[gnu::noipa]] void measured(const Call& call) {
  call();
  asm volatile(""
               :
               :
               : "memory");  // else the call could be a jump, after which nothing would end the counting
}

struct Case {
  std::string name;
  // Returns how often the thing was done in measured(): the figure is per one of these.
  std::function<uint64_t()> run;
};
std::vector<Case> shm_cases();
std::vector<Case> codec_cases();
std::vector<Case> relay_cases();

// A case whose calls do not do what they are to do counts something else.
inline void require(bool good, const char* what) {
  if (good) return;
  fprintf(stderr, "count_instructions: %s\n", what);
  abort();
}
template <class T>
T must(Result<T> result) {
  require(result.ok(), result.status().message().c_str());
  return std::move(*result);
}

}  // namespace smt::instructions

#endif  // SMT_TESTS_INSTRUCTIONS_CASES_H_
