// What smtrelay_pub, smtrelay_sub and smtrelay_proxy have in common beside their flags.
#ifndef SMT_CMD_RELAY_SERVE_H_
#define SMT_CMD_RELAY_SERVE_H_

#include <functional>
#include <memory>
#include <optional>

#include "cmd/relay_counters.h"
#include "cmd/relay_loop.h"
#include "cmd/relay_options.h"
#include "cmd/tool.h"
#include "relay/relay.h"
#include "relay/store.h"
#include "shm/domain.h"

namespace smt::cmd {

// A main: the flags, then --explain or `run`; the exit code.
int RunRelay(const char* tool, const char* what, Role role, int argc, char** argv,
             const std::function<int(const ToolOptions&, const RelayFlags&, const RelayRules&)>& run);

// Of a relay in a domain: name and origin id.
Result<relay::RelayOptions> RelayInDomain(const Domain& domain, const RelayFlags& flags);
// Publishes counters there; a warning and none where that cannot be.
std::optional<RelayCounters> CountersOf(const Domain& domain, const RelayFlags& flags);

// Binds, dials, prints the line `ready`, and runs until a signal; the exit code.
int Serve(relay::Store* store, relay::RelayOptions relay, const RelayFlags& flags, const Stop& stop,
          std::optional<RelayCounters> counters);

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAY_SERVE_H_
