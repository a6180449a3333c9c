// Without fortification, whose inline functions would stand in the way of the definitions below.
#undef _FORTIFY_SOURCE

#include "storm/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <string_view>

namespace {

uint64_t countdown = 0;  // 0: no fault
bool all_after_it = false;
const char* failed = "";

bool fails(const char* call) {
  if (countdown == 0 || --countdown != 0) return false;
  if (*failed == '\0') failed = call;
  if (all_after_it) countdown = 1;
  return true;
}

bool fails(const char* call, int error) {
  if (!fails(call)) return false;
  errno = error;
  return true;
}

// Files of the system that say how much memory may be taken. What cannot be read there is no limit, and the
// operation goes on.
bool is_of_memory_limits(const char* path) {
  const std::string_view file = path;
  return file == "/proc/self/cgroup" || file == "/proc/self/mountinfo" || file.ends_with("/memory.stat") ||
         file.ends_with("/memory.max") || file.ends_with("/memory.current") ||
         file.ends_with("/memory.limit_in_bytes") || file.ends_with("/memory.usage_in_bytes");
}

int open_at(int at, const char* path, int flags, mode_t mode) {
  const bool makes = (flags & O_TMPFILE) == O_TMPFILE;
  if (!is_of_memory_limits(path) && fails(makes ? "openat(O_TMPFILE)" : "open", makes ? ENOSPC : EMFILE))
    return -1;
  return static_cast<int>(syscall(SYS_openat, at, path, flags, mode));
}

mode_t mode_of(int flags, va_list list) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

}  // namespace

void smt::storm::fail_call(uint64_t k, bool lasting) {
  failed = "";
  all_after_it = lasting;
  countdown = k;
}

std::string smt::storm::failed_call() {
  countdown = 0;
  return failed;
}

extern "C" {

int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return open_at(at, path, flags, mode);
}

// What fortification makes of calls whose flags are not constants.
int __open_2(const char* path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __openat_2(int at, const char* path, int flags) { return open_at(at, path, flags, 0); }

int posix_fallocate(int fd, off_t offset, off_t bytes) {
  if (fails("posix_fallocate")) return ENOSPC;
  return syscall(SYS_fallocate, fd, 0, offset, bytes) == 0 ? 0 : errno;
}

int ftruncate(int fd, off_t bytes) noexcept {
  if (fails("ftruncate", EFBIG)) return -1;
  return static_cast<int>(syscall(SYS_ftruncate, fd, bytes));
}

int linkat(int from_at, const char* from, int to_at, const char* to, int flags) noexcept {
  if (fails("linkat", ENOSPC)) return -1;
  return static_cast<int>(syscall(SYS_linkat, from_at, from, to_at, to, flags));
}

int mkdirat(int at, const char* path, mode_t mode) noexcept {
  if (fails("mkdirat", ENOSPC)) return -1;
  return static_cast<int>(syscall(SYS_mkdirat, at, path, mode));
}

int mkfifoat(int at, const char* path, mode_t mode) noexcept {
  if (fails("mkfifoat", ENOSPC)) return -1;
  return static_cast<int>(syscall(SYS_mknodat, at, path, mode | S_IFIFO, 0));
}

void* mmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) noexcept {
  if (fails("mmap", ENOMEM)) return MAP_FAILED;
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, bytes, protection, flags, fd, offset));
}

}  // extern "C"
