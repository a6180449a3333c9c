// The tools, run as other users. Needs root.
#ifndef SMT_TESTS_STORM_TOOL_AS_H_
#define SMT_TESTS_STORM_TOOL_AS_H_

#include <string>

#include "storm/identity.h"
#include "storm/storm.h"

namespace smt::storm {

// A tool, opened as root: the folder it lies in may be closed to others. Runs as "/proc/self/fd/N".
std::string open_tool(const char* tool);

// "exit 0: <what it printed>", of a command as that user.
std::string run_as(const Identity& who, const std::string& command);

// Becomes COMMAND ARGUMENT...; 127: it cannot.
int exec_tool(const Args& words);

}  // namespace smt::storm

#endif  // SMT_TESTS_STORM_TOOL_AS_H_
