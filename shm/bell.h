// Waking whoever waits for a node. Internal to libsmt; shm/LAYOUT.md, "Bell", has the interleavings, and
// tests/models/bell.pml checks them.
#ifndef SMT_SHM_BELL_H_
#define SMT_SHM_BELL_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "shm/domain_folder.h"
#include "shm/layout.h"

namespace smt {

// The writer's ends of the domain's FIFOs, opened when first rung and kept. Thread-safe.
class Fifos {
 public:
  explicit Fifos(const DomainFolder& folder) : folder_(folder) {
    for (auto& fd : fd_) fd.store(-1, std::memory_order_relaxed);
  }
  ~Fifos();
  // One byte into FIFO k, where there is one. Never blocks: a full FIFO is readable as it is.
  void write(uint32_t k);
  // Opens those anew that were removed since they were opened and that a waiter has made again.
  void follow();

 private:
  const DomainFolder& folder_;
  std::array<std::atomic<int>, layout::kWaiters> fd_;
};

// Name of FIFO k in the domain folder: ".waiter.7".
std::string fifo_name(uint32_t k);
// Opens FIFO k for both directions, so that it never blocks and never breaks. Not ok(): there is none, or
// something else has its name.
Fd open_fifo(const DomainFolder& folder, uint32_t k);

// Takes all bits of a bell and wakes whom they stand for.
void wake_waiters(layout::Half* bell, layout::Half* word, Fifos* fifos);

// Sleeps until `word` is no longer `value`, somebody wakes it, or the time is up.
void futex_wait(const layout::Half* word, uint32_t value, std::chrono::nanoseconds timeout);

}  // namespace smt

#endif  // SMT_SHM_BELL_H_
