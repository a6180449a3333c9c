// A recording in text: a CSV file, or a folder of them, also in folders in it, one for each topic.
#ifndef SMT_CMD_RECORDING_CSV_FOLDER_H_
#define SMT_CMD_RECORDING_CSV_FOLDER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "cmd/recording/csv_file.h"
#include "cmd/recording/log_file.h"

namespace smt::cmd {

// Samples come in the order of their times, of equal ones in the order of the files' names. The time is the
// stamp and the receive time, the row's number the sequence. The first row of a topic may be an initial
// value, see csv_initial.h; it is received when the recording began.
class CsvFolder final : public LogReader {
 public:
  // The files NAME.csv and NAME.tsv of the folder `path`. A file that cannot be used is left out with a
  // warning to `log`, and so is the second one of a topic. What macOS puts into a file ._NAME.csv is no
  // recording. kInvalid: not a folder, or no file in it can be used.
  static Result<std::unique_ptr<LogReader>> open(const std::string& path, const CsvOptions& options,
                                                 const LogSink& log);
  // The file `path` alone.
  static Result<std::unique_ptr<LogReader>> open_file(const std::string& path, const CsvOptions& options,
                                                      const LogSink& log);

  std::vector<const LogTopic*> topics() const override;
  bool next(LogSample* sample) override;
  void rewind() override;
  bool complete() const override { return true; }
  double progress() const override;
  uint64_t topics_left_out() const override { return files_left_out_; }
  uint64_t samples_left_out() const override;
  uint64_t bytes_left_out() const override { return 0; }
  std::vector<std::string> problems() const override { return {}; }  // `log` has them

 private:
  struct Track {
    LogTopic topic;
    CsvFile file;
    std::optional<int64_t> initial_ns;  // what the first row is received at, if it is an initial value
    uint64_t row = 0;
  };
  using Due = std::pair<int64_t, size_t>;  // time of a track's next row, index of the track

  CsvFolder() = default;
  Status add(const std::string& folder, const std::string& name, const CsvOptions& options,
             const LogSink& log);
  void enqueue(size_t index);

  std::vector<std::unique_ptr<Track>> tracks_;  // in the order of the files' names
  std::priority_queue<Due, std::vector<Due>, std::greater<Due>> due_;
  size_t taken_ = ~size_t{0};                 // the track of the sample returned before
  std::map<std::string, std::string> files_;  // by topic
  std::map<std::string, int64_t> initial_;    // by topic, see read_csv_initial
  uint64_t files_left_out_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_CSV_FOLDER_H_
