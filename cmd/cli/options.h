// Flags that several tools have in common. Order: defaults < SMT_* environment < flags.
#ifndef SMT_CMD_CLI_OPTIONS_H_
#define SMT_CMD_CLI_OPTIONS_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "cmd/cli/cli.h"
#include "cmd/cli/output.h"
#include "cmd/text/loss_watch.h"
#include "cmd/text/numbers.h"
#include "shm/domain.h"
#include "shm/node.h"

namespace smt::cmd {

struct ToolOptions {
  DomainOptions domain;
  Format format = Format::kTable;
  std::string log = "info";
};

void add_version_flag(CLI::App& app);
// --domain --root --group --shared-root --log --version
void add_common_flags(CLI::App& app, ToolOptions* tool);
// -f/--format
void add_format_flag(CLI::App& app, ToolOptions* tool);

// A duration lies between these bounds. An interval, which is added again and again, has a year at most.
struct DurationBounds {
  int64_t min_ns = 0;
  int64_t max_ns = std::numeric_limits<int64_t>::max();
};
constexpr DurationBounds interval_of(int64_t min_ns) {
  return {min_ns, int64_t{365} * 86400 * 1'000'000'000};
}

// A flag whose value is a duration (see parse_duration). Both write nanoseconds.
CLI::Option* add_duration(CLI::App& app, const std::string& flag, int64_t* ns, const std::string& what,
                          DurationBounds bounds = {});
CLI::Option* add_duration(CLI::App& app, const std::string& flag, std::optional<int64_t>* ns,
                          const std::string& what, DurationBounds bounds = {});

// A flag whose value is a number from `min` to `max`. Number: double, uint32_t or uint64_t.
template <class Number>
CLI::Option* add_number(CLI::App& app, const std::string& flag, Number* out, Number min, Number max,
                        const std::string& what);
// -n/--count, which is from 1
CLI::Option* add_count(CLI::App& app, uint64_t* count, const std::string& what);
// --history, of topics that the tool publishes
CLI::Option* add_history(CLI::App& app, uint32_t* samples);
// A flag whose value is a number of bytes, as 64M.
CLI::Option* add_size(CLI::App& app, const std::string& flag, uint64_t* bytes, const SizeKind& kind,
                      const std::string& what);

// --node --segment-size --keep --remove-on-exit. `name_default` is told in the help; an empty node->name
// means that.
void add_publish_flags(CLI::App& app, NodeOptions* node, const std::string& name_default);

// --on-lost, of tools that publish or record.
void add_on_lost(CLI::App& app, OnLost* on_lost);

// "<prefix>-<16 hex digits of the topic's FNV-1a hash>": the default node of a tool that publishes one topic.
std::string node_name_for(const std::string& prefix, const std::string& topic);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_OPTIONS_H_
