#include "cmd/demo/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "cmd/demo/must.h"

namespace smt::demo {

Child::Child(std::string program, const std::vector<std::string>& arguments) : program_(std::move(program)) {
  const std::string path = std::filesystem::read_symlink("/proc/self/exe").replace_filename(program_);
  std::vector<char*> argv = {program_.data()};
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    execv(path.c_str(), argv.data());
    _exit(127);
  }
  if (pid_ < 0) must(Status::from_errno("cannot start " + path, errno));
  ended_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (!ended_.ok()) must(Status::from_errno("cannot watch " + path, errno));
}

void Child::reap() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  pid_ = -1;
}

void Child::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  reap();
}

bool Child::ended(int milliseconds) {
  if (pid_ < 0) return true;
  pollfd p{ended_.get(), POLLIN, 0};
  if (poll(&p, 1, milliseconds) != 1) return false;
  reap();
  return true;
}

int Child::stop() {
  if (pid_ >= 0) {
    ::kill(pid_, SIGTERM);
    if (!ended(2000)) kill();
  }
  return exit_code_;
}

}  // namespace smt::demo
