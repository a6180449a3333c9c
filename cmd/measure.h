// What hz, bw and delay have in common: figures of each second, by topic.
#ifndef SMT_CMD_MEASURE_H_
#define SMT_CMD_MEASURE_H_

#include <string>
#include <vector>

#include "cmd/cli.h"
#include "cmd/rates.h"
#include "cmd/topic_json.h"
#include "cmd/verbs.h"

namespace smt::cmd {

// What each has of its own: columns and keys.
struct MeasureView {
  std::vector<std::string> header;
  std::vector<std::string> (*row)(const std::string& topic, const Rate& rate, double seconds);
  Json (*object)(const std::string& topic, const Rate& rate, double seconds);
};

// Declares the arguments and flags of `verb`, see cmd/verbs.h. `tool` and `view` outlive `*run`.
void AddMeasure(const ToolOptions& tool, Run* run, const MeasureView& view, CLI::App* verb);

}  // namespace smt::cmd

#endif  // SMT_CMD_MEASURE_H_
