// Topics as a relay has them, both halves of them: it serves what the TopicSource holds, and what it takes
// from peers goes into the TopicSink. ShmStore is one over shared memory, MemStore one over plain memory.
#ifndef SMT_RELAY_STORE_STORE_H_
#define SMT_RELAY_STORE_STORE_H_

#include "relay/store/topic_sink.h"
#include "relay/store/topic_source.h"

namespace smt::relay {

// A part of the relay that only reads takes a TopicSource, one that only writes a TopicSink.
class Store : public TopicSource, public TopicSink {
 public:
  // See Node::healthy and Node::remake, of all nodes that the store has; plain memory is not lost.
  virtual bool healthy() const { return true; }
  virtual Status remake() { return Status(); }
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_STORE_H_
