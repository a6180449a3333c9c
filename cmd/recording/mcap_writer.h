// An MCAP file that is valid up to its last chunk at every moment, whatever ends its writer.
#ifndef SMT_CMD_RECORDING_MCAP_WRITER_H_
#define SMT_CMD_RECORDING_MCAP_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/recording/append_file.h"
#include "cmd/recording/mcap_records.h"
#include "shm/status.h"

struct ZSTD_CCtx_s;

namespace smt::cmd {

// One thread. After an error of flush() or finish() the chunk that was open is lost and the file ends
// with the chunk before; finish() may still be tried, and gives the file its summary. A full disk leaves room
// for the summary: a chunk for which there is less is not written.
class McapWriter {
 public:
  // Makes the file; as AppendFile::create. `profile`: of the header, see the format's registry.
  static Result<McapWriter> create(const std::string& path, const std::string& profile = "");
  McapWriter(McapWriter&&) noexcept;
  ~McapWriter();

  // The id of the new schema or channel, which goes into the chunk that is open. kNoSpace: all 65535 ids of
  // the format are taken. `id` of the argument is ignored.
  Result<uint16_t> add_schema(McapSchema schema);
  // schema_id: 0, or what add_schema() returned.
  Result<uint16_t> add_channel(McapChannel channel);

  // Goes into the file at once, before the chunk that is open.
  Status add(const McapAttachment& attachment);
  Status add(const McapMetadata& metadata);

  // Into the chunk that is open, which the caller keeps small with flush(): readers take 64 MiB. kInvalid: a
  // message longer than 48 MiB; nothing has changed.
  Status write(const McapMessage& message);
  // Bytes in the chunk that is open; 0 if it has no message.
  uint64_t open_bytes() const {
    return places_.empty() ? 0 : schemas_and_channels_.size() + messages_.size();
  }
  // Writes the chunk that is open, its messages in the order of their log times, and returns when it is on
  // the disk. Does nothing if it has no message. `before` stands just before the chunk; of both the file has
  // all or nothing.
  Status flush(const std::optional<McapMetadata>& before = std::nullopt);
  // flush(), `last` if there is one, which has a few words, and the summary. The last call that does
  // anything, unless it fails.
  Status finish(const std::optional<McapMetadata>& last = std::nullopt);

  const std::string& path() const { return file_.path(); }
  // Of the file, without the chunk that is open.
  uint64_t bytes() const { return file_.bytes(); }
  Status check() const { return file_.check(); }
  uint64_t messages() const { return statistics_.messages; }

 private:
  struct Place {
    uint64_t log_time_ns, offset, bytes;
    uint16_t channel_id;
  };
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  explicit McapWriter(AppendFile file);
  Status write_chunk(const std::optional<McapMetadata>& before);
  Status append(const std::string& record, std::string* indexes, const std::string& index);
  void announce(size_t first_schema, size_t first_channel);
  uint64_t max_end_bytes() const;
  void append_summary(uint64_t start, std::string* out) const;

  AppendFile file_;
  std::unique_ptr<ZSTD_CCtx_s, Free> zstd_;
  std::vector<McapSchema> schemas_;
  std::vector<McapChannel> channels_;
  // Records of the summary.
  std::string chunk_indexes_, attachment_indexes_, metadata_indexes_;
  McapStatistics statistics_;
  uint64_t announced_bytes_ = 0;  // of all schemas and channels
  bool finished_ = false;
  // The chunk that is open. A schema or channel is written with two chunks, so that what is behind a damaged
  // chunk can be read, and again if its first chunk is lost.
  size_t schemas_written_ = 0, channels_written_ = 0;
  std::string schemas_and_channels_, messages_;
  std::vector<Place> places_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_MCAP_WRITER_H_
