// Preloaded into a program, moves its wall clock (and no other clock) by what a mapped file says:
// nanoseconds, changeable at any time. WALL_CLOCK_OFFSET is its path.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

using Offset = std::atomic<int64_t>;

const Offset* map_offset() {
  const char* path = getenv("WALL_CLOCK_OFFSET");
  const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  void* at = fd < 0 ? MAP_FAILED : mmap(nullptr, sizeof(Offset), PROT_READ, MAP_SHARED, fd, 0);
  if (fd >= 0) close(fd);
  // A program that keeps its clock would pass every test.
  if (at == MAP_FAILED) abort();
  return static_cast<const Offset*>(at);
}

int real(clockid_t clock, timespec* time) {
  static const auto real = reinterpret_cast<int (*)(clockid_t, timespec*)>(dlsym(RTLD_NEXT, "clock_gettime"));
  return real(clock, time);
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = real(clock, time);
  if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
  static const Offset* const offset = map_offset();
  const int64_t ns = time->tv_sec * 1'000'000'000 + time->tv_nsec + offset->load(std::memory_order_relaxed);
  time->tv_sec = ns / 1'000'000'000;
  time->tv_nsec = ns % 1'000'000'000;
  return 0;
}

__attribute__((visibility("default"))) int gettimeofday(timeval* time, void*) noexcept {
  timespec t;
  if (clock_gettime(CLOCK_REALTIME, &t) != 0) return -1;
  *time = {t.tv_sec, t.tv_nsec / 1000};
  return 0;
}

__attribute__((visibility("default"))) time_t time(time_t* out) noexcept {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  if (out != nullptr) *out = t.tv_sec;
  return t.tv_sec;
}
}
