// Every main runs its own work inside run_tool(), which sees to descriptors and signals, parses flags, sets
// up the log and maps errors to exit codes.
#ifndef SMT_CMD_CLI_TOOL_H_
#define SMT_CMD_CLI_TOOL_H_

#include <csignal>
#include <functional>
#include <string>

#include "cmd/cli/cli.h"
#include "cmd/cli/options.h"
#include "cmd/text/log_sink.h"
#include "shm/domain.h"
#include "shm/status.h"

namespace smt::cmd {

// run_tool() ignores these signals; a program that is started from a tool would inherit that.
inline constexpr int kIgnoredSignals[] = {SIGPIPE, SIGXFSZ};

// Parses argv (bad usage: a sentence on stderr, exit code 2), sets up the log and runs `run`. Returns the
// exit code.
int run_tool(CLI::App& app, int argc, char** argv, const ToolOptions& tool, const std::function<int()>& run);

// As many open files as the system lets this process have; 1,024 are the usual soft limit.
void raise_file_limit();

// Memory of large blocks is kept for the next one: giving it back and taking it anew costs more than what is
// done with it.
void keep_large_blocks();

// The log of this tool, for libraries.
LogSink tool_log();

// For a program that publishes there: it is warned of programs of the domain that it will not see, see
// cmd/text/other_root.h.
Result<Domain> open_to_publish(const DomainOptions& options);

// Logs the error; its exit code.
int fail(const Status& status);
int fail(int code, const std::string& message);
// kExitOk, or where it is none, fail().
int exit_code_after(const Status& status);
// The same, where what is not found is the topic that was asked for.
int fail_topic(const Status& status);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_TOOL_H_
