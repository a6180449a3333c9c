// The topics of a domain. Reads what all its nodes publish; writes, if it is given a name, as one mirror
// node.
#ifndef SMT_RELAY_SHM_STORE_H_
#define SMT_RELAY_SHM_STORE_H_

#include <memory>
#include <string>

#include "relay/store.h"
#include "shm/domain.h"
#include "shm/node.h"

namespace smt::relay {

struct ShmStoreOptions {
  // Of the node that mirrors, "mirror-<name>"; "": this store only reads.
  std::string mirror = {};
  uint64_t segment_bytes = 0;  // see NodeOptions
  bool remove_on_exit = false;
};

class ShmStore {
 public:
  // kInUse: another process mirrors under this name. Else as Domain::open and Node::open.
  static Result<std::unique_ptr<Store>> open(const Domain& domain, const ShmStoreOptions& options);
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SHM_STORE_H_
