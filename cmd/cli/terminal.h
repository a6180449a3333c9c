// The terminal of a tool that takes keys, and of one that draws whole screens.
#ifndef SMT_CMD_CLI_TERMINAL_H_
#define SMT_CMD_CLI_TERMINAL_H_

#include <termios.h>

#include <string>
#include <vector>

namespace smt::cmd {

// While it lives, stdin gives single keys, unless it is no terminal or another program's: there are none
// then. Afterwards it is as it was.
class KeyInput {
 public:
  KeyInput();
  ~KeyInput();
  KeyInput(const KeyInput&) = delete;
  KeyInput& operator=(const KeyInput&) = delete;

  // To poll; -1: none come.
  int fd() const;
  // A key: the character itself, or "up" "down" "left" "right" "pageup" "pagedown" "home" "end" "enter"
  // "escape" "backspace". What has come so far; does not block.
  std::vector<std::string> read();

 private:
  bool on_ = false;
  termios before_{};
};

// While it lives, stdout shows another screen without a cursor. Afterwards it is as it was. REQUIRES: stdout
// is a terminal that takes escape sequences.
class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  struct Size {
    int columns = 80, rows = 24;
  };
  static Size size();
  // Lines from the top; those that do not fit are left out. False: stdout has gone.
  bool draw(const std::vector<std::string>& lines);
};

// Key names in bytes as a terminal sends them. Sequences that are not known are left out.
std::vector<std::string> parse_keys(const std::string& bytes);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_TERMINAL_H_
