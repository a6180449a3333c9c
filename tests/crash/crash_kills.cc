// Kills the owner of a segment at every system call of everything that it does: before the call and after it.
//
// Other than the images of crash_images, what is left here is what a killed process really leaves: locks,
// files without a name, the segment itself. Readers must find every topic as it was or as it was to become,
// and a successor must take over, publish, and be read.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/crash/recovery.h"
#include "tests/crash/traced_owner.h"
#include "tests/row.h"
#include "tests/scale.h"

namespace smt {
namespace {

struct Total {
  uint64_t kills = 0, violations = 0;
  int64_t slowest_ns = 0;
};

// Kills owners in operation number `operation`, each one stop later than the last. False: there is no such
// operation.
bool kill_in(uint64_t seed, uint64_t operation, Total* total) {
  for (uint64_t stop = 1;; ++stop) {
    TracedOwner owner(seed);
    for (uint64_t begin = 0; begin < 2 * operation + 1; ++begin) {
      if (!owner.run_on()) return false;
    }
    const std::string name = owner.progress().operation.load();
    for (uint64_t i = 0; i < stop; ++i) {
      if (owner.step_to_system_call()) continue;
      if (seed == 0) printf("%-20s %4lu kills\n", name.c_str(), stop - 1);
      return true;
    }
    owner.kill();
    ++total->kills;
    const Recovery recovery = recover(owner.root(), owner.progress());
    total->slowest_ns = std::max(total->slowest_ns, recovery.slowest_ns);
    for (const std::string& what : recovery.violations) {
      if (++total->violations > 20) continue;
      printf("VIOLATION in %s (owner %lu, stop %lu): %s\n", name.c_str(), seed, stop, what.c_str());
    }
  }
}

}  // namespace
}  // namespace smt

int main() {
  const uint64_t owners = smt::Scale::get().scaled(1, 24), first = owners * smt::Scale::round();
  smt::Total total;
  for (uint64_t seed = first; seed < first + owners; ++seed) {
    for (uint64_t operation = 0; smt::kill_in(seed, operation, &total); ++operation) {
    }
  }
  const double slowest_ms = static_cast<double>(total.slowest_ns) / 1e6;
  smt::print_row(smt::Row{.id = "L2",
                          .what = "killed at every system call",
                          .n = total.kills,
                          .violations = total.violations,
                          .max_ms = slowest_ms});
  return total.violations == 0 && total.kills > 0 ? 0 : 1;
}
