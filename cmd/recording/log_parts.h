// All parts of a recording, read as one. The values with which a part begins come once: not those that the
// parts before it have.
#ifndef SMT_CMD_RECORDING_LOG_PARTS_H_
#define SMT_CMD_RECORDING_LOG_PARTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cmd/recording/log_file.h"
#include "cmd/text/log_sink.h"
#include "shm/status.h"

namespace smt::cmd {

// Parts are files of one folder that hold the same recording's id, whatever their names; they are read in the
// order of their numbers. One part is open at a time.
class LogParts final : public LogReader {
 public:
  // Opens one file.
  using Open = std::function<Result<std::unique_ptr<LogReader>>(const std::string& path)>;

  // All parts of the recording that the file `path` is a part of, as `one` reads it; `one` itself where there
  // are no others. `log` gets a warning where two of the others are the same part.
  static Result<std::unique_ptr<LogReader>> open(const std::string& path, std::unique_ptr<LogReader> one,
                                                 const Open& open, const LogSink& log);

  std::vector<const LogTopic*> topics() const override;
  bool next(LogSample* sample) override;
  void rewind() override;
  double progress() const override;
  bool complete() const override { return complete_; }
  LogPart part() const override { return {recording_, 0, {}}; }
  std::vector<std::string> part_files() const override { return files_; }
  uint64_t topics_left_out() const override { return sum(&LogReader::topics_left_out, topics_left_out_); }
  uint64_t samples_left_out() const override { return sum(&LogReader::samples_left_out, samples_left_out_); }
  uint64_t bytes_left_out() const override { return sum(&LogReader::bytes_left_out, bytes_left_out_); }
  uint64_t records_beside() const override { return sum(&LogReader::records_beside, records_beside_); }
  uint64_t parts_left_out() const override { return missing_ + lost_; }
  std::vector<std::string> problems() const override;

 private:
  explicit LogParts(const Open& open) : open_(open) {}
  uint64_t sum(uint64_t (LogReader::*count)() const, uint64_t closed) const {
    return closed + (reader_ ? ((*reader_).*count)() : 0);
  }
  const LogTopic* merge(const LogTopic& topic);
  bool is_new(LogSample* sample);
  bool open_next();
  void close();

  Open open_;
  std::string recording_;
  std::vector<std::string> files_;
  bool complete_ = true;
  std::string told_missing_;  // "": none is
  uint64_t missing_ = 0, lost_ = 0;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<LogTopic>> topics_;  // by name and schema
  // The part that is read, and its topics as topics() has them.
  size_t next_file_ = 0;
  std::unique_ptr<LogReader> reader_;
  std::map<const LogTopic*, const LogTopic*> merged_;
  // The last sample of each topic name.
  struct Last {
    uint64_t sequence = 0;
    int64_t stamp_ns = 0;
    bool operator==(const Last&) const = default;
  };
  std::map<std::string, Last> last_;
  // Of parts that are closed.
  uint64_t topics_left_out_ = 0, samples_left_out_ = 0, bytes_left_out_ = 0, records_beside_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_LOG_PARTS_H_
