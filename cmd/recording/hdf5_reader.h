// Samples from an HDF5 file of smtlogger, complete, cut off or still being recorded.
#ifndef SMT_CMD_RECORDING_HDF5_READER_H_
#define SMT_CMD_RECORDING_HDF5_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "cmd/recording/hdf5_columns.h"
#include "cmd/recording/log_file.h"

namespace smt::cmd {

// The schema, the datasets' shapes and every number in them are checked here; the file's own structure is
// libhdf5's affair, which is not made for files of strangers.
class Hdf5LogReader final : public LogReader {
 public:
  static Result<std::unique_ptr<LogReader>> open(const std::string& path);

  std::vector<const LogTopic*> topics() const override;
  bool next(LogSample* sample) override;
  void rewind() override;
  double progress() const override;
  bool complete() const override { return complete_; }
  LogPart part() const override { return part_; }
  uint64_t topics_left_out() const override { return topics_left_out_; }
  uint64_t samples_left_out() const override { return samples_left_out_; }
  uint64_t bytes_left_out() const override { return 0; }
  std::vector<std::string> problems() const override { return problems_; }

 private:
  struct Dataset {
    Hdf5Column column;
    Hdf5Id element, id;
    uint64_t rows = 0;             // in the file
    std::vector<std::byte> block;  // the rows read last
  };
  struct Topic {
    LogTopic log;
    std::vector<Dataset> datasets;
    uint64_t samples = 0;         // that all datasets have
    uint64_t at = 0;              // the next sample
    uint64_t begin = 0, end = 0;  // the samples of the blocks
    uint64_t data_begin = 0;      // the first byte in the block of `data`
    uint64_t last_end = 0;        // of the sample before `begin`, in `data`
    bool begins_initial = false;  // the first sample is an initial value
  };

  explicit Hdf5LogReader(Hdf5Id file) : file_(std::move(file)) {}
  void learn(const std::string& group);
  Status open_group(hid_t group, Topic* topic);
  static bool begins_initial(hid_t group, const Topic& topic);
  bool load(Topic* topic);
  bool load_data(Topic* topic);
  static bool read(Dataset* dataset, uint64_t begin, uint64_t count);
  void enqueue(size_t index);
  void read_value(const Topic& topic, LogSample* sample);
  void problem(const std::string& what);

  using Due = std::pair<int64_t, size_t>;  // receive time of a topic's next sample, its index
  Hdf5Id file_;
  bool complete_ = false;
  LogPart part_;
  std::vector<std::unique_ptr<Topic>> topics_;
  std::priority_queue<Due, std::vector<Due>, std::greater<Due>> due_;
  std::vector<std::byte> value_;
  uint64_t topics_left_out_ = 0, samples_left_out_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_HDF5_READER_H_
