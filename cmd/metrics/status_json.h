// The status of a relay as JSON. Names and meanings of its fields only grow: programs of others read it.
#ifndef SMT_CMD_METRICS_STATUS_JSON_H_
#define SMT_CMD_METRICS_STATUS_JSON_H_

#include <string>
#include <vector>

#include "cmd/metrics/relay_snapshot.h"

namespace smt::cmd {

// With a line break at the end. `topics` are those of the snapshot that are named; `unready`: see
// MetricsView.
std::string status_json(const RelaySnapshot& snapshot, const std::vector<const TopicStatus*>& topics,
                        const std::string& unready);

}  // namespace smt::cmd

#endif  // SMT_CMD_METRICS_STATUS_JSON_H_
