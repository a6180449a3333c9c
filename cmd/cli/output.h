// Data on stdout. When nobody reads it any more (`smttopic echo ... | head -1`) the tools end quietly.
#ifndef SMT_CMD_CLI_OUTPUT_H_
#define SMT_CMD_CLI_OUTPUT_H_

#include <string>
#include <string_view>

#include "cmd/text/format.h"
#include "shm/freshness.h"

namespace smt::cmd {

// Writes to stdout, at once. False: it failed, now or before; end the tool with OutputExit().
bool Print(std::string_view text);
// `code`, or what a failed stdout makes of it: 0 where its reader has gone, kExitFailure (with a sentence on
// stderr) where it cannot be written, as on a full disk.
int OutputExit(int code);
// stdout is a pipe whose reader has gone, or a terminal that hung up.
bool OutputGone();

bool IsTerminal(int fd);
// Colours: a terminal, and no NO_COLOR in the environment.
bool ColourOn(int fd);
// The state's name, coloured if `colour`.
std::string StateText(State state, bool colour);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_OUTPUT_H_
