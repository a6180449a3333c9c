// Clients of the pages that relays serve about themselves (--metrics).
#ifndef SMT_BENCH_RELAY_ASKERS_H_
#define SMT_BENCH_RELAY_ASKERS_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "bench/process.h"

namespace smt::bench {

struct Asking {
  int scrapes_per_s = 0;  // of each relay's /metrics
  int slow_clients = 0;   // of the first relay, each with a connection

  bool any() const { return scrapes_per_s != 0 || slow_clients != 0; }
};

// Processes that ask at `ports` until they are killed. They stand for other machines, so they take only the
// time that the relays leave. `scrapes` counts answers that came whole. Half of the slow clients send a
// request byte by byte, one a second; the others send one and take no answer. Whoever was turned out, or has
// been there for 5 s, comes again.
std::vector<Process> start_askers(const Asking& asking, const std::vector<int>& ports,
                                  std::atomic<uint64_t>* scrapes);

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_ASKERS_H_
