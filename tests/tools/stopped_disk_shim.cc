// Preloaded into a program, or a part of it, is a disk that stands still: writing into a file, and bringing
// it to the disk, waits while the path that STOPPED_DISK names is there. Who waits makes STOPPED_DISK.met.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace {

void wait_for_disk(int fd) {
  struct stat file;
  if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) return;
  const char* gate = getenv("STOPPED_DISK");
  if (gate == nullptr || access(gate, F_OK) != 0) return;
  const int met = open((std::string(gate) + ".met").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (met >= 0) close(met);
  while (access(gate, F_OK) == 0) {
    const timespec little = {0, 2'000'000};
    nanosleep(&little, nullptr);
  }
}

template <class Call>
Call real(const char* name) {
  return reinterpret_cast<Call>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define SMT_WAITS(result, name, parameters, ...)                             \
  extern "C" __attribute__((visibility("default"))) result name parameters { \
    static const auto call = real<result(*) parameters>(#name);              \
    wait_for_disk(fd);                                                       \
    return call(__VA_ARGS__);                                                \
  }

SMT_WAITS(ssize_t, write, (int fd, const void* from, size_t n), fd, from, n)
SMT_WAITS(ssize_t, pwrite, (int fd, const void* from, size_t n, off_t at), fd, from, n, at)
SMT_WAITS(ssize_t, pwrite64, (int fd, const void* from, size_t n, off64_t at), fd, from, n, at)
SMT_WAITS(int, fsync, (int fd), fd)
SMT_WAITS(int, fdatasync, (int fd), fd)
