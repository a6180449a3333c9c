// Requests of a process to its peers, and their results: the values that Relay::get, trace and set take and
// return.
#ifndef SMT_RELAY_REQUESTS_RESULTS_H_
#define SMT_RELAY_REQUESTS_RESULTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/smtrelay.pb.h"

namespace smt::relay {

// The result of a get. The values themselves, or with `list` the descriptions, arrive in the store.
struct GetResult {
  bool done = false;
  bool complete = true;  // false: a peer has not answered in time
  uint32_t topics = 0;
  uint32_t peers = 0;  // that answered
};

struct TraceResult {
  bool done = false;
  bool complete = true;  // false: a peer has not answered in time
  uint32_t peers = 0;    // that answered
  std::vector<proto::Finding> findings;
};

// A value for another relay's memory, or a question about its topic. The holder is this process.
struct SetRequest {
  proto::SetKind kind = proto::SET_PROBE;
  std::string topic;                  // REQUIRES: check_topic_name(topic) is OK
  uint64_t target = 0;                // with SET_PROBE 0, else as an answer says
  uint64_t schema_hash = 0;           // of `value`, which there is with SET_VALUE only
  std::vector<std::byte> value = {};  // REQUIRES: no more than proto::kMaxFrame
  int64_t stamp_ns = 0;
  std::string holder_name = {};  // REQUIRES: 1 to 64 bytes of printable ASCII
};

// The answers of all relays to a probe, else that of the target: see PROTOCOL.md.
struct SetResult {
  bool done = false;
  bool complete = true;  // false: a peer has not answered in time
  uint32_t peers = 0;    // that answered
  std::vector<proto::SetAnswer> answers;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_REQUESTS_RESULTS_H_
