// hz, bw and delay share one loop, which measures figures of each second by topic.
#ifndef SMT_CMD_TOPIC_MEASURE_H_
#define SMT_CMD_TOPIC_MEASURE_H_

#include <string>
#include <vector>

#include "cmd/cli/cli.h"
#include "cmd/cli/verbs.h"
#include "cmd/monitor/rates.h"
#include "cmd/value/topic_json.h"

namespace smt::cmd {

// The columns and keys of one of these verbs.
struct MeasureView {
  std::vector<std::string> header;
  std::vector<std::string> (*row)(const std::string& topic, const Rate& rate, double seconds);
  Json (*object)(const std::string& topic, const Rate& rate, double seconds);
};

// Declares the arguments and flags of `verb`, see cmd/cli/verbs.h. `tool` and `view` outlive `*run`.
void add_measure(const ToolOptions& tool, Run* run, const MeasureView& view, CLI::App* verb);

}  // namespace smt::cmd

#endif  // SMT_CMD_TOPIC_MEASURE_H_
