// The options of the engine and of its store, from the configuration.
#ifndef SMT_CMD_SERVE_ENGINE_OPTIONS_H_
#define SMT_CMD_SERVE_ENGINE_OPTIONS_H_

#include "cmd/config/relay_config.h"
#include "relay/relay.h"
#include "relay/store/shm_store.h"

namespace smt::cmd {

// All but the origin id and the audit. REQUIRES: a checked configuration
relay::RelayOptions engine_options(const RelayConfig& config);
// The nodes that hold mirrored topics and those that peers set; no mirror unless something is received.
relay::ShmStoreOptions mirror_options(const RelayConfig& config);

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_ENGINE_OPTIONS_H_
