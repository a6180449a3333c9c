// smtrelay_pub, smtrelay_sub and smtrelay_proxy run one main with a role and a store of their own.
#ifndef SMT_CMD_RELAYS_RELAY_SERVE_H_
#define SMT_CMD_RELAYS_RELAY_SERVE_H_

#include <functional>
#include <optional>

#include "cmd/cli/cli.h"
#include "cmd/cli/stop.h"
#include "cmd/config/relay_config.h"
#include "cmd/relays/config_flags.h"
#include "cmd/serve/relay_counters.h"
#include "cmd/text/loss_watch.h"
#include "relay/relay.h"
#include "relay/store/store.h"

namespace smt::cmd {

// A main: flags and configuration, whose errors are logged; then --check-config, --print-config, or `run`
// with what is in force. The exit code.
int run_configured(CLI::App& app, int argc, char** argv, const ConfigFlags& flags,
                   const std::function<int(const RelayConfig&)>& run);

// The main of a relay: --explain or `serve`.
int run_relay(const char* tool, const char* what, Role role, int argc, char** argv,
              const std::function<int(const ConfigFlags&, const RelayConfig&)>& serve);

// A relay between a domain and its peers, in the directions that the configuration has rules for.
int serve_domain(const ConfigFlags& flags, const RelayConfig& config);

// A relay between its peers alone, with a memory of its own.
int serve_memory(const ConfigFlags& flags, const RelayConfig& config);

// Binds, dials, prints the line `ready`, and runs until a signal, or until `losses` ends it; the exit code.
int serve_relay(relay::Store* store, relay::RelayOptions relay, const ConfigFlags& flags,
                const RelayConfig& config, const Stop& stop, std::optional<RelayCounters> counters,
                LossWatch* losses = nullptr);

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAYS_RELAY_SERVE_H_
