// How two peers know that the other one is still there: each is heard from at least once in a heartbeat, and
// a session ends when nothing has been heard for longer than the patience.
#ifndef SMT_RELAY_RULES_LIVENESS_H_
#define SMT_RELAY_RULES_LIVENESS_H_

#include <cstdint>

namespace smt::relay {

struct Liveness {
  static constexpr int64_t kMinHeartbeatNs = 20'000'000, kMaxHeartbeatNs = 4'000'000'000;
  // A connection over which nothing has come for longer is cut anyway, see relay/zmq/connections.h.
  static constexpr int64_t kMaxPatienceNs = 10'000'000'000;
  // With less, one heartbeat that is late would end the session.
  static constexpr int64_t kMinHeartbeats = 2;

  int64_t heartbeat_ns = 200'000'000;
  int64_t patience_ns = patience_for(heartbeat_ns);

  // Of a relay that does not say another one.
  static constexpr int64_t patience_for(int64_t heartbeat_ns) { return heartbeat_ns / 2 * 5; }
  bool operator==(const Liveness&) const = default;
};

// What the session with a peer goes by: the longer of what both ask for. The peer's Hello says `heartbeat_ns`
// and `patience_ns`, which may be anything and are brought into the range of each. 0: the peer is of a
// version that does not say them, and goes by the default. REQUIRES: `own` is in range.
Liveness agree(const Liveness& own, uint64_t heartbeat_ns, uint64_t patience_ns);

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_LIVENESS_H_
