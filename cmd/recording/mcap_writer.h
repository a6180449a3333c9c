// An MCAP file that is valid up to its last chunk at every moment, whatever ends its writer.
#ifndef SMT_CMD_RECORDING_MCAP_WRITER_H_
#define SMT_CMD_RECORDING_MCAP_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
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
  // Makes the file; as AppendFile::create.
  static Result<McapWriter> create(const std::string& path);
  McapWriter(McapWriter&&) noexcept;
  ~McapWriter();

  // The id of the new schema or channel, which goes into the chunk that is open. kNoSpace: all 65535 ids of
  // the format are taken. `id` of the argument is ignored.
  Result<uint16_t> add_schema(McapSchema schema);
  // schema_id: 0, or what add_schema() returned.
  Result<uint16_t> add_channel(McapChannel channel);

  // Into the chunk that is open, which the caller keeps small with flush(): readers take 64 MiB. kInvalid: a
  // message longer than 48 MiB; nothing has changed.
  Status write(const McapMessage& message);
  // Bytes in the chunk that is open.
  uint64_t open_bytes() const { return schemas_and_channels_.size() + messages_.size(); }
  // Writes the chunk that is open, its messages in the order of their log times, and returns when it is on
  // the disk. Does nothing if it has no message.
  Status flush();
  // flush(), and the summary. The last call.
  Status finish();

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
  Status write_chunk();
  uint64_t max_end_bytes() const;
  void append_summary(uint64_t start, std::string* out) const;

  AppendFile file_;
  std::unique_ptr<ZSTD_CCtx_s, Free> zstd_;
  std::vector<McapSchema> schemas_;
  std::vector<McapChannel> channels_;
  std::vector<McapChunkIndex> chunks_;
  McapStatistics statistics_;
  uint64_t summary_bytes_ = 0;  // of the records of schemas_, channels_ and chunks_
  // The chunk that is open. Its schemas and channels are written again with the next if it is lost.
  size_t schemas_written_ = 0, channels_written_ = 0;
  std::string schemas_and_channels_, messages_;
  std::vector<Place> places_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_MCAP_WRITER_H_
