#include "tests/fuzz/fuzzer.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/row.h"

// Half the time of an execution went into the stacks of allocations, and into filling them.
extern "C" const char* __asan_default_options() {
  return "malloc_context_size=1:quarantine_size_mb=16:max_malloc_fill_size=0";
}

namespace {

struct Tally {
  std::string name = "fuzzer";
  uint64_t executions = 0, seed = 0;

  ~Tally() { tell(0); }
  void tell(uint64_t violations) const {
    // A run that only merges or minimises has tried nothing.
    if (executions == 0) return;
    smt::Scale::get().chosen_outside();
    print_row(smt::Row{
        .id = "S5", .what = name, .n = executions, .violations = violations, .max_ms = {}, .seed = seed});
  }
};
Tally tally;

}  // namespace

namespace smt::fuzz {

void executed() { ++tally.executions; }

void expect(bool holds, std::string_view what) {
  if (holds) return;
  fprintf(stderr, "%s: %.*s\n", tally.name.c_str(), static_cast<int>(what.size()), what.data());
  tally.tell(1);
  abort();
}

uint64_t Random::interesting() {
  static constexpr uint64_t kLimits[] = {0, 1, ~uint64_t{0}, uint64_t{1} << 63, uint64_t{1} << 31};
  switch (below(4)) {
    case 0:
      return kLimits[below(std::size(kLimits))];
    case 1:
      return (uint64_t{1} << below(64)) + below(3) - 1;
    case 2:
      return below(300);
    default:
      return next();
  }
}

}  // namespace smt::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string_view path = (*argv)[0];
  tally.name = path.substr(path.rfind('/') + 1);
  for (int i = 1; i < *argc; ++i) {
    if (std::string_view((*argv)[i]).starts_with("-seed="))
      tally.seed = strtoull((*argv)[i] + 6, nullptr, 10);
  }
  return 0;
}
