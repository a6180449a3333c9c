#include "shm/fork.h"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "shm/publisher.h"

namespace smt {

std::atomic<uint64_t> internal::fork_count{0};

namespace {

std::mutex& fork_mutex() {
  static std::mutex mutex;
  return mutex;
}

std::vector<Fd*>& fork_locks() {
  static std::vector<Fd*> locks;
  return locks;
}

void in_child() {
  internal::fork_count.fetch_add(1, std::memory_order_relaxed);
  for (Fd* lock : fork_locks()) lock->reset();
  fork_locks().clear();
  fork_mutex().unlock();
}

// Once per process, before its first lock.
void watch() {
  static const int registered =
      pthread_atfork([] { fork_mutex().lock(); }, [] { fork_mutex().unlock(); }, in_child);
  (void)registered;
}

}  // namespace

Status take_lock(Fd* lock, const std::function<Result<Fd>()>& take) {
  watch();
  std::lock_guard guard(fork_mutex());
  Result<Fd> fd = take();
  if (!fd.ok()) return fd.status();
  *lock = std::move(*fd);
  if (lock->ok()) fork_locks().push_back(lock);
  return Status();
}

void give_up_lock(Fd* lock) {
  std::lock_guard guard(fork_mutex());
  fork_locks().erase(std::remove(fork_locks().begin(), fork_locks().end(), lock), fork_locks().end());
  lock->reset();
}

}  // namespace smt
