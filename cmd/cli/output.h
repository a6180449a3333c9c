// Data on stdout. When nobody reads it any more (`smttopic echo ... | head -1`) the tools end quietly.
#ifndef SMT_CMD_CLI_OUTPUT_H_
#define SMT_CMD_CLI_OUTPUT_H_

#include <string>
#include <string_view>

#include "cmd/text/format.h"
#include "shm/freshness.h"

namespace smt::cmd {

// Writes all of `text`, and waits where the descriptor has no room. 0, or the errno of what failed.
int write_whole(int fd, std::string_view text);
// Writes to stdout, at once. False: it failed, now or before; end the tool with output_exit().
bool print_text(std::string_view text);
// `code`, or what a failed stdout makes of it: 0 where its reader has gone, kExitFailure (with a sentence on
// stderr) where it cannot be written, as on a full disk.
int output_exit(int code);
// stdout is a pipe whose reader has gone, or a terminal that hung up.
bool output_gone();

bool is_terminal(int fd);
// A terminal that takes escape sequences: one that TERM does not call dumb.
bool takes_escapes(int fd);
// Colours: such a terminal, and no NO_COLOR in the environment.
bool colour_on(int fd);
// The state's name, coloured if `colour`.
std::string state_text(State state, bool colour);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_OUTPUT_H_
