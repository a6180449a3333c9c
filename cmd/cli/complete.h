// Lists the words that may end a command line, for the completion of shells (deploy/completion).
#ifndef SMT_CMD_CLI_COMPLETE_H_
#define SMT_CMD_CLI_COMPLETE_H_

#include <string>
#include <vector>

#include "cmd/cli/cli.h"
#include "cmd/cli/options.h"

namespace smt::cmd {

// `TOOL --complete WORD...`: the words after the tool's name, of which the last is to be completed and may be
// empty. Verbs, flags, the words of flags that take one of several, and where a TOPIC or PATTERN stands, the
// topics that are in the domain now; smt/... only once that is begun. Sorted; none where a file is meant, or
// anything.
std::vector<std::string> completions(const CLI::App& app, const ToolOptions& tool,
                                     const std::vector<std::string>& words);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_COMPLETE_H_
