// Waiting for many topics or nodes at once, with a descriptor that fits any poll loop.
#ifndef SMT_SHM_WAITER_H_
#define SMT_SHM_WAITER_H_

#include <chrono>
#include <memory>
#include <vector>

#include "shm/domain.h"
#include "shm/segment_view.h"
#include "shm/status.h"

namespace smt {

// Watches all nodes of a domain. One thread at a time.
//
//   for (;;) {
//     for (auto& node : waiter.nodes()) ...scan, or read with Readers...
//     waiter.wait(timeout);
//   }
//
// or, with other descriptors: `if (waiter.arm()) poll({waiter.fd(), ...}, 100 ms); waiter.collect();`
class Waiter {
 public:
  static Result<Waiter> open(const Domain& domain);
  Waiter(Waiter&&) noexcept;
  Waiter& operator=(Waiter&&) noexcept;
  ~Waiter();

  // Readable when something was published after arm(). A collect() that finds its FIFO removed makes another
  // one. -1: all 31 places of the domain are taken or the FIFO may not be used; then poll at most 10 ms.
  int fd() const;
  // How long a poll after arm() may last at most, so that what rings no bell (a death, a new node) is seen
  // too.
  std::chrono::milliseconds poll_limit() const;

  // Sets this waiter's bit in each node's bell. False: something was published, or the set of nodes changed,
  // since the last collect(): do not sleep.
  bool arm();
  // Empties the FIFO, looks for new, replaced and gone nodes where due, and remembers how far each node has
  // come: what is published from here on makes the next arm() or wait() return at once. True: something had
  // changed.
  bool collect();

  // arm, poll, collect, until something changed (true) or time is up (false). Negative: no limit.
  bool wait(std::chrono::nanoseconds timeout);

  // The nodes as of the last collect(), by name.
  const std::vector<std::shared_ptr<SegmentView>>& nodes() const;
  // For each of nodes(): a process owned it at the last probe, at most 25 ms ago.
  const std::vector<bool>& alive() const;
  // Segments that could not be opened as of the last collect(), with the reason ("node: why").
  const std::vector<std::string>& problems() const;

 private:
  struct Impl;
  explicit Waiter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace smt

#endif  // SMT_SHM_WAITER_H_
