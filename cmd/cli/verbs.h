// The verbs of smttopic. Add<Verb> declares the verb's arguments and flags; when the command line chose it,
// `*run` is what to do, and returns the exit code.
#ifndef SMT_CMD_CLI_VERBS_H_
#define SMT_CMD_CLI_VERBS_H_

#include <functional>

#include "cmd/cli/cli.h"
#include "cmd/cli/options.h"

namespace smt::cmd {

using Run = std::function<int()>;

void AddList(CLI::App& app, const ToolOptions& tool, Run* run);
void AddFind(CLI::App& app, const ToolOptions& tool, Run* run);
void AddInfo(CLI::App& app, const ToolOptions& tool, Run* run);
void AddEcho(CLI::App& app, const ToolOptions& tool, Run* run);
void AddWatch(CLI::App& app, const ToolOptions& tool, Run* run);
void AddHz(CLI::App& app, const ToolOptions& tool, Run* run);
void AddBw(CLI::App& app, const ToolOptions& tool, Run* run);
void AddDelay(CLI::App& app, const ToolOptions& tool, Run* run);
void AddPub(CLI::App& app, const ToolOptions& tool, Run* run);
void AddRm(CLI::App& app, const ToolOptions& tool, Run* run);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_VERBS_H_
