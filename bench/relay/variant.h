// The ways to carry topics from one memory to another that are compared.
#ifndef SMT_BENCH_RELAY_VARIANT_H_
#define SMT_BENCH_RELAY_VARIANT_H_

#include <functional>
#include <string>
#include <vector>

#include "bench/relay/load.h"
#include "bench/process.h"

namespace smt::bench {

// The processes of one trial. Writer and sender run on core 0, receivers and readers on core 1, one of each
// for a subscriber.
struct Cast {
  Process writer, sender;
  std::vector<Process> receivers, readers;
  // Values written to the far memories so far, all subscribers together.
  std::function<uint64_t()> updates;
  // All topics exist in the far memories.
  std::function<bool()> complete = [] { return true; };
};

struct Variant {
  std::string name;
  // Brings the processes up. `folder` is removed after the trial.
  std::function<Cast(const Load& load, Control* control, const std::string& folder)> start;
  // Some topics may never arrive.
  bool lossy = false;
  // Hand-written, a message for each topic.
  bool naive = false;
};

// ZeroMQ as most would write it first: PUB/SUB, a message of two frames (name, value) for each changed topic.
struct NaiveOptions {
  bool futex = false;  // woken by the writer; else it looks every millisecond
  int hwm = 1000;      // ZeroMQ's default
};
Variant naive(const std::string& name, const NaiveOptions& options);

// PUB/SUB woken by the writer, all changed topics in one message.
Variant batch(const std::string& name);

// The same records over a plain TCP connection for each subscriber: close to the limit of any relay.
Variant raw_tcp(const std::string& name);

// No shared memory: the sender stamps, the receiver looks. What the transport alone can do.
Variant bare_zmq(const std::string& name);

// The programs smtrelay_pub and smtrelay_sub of the folder `bin`.
Variant smt_relay(const std::string& name, const std::string& bin);

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_VARIANT_H_
