// Whether a relay does what it is there for: its peers are there, and topics are fresh.
#ifndef SMT_CMD_METRICS_READINESS_H_
#define SMT_CMD_METRICS_READINESS_H_

#include <string>

#include "cmd/metrics/relay_snapshot.h"
#include "relay/names/pattern_set.h"

namespace smt::cmd {

// Why not, in one line, with the name of a peer or topic or without; both "": it is ready.
struct Unready {
  std::string named, unnamed;
};
// Somebody is there for each [[peer]] that is dialled, at one of its addresses; each pattern of `ready` names
// a topic, and all topics that they name are fresh.
Unready find_unready(const RelaySnapshot& snapshot, const relay::PatternSet& ready);

}  // namespace smt::cmd

#endif  // SMT_CMD_METRICS_READINESS_H_
