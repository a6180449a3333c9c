// Keeps a fork from prolonging locks. A forked child shares the open file descriptions of its parent, and
// with them the parent's locks: they would outlive the parent. So each lock descriptor is listed here, and
// closed in the child. Internal to libsmt.
#ifndef SMT_SHM_FORK_H_
#define SMT_SHM_FORK_H_

#include <functional>

#include "shm/fd.h"
#include "shm/status.h"

namespace smt {

// Runs `take` while no fork can happen, and lists `*lock` with the descriptor it returns (if that is ok()).
Status take_lock(Fd* lock, const std::function<Result<Fd>()>& take);

// Closes a listed descriptor, which gives up its lock.
void give_up_lock(Fd* lock);

}  // namespace smt

#endif  // SMT_SHM_FORK_H_
