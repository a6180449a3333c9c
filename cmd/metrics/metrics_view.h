// A view holds the pages that a relay serves over HTTP, as bytes: metrics for Prometheus, its status as JSON,
// whether it is ready.
#ifndef SMT_CMD_METRICS_METRICS_VIEW_H_
#define SMT_CMD_METRICS_METRICS_VIEW_H_

#include <cstdint>
#include <memory>
#include <string>

namespace smt::cmd {

// One audience sees names that another one does not.
struct MetricsView {
  std::shared_ptr<const std::string> metrics;  // text format 0.0.4
  std::shared_ptr<const std::string> status;   // JSON; null: not for this audience
  std::string unready;                         // why the relay is not ready; "": it is
};

struct MetricsPages {
  MetricsView local;     // on this machine: all names
  MetricsView open;      // beyond it: those that MetricsNames::open allows
  int64_t taken_ns = 0;  // as RelaySnapshot
};

}  // namespace smt::cmd

#endif  // SMT_CMD_METRICS_METRICS_VIEW_H_
