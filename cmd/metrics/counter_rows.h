// A row is a counter of a relay, with the name and the help under which metrics tell it.
#ifndef SMT_CMD_METRICS_COUNTER_ROWS_H_
#define SMT_CMD_METRICS_COUNTER_ROWS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cmd/metrics/relay_snapshot.h"

namespace smt::cmd {

struct CounterRow {
  // kDrop and kRefusal: one reason of several, which are one metric with the label `reason`.
  enum class Kind { kCount, kDrop, kRefusal, kGauge, kNanoseconds };

  std::string_view group;  // "outbound" "inbound" "session" "write" "http"
  std::string_view word;   // as the field of the counter topic
  Kind kind = Kind::kCount;
  std::string_view help;
  uint64_t (*get)(const RelaySnapshot& snapshot);

  // "smtrelay_outbound_samples_total"
  std::string metric() const;
  // The word without `dropped_` or `refused_`; "": the row is no reason.
  std::string_view reason() const;
};

// The rows of one metric stand together.
std::span<const CounterRow> counter_rows();

// The samples that came into the group and have no outcome yet: counted in, less counted out, less dropped.
uint64_t pending_outbound(const relay::OutboundCounters& c);

}  // namespace smt::cmd

#endif  // SMT_CMD_METRICS_COUNTER_ROWS_H_
