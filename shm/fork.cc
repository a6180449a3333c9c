#include "shm/fork.h"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "shm/publisher.h"

namespace smt {

std::atomic<uint64_t> internal::fork_count{0};

namespace {

std::mutex& Mutex() {
  static std::mutex mutex;
  return mutex;
}

std::vector<Fd*>& Locks() {
  static std::vector<Fd*> locks;
  return locks;
}

void InChild() {
  internal::fork_count.fetch_add(1, std::memory_order_relaxed);
  for (Fd* lock : Locks()) lock->reset();
  Locks().clear();
  Mutex().unlock();
}

// Once per process, before its first lock.
void Watch() {
  static const int registered = pthread_atfork([] { Mutex().lock(); }, [] { Mutex().unlock(); }, InChild);
  (void)registered;
}

}  // namespace

Status TakeLock(Fd* lock, const std::function<Result<Fd>()>& take) {
  Watch();
  std::lock_guard guard(Mutex());
  Result<Fd> fd = take();
  if (!fd.ok()) return fd.status();
  *lock = std::move(*fd);
  if (lock->ok()) Locks().push_back(lock);
  return Status();
}

void GiveUpLock(Fd* lock) {
  std::lock_guard guard(Mutex());
  Locks().erase(std::remove(Locks().begin(), Locks().end(), lock), Locks().end());
  lock->reset();
}

}  // namespace smt
