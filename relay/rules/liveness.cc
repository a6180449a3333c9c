#include "relay/rules/liveness.h"

#include <algorithm>

namespace smt::relay {

Liveness agree(const Liveness& own, uint64_t heartbeat_ns, uint64_t patience_ns) {
  if (heartbeat_ns == 0 || patience_ns == 0) return {};
  const auto in_range = [](uint64_t ns, uint64_t min, uint64_t max) {
    return static_cast<int64_t>(std::clamp(ns, min, max));
  };
  const int64_t heartbeat = in_range(heartbeat_ns, Liveness::kMinHeartbeatNs, Liveness::kMaxHeartbeatNs);
  const int64_t patience =
      in_range(patience_ns, Liveness::kMinHeartbeats * heartbeat, Liveness::kMaxPatienceNs);
  return {std::max(own.heartbeat_ns, heartbeat), std::max(own.patience_ns, patience)};
}

}  // namespace smt::relay
