// This machine's own telemetry, from /proc.
#ifndef SMT_CMD_DEMO_PROC_H_
#define SMT_CMD_DEMO_PROC_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "cmd/demo/topics.h"

namespace smt::demo {

// Each call reads its file anew and returns a sample that is not sealed yet.
// Throws Failure with file and reason where /proc cannot be read.
class Proc {
 public:
  Load load() const;
  Memory memory() const;
  Uptime uptime() const;
  // Shares and rates since the call before; the first call returns zeros there.
  Cpu cpu();
  Network network();

 private:
  std::vector<std::pair<int64_t, int64_t>> cpu_before_;  // (busy, all) clock ticks of each processor
  Network network_before_{};
  int64_t network_ns_ = 0;
};

}  // namespace smt::demo

#endif  // SMT_CMD_DEMO_PROC_H_
