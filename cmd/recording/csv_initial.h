// Which topics of a folder of CSV files begin with a value that stood before the recording began: a text file
// beside them, as a column of its own would be a field for other programs. A line is the time at which the
// recording began, in nanoseconds since 1970, a space, and the topic.
#ifndef SMT_CMD_RECORDING_CSV_INITIAL_H_
#define SMT_CMD_RECORDING_CSV_INITIAL_H_

#include <cstdint>
#include <map>
#include <string>

#include "cmd/recording/log_file.h"
#include "cmd/text/log_sink.h"

namespace smt::cmd {

inline constexpr const char* kCsvInitialFile = "smt.initial";

// With its line end.
std::string csv_initial_line(const LogSample& sample);

// By topic the times that the file of `folder` tells, of 65,536 topics at most; none if there is no file.
// `log` gets a warning of a file that cannot be read, or is longer than 32 MiB, and of lines that are none or
// too many.
std::map<std::string, int64_t> read_csv_initial(const std::string& folder, const LogSink& log);

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_CSV_INITIAL_H_
