// A tool in a terminal of its own, and what it shows there.
#ifndef SMT_TESTS_TOOLS_TERMINAL_PROCESS_H_
#define SMT_TESTS_TOOLS_TERMINAL_PROCESS_H_

#include <sys/types.h>
#include <termios.h>

#include <map>
#include <string>
#include <vector>

#include "shm/fd.h"

namespace smt::tools {

// Starts build/*/bin/<args[0]>, or the program whose whole path that is, as the first process of a terminal
// that is its stdin, stdout and stderr.
class TerminalProcess {
 public:
  TerminalProcess(std::vector<std::string> args, const std::map<std::string, std::string>& env,
                  bool ignores_hangup = false);
  ~TerminalProcess();  // kills what still runs
  TerminalProcess(const TerminalProcess&) = delete;
  TerminalProcess& operator=(const TerminalProcess&) = delete;

  pid_t pid() const { return pid_; }
  void type(const std::string& keys);
  // Reads until `text` came after what was read before.
  void wait_for(const std::string& text);
  // Until it has ended; another exit code than this fails the test. What it has shown.
  std::string wait(int exit_code = 0);
  // The terminal goes away. Nothing is shown any more.
  void hang_up() { master_ = Fd(); }
  // What has been read so far.
  const std::string& shown() const { return shown_; }
  // Whether it takes keys one by one.
  bool is_raw() const;
  bool is_as_before() const;

 private:
  // False: nothing came in time, or the other end is closed.
  bool read();

  pid_t pid_ = -1;
  Fd master_;
  termios before_{};
  std::string shown_;
};

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_TERMINAL_PROCESS_H_
