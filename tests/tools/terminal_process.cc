#include "tests/tools/terminal_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace smt::tools {
namespace {

Process::Options with_terminal(Process::Options options, const std::string& path) {
  options.terminal = path;
  return options;
}

}  // namespace

Terminal::Terminal(int columns) : here_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
  char name[64] = "";
  if (grantpt(here_.get()) != 0 || unlockpt(here_.get()) != 0 ||
      ptsname_r(here_.get(), name, sizeof name) != 0) {
    ADD_FAILURE() << "no terminal: " << strerror(errno);
  }
  path_ = name;
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  if (columns != 0) size.ws_row = 24;
  ioctl(here_.get(), TIOCSWINSZ, &size);
  tcgetattr(here_.get(), &before_);
}

Fd Terminal::open() const { return Fd(::open(path_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC)); }

void Terminal::type(const std::string& keys) {
  ASSERT_EQ(write(here_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

void Terminal::take() {
  while (here_.ok() && read(0)) {
  }
}

void Terminal::take_all() {
  while (here_.ok() && read(kDeadlineMs)) {
  }
}

void Terminal::wait_for(const std::string& text) {
  for (size_t begin = shown_.size(); shown_.find(text, begin) == std::string::npos;) {
    ASSERT_TRUE(read(kDeadlineMs)) << "no \"" << text << "\" came; shown:\n" << shown_;
  }
}

bool Terminal::is_raw() const {
  termios now;
  return tcgetattr(here_.get(), &now) == 0 && (now.c_lflag & ICANON) == 0;
}

bool Terminal::is_as_before() const {
  termios now;
  return tcgetattr(here_.get(), &now) == 0 && now.c_lflag == before_.c_lflag &&
         now.c_cc[VSUSP] == before_.c_cc[VSUSP];
}

bool Terminal::read(int timeout_ms) {
  pollfd ready = {here_.get(), POLLIN, 0};
  char bytes[4096];
  if (poll(&ready, 1, timeout_ms) <= 0) return false;
  const ssize_t n = ::read(here_.get(), bytes, sizeof bytes);
  if (n > 0) shown_.append(bytes, static_cast<size_t>(n));
  return n > 0;
}

TerminalProcess::TerminalProcess(const std::vector<std::string>& args, const Process::Options& options)
    : process_(args, with_terminal(options, path())) {}

std::string TerminalProcess::wait(int exit_code) {
  take_all();
  EXPECT_EQ(process_.wait().exit_code, exit_code) << shown();
  return shown();
}

}  // namespace smt::tools
