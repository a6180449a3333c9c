#include "tests/crash/traced_owner.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>

#include "shm/domain.h"
#include "tests/crash/owner.h"

namespace smt {

void fail(const std::string& what) {
  fprintf(stderr, "%s: %s\n", what.c_str(), strerror(errno));
  exit(1);
}

namespace {

// Keeps the two on one processor: a step is a turn of each, and takes four times as long if each wakes
// another processor.
void stay_on_this_processor() {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  CPU_SET(static_cast<size_t>(sched_getcpu()), &processors);
  if (sched_setaffinity(0, sizeof(processors), &processors) != 0) fail("cannot stay on a processor");
}

}  // namespace

TracedOwner::TracedOwner(uint64_t seed) {
  stay_on_this_processor();
  char folder[] = "/dev/shm/smt-crash-XXXXXX";
  if (mkdtemp(folder) == nullptr) fail("cannot make a folder in /dev/shm");
  folder_ = folder;
  root_ = folder_ + "/owner";
  copy_root_ = folder_ + "/copy";
  for (const std::string& root : {root_, copy_root_}) {
    if (!Domain::open({.root = root, .domain = "d"}).ok()) fail("cannot open a domain in " + root);
  }
  void* shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("cannot share memory");
  progress_ = new (shared) Progress;

  child_ = fork();
  if (child_ == 0) {
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) fail("cannot be traced");
    raise(SIGSTOP);
    run_owner(root_, seed, progress_);
  }
  int status;
  if (waitpid(child_, &status, 0) != child_ || !WIFSTOPPED(status)) fail("no child to trace");
  if (ptrace(PTRACE_SETOPTIONS, child_, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) != 0)
    fail("cannot trace");
}

TracedOwner::~TracedOwner() {
  kill();
  munmap(progress_, sizeof(Progress));
  std::filesystem::remove_all(folder_);
}

bool TracedOwner::run_on() {
  int status;
  if (ptrace(PTRACE_CONT, child_, 0, 0) != 0 || waitpid(child_, &status, 0) != child_)
    fail("cannot continue");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    child_ = 0;
    return false;
  }
  if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP) fail("the owner ended unexpectedly");
  return true;
}

bool TracedOwner::step() { return resume(PTRACE_SINGLESTEP); }

bool TracedOwner::step_to_system_call() { return resume(PTRACE_SYSCALL); }

bool TracedOwner::resume(int request) {
  int status;
  if (ptrace(static_cast<__ptrace_request>(request), child_, 0, 0) != 0 ||
      waitpid(child_, &status, 0) != child_) {
    fail("cannot step");
  }
  if (!WIFSTOPPED(status)) fail("the owner ended unexpectedly");
  return WSTOPSIG(status) != SIGSTOP;
}

void TracedOwner::kill() {
  if (child_ <= 0) return;
  ::kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  child_ = 0;
}

}  // namespace smt
