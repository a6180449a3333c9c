// The verbs of smttopic; see cmd/cli/verbs.h.
#ifndef SMT_CMD_TOPIC_TOPIC_VERBS_H_
#define SMT_CMD_TOPIC_TOPIC_VERBS_H_

#include "cmd/cli/verbs.h"

namespace smt::cmd {

void add_list(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_find(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_info(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_echo(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_watch(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_hz(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_bw(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_delay(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_pub(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_rm(CLI::App* verb, const ToolOptions& tool, Run* run);

}  // namespace smt::cmd

#endif  // SMT_CMD_TOPIC_TOPIC_VERBS_H_
