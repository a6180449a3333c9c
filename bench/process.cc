#include "bench/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/measure.h"
#include "bench/report.h"

namespace smt::bench {

Process::~Process() {
  if (pid_ <= 0) return;
  if (ask_) {
    kill(pid_, SIGTERM);
    for (int i = 0; i < 200 && !ended(); ++i) usleep(10'000);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

Process Process::fork(int core, const std::function<void()>& body) {
  const pid_t parent = getpid();
  Process p;
  p.pid_ = ::fork();
  if (p.pid_ < 0) fail(Status::from_errno("cannot fork", errno));
  if (p.pid_ > 0) return p;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  if (core >= 0) pin(core);
  body();
  _exit(0);
}

Process Process::execute(int core, const std::vector<std::string>& command, const std::string& log, Fd* out) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail(Status::from_errno("cannot make a pipe", errno));
  *out = Fd(ends[0]);
  const Fd in(ends[1]);
  return fork(core, [&] {
    const Fd errors(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    dup2(in.get(), STDOUT_FILENO);
    if (errors.ok()) dup2(errors.get(), STDERR_FILENO);
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execv(words[0], words.data());
    fail(Status::from_errno(fmt::format("cannot run {}", command[0]), errno));
  });
}

double Process::cpu_s() const {
  clockid_t clock;
  timespec t;
  if (pid_ <= 0 || clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double Process::rss_mib() const {
  std::ifstream status(fmt::format("/proc/{}/status", pid_));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

bool Process::ended() const {
  siginfo_t info = {};
  return pid_ > 0 && waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid_;
}

bool Process::finish() {
  int status = 0;
  if (pid_ <= 0 || waitpid(pid_, &status, 0) != pid_) return false;
  pid_ = -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string bin_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

}  // namespace smt::bench
