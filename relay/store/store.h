// Topics as a relay has them, both halves of them: it serves what the TopicSource holds, and what it takes
// from peers goes into the TopicSink. ShmStore is one over shared memory, MemStore one over plain memory.
#ifndef SMT_RELAY_STORE_STORE_H_
#define SMT_RELAY_STORE_STORE_H_

#include "relay/store/topic_sink.h"
#include "relay/store/topic_source.h"

namespace smt::relay {

// A part of the relay that only reads takes a TopicSource, one that only writes a TopicSink.
class Store : public TopicSource, public TopicSink {};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_STORE_H_
