#include "cmd/cli/output.h"

#include <fmt/color.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cmd/cli/exit_code.h"

namespace smt::cmd {
namespace {

int output_error = 0;  // errno of the first write that failed

}  // namespace

int write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(n);
    } else if (errno == EAGAIN) {  // somebody made it non-blocking
      pollfd out{fd, POLLOUT, 0};
      poll(&out, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

bool print_text(std::string_view text) {
  if (output_error == 0) output_error = write_whole(STDOUT_FILENO, text);
  return output_error == 0;
}

int output_exit(int code) {
  if (output_error == 0) return code;
  if (output_error == EPIPE) return kExitOk;
  spdlog::error("cannot write standard output: {}", strerror(output_error));
  return kExitFailure;
}

bool output_gone() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

bool is_terminal(int fd) { return isatty(fd) != 0; }

bool takes_escapes(int fd) {
  const char* term = getenv("TERM");
  return is_terminal(fd) && (term == nullptr || term != std::string_view("dumb"));
}

bool colour_on(int fd) {
  const char* no_color = getenv("NO_COLOR");
  return takes_escapes(fd) && (no_color == nullptr || *no_color == '\0');
}

std::string state_text(State state, bool colour) {
  const std::string_view name = state_name(state);
  if (!colour) return std::string(name);
  const auto shade = state == State::kFresh   ? fmt::terminal_color::green
                     : state == State::kEmpty ? fmt::terminal_color::bright_black
                     : state == State::kStale ? fmt::terminal_color::yellow
                                              : fmt::terminal_color::red;
  return fmt::format(fmt::fg(shade), "{}", name);
}

}  // namespace smt::cmd
