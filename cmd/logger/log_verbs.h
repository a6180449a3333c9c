// The verbs of smtlogger; as cmd/cli/verbs.h.
#ifndef SMT_CMD_LOGGER_LOG_VERBS_H_
#define SMT_CMD_LOGGER_LOG_VERBS_H_

#include "cmd/cli/verbs.h"

namespace smt::cmd {

struct RecordSummary;

void add_log_info(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_log_convert(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_log_recover(CLI::App* verb, const ToolOptions& tool, Run* run);

// Writes the samples of a recording in the format of the name `out`, of "NAME/" as a folder of CSV files; an
// exit code.
int convert_log(const ToolOptions& tool, const std::string& path, const std::string& out);

// Prints the files, topics and losses of a finished recording on stdout.
void print_record_summary(const RecordSummary& summary, Format format);

}  // namespace smt::cmd

#endif  // SMT_CMD_LOGGER_LOG_VERBS_H_
