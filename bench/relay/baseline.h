// What the baselines with shared memory share: one memory on the near side, one for each subscriber.
#ifndef SMT_BENCH_RELAY_BASELINE_H_
#define SMT_BENCH_RELAY_BASELINE_H_

#include <functional>

#include "bench/relay/memory.h"
#include "bench/relay/variant.h"

namespace smt::bench {

// Neither returns.
using Sender = std::function<void(const Load& load, Control* control, const Memory& near)>;
using Receiver = std::function<void(const Load& load, Control* control, Memory* far)>;

Cast start_baseline(const Load& load, Control* control, const Sender& sender, const Receiver& receiver);

// The port that the sender listens on, as soon as it does.
int wait_for_port(const Control& control);

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_BASELINE_H_
