// The ways to carry topics from one memory to another that are compared.
#ifndef SMT_BENCH_RELAY_VARIANT_H_
#define SMT_BENCH_RELAY_VARIANT_H_

#include <functional>
#include <string>
#include <vector>

#include "bench/process.h"
#include "bench/relay/askers.h"
#include "bench/relay/load.h"
#include "shm/status.h"

namespace smt::bench {

// Where the processes of a trial say what they have to say.
inline std::string log_of(const std::string& folder) { return folder + ".log"; }

inline constexpr int kAnyCore = -1;

// The processes of one trial. Writer and sender run on core 0, receivers and readers on core 1, one of each
// for a subscriber, those between (relays that pass on, brokers) where the kernel puts them.
struct Cast {
  Process writer, sender;
  std::vector<Process> between;
  std::vector<Process> receivers, readers;
  std::vector<Process> askers;  // see Asking
  // Values written to the far memories so far, all subscribers together.
  std::function<uint64_t()> updates;
  // All topics exist in the far memories.
  std::function<bool()> complete = [] { return true; };
};

enum class Kind {
  kMessageEach,  // hand-written, a message for each topic
  kBatch,        // hand-written, all changed topics in one message
  kRawTcp,
  kBare,  // no topics in memory: what the transport alone can do
  kPeer,  // of somebody else; a load that it cannot carry is left out with the reason
  kSmtRelay,
};

struct Figures {
  double p50_us = 0, p99_us = 0;  // from just before publish until a reader has seen the value in its memory
  double offered_hz = 0;          // values published
  double delivered_hz = 0;        // values written to the far memory, mean of the subscribers
  double sender_cpu = 0;          // of one core
  double receivers_cpu = 0;       // of one core, all subscribers together
  double between_cpu = 0;         // of one core, all together
  double scrapes_hz = 0;          // answered, all relays together

  double cpu() const { return sender_cpu + receivers_cpu + between_cpu; }
};

struct Variant {
  std::string name;
  // Brings the processes up. `folder` is removed after the trial.
  std::function<Cast(const Load& load, Control* control, const std::string& folder)> start;
  // Some topics may never arrive.
  bool lossy = false;
  Kind kind = Kind::kSmtRelay;
  // Measures with a tool of its own instead of `start`.
  std::function<Result<Figures>(const Load& load, double seconds)> tool = {};
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

// No shared memory: the sender stamps, the receiver looks. What the transport alone can do. `encrypted`: with
// CURVE, and then with no hops.
Variant bare_zmq(const std::string& name, bool encrypted = false);

// The programs smtrelay_pub and smtrelay_sub of the folder `bin`.
struct SmtRelayOptions {
  bool spin = false;   // neither of them ever sleeps
  bool keys = false;   // each has keys and knows the other's; no hops then
  Asking asking = {};  // both ends serve pages, if anybody asks; no hops then
};
Variant smt_relay(const std::string& name, const std::string& bin, const SmtRelayOptions& options = {});

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_VARIANT_H_
