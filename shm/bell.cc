#include "shm/bell.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <string>

#include "shm/ordering.h"

namespace smt {

Fifos::~Fifos() {
  for (auto& fd : fd_) {
    if (const int n = fd.load(std::memory_order_relaxed); n >= 0) close(n);
  }
}

void Fifos::write(uint32_t k) {
  int fd = read_descriptor(fd_[k]);
  if (fd < 0) {
    Fd opened = open_fifo(folder_, k);
    if (!opened.ok()) return;
    if (keep_descriptor(&fd_[k], &fd, opened.get())) {
      fd = opened.release();
    }  // else another thread was first, and `fd` is its descriptor
  }
  const char byte = 0;
  (void)!::write(fd, &byte, 1);  // EAGAIN: full, so its reader is awake already
}

void Fifos::follow() {
  for (uint32_t k = 0; k < layout::kWaiters; ++k) {
    const int fd = read_descriptor(fd_[k]);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || folder_.is_named(st, fifo_name(k))) continue;
    const Fd opened = open_fifo(folder_, k);
    // The same number means the new FIFO from here on, for all threads.
    if (opened.ok()) (void)dup3(opened.get(), fd, O_CLOEXEC);
  }
}

std::string fifo_name(uint32_t k) { return ".waiter." + std::to_string(k); }

Fd open_fifo(const DomainFolder& folder, uint32_t k) {
  Fd fd = above_standard(
      Fd(openat(folder.fd.get(), fifo_name(k).c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)));
  struct stat st;
  if (!fd.ok() || fstat(fd.get(), &st) != 0 || !S_ISFIFO(st.st_mode)) return Fd();
  return fd;
}

void wake_waiters(layout::Half* bell, layout::Half* word, Fifos* fifos) {
  // Taken once, so that each setting of a bit costs one system call and not one per publish.
  const uint32_t bits = take_bell_bits(bell);
  if ((bits & layout::kSleeperBit) != 0) {
    ring_bell_again(word);
    syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  }
  for (uint32_t k = 0; k < layout::kWaiters; ++k) {
    if ((bits & (1u << k)) != 0) fifos->write(k);
  }
}

void futex_wait(const layout::Half* word, uint32_t value, std::chrono::nanoseconds timeout) {
  timespec t;
  t.tv_sec = static_cast<time_t>(timeout.count() / 1'000'000'000);
  t.tv_nsec = static_cast<long>(timeout.count() % 1'000'000'000);
  syscall(SYS_futex, reinterpret_cast<const uint32_t*>(word), FUTEX_WAIT, value, &t, nullptr, 0);
}

}  // namespace smt
