// A configuration as a file that says the same, with the origin of each value.
#ifndef SMT_CMD_CONFIG_CONFIG_PRINT_H_
#define SMT_CMD_CONFIG_CONFIG_PRINT_H_

#include <string>

#include "cmd/config/relay_config.h"

namespace smt::cmd {

std::string print_config(const RelayConfig& config);

}  // namespace smt::cmd

#endif  // SMT_CMD_CONFIG_CONFIG_PRINT_H_
