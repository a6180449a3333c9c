#include "cmd/cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "cmd/cli/output.h"

namespace smt::cmd {
namespace {

// ECMA-48 and what xterm makes of it.
constexpr std::string_view kOtherScreen = "\x1b[?1049h\x1b[?25l", kFormerScreen = "\x1b[?25h\x1b[?1049l";
constexpr std::pair<std::string_view, std::string_view> kSequences[] = {
    {"\x1b[A", "up"},      {"\x1b[B", "down"},      {"\x1b[C", "right"}, {"\x1b[D", "left"},
    {"\x1bOA", "up"},      {"\x1bOB", "down"},      {"\x1bOC", "right"}, {"\x1bOD", "left"},
    {"\x1b[5~", "pageup"}, {"\x1b[6~", "pagedown"}, {"\x1b[H", "home"},  {"\x1b[F", "end"},
    {"\x1b[1~", "home"},   {"\x1b[4~", "end"}};

// Else to change it, or to read from it, stops this process.
bool is_foreground() { return tcgetpgrp(STDIN_FILENO) == getpgrp(); }

}  // namespace

std::vector<std::string> parse_keys(const std::string& bytes) {
  std::vector<std::string> keys;
  for (size_t at = 0; at < bytes.size();) {
    const std::string_view rest = std::string_view(bytes).substr(at);
    const auto* known = std::find_if(std::begin(kSequences), std::end(kSequences),
                                     [&](const auto& s) { return rest.starts_with(s.first); });
    if (known != std::end(kSequences)) {
      keys.emplace_back(known->second);
      at += known->first.size();
    } else if (rest.starts_with("\x1b[")) {  // ends with a byte from @ to ~
      const size_t end = rest.find_first_of("@ABCDEFGHIJKLMNOPQRSTUVWXYZ^_abcdefghijklmnopqrstuvwxyz{|}~", 2);
      at += end == rest.npos ? rest.size() : end + 1;
    } else {
      const char c = rest[0];
      if (c == '\x1b') {
        keys.emplace_back("escape");
      } else if (c == '\r' || c == '\n') {
        keys.emplace_back("enter");
      } else if (c == '\x7f' || c == '\b') {
        keys.emplace_back("backspace");
      } else if (static_cast<unsigned char>(c) >= ' ') {
        keys.emplace_back(1, c);
      }
      ++at;
    }
  }
  return keys;
}

KeyInput::KeyInput() {
  if (!is_terminal(STDIN_FILENO) || !is_foreground() || tcgetattr(STDIN_FILENO, &before_) != 0) return;
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VSUSP] = _POSIX_VDISABLE;  // stopped, it would leave the shell with a terminal like this
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  on_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

KeyInput::~KeyInput() {
  if (on_ && is_foreground()) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

int KeyInput::fd() const { return on_ && is_foreground() ? STDIN_FILENO : -1; }

std::vector<std::string> KeyInput::read() {
  char bytes[256];
  if (fd() < 0) return {};
  const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (n <= 0) {
    pollfd gone = {STDIN_FILENO, POLLIN, 0};
    if (poll(&gone, 1, 0) > 0 && (gone.revents & (POLLHUP | POLLERR)) != 0) on_ = false;
    return {};
  }
  return parse_keys(std::string(bytes, static_cast<size_t>(n)));
}

Screen::Screen() { print_text(kOtherScreen); }
Screen::~Screen() { print_text(kFormerScreen); }

Screen::Size Screen::size() {
  winsize window;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return {};
  return {window.ws_col, window.ws_row};
}

bool Screen::draw(const std::vector<std::string>& lines) {
  const size_t rows = std::min(lines.size(), static_cast<size_t>(size().rows));
  std::string out = "\x1b[H";
  for (size_t i = 0; i < rows; ++i) out += lines[i] + "\x1b[K" + (i + 1 == rows ? "" : "\r\n");
  return print_text(out + "\x1b[J");
}

}  // namespace smt::cmd
