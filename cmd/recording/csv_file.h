// One recorded topic: a CSV file, read row by row.
#ifndef SMT_CMD_RECORDING_CSV_FILE_H_
#define SMT_CMD_RECORDING_CSV_FILE_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "cmd/text/log_sink.h"
#include "cmd/value/csv.h"
#include "cmd/value/csv_options.h"
#include "shm/status.h"

namespace smt::cmd {

class CsvHead;

class CsvFile {
 public:
  // Opens a file of `folder` (see name_from_file). Of one without a row of C types it reads all rows, and
  // tells `log` in a line what it guessed. The message of an error begins with the path.
  static Result<CsvFile> open(const std::string& folder, const std::string& name, const CsvOptions& options,
                              const LogSink& log);

  const CsvName& name() const { return name_; }
  const CsvLayout& layout() const { return layout_; }

  // Goes to the next good row. False: there is none. A broken row is left out, counted and, the first ten of
  // a file, warned of to `log` as "path:line: what". Blank lines and comments are nothing. A row of
  // more than kMaxCsvLineBytes is the last.
  bool next();
  // Of the row that next() went to.
  std::span<const std::byte> value() const { return value_; }
  int64_t time_ns() const { return time_ns_; }

  // Back to before the first row. Broken rows are not told and counted again.
  void rewind();

  uint64_t skipped() const { return skipped_; }
  uint64_t bytes() const { return bytes_; }  // of the file
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  explicit CsvFile(const LogSink& log) : log_(log) {}
  bool read_line(size_t max_bytes);
  Status read_layout(const CsvOptions& options);
  Status guess_layout(const CsvHead& head, const CsvOptions& options);
  void go_to(uint64_t line);
  void skip(std::string_view why);

  LogSink log_;
  std::string path_;
  std::ifstream in_;
  CsvName name_;
  CsvLayout layout_;
  double rate_hz_ = 0;      // of rows that do not tell their time; else 0
  uint64_t first_row_ = 1;  // the number of the line
  uint64_t bytes_ = 0, bytes_read_ = 0, line_ = 0, rows_ = 0, skipped_ = 0;
  bool first_pass_ = true;
  std::string row_;        // the line that was read last
  bool too_long_ = false;  // the next one has more bytes than were asked for
  std::vector<std::byte> value_;
  int64_t time_ns_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_CSV_FILE_H_
