// Samples in an HDF5 file that h5py, MATLAB and Octave read, also while it is recorded (SWMR):
// docs/logging.md.
#ifndef SMT_CMD_RECORDING_HDF5_WRITER_H_
#define SMT_CMD_RECORDING_HDF5_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/recording/hdf5_columns.h"
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
  // Each flush packs the last chunk of each dataset anew.
  bool full() const override { return open_bytes_ >= 32 * kFlushBytes; }
  Status flush() override;
  void set_next_part(std::optional<uint64_t> next) override { next_part_ = next; }
  Status finish() override;
  uint64_t bytes() const override { return bytes_; }
  Status check() const override;

 private:
  struct Dataset {
    Hdf5Column column;
    Hdf5Id element, id;
    uint64_t rows = 0;            // in the file
    std::vector<std::byte> open;  // rows for the next flush

    uint64_t chunk_rows() const;
    uint64_t max_growth() const;
  };
  using Topic = std::vector<Dataset>;  // of its columns, and of hdf5_initial_column() at the end

  Hdf5LogWriter(std::string path, Hdf5Id file) : path_(std::move(path)), file_(std::move(file)) {}
  Status begin(const LogPart& part);
  Status reserve();
  Status start();
  Status write_open();
  void drop_open();
  Status make_topic(const LogTopic& topic, Topic* datasets);
  Status make_dataset(hid_t group, Dataset* dataset);
  static bool scale_rows(const Topic& datasets);
  Status extend(Dataset* dataset);
  Status write_rows();
  // Of the file; -1: it is not open.
  int descriptor() const;
  Status complete();
  Status sync();
  Status broken(const std::string& what);

  std::string path_;
  Hdf5Id file_;
  std::map<const LogTopic*, Topic> topics_;
  std::map<const LogTopic*, Hdf5Id> rows_;  // kHdf5Rows of each
  bool started_ = false;                    // readers may come
  bool broken_ = false;                     // the library cannot even close the file any more
  bool finished_ = false;
  std::optional<uint64_t> next_part_;
  uint64_t open_bytes_ = 0, bytes_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_HDF5_WRITER_H_
