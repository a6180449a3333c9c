// The main of the programs that measure relays.
#ifndef SMT_BENCH_RELAY_RELAY_MAIN_H_
#define SMT_BENCH_RELAY_RELAY_MAIN_H_

#include <vector>

#include "bench/relay/variant.h"

namespace smt::bench {

// A peer that cannot run here has `absent`, the reason.
struct Peer {
  Variant variant;
  std::string absent;
};

// `describe` stands in --help. `peers` is called before the first trial. Returns the exit code.
int relay_main(int argc, char** argv, const char* describe, const std::function<std::vector<Peer>()>& peers);

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_RELAY_MAIN_H_
