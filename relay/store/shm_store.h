// The topics of a domain: a ShmSource of what all its nodes publish and, where the options ask for them, a
// ShmSink of the node that mirrors and another one of the node that holds what peers set.
#ifndef SMT_RELAY_STORE_SHM_STORE_H_
#define SMT_RELAY_STORE_SHM_STORE_H_

#include <memory>
#include <string>

#include "relay/store/node_names.h"
#include "relay/store/store.h"
#include "shm/domain.h"
#include "shm/node.h"

namespace smt::relay {

struct ShmStoreOptions {
  // Of the node that mirrors, "mirror-<name>"; "": no topic of another host is taken.
  std::string mirror = {};
  uint64_t segment_bytes = 0;  // of the mirror, see NodeOptions
  bool remove_on_exit = false;
  // Of the node "set-<name>", to which topics are opened that come from this host (TopicSink::open with 0);
  // "": there are none.
  std::string sets = {};
};

class ShmStore {
 public:
  // kInUse: another process mirrors, or writes, under this name. Else as Domain::open and Node::open.
  static Result<std::unique_ptr<Store>> open(const Domain& domain, const ShmStoreOptions& options);
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_SHM_STORE_H_
