// A terminal of a test's own, and a tool in one.
#ifndef SMT_TESTS_TOOLS_TERMINAL_PROCESS_H_
#define SMT_TESTS_TOOLS_TERMINAL_PROCESS_H_

#include <sys/types.h>
#include <termios.h>

#include <string>
#include <vector>

#include "shm/fd.h"
#include "tests/tools/process.h"

namespace smt::tools {

// The test types and sees; programs have the other end.
class Terminal {
 public:
  // 0 columns: it has no size.
  explicit Terminal(int columns = 0);

  // The other end, which does not become the terminal of this process' session.
  const std::string& path() const { return path_; }
  Fd open() const;

  void type(const std::string& keys);
  // Takes what is shown by now. A program whose terminal nobody reads comes to a halt.
  void take();
  // Takes all until no program has the other end any more.
  void take_all();
  // Reads until `text` came after what was read before.
  void wait_for(const std::string& text);
  // The terminal goes away. Nothing is shown any more.
  void hang_up() { here_.reset(); }
  // What has been read so far.
  const std::string& shown() const { return shown_; }
  // Whether it takes keys one by one.
  bool is_raw() const;
  bool is_as_before() const;

 private:
  // False: nothing came in time, or the other end is closed.
  bool read(int timeout_ms);

  Fd here_;
  std::string path_, shown_;
  termios before_{};
};

// Starts a Process as the first one of a terminal that is its stdin, stdout and stderr.
class TerminalProcess : public Terminal {
 public:
  TerminalProcess(const std::vector<std::string>& args, const Process::Options& options);

  pid_t pid() const { return process_.pid(); }
  void send(int signal) { process_.send(signal); }
  // Until it has ended; another exit code than this fails the test. What it has shown.
  std::string wait(int exit_code = 0);

 private:
  Process process_;
};

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_TERMINAL_PROCESS_H_
