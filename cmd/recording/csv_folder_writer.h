// Samples as text: a folder of CSV files, one for each topic, which CsvFolder reads.
#ifndef SMT_CMD_RECORDING_CSV_FOLDER_WRITER_H_
#define SMT_CMD_RECORDING_CSV_FOLDER_WRITER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cmd/recording/append_file.h"
#include "cmd/recording/log_file.h"

namespace smt::cmd {

// Text keeps the values; type names, units, what a struct has between its fields, what a bool of 2 or a NaN
// has of bits, sequences and missed samples are not told. kInvalid of a sample: its topic has no fields, or a
// name that no file or column can have, or it is the topic's second schema; or a text in it holds a line end,
// or goes on behind its NUL. Which topics begin with an initial value is in a file beside them, see
// csv_initial.h.
class CsvFolderWriter final : public LogWriter {
 public:
  // Makes the folder. kInvalid: it is there already.
  static Result<std::unique_ptr<LogWriter>> create(const std::string& folder);

  Status declare(const LogTopic*) override { return Status(); }
  Status write(const LogSample& sample) override;
  uint64_t open_bytes() const override { return open_bytes_; }
  Status flush() override;
  Status finish() override { return flush(); }
  uint64_t bytes() const override { return bytes_; }

 private:
  struct Table {
    Status refused;                  // why the topic cannot be written
    std::optional<AppendFile> file;  // of one that can
    bool own_timestamp = false;
    std::string open;  // rows for the next flush
  };

  explicit CsvFolderWriter(std::string folder) : folder_(std::move(folder)) {}
  Status begin_table(const LogSample& sample, Table* table);
  Status flush_initial();

  std::string folder_;
  std::map<const LogTopic*, Table> tables_;
  std::optional<AppendFile> initial_file_;
  std::string initial_;  // lines of it for the next flush
  uint64_t open_bytes_ = 0, bytes_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_CSV_FOLDER_WRITER_H_
