// What the values of a configuration say together.
#ifndef SMT_CMD_CONFIG_CHECK_H_
#define SMT_CMD_CONFIG_CHECK_H_

#include <string>

#include "cmd/config_value.h"
#include "cmd/relay_config.h"
#include "shm/status.h"

namespace smt::cmd {

// kInvalid: no endpoint, or one that reaches beyond this machine without --insecure.
Status CheckRelayEndpoint(const std::string& endpoint, bool binding, bool insecure);

// Both leave out entries that are not whole.
// Whether each connection has one side and is allowed, and none is there twice.
void CheckPeers(const RelayConfig& config, ConfigErrors* errors);
// Whether the rules make sense, one by one and together.
void CheckRules(const RelayConfig& config, ConfigErrors* errors);

}  // namespace smt::cmd

#endif  // SMT_CMD_CONFIG_CHECK_H_
