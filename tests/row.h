// What a test has measured of a promise of docs/promises.md: one JSON line on stdout, which `./run test
// --full` collects into its table. A row with violations fails that run.
#ifndef SMT_TESTS_ROW_H_
#define SMT_TESTS_ROW_H_

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "tests/scale.h"

namespace smt {

struct Row {
  std::string id = "";      // of the promise: "L1"
  std::string what = "";    // which of its tests; a promise may have several
  uint64_t n = 0;           // how often it was tried
  uint64_t violations = 0;  // how often it did not hold, missed bounds on time included
  std::optional<double> max_ms = {}, p99_ms = {};
  std::optional<uint64_t> seed = {};  // of the random choices, to try them again
  std::string skip = "";              // why it was not tried at all; "" = it was
};

// Texts are this program's own, without quotes. Flushed, so that it stands before anything a child prints.
inline void print_row(const Row& row) {
  printf("{\"id\":\"%s\",\"what\":\"%s\"", row.id.c_str(), row.what.c_str());
  if (row.skip.empty()) {
    printf(",\"n\":%llu", static_cast<unsigned long long>(row.n));
    printf(",\"violations\":%llu", static_cast<unsigned long long>(row.violations));
    if (row.max_ms) printf(",\"max_ms\":%.3f", *row.max_ms);
    if (row.p99_ms) printf(",\"p99_ms\":%.3f", *row.p99_ms);
    if (const std::string size = Scale::get().used(); !size.empty()) printf(",\"size\":\"%s\"", size.c_str());
    if (row.seed) printf(",\"seed\":%llu", static_cast<unsigned long long>(*row.seed));
  } else {
    printf(",\"skip\":\"%s\"", row.skip.c_str());
  }
  printf("}\n");
  fflush(stdout);
}

}  // namespace smt

#endif  // SMT_TESTS_ROW_H_
