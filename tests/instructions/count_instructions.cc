// Runs one case, and prints how often it did what is counted. Without a case it prints the compiler and all
// cases.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/instructions/cases.h"

namespace {

#if !defined(NDEBUG)
constexpr const char* kCompiler = "debug";
#elif defined(__clang__)
constexpr const char* kCompiler = "clang++ " __clang_version__;
#elif __GNUC__ == 12 && defined(__x86_64__)
constexpr const char* kCompiler = "g++ 12, x86-64";
#else
constexpr const char* kCompiler = "another one";
#endif

}  // namespace

int main(int argc, char** argv) {
  std::vector<smt::instructions::Case> cases = smt::instructions::shm_cases();
  for (auto more : {smt::instructions::codec_cases, smt::instructions::relay_cases}) {
    for (smt::instructions::Case& c : more()) cases.push_back(std::move(c));
  }
  if (argc < 2) {
    printf("%s\n", kCompiler);
    for (const auto& c : cases) printf("%s\n", c.name.c_str());
    return 0;
  }
  const std::string name = argv[1];
  const auto found = std::find_if(cases.begin(), cases.end(), [&](const auto& c) { return c.name == name; });
  if (argc > 2 || found == cases.end()) {
    fprintf(stderr, "usage: count_instructions [CASE]\n");
    return 2;
  }
  printf("%llu\n", static_cast<unsigned long long>(found->run()));
  return 0;
}
