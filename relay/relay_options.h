// The options of a relay: its name, its rules, and the functions that it borrows from its process.
#ifndef SMT_RELAY_RELAY_OPTIONS_H_
#define SMT_RELAY_RELAY_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relay/counters/message_key.h"
#include "relay/counters/severity.h"
#include "relay/keys/keyring.h"
#include "relay/rules/liveness.h"
#include "relay/rules/rules.h"
#include "relay/rules/subscription.h"
#include "relay/writes/audit.h"
#include "shm/freshness.h"

namespace smt::relay {

struct RelayOptions {
  std::string name;  // of this relay, as peers log it
  // Who peers are, on links where they prove it (Incoming::key): they are called as their keys are. None:
  // they are called as they say.
  std::shared_ptr<const Keyring> keys = {};
  Id128 origin_id{};      // of the domain; of a proxy: random
  uint64_t instance = 0;  // random, one per process
  // What peers may have; none: nothing.
  std::vector<SendRule> send;
  // What this relay takes; none: what it asks for with get(), and, of a proxy, everything.
  std::vector<ReceiveRule> receive;
  // What peers may set; none: nothing. REQUIRES: of a proxy none.
  std::vector<WriteRule> write;
  // Which of that each peer may have and set; none: all.
  AccessRules access;
  std::string write_node;  // see Writes
  Audit* audit = nullptr;  // step() and end_writes() call it; null: nothing is written down
  // Proxy: wanted upstream even while no peer wants it.
  std::vector<Subscription> cache;
  // Memory that the sessions may take together, about, and half of it that one of them may: a peer that
  // needs more is refused, see Reset FULL.
  uint64_t max_session_bytes = uint64_t{1} << 30;
  // What it asks its peers for, see agree().
  Liveness liveness;
  // Wants upstream what its peers want too, and passes a Get on.
  bool proxy = false;
  // Random 64 bits, not 0: numbers of sessions.
  std::function<uint64_t()> random;
  // BOOTTIME when a message has come, which may be some time after its step began: the clocks of peers are
  // compared by it. None: the time of the step.
  std::function<int64_t()> now;
  // Processor time of the thread that steps, see SessionCounters::max_step_ns; an estimate may go back. None:
  // steps are not timed.
  std::function<int64_t()> cpu_time;
  // What people should know.
  std::function<void(Severity, const MessageKey& key, const std::string& text)> log;

  bool serves() const { return !send.empty(); }
  bool takes() const { return proxy || !receive.empty(); }
  void report(Severity severity, const MessageKey& key, const std::string& text) const {
    if (log) log(severity, key, text);
  }
};

}  // namespace smt::relay

#endif  // SMT_RELAY_RELAY_OPTIONS_H_
