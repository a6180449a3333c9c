// Flags that several tools have in common. Order: defaults < SMT_* environment < flags.
#ifndef SMT_CMD_CLI_OPTIONS_H_
#define SMT_CMD_CLI_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "cmd/cli/cli.h"
#include "cmd/cli/output.h"
#include "shm/domain.h"
#include "shm/node.h"

namespace smt::cmd {

struct ToolOptions {
  DomainOptions domain;
  Format format = Format::kTable;
  std::string log = "info";
};

void add_version_flag(CLI::App& app);
// --domain --root --group --log --version
void add_common_flags(CLI::App& app, ToolOptions* tool);
// -f/--format
void add_format_flag(CLI::App& app, ToolOptions* tool);

// A flag whose value is a duration (see parse_duration). Both write nanoseconds.
CLI::Option* add_duration(CLI::App& app, const std::string& flag, int64_t* ns, const std::string& what);
CLI::Option* add_duration(CLI::App& app, const std::string& flag, std::optional<int64_t>* ns,
                          const std::string& what);

// --node --segment-size --keep --remove-on-exit. `name_default` is told in the help; an empty node->name
// means that.
void add_publish_flags(CLI::App& app, NodeOptions* node, const std::string& name_default);

// "<prefix>-<16 hex digits of the topic's FNV-1a hash>": the default node of a tool that publishes one topic.
std::string node_name_for(const std::string& prefix, const std::string& topic);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_OPTIONS_H_
