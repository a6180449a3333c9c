#include "tests/tools/terminal_process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/paths.h"
#include "tests/tools/process.h"

namespace smt::tools {

TerminalProcess::TerminalProcess(std::vector<std::string> args, const std::map<std::string, std::string>& env,
                                 bool ignores_hangup) {
  int master = -1;
  if (!args[0].starts_with('/')) args[0] = bin_dir() + "/" + args[0];
  pid_ = forkpty(&master, nullptr, nullptr, nullptr);
  if (pid_ == 0) {
    if (ignores_hangup) signal(SIGHUP, SIG_IGN);
    for (const auto& [name, value] : env) setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
  }
  master_ = Fd(master);
  tcgetattr(master, &before_);
}

TerminalProcess::~TerminalProcess() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void TerminalProcess::type(const std::string& keys) {
  ASSERT_EQ(write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

void TerminalProcess::wait_for(const std::string& text) {
  for (size_t begin = shown_.size(); shown_.find(text, begin) == std::string::npos;) {
    ASSERT_TRUE(read()) << "no \"" << text << "\" came; shown:\n" << shown_;
  }
}

std::string TerminalProcess::wait(int exit_code) {
  while (master_.ok() && read()) {
  }
  int status = -1;
  EXPECT_TRUE(eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; })) << "it does not end";
  pid_ = -1;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == exit_code) << status << "\n" << shown_;
  return shown_;
}

bool TerminalProcess::is_raw() const {
  termios now;
  return tcgetattr(master_.get(), &now) == 0 && (now.c_lflag & ICANON) == 0;
}

bool TerminalProcess::is_as_before() const {
  termios now;
  return tcgetattr(master_.get(), &now) == 0 && now.c_lflag == before_.c_lflag &&
         now.c_cc[VSUSP] == before_.c_cc[VSUSP];
}

bool TerminalProcess::read() {
  pollfd ready = {master_.get(), POLLIN, 0};
  char bytes[4096];
  if (poll(&ready, 1, kDeadlineMs) <= 0) return false;
  const ssize_t n = ::read(master_.get(), bytes, sizeof bytes);
  if (n > 0) shown_.append(bytes, static_cast<size_t>(n));
  return n > 0;
}

}  // namespace smt::tools
