// The topics of a domain: a ShmSource of what all its nodes publish and, where the options ask for them, a
// ShmSink of the node that mirrors and another one of the node that holds what peers set.
#ifndef SMT_RELAY_STORE_SHM_STORE_H_
#define SMT_RELAY_STORE_SHM_STORE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/rules/rules.h"
#include "relay/store/node_names.h"
#include "relay/store/store.h"
#include "shm/domain.h"
#include "shm/node.h"

namespace smt::relay {

struct ShmStoreOptions {
  // Of the node that mirrors, mirror-<name>. "": the node is mirror-1, or the next number that no other
  // process and no other user has; so a relay finds its mirror again wherever it starts. Nothing: no topic of
  // another host is taken.
  std::optional<std::string> mirror = {};
  // Of the topics that an earlier process left in the mirror, those stay that these rules may have taken; no
  // rules: all of them.
  std::vector<ReceiveRule> receive = {};
  uint64_t segment_bytes = 0;  // of the mirror, see NodeOptions
  bool remove_on_exit = false;
  // Of the node "set-<name>", to which topics are opened that come from this host (TopicSink::open with 0);
  // "": there are none.
  std::string sets = {};
};

class ShmStore {
 public:
  // kInUse: another process mirrors, or writes, under this name. kInvalid: a bad rule. Else as Domain::open
  // and Node::open.
  static Result<std::unique_ptr<Store>> open(const Domain& domain, const ShmStoreOptions& options);
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_SHM_STORE_H_
