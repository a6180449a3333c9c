#include "storm/storm.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "shm/clock.h"
#include "shm/seqlock.h"
#include "tests/eventually.h"
#include "tests/scale.h"

namespace smt::storm {

namespace fs = std::filesystem;

uint64_t scaled(uint64_t quick, uint64_t full, std::optional<uint64_t> ci) {
  return Scale::get().scaled(quick, full, ci);
}

uint64_t sized(uint64_t quick, uint64_t full, std::optional<uint64_t> ci) {
  return Scale::get().sized(quick, full, ci);
}

int64_t patience_factor() {
#ifdef SMT_ADDRESS_SANITIZER
  return 5;
#else
  return kThreadSanitizer ? 10 : 1;
#endif
}

uint64_t seed_of_run() {
  static const uint64_t seed = [] {
    const char* given = getenv("SMT_SEED");
    return given != nullptr ? strtoull(given, nullptr, 10) : std::random_device()();
  }();
  return seed;
}

std::mt19937_64& random_engine() {
  static std::mt19937_64 random(seed_of_run());
  return random;
}

uint64_t random_below(uint64_t limit) {
  return std::uniform_int_distribution<uint64_t>(0, limit - 1)(random_engine());
}

void elapse(nanoseconds time) {
  const timespec t{time.count() / 1'000'000'000, time.count() % 1'000'000'000};
  ppoll(nullptr, 0, &t, nullptr);
}

bool await(milliseconds limit, const std::function<bool()>& condition) {
  return eventually(condition, limit);
}

void must(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

double Latencies::percentile_ms(double percent) {
  if (ns_.empty()) return 0;
  std::sort(ns_.begin(), ns_.end());
  const auto rank = static_cast<size_t>(percent / 100 * static_cast<double>(ns_.size()) + 0.999999);
  return static_cast<double>(ns_[std::clamp<size_t>(rank, 1, ns_.size()) - 1]) / 1e6;
}

std::string Latencies::text() {
  return fmt::format("p50 {:.2f} p99 {:.2f} max {:.2f} ms of {}", percentile_ms(50), percentile_ms(99),
                     percentile_ms(100), count());
}

Domain open_domain(const std::string& root) {
  DomainOptions options;
  options.root = root;
  return must(Domain::open(options));
}

Domain TempRoot::open() const { return open_domain(path()); }

std::vector<std::string> TempRoot::files() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path() + "/default"))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

uint64_t TempRoot::bytes() const {
  uint64_t sum = 0;
  for (const std::string& name : files()) {
    struct stat st;
    if (stat((path() + "/default/" + name).c_str(), &st) == 0)
      sum += static_cast<uint64_t>(st.st_blocks) * 512;
  }
  return sum;
}

Child Child::spawn(const std::string& mode, const Args& args, bool new_pid_namespace) {
  std::vector<std::string> words = {"/proc/self/exe", mode};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) must(Status::from_errno("pipe", errno));
  const pid_t parent = getpid();
  const pid_t pid =
      new_pid_namespace ? static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0)) : fork();
  if (pid < 0) must(Status::from_errno("fork", errno));
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!new_pid_namespace && getppid() != parent) _exit(1);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  Child child;
  child.pid_ = pid;
  child.in_ = Fd(in[1]);
  child.out_ = Fd(out[0]);
  return child;
}

Child& Child::operator=(Child&& o) noexcept {
  std::swap(pid_, o.pid_);
  std::swap(in_, o.in_);
  std::swap(out_, o.out_);
  return *this;
}

void Child::kill() {
  kill_now();
  wait();
}

void Child::kill_now() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

int Child::wait() {
  if (pid_ <= 0) return -1;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  in_.reset();
  out_.reset();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool Child::ended() {
  siginfo_t info{};
  return pid_ > 0 && waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

void Child::tell(char byte) {
  if (write(in_.get(), &byte, 1) != 1) must(Status::from_errno("telling a child", errno));
}

std::string Child::line(milliseconds limit) {
  std::string line;
  const int64_t end = boottime_ns() + nanoseconds(limit).count();
  for (;;) {
    pollfd p{out_.get(), POLLIN, 0};
    const int64_t left_ms = (end - boottime_ns()) / 1'000'000;
    char c;
    if (left_ms <= 0 || poll(&p, 1, static_cast<int>(left_ms)) <= 0) return "";
    if (read(out_.get(), &c, 1) != 1) return "";
    if (c == '\n') return line;
    line += c;
  }
}

void say_line(const std::string& line) {
  const std::string text = line + "\n";
  if (write(STDOUT_FILENO, text.data(), text.size()) < 0) _exit(1);
}

bool wait_for_word() {
  char byte;
  return read(STDIN_FILENO, &byte, 1) == 1;
}

}  // namespace smt::storm
