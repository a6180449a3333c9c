// Samples in an HDF5 file that h5py, MATLAB and Octave read, also while it is recorded (SWMR):
// docs/logging.md.
#ifndef SMT_CMD_RECORDING_HDF5_WRITER_H_
#define SMT_CMD_RECORDING_HDF5_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cmd/recording/hdf5_columns.h"
#include "cmd/recording/hdf5_dataset.h"
#include "cmd/recording/log_file.h"

namespace smt::cmd {

// The set of topics is fixed with the first flush(): the format takes no new dataset while others read. The
// library cannot even close a file once its disk is full; so nothing is written that the disk may not have
// room for, together with the end.
class Hdf5LogWriter final : public LogWriter {
 public:
  static Result<std::unique_ptr<LogWriter>> create(const std::string& path, const LogPart& part = {});
  ~Hdf5LogWriter() override;

  Status declare(const LogTopic* topic) override;
  Status write(const LogSample& sample) override;
  uint64_t open_bytes() const override { return open_bytes_; }
  bool full() const override { return open_bytes_ >= 64 * kFlushBytes; }
  Status flush() override;
  void set_next_part(std::optional<uint64_t> next) override { next_part_ = next; }
  Status finish() override;
  uint64_t bytes() const override { return bytes_; }
  Status check() const override;

 private:
  // Samples wait as rows, and become columns when they are written. A row is the heads, the value (or `end`),
  // what a column needs of it in one piece, and `initial`.
  struct Topic {
    explicit Topic(const Schema& schema);
    void add(const LogSample& sample);
    uint64_t open_count() const { return open_rows.size() / row_bytes; }

    std::vector<Hdf5Dataset> datasets;      // of its columns, and of hdf5_initial_column() at the end
    std::vector<size_t> offsets;            // of each in a row
    std::vector<Hdf5Column::Piece> pieces;  // of the value, of columns that are several
    size_t row_bytes = 0;
    std::vector<std::byte> open_rows, open_data;  // open_data: for `data`, of a topic without fields
    Hdf5Id rows;                                  // kHdf5Rows
  };

  Hdf5LogWriter(std::string path, Hdf5Id file) : path_(std::move(path)), file_(std::move(file)) {}
  Status begin(const LogPart& part);
  Status reserve();
  Status start();
  Status write_open();
  void drop_open();
  Status make_topic(const LogTopic& log, Topic* topic);
  static bool scale_rows(const Topic& topic);
  Status write_topic(Topic* topic);
  Status write_rows(const std::vector<const Topic*>& written);
  // Of the file; -1: it is not open.
  int descriptor() const;
  Status complete();
  Status sync();
  Status broken(const std::string& what);

  std::string path_;
  Hdf5Id file_;
  std::unordered_map<const LogTopic*, Topic> topics_;
  Hdf5Packer packer_;
  size_t indexed_ = 0;    // datasets whose index has changed since the last flush of the library
  bool started_ = false;  // readers may come
  bool broken_ = false;   // the library cannot even close the file any more
  bool finished_ = false;
  std::optional<uint64_t> next_part_;
  uint64_t open_bytes_ = 0, bytes_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_HDF5_WRITER_H_
