// The verbs of smttopic; see cmd/cli/verbs.h.
#ifndef SMT_CMD_TOPIC_TOPIC_VERBS_H_
#define SMT_CMD_TOPIC_TOPIC_VERBS_H_

#include "cmd/cli/verbs.h"

namespace smt::cmd {

void AddList(CLI::App* verb, const ToolOptions& tool, Run* run);
void AddFind(CLI::App* verb, const ToolOptions& tool, Run* run);
void AddInfo(CLI::App* verb, const ToolOptions& tool, Run* run);
void AddEcho(CLI::App* verb, const ToolOptions& tool, Run* run);
void AddWatch(CLI::App* verb, const ToolOptions& tool, Run* run);
void AddHz(CLI::App* verb, const ToolOptions& tool, Run* run);
void AddBw(CLI::App* verb, const ToolOptions& tool, Run* run);
void AddDelay(CLI::App* verb, const ToolOptions& tool, Run* run);
void AddPub(CLI::App* verb, const ToolOptions& tool, Run* run);
void AddRm(CLI::App* verb, const ToolOptions& tool, Run* run);

}  // namespace smt::cmd

#endif  // SMT_CMD_TOPIC_TOPIC_VERBS_H_
