// Makes of a snapshot what a relay tells of itself over HTTP.
#ifndef SMT_CMD_METRICS_METRICS_PAGES_H_
#define SMT_CMD_METRICS_METRICS_PAGES_H_

#include <cstddef>

#include "cmd/metrics/metrics_view.h"
#include "cmd/metrics/relay_snapshot.h"
#include "relay/names/pattern_set.h"

namespace smt::cmd {

inline constexpr size_t kMaxTopicLabels = 200;

// Which topics are named, and which matter.
struct MetricsNames {
  relay::PatternSet ready;  // each pattern names a topic, and all that they name are fresh
  relay::PatternSet open;   // may be named beyond this machine
  bool has_open = false;    // some may
};

MetricsPages render_pages(const RelaySnapshot& snapshot, const MetricsNames& names);

}  // namespace smt::cmd

#endif  // SMT_CMD_METRICS_METRICS_PAGES_H_
