// The configuration of a relay tool from all its sources: defaults < file < SMT_* environment < flags.
#ifndef SMT_CMD_RELAYS_CONFIG_FLAGS_H_
#define SMT_CMD_RELAYS_CONFIG_FLAGS_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cmd/cli/cli.h"
#include "cmd/config/relay_config.h"
#include "cmd/text/config_value.h"
#include "relay/link/link_impair.h"

namespace smt::cmd {

// The flags of a command line.
struct ConfigFlags {
  Role role = Role::kPub;
  std::string file;  // --config; "": none
  // By key.
  std::vector<std::pair<std::string_view, Value>> top;
  // --topic, --rate, ...: one rule instead of the file's, of the role's own direction (a sub: receive).
  std::vector<std::pair<std::string_view, Value>> rule;
  // --bind and --connect, in this order: instead of the file's peers.
  std::vector<std::pair<std::string_view, Value>> peers;
  bool compress = false;

  bool check = false;                  // --check-config
  bool print = false;                  // --print-config
  std::optional<std::string> explain;  // a topic
  std::optional<relay::Impairment> impair;

  // Whether it is to serve, so that it needs an endpoint.
  bool serves() const { return !print && !explain; }
};

// Adds all flags of the role, with --config, --check-config and --version.
void add_config_flags(CLI::App& app, ConfigFlags* flags);

// Reads file and environment anew each time. Without errors the configuration is whole: it has rules, and
// peers unless it is only to be shown.
RelayConfig load_config(const ConfigFlags& flags, ConfigErrors* errors);

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAYS_CONFIG_FLAGS_H_
