// What the baselines with shared memory share: one memory on the near side, one for each subscriber.
#ifndef SMT_BENCH_RELAY_BASELINE_H_
#define SMT_BENCH_RELAY_BASELINE_H_

#include <functional>
#include <vector>

#include "bench/relay/memory.h"
#include "bench/relay/variant.h"

namespace smt::bench {

// A sender, a receiver and a hop run until their process is killed: these functions never return.
using Sender = std::function<void(const Load& load, Control* control, const Memory& near)>;
using Receiver = std::function<void(const Load& load, Control* control, Memory* far)>;

// One between, the `hop`th, counted from 1: takes from ports[hop - 1] and listens at ports[hop].
using Hop = std::function<void(const Load& load, Control* control, int hop)>;

Cast start_baseline(const Load& load, Control* control, const Sender& sender, const Receiver& receiver,
                    const Hop& hop);
std::vector<Process> start_hops(const Load& load, Control* control, const Hop& hop);

// The port of the sender (0) or of one between, as soon as it listens.
int wait_for_port(const Control& control, int hop);

// The Hop of all that goes over PUB and SUB.
[[noreturn]] void pass_on_zmq(const Load& load, Control* control, int hop);

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_BASELINE_H_
