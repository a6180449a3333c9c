// Recordings by their name: the format follows from it.
#ifndef SMT_CMD_RECORDING_OPEN_LOG_H_
#define SMT_CMD_RECORDING_OPEN_LOG_H_

#include <cstdint>
#include <memory>
#include <string>

#include "cmd/recording/log_file.h"
#include "cmd/text/log_sink.h"
#include "cmd/value/csv_options.h"
#include "shm/status.h"

namespace smt::cmd {

// A new .mcap or .h5, which tells that it is that part of a recording. kInvalid: another name, or the file is
// there already.
Result<std::unique_ptr<LogWriter>> create_log(const std::string& path, const LogPart& part = {});
// "flight.mcap", 2 -> "flight.2.mcap"; part 0 is the name itself.
std::string log_part_path(const std::string& path, uint64_t part);

// What is read of a recording in parts, of which one is given.
enum class LogScope { kRecording, kFile };

// A folder of CSV files, or a file by its name, the extension in any case, and, unless `scope` is kFile, the
// other parts of its recording, see LogParts. kInvalid: no recording. `log` gets a warning, as they are met,
// of each CSV file and of the first rows that are left out, and of a part that is there twice, and a line for
// each file of which the layout is guessed.
Result<std::unique_ptr<LogReader>> open_log(const std::string& path, const LogSink& log = LogSink(),
                                            LogScope scope = LogScope::kRecording,
                                            const CsvOptions& csv = CsvOptions());

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_OPEN_LOG_H_
