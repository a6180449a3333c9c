// A tool started by a test, its output, and a domain of its own.
#ifndef SMT_TESTS_TOOLS_PROCESS_H_
#define SMT_TESTS_TOOLS_PROCESS_H_

#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shm/domain.h"
#include "shm/fd.h"
#include "tests/eventually.h"
#include "tests/temp_folder.h"

namespace smt::tools {

inline constexpr int kDeadlineMs = 20'000;
inline constexpr int kOtherUser = 65534;

struct Ended {
  int exit_code = -1;  // 128 + signal if a signal ended it; -1: it did not end in time
  std::string out, err;
};

// Starts build/*/bin/<args[0]>, or the program whose whole path that is. The child sees `env` on top of this
// process' environment, without SMT_*.
class Process {
 public:
  struct Options {
    std::map<std::string, std::string> env;
    int stdout_fd = -1, stderr_fd = -1;  // -1: a pipe, read here
    std::string stdin_path = "/dev/null";
    // Not empty: the path of a terminal that is stdin, stdout and stderr, and that of the child's session.
    std::string terminal = "";
    std::vector<int> closed = {};  // of 0, 1 and 2: the child is started without them
    // SIGHUP is ignored, as by nohup. Else it means what it does by default, also if the test ignores it.
    bool ignores_hangup = false;
    // A command that starts the tool: its path and arguments are put behind it.
    std::vector<std::string> through = {};
  };
  explicit Process(const std::vector<std::string>& args) : Process(args, Options()) {}
  Process(const std::vector<std::string>& args, const Options& options);
  ~Process();  // kills what still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  // Reads until `text` came on stdout, or fails the test.
  void wait_for_output(const std::string& text);
  // The same on stderr.
  void wait_for_error(const std::string& text);
  // Reads what is there, and waits for nothing. Whether `text` has come on stderr.
  bool has_said(const std::string& text);
  // What has been read so far.
  const std::string& output() const { return ended_.out; }
  // The same of stderr, with what is there by now.
  const std::string& errors();
  void send(int signal);
  // Reads all output until the end. A tool that does not end in time fails the test.
  Ended wait();
  // Whether it has ended; does not block, and wait() may still be called.
  bool ended() const;

 private:
  // False: time is up, or both pipes are at their ends.
  bool read(int timeout_ms);
  void wait_for(const std::string& text, const std::string& in);
  pid_t pid_ = -1;
  Fd out_, err_;
  Ended ended_;
};

// For Options::through: a shell that runs the lines before it becomes the tool.
std::vector<std::string> after_shell(const std::string& lines);

Ended run_process(const std::vector<std::string>& args, const Process::Options& options = {});

// A line of /proc/PID/status, as "VmRSS" or "RssAnon". 0: it is not there, which fails the test.
uint64_t memory_bytes(pid_t pid, const std::string& what);

// The process has blocked the signal: a tool that ends cleanly by it.
bool blocks_signal(pid_t pid, int signal);

// Of "tcp://host:port".
uint16_t port_of(const std::string& endpoint);

class ToolTest : public testing::Test {
 protected:
  // Runs with the test's own domain.
  Process::Options env(std::map<std::string, std::string> more = {}) const;
  Ended run(const std::vector<std::string>& args) const { return run_process(args, env()); }
  // Starts as another user, who may look into the folder of this test. Nothing: only root can.
  std::optional<Process::Options> as_other_user(int group = kOtherUser) const;
  Domain domain() const;
  std::string folder() const { return root_ + "/d"; }
  // Writes root/<name>, making folders on the way; its path.
  std::string write(const std::string& name, const std::string& text) const;

  const TempFolder temp_;
  const std::string root_ = temp_.path();
};

#define SMT_AS_OTHER_USER(options, ...)                                                 \
  const std::optional<Process::Options> options##_or_none = as_other_user(__VA_ARGS__); \
  if (!options##_or_none) GTEST_SKIP() << "only root starts programs as another user";  \
  const Process::Options& options = *options##_or_none

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_PROCESS_H_
