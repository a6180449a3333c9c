#include "cmd/cli/output.h"

#include <fcntl.h>
#include <fmt/color.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "cmd/cli/background_writer.h"
#include "cmd/cli/exit_code.h"
#include "cmd/cli/journal.h"
#include "cmd/cli/write_whole.h"
#include "shm/clock.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

constexpr const char* kClosed =
    "standard output is closed, and the result goes there; redirect it, as to a file";

// For all of a tool's writers together.
constexpr int64_t kExitWaitNs = 200'000'000;

bool output_closed = false;  // at the start
int output_error = 0;        // errno of the first write that failed

// Empty: what is written is written at once.
std::optional<BackgroundWriter> notes_writer, words_writer;

// A terminal that hung up gives EIO.
bool is_reader_gone(int error) { return error == EPIPE || (error == EIO && output_gone()); }

void note_error(int error) {
  if (!is_reader_gone(error)) output_error = error;
}

void drain_notes() {
  if (notes_writer) note_error(notes_writer->drain(exit_wait_ns()));
  notes_writer.reset();
}

}  // namespace

void open_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    if (fd == STDOUT_FILENO) output_closed = true;
    // The lowest number that is free is this one. Without /dev, as in a bare chroot, the folder / as a mere
    // path takes it: nothing is read from there or written to it.
    const int opened = open("/dev/null", (fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
    if (opened < 0) (void)open("/", O_PATH | O_CLOEXEC);
  }
}

void require_output() {
  if (output_closed) throw std::runtime_error(kClosed);
}

bool print_text(std::string_view text) {
  if (output_closed) output_error = EBADF;
  if (output_error == 0) output_error = write_whole(STDOUT_FILENO, text);
  return output_error == 0;
}

void print_note(std::string_view text) {
  if (output_closed || output_error != 0) return;
  if (notes_writer) return notes_writer->write(text);
  note_error(write_whole(STDOUT_FILENO, text));
}

std::string csv_for_output(std::string rows) {
  return is_terminal(STDOUT_FILENO) ? printable(rows, LineBreaks::kAll) : rows;
}

int output_exit(int code) {
  drain_notes();
  if (output_error == 0) return code;
  if (is_reader_gone(output_error)) return kExitOk;
  spdlog::error("{}", output_closed
                          ? kClosed
                          : fmt::format("cannot write standard output: {}", strerror(output_error)));
  return kExitFailure;
}

void print_to_stderr(std::string_view text) {
  if (words_writer) return words_writer->write(text);
  (void)write_whole(STDERR_FILENO, text);
}

void print_progress(std::string_view text) {
  if (words_writer) return words_writer->write_latest(text);
  (void)write_whole(STDERR_FILENO, text);
}

void write_in_background() {
  const auto lost = [tool = spdlog::default_logger()->name()](uint64_t texts) {
    return fmt::format("{}{}: warning: {} {} lost, as nobody read standard error\n",
                       is_journal(STDERR_FILENO) ? journal_prefix(spdlog::level::warn) : "", tool, texts,
                       texts == 1 ? "line was" : "lines were");
  };
  words_writer.emplace(STDERR_FILENO, lost);
  notes_writer.emplace(STDOUT_FILENO, [](uint64_t) { return std::string(); });
}

int64_t exit_wait_ns() {
  static const int64_t end_ns = boottime_ns() + kExitWaitNs;
  return std::max<int64_t>(0, end_ns - boottime_ns());
}

void drain_output() {
  drain_notes();
  if (words_writer) words_writer->drain(exit_wait_ns());
  words_writer.reset();
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
