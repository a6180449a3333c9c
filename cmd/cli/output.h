// Data on stdout, and words on stderr. When nobody reads the data any more (`smttopic echo ... | head -1`)
// the tools end quietly. A stderr that cannot be written changes nothing in what a tool does.
#ifndef SMT_CMD_CLI_OUTPUT_H_
#define SMT_CMD_CLI_OUTPUT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "cmd/text/format.h"
#include "shm/freshness.h"

namespace smt::cmd {

// Opens /dev/null as each of the descriptors 0, 1 and 2 that the process was started without (daemons,
// containers: `>&-`). Else the next file that is opened takes that number, and what the tool prints
// overwrites the file. run_tool() calls this before anything is opened. A program that is started from here
// finds these descriptors closed again.
void open_standard_descriptors();

// Throws std::runtime_error, with a sentence for stderr, where stdout was closed at the start. A verb whose
// result goes to stdout calls this first, if the verb waits before it prints: print_text() refuses too, but
// later.
void require_output();
// Writes the tool's result to stdout, at once. False: that failed, now or before, or stdout was closed at the
// start; end the tool with output_exit().
bool print_text(std::string_view text);
// Writes to stdout what a tool says whose result is elsewhere, as in a file. It makes no difference to the
// tool whether stdout was closed at the start, or its reader has gone.
void print_note(std::string_view text);
// Rows of CSV as stdout gets them: a file or a pipe as they are, a terminal through printable().
std::string csv_for_output(std::string rows);
// `code`, or what a failed stdout makes of it: 0 where its reader has gone, kExitFailure (with a sentence on
// stderr) where it is closed or cannot be written, as on a full disk.
int output_exit(int code);
// Writes to stderr as far as that is possible.
void print_to_stderr(std::string_view text);
// The same for a line of progress: only the last one is of interest.
void print_progress(std::string_view text);

// From here on notes, words and the log are written by threads of their own, which alone wait where nobody
// reads (see BackgroundWriter). A tool calls this before a loop that samples, relays, records or guards.
// Results (print_text) still wait for their reader.
void write_in_background();
// How long the end of the tool still waits for threads that write: 0.2 s from the first call on.
int64_t exit_wait_ns();
// Waits so long for those threads at most, and ends them. run_tool() calls this last.
void drain_output();

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
