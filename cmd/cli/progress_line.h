// How far a tool has come, for who looks at a terminal.
#ifndef SMT_CMD_CLI_PROGRESS_LINE_H_
#define SMT_CMD_CLI_PROGRESS_LINE_H_

#include <cstdint>
#include <string>

namespace smt::cmd {

// One line on stderr, written over and over; nothing where stderr is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  // A new line is worth it: 200 ms after the one before. Always false without a terminal.
  bool due() const;
  void show(const std::string& text);
  // Wipes it.
  void end();

 private:
  bool terminal_;
  int64_t shown_ns_;  // BOOTTIME
};

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_PROGRESS_LINE_H_
