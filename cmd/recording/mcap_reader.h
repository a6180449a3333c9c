// Reads an MCAP file of anybody, whole, cut off or damaged, from its start to its end.
#ifndef SMT_CMD_RECORDING_MCAP_READER_H_
#define SMT_CMD_RECORDING_MCAP_READER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/recording/mcap_records.h"
#include "cmd/recording/mcap_scan.h"
#include "relay/frame/compression.h"
#include "shm/status.h"

namespace smt::cmd {

// The summary at the end of a complete file.
struct McapSummary {
  McapStatistics statistics;
  std::vector<McapChunkIndex> chunks;  // by their offset
  std::vector<McapMetadataIndex> metadata;
};

// An attachment or a metadata record: what a file holds besides messages.
struct McapBeside {
  McapOp op{};
  std::string name;
  uint64_t at = 0, bytes = 0;  // of the record, head included
};

// One thread. The file is hostile: a record, a chunk unpacked and the summary have at most 64 MiB each; what
// is damaged is left out and told, never believed. Behind a damaged record reading goes on where the summary,
// or the next record that proves itself, has the next one. A chunk with a good CRC is read whatever its head
// says.
class McapReader {
 public:
  // kInvalid: no MCAP file. Else what the system says.
  static Result<McapReader> open(const std::string& path);

  const std::string& path() const { return path_; }
  const McapHeader& header() const { return header_; }
  uint64_t bytes() const { return scan_.bytes(); }
  // How much of the file has been read, 0 to 1.
  double progress() const { return static_cast<double>(at_) / static_cast<double>(bytes()); }
  // Nothing: the writer did not come to the end, or the end is damaged.
  const std::optional<McapSummary>& summary() const { return summary_; }

  // Those of the summary and those met so far; the first of an id counts.
  const std::map<uint16_t, McapSchema>& schemas() const { return schemas_; }
  const std::map<uint16_t, McapChannel>& channels() const { return channels_; }

  // The next message, in the order of the chunks and in a chunk by its log time. Its channel is known and its
  // data stays until the next call. False: there is none.
  bool next(McapMessage* message);
  // The next call of next() goes to the first chunk with a message of this time or later, or for time 0, and
  // of a file without a summary, to the beginning. Counts and problems begin anew.
  void seek(uint64_t log_time_ns);

  // Attachments and metadata that next() has met since the last call, in their order.
  std::vector<McapBeside> take_beside() { return std::exchange(beside_, {}); }
  // The body of one. False: the file can no longer be read there.
  bool read_beside(const McapBeside& beside, std::string* body);
  // The first metadata record of this name that the summary knows, or that stands before all messages.
  std::optional<McapMetadata> metadata(const std::string& name);

  // Chunks that were unpacked, and bytes of the file that could not be used: damaged records and lengths, and
  // what stands behind the last whole record. Of a file that is only cut off between two records: 0.
  uint64_t chunks() const { return chunks_read_; }
  uint64_t bytes_left_out() const { return bytes_left_out_; }
  // Whole records of kinds that are not known here, as other programs may have for themselves.
  uint64_t unknown_records() const { return unknown_records_; }
  // Why, "at byte N: what"; the first 10.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  McapReader(std::string path, McapScan scan) : path_(std::move(path)), scan_(std::move(scan)) {}
  Status read_header();
  void read_summary();
  bool read_places(std::string_view summary, uint64_t end, McapSummary* out);
  void know(McapOp op, std::string_view body);
  void leave_out(uint64_t at, uint64_t bytes, const std::string& why);
  bool next_record();
  bool read_chunk(uint64_t at, const McapHead& told, std::string* why);
  bool unpack(const McapChunk& chunk, std::string_view* raw, std::string* why);
  bool read_other(uint64_t at, const McapHead& head, std::string* why);
  void use(uint64_t at, const McapHead& head);
  void meet_beside(uint64_t at, const McapHead& head);
  void end_data(uint64_t at, uint64_t end);
  void skip(uint64_t at, const McapHead& head, std::string why);
  void collect(std::string_view records, uint64_t at);

  std::string path_;
  McapScan scan_;
  uint64_t at_ = 0;
  McapHeader header_;
  std::optional<McapSummary> summary_;
  std::map<uint16_t, McapSchema> schemas_;
  std::map<uint16_t, McapChannel> channels_;
  std::string record_;  // the record read last
  relay::Expander zstd_;
  std::vector<McapMessage> messages_;  // of that record, by log time
  size_t next_ = 0;
  std::vector<McapBeside> beside_;
  uint64_t chunks_read_ = 0, bytes_left_out_ = 0, unknown_records_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_MCAP_READER_H_
