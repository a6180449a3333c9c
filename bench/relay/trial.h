// One variant under one load, from the start of its processes to their end.
#ifndef SMT_BENCH_RELAY_TRIAL_H_
#define SMT_BENCH_RELAY_TRIAL_H_

#include <string>

#include "bench/relay/variant.h"

namespace smt::bench {

struct Figures {
  double p50_us = 0, p99_us = 0;  // from just before publish until a reader has seen the value in its memory
  double offered_hz = 0;          // values published
  double delivered_hz = 0;        // values written to the far memory, mean of the subscribers
  double sender_cpu = 0;          // of one core
  double receivers_cpu = 0;       // of one core, all subscribers together

  double cpu() const { return sender_cpu + receivers_cpu; }
};

// Measures for `seconds`, after all topics have arrived once and a short run. Ends the program with a
// sentence if a process ends early, a value is wrong or topics do not arrive within 8 s.
Figures run_trial(const Variant& variant, const Load& load, double seconds, const std::string& folder);

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_TRIAL_H_
