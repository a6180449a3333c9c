// One variant under one load, from the start of its processes to their end.
#ifndef SMT_BENCH_RELAY_TRIAL_H_
#define SMT_BENCH_RELAY_TRIAL_H_

#include <string>

#include "bench/relay/variant.h"

namespace smt::bench {

// Measures for `seconds`, or longer, until each reader has seen a value, after all topics have arrived once
// and a short run. An error if a process ends early, a value is wrong, or values do not arrive in time: all
// topics within 8 s, and 20 s more for 100,000; the first value that is measured within 10 s.
Result<Figures> run_trial(const Variant& variant, const Load& load, double seconds,
                          const std::string& folder);

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_TRIAL_H_
