// Reads an MCAP file of anybody, whole or cut off, from its start to where it can be read.
#ifndef SMT_CMD_RECORDING_MCAP_READER_H_
#define SMT_CMD_RECORDING_MCAP_READER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cmd/recording/mcap_records.h"
#include "relay/frame/compression.h"
#include "shm/fd.h"
#include "shm/status.h"

namespace smt::cmd {

// The summary at the end of a complete file.
struct McapSummary {
  McapStatistics statistics;
  std::vector<McapChunkIndex> chunks;  // by their offset
};

// One thread. The file is hostile: a record, a chunk unpacked and the summary have at most 64 MiB each; what
// is damaged is left out and told, never believed.
class McapReader {
 public:
  // kInvalid: no MCAP file. Else what the system says.
  static Result<McapReader> open(const std::string& path);

  const std::string& path() const { return path_; }
  const McapHeader& header() const { return header_; }
  uint64_t bytes() const { return bytes_; }
  // How much of the file has been read, 0 to 1.
  double progress() const { return static_cast<double>(at_) / static_cast<double>(bytes_); }
  // Nothing: the writer did not come to the end, or the end is damaged.
  const std::optional<McapSummary>& summary() const { return summary_; }

  // Those of the summary and those met so far; the first of an id counts.
  const std::map<uint16_t, McapSchema>& schemas() const { return schemas_; }
  const std::map<uint16_t, McapChannel>& channels() const { return channels_; }

  // The next message, in the order of the chunks and in a chunk by its log time. Its channel is known and its
  // data stays until the next call. False: there is none.
  bool next(McapMessage* message);
  // The next call of next() goes to the first chunk with a message of this time or later, or of a file
  // without a summary to the first chunk at all. Counts and problems begin anew.
  void seek(uint64_t log_time_ns);

  // Chunks that were unpacked, and bytes of the file that could not be used: damaged records, and what stands
  // behind the last whole one. Of a file that is only cut off between two records: 0.
  uint64_t chunks() const { return chunks_read_; }
  uint64_t bytes_left_out() const { return bytes_left_out_; }
  // Why, "at byte N: what"; the first 10.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  McapReader(std::string path, Fd fd, uint64_t bytes)
      : path_(std::move(path)), fd_(std::move(fd)), bytes_(bytes) {}
  bool read(uint64_t at, uint64_t bytes, std::string* out) const;
  void read_summary();
  void know(McapOp op, std::string_view body);
  void leave_out(uint64_t at, uint64_t bytes, const std::string& why);
  bool next_record();
  void unpack(uint64_t at, uint64_t record_bytes);
  void collect(std::string_view records, uint64_t at);

  std::string path_;
  Fd fd_;
  uint64_t bytes_, start_ = 0, at_ = 0;
  McapHeader header_;
  std::optional<McapSummary> summary_;
  std::map<uint16_t, McapSchema> schemas_;
  std::map<uint16_t, McapChannel> channels_;
  std::string record_;  // the body of the record read last
  relay::Expander zstd_;
  std::vector<McapMessage> messages_;  // of that record, by log time
  size_t next_ = 0;
  uint64_t chunks_read_ = 0, bytes_left_out_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_MCAP_READER_H_
