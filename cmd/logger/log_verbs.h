// The verbs of smtlogger; as cmd/cli/verbs.h.
#ifndef SMT_CMD_LOGGER_LOG_VERBS_H_
#define SMT_CMD_LOGGER_LOG_VERBS_H_

#include <memory>
#include <string>
#include <vector>

#include "cmd/cli/verbs.h"
#include "cmd/recording/open_log.h"
#include "cmd/value/csv_options.h"

namespace smt::cmd {

struct RecordSummary;

void add_log_info(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_log_convert(CLI::App* verb, const ToolOptions& tool, Run* run);
void add_log_recover(CLI::App* verb, const ToolOptions& tool, Run* run);

// --part: what it chooses, once flags are parsed.
std::shared_ptr<LogScope> add_part_flag(CLI::App* verb);

struct Conversion {
  LogScope scope = LogScope::kRecording;
  CsvOptions csv = {};
  bool same_part = false;  // OUT says that it is the same part of the same recording
};
// Writes the samples of a recording in the format of the name `out`, of "NAME/" as a folder of CSV files; an
// exit code.
int convert_log(const ToolOptions& tool, const std::string& path, const std::string& out,
                const Conversion& how);

// The files that were read of the recording at `path`, and the same as text: "flight.mcap and 2 more parts".
std::vector<std::string> parts_of(const std::string& path, const LogReader& log);
std::string recording_text(const std::string& path, const LogReader& log);
// "complete", "without its end" or "2 parts missing", of what has been read so far.
std::string wholeness_text(const LogReader& log);

// Prints the files, topics and losses of a finished recording on stdout.
void print_record_summary(const RecordSummary& summary, Format format);

}  // namespace smt::cmd

#endif  // SMT_CMD_LOGGER_LOG_VERBS_H_
