// The configuration file: from its text to a RelayConfig.
#ifndef SMT_CMD_CONFIG_CONFIG_FILE_H_
#define SMT_CMD_CONFIG_CONFIG_FILE_H_

#include <string>
#include <string_view>

#include "cmd/config/relay_config.h"
#include "cmd/text/config_value.h"

namespace smt::cmd {

// Which tables the file has, even if they are empty.
struct Given {
  bool send = false, receive = false;
};

// Puts the values of the text over those in `config`. Each key, type, range and pattern is checked; whether
// several values fit together is checked by config_check.h.
Given apply_text(std::string_view text, const std::string& path, RelayConfig* config, ConfigErrors* errors);
// The same with the text of a file.
Given apply_file(const std::string& path, RelayConfig* config, ConfigErrors* errors);

}  // namespace smt::cmd

#endif  // SMT_CMD_CONFIG_CONFIG_FILE_H_
