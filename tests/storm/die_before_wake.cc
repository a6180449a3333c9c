#include "storm/die_before_wake.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>

namespace {

smt::storm::DieBefore armed = smt::storm::DieBefore::kNever;
std::atomic<uint64_t>* deaths = nullptr;

void die() {
  deaths->fetch_add(1);
  kill(getpid(), SIGKILL);
}

}  // namespace

void smt::storm::arm_death(DieBefore call, std::atomic<uint64_t>* count) {
  deaths = count;
  armed = call;
}

extern "C" long syscall(long number, ...) noexcept {
  static const auto real = reinterpret_cast<long (*)(long, ...)>(dlsym(RTLD_NEXT, "syscall"));
  long a[6];
  va_list list;
  va_start(list, number);
  for (long& argument : a) argument = va_arg(list, long);
  va_end(list);
  const bool wakes = number == SYS_futex && (a[1] & FUTEX_CMD_MASK) == FUTEX_WAKE;
  if (wakes && armed == smt::storm::DieBefore::kFutexWake) die();
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

extern "C" ssize_t write(int fd, const void* bytes, size_t count) {
  static const auto real = reinterpret_cast<ssize_t (*)(int, const void*, size_t)>(dlsym(RTLD_NEXT, "write"));
  if (armed == smt::storm::DieBefore::kFifoWrite) die();
  return real(fd, bytes, count);
}
