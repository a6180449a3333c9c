// Which rule decides about a topic.
#ifndef SMT_CMD_RELAYS_RELAY_EXPLAIN_H_
#define SMT_CMD_RELAYS_RELAY_EXPLAIN_H_

#include <string>

#include "cmd/config/relay_config.h"

namespace smt::cmd {

// One line for each rule that lets the topic pass, or one that says what stops it; for both directions where
// the configuration has rules of both. REQUIRES: check_topic_name(topic) is OK
std::string explain_topic(const RelayConfig& config, const std::string& topic);

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAYS_RELAY_EXPLAIN_H_
