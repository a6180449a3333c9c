// The terminal of a tool that draws whole screens and takes keys.
#ifndef SMT_CMD_TERMINAL_H_
#define SMT_CMD_TERMINAL_H_

#include <termios.h>

#include <string>
#include <vector>

namespace smt::cmd {

// While it lives, stdout shows another screen without a cursor and stdin gives single keys. Afterwards both
// are as they were. REQUIRES: stdout is a terminal. stdin may be none: there are no keys then.
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

  // To poll for keys; -1: none come.
  int fd() const { return keys_ ? 0 : -1; }
  // A key: the character itself, or "up" "down" "pageup" "pagedown" "home" "end" "enter" "escape"
  // "backspace". What has come so far; does not block.
  std::vector<std::string> keys();

 private:
  bool keys_ = false;
  termios before_{};
};

// Key names in bytes as a terminal sends them. Sequences that are not known are left out.
std::vector<std::string> ParseKeys(const std::string& bytes);

}  // namespace smt::cmd

#endif  // SMT_CMD_TERMINAL_H_
