#include "tests/tools/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "shm/clock.h"
#include "tests/paths.h"

extern char** environ;

namespace smt::tools {
namespace {

int64_t now_ms() { return boottime_ns() / 1'000'000; }

// Both ends close on exec; the child gets its own by dup2.
void make_pipe(Fd* read_end, Fd* write_end) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) abort();
  *read_end = Fd(fds[0]);
  *write_end = Fd(fds[1]);
}

}  // namespace

Process::Process(const std::vector<std::string>& args, const Options& options) {
  std::vector<std::string> env, argv = args;
  for (char** e = environ; *e != nullptr; ++e) {
    const std::string entry = *e, name = entry.substr(0, entry.find('='));
    if (!entry.starts_with("SMT_") && options.env.count(name) == 0) env.push_back(entry);
  }
  for (const auto& [name, value] : options.env) env.push_back(name + "=" + value);
  const std::string path = args[0].starts_with('/') ? args[0] : bin_dir() + "/" + args[0];
  if (!options.through.empty()) {
    argv[0] = path;
    argv.insert(argv.begin(), options.through.begin(), options.through.end());
  }
  std::vector<char*> argv_pointers, env_pointers;
  for (std::string& a : argv) argv_pointers.push_back(a.data());
  for (std::string& e : env) env_pointers.push_back(e.data());
  argv_pointers.push_back(nullptr);
  env_pointers.push_back(nullptr);

  Fd child_out, child_err;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  if (options.terminal.empty()) {
    if (options.stdout_fd < 0) make_pipe(&out_, &child_out);
    if (options.stderr_fd < 0) make_pipe(&err_, &child_err);
    posix_spawn_file_actions_addopen(&actions, 0, options.stdin_path.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, options.stdout_fd < 0 ? child_out.get() : options.stdout_fd,
                                     1);
    posix_spawn_file_actions_adddup2(&actions, options.stderr_fd < 0 ? child_err.get() : options.stderr_fd,
                                     2);
  } else {  // the terminal that the leader of a session opens first is that of the session
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    posix_spawn_file_actions_addopen(&actions, 0, options.terminal.c_str(), O_RDWR, 0);
    for (const int fd : {1, 2}) posix_spawn_file_actions_adddup2(&actions, 0, fd);
  }
  for (const int fd : options.closed) posix_spawn_file_actions_addclose(&actions, fd);
  const auto before = signal(SIGHUP, options.ignores_hangup ? SIG_IGN : SIG_DFL);
  const std::string& program = options.through.empty() ? path : argv[0];
  const int error =
      posix_spawnp(&pid_, program.c_str(), &actions, &attributes, argv_pointers.data(), env_pointers.data());
  signal(SIGHUP, before);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    pid_ = -1;
    ADD_FAILURE() << "cannot start " << path << ": " << strerror(error);
  }
}

Process::~Process() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Process::read(int timeout_ms) {
  if (!out_.ok() && !err_.ok()) return false;
  pollfd fds[] = {{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}};
  if (poll(fds, 2, std::max(0, timeout_ms)) <= 0) return false;
  char buffer[65536];
  for (int i = 0; i < 2; ++i) {
    if (fds[i].revents == 0) continue;
    const ssize_t n = ::read(fds[i].fd, buffer, sizeof buffer);
    if (n > 0) (i == 0 ? ended_.out : ended_.err).append(buffer, n);
    if (n == 0) (i == 0 ? out_ : err_).reset();
  }
  return true;
}

const std::string& Process::errors() {
  while (read(0)) {
  }
  return ended_.err;
}

void Process::wait_for_output(const std::string& text) { wait_for(text, ended_.out); }
void Process::wait_for_error(const std::string& text) { wait_for(text, ended_.err); }

bool Process::has_said(const std::string& text) {
  while (read(0)) {
  }
  return ended_.err.find(text) != std::string::npos;
}

void Process::wait_for(const std::string& text, const std::string& in) {
  const int64_t end = now_ms() + kDeadlineMs;
  while (in.find(text) == std::string::npos) {
    if (!read(static_cast<int>(end - now_ms()))) {
      FAIL() << "no \"" << text << "\" came; stdout:\n" << ended_.out << "\nstderr:\n" << ended_.err;
    }
  }
}

bool Process::ended() const {
  siginfo_t info = {};
  return pid_ < 0 || (waitid(P_PID, pid_, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_);
}

void Process::send(int signal) {
  if (pid_ > 0) kill(pid_, signal);
}

Ended Process::wait() {
  const int64_t end = now_ms() + kDeadlineMs;
  while (read(static_cast<int>(end - now_ms()))) {
  }
  int status = 0;
  const bool gone = pid_ > 0 && eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
  if (!gone) {
    ADD_FAILURE() << "the tool did not end in time; stdout:\n" << ended_.out << "\nstderr:\n" << ended_.err;
    return ended_;
  }
  pid_ = -1;
  ended_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended_;
}

std::vector<std::string> after_shell(const std::string& lines) {
  return {"sh", "-c", lines + "\nexec \"$@\"", "sh"};
}

Ended run_process(const std::vector<std::string>& args, const Process::Options& options) {
  return Process(args, options).wait();
}

uint64_t memory_bytes(pid_t pid, const std::string& what) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what + ":")) return strtoull(line.c_str() + what.size() + 1, nullptr, 10) * 1024;
  }
  ADD_FAILURE() << "no " << what << " of process " << pid;
  return 0;
}

bool blocks_signal(pid_t pid, int signal) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("SigBlk:"))
      return (strtoull(line.c_str() + 7, nullptr, 16) >> (signal - 1) & 1) != 0;
  }
  return false;
}

uint16_t port_of(const std::string& endpoint) {
  return static_cast<uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
}

Process::Options ToolTest::env(std::map<std::string, std::string> more) const {
  Process::Options options;
  options.env = std::move(more);
  options.env.emplace("SMT_ROOT", root_);
  options.env.emplace("SMT_DOMAIN", "d");
  return options;
}

std::optional<Process::Options> ToolTest::as_other_user(int group) const {
  chmod(root_.c_str(), 01777);
  Process::Options options;
  options.through = {"setpriv", "--reuid=" + std::to_string(kOtherUser), "--regid=" + std::to_string(group),
                     "--clear-groups"};
  if (geteuid() != 0 || run_process({"smtdoctor", "--version"}, options).exit_code != 0) return std::nullopt;
  return options;
}

Domain ToolTest::domain() const {
  Result<Domain> d = Domain::open({.root = root_, .domain = "d"});
  if (!d.ok()) {
    ADD_FAILURE() << d.status().message();
    abort();
  }
  return *d;
}

std::string ToolTest::write(const std::string& name, const std::string& text) const {
  const std::filesystem::path path = std::filesystem::path(root_) / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

}  // namespace smt::tools
