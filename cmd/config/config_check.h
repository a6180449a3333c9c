// Checks values of a configuration against each other.
#ifndef SMT_CMD_CONFIG_CONFIG_CHECK_H_
#define SMT_CMD_CONFIG_CONFIG_CHECK_H_

#include "cmd/config/relay_config.h"
#include "cmd/text/config_value.h"

namespace smt::cmd {

// Where the keys of such a relay are: `self_key` without a '/' is the name of a credential of the service
// manager. kInvalid: this process has no credentials.
Result<relay::KeySource> key_source(const std::string& keys, const std::string& self_key,
                                    const std::string& domain_group, bool key_group);
// Reads the folder of keys, if there is one; a relay that has no name of its own has that of its key.
void read_keys(RelayConfig* config, ConfigErrors* errors);

// Whether heartbeat and patience are in their ranges; a patience that is not said follows from the heartbeat.
void complete_liveness(RelayConfig* config, ConfigErrors* errors);

// Both leave out entries that are not whole.
// Whether each connection has one side and is allowed, and none is there twice.
void check_peers(const RelayConfig& config, ConfigErrors* errors);
// Whether it may be listened where --metrics says.
void check_metrics(const RelayConfig& config, ConfigErrors* errors);
// Whether the rules make sense, one by one and together.
void check_rules(const RelayConfig& config, ConfigErrors* errors);

}  // namespace smt::cmd

#endif  // SMT_CMD_CONFIG_CONFIG_CHECK_H_
