#include "cmd/cli/progress_line.h"

#include <unistd.h>

#include "cmd/cli/output.h"
#include "shm/printable.h"

namespace smt::cmd {

ProgressLine::ProgressLine() : terminal_(takes_escapes(STDERR_FILENO)) {}

void ProgressLine::show(const std::string& text) const {
  if (terminal_) print_progress("\r\x1b[K" + printable(text));
}

void ProgressLine::end() const {
  if (terminal_) print_to_stderr("\r\x1b[K");
}

}  // namespace smt::cmd
