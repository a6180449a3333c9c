// How far a tool has come, for who looks at a terminal.
#ifndef SMT_CMD_CLI_PROGRESS_LINE_H_
#define SMT_CMD_CLI_PROGRESS_LINE_H_

#include <string>

namespace smt::cmd {

// One line on stderr, written over and over; nothing where stderr takes no escape sequences.
class ProgressLine {
 public:
  ProgressLine();
  // stderr takes escape sequences; else the other two do nothing.
  bool shown() const { return terminal_; }
  void show(const std::string& text) const;
  // Wipes it.
  void end() const;

 private:
  bool terminal_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_PROGRESS_LINE_H_
