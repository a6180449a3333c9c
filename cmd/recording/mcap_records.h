// The records of an MCAP file as bytes and back (mcap.dev/spec). What a file of ours holds in them is told in
// docs/logging.md. Pure functions; nothing here opens a file.
#ifndef SMT_CMD_RECORDING_MCAP_RECORDS_H_
#define SMT_CMD_RECORDING_MCAP_RECORDS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace smt::cmd {

inline constexpr std::string_view kMcapMagic{"\x89MCAP0\r\n", 8};
// Opcode and length, which stand before the body of each record.
inline constexpr uint64_t kMcapHeadBytes = 9;
// With its head.
inline constexpr uint64_t kMcapFooterBytes = kMcapHeadBytes + 20;

enum class McapOp : uint8_t {
  kHeader = 0x01,
  kFooter = 0x02,
  kSchema = 0x03,
  kChannel = 0x04,
  kMessage = 0x05,
  kChunk = 0x06,
  kMessageIndex = 0x07,
  kChunkIndex = 0x08,
  kAttachment = 0x09,
  kAttachmentIndex = 0x0A,
  kStatistics = 0x0B,
  kMetadata = 0x0C,
  kMetadataIndex = 0x0D,
  kSummaryOffset = 0x0E,
  kDataEnd = 0x0F,
};

struct McapHeader {
  std::string profile, library;
};

struct McapSchema {
  uint16_t id = 0;  // never 0, which is "no schema"
  std::string name, encoding, data;
};

struct McapChannel {
  uint16_t id = 0, schema_id = 0;
  std::string topic, encoding;
  std::map<std::string, std::string> metadata;
};

// Times are nanoseconds since 1970.
struct McapMessage {
  uint16_t channel_id = 0;
  uint32_t sequence = 0;
  uint64_t log_time_ns = 0, publish_time_ns = 0;
  std::string_view data;  // of the bytes that it was parsed from
};

struct McapChunk {
  uint64_t start_ns = 0, end_ns = 0;  // of the messages; 0 if there are none
  uint64_t raw_bytes = 0;             // once it is unpacked
  uint32_t crc = 0;                   // of the unpacked bytes; 0: none
  std::string compression;            // "", "zstd" or "lz4"
  std::string_view packed;            // of the bytes that it was parsed from
};

struct McapMessageIndex {
  uint16_t channel_id = 0;
  std::vector<std::pair<uint64_t, uint64_t>> entries;  // log time, offset in the unpacked chunk
};

struct McapChunkIndex {
  uint64_t start_ns = 0, end_ns = 0;
  uint64_t offset = 0, bytes = 0;                      // of the chunk's record, head included
  std::map<uint16_t, uint64_t> message_index_offsets;  // by channel
  uint64_t message_index_bytes = 0;
  std::string compression;
  uint64_t packed_bytes = 0, raw_bytes = 0;
};

struct McapAttachment {
  uint64_t log_time_ns = 0, create_time_ns = 0;
  std::string name, media_type;
  std::string_view data;  // of the bytes that it was parsed from
};

struct McapAttachmentIndex {
  uint64_t offset = 0, bytes = 0;  // of the attachment's record, head included
  uint64_t log_time_ns = 0, create_time_ns = 0;
  uint64_t data_bytes = 0;
  std::string name, media_type;
};

struct McapMetadata {
  std::string name;
  std::map<std::string, std::string> values;
};

struct McapMetadataIndex {
  uint64_t offset = 0, bytes = 0;  // of the metadata's record, head included
  std::string name;
};

struct McapStatistics {
  uint64_t messages = 0;
  uint16_t schemas = 0;
  uint32_t channels = 0, attachments = 0, metadata = 0, chunks = 0;
  uint64_t start_ns = 0, end_ns = 0;
  std::map<uint16_t, uint64_t> channel_messages;
};

struct McapSummaryOffset {
  McapOp group{};
  uint64_t start = 0, bytes = 0;
};

struct McapFooter {
  uint64_t summary_start = 0, summary_offset_start = 0;  // 0: there is none
  uint32_t summary_crc = 0;
};

// Each appends one record, its head included.
void append_record(const McapHeader& record, std::string* out);
void append_record(const McapSchema& record, std::string* out);
void append_record(const McapChannel& record, std::string* out);
void append_record(const McapMessage& record, std::string* out);
void append_record(const McapChunk& record, std::string* out);
void append_record(const McapMessageIndex& record, std::string* out);
void append_record(const McapChunkIndex& record, std::string* out);
void append_record(const McapAttachment& record, std::string* out);
void append_record(const McapAttachmentIndex& record, std::string* out);
void append_record(const McapMetadata& record, std::string* out);
void append_record(const McapMetadataIndex& record, std::string* out);
void append_record(const McapStatistics& record, std::string* out);
void append_record(const McapSummaryOffset& record, std::string* out);
void append_record(const McapFooter& record, std::string* out);
// The end of the data section, without a CRC: each chunk has its own.
void append_data_end(std::string* out);

// The body of one record. False: it is none; `*record` then holds anything. Bytes after the last field known
// are ignored, as the format wants it; not in a message and a footer, which never grow.
bool parse(std::string_view body, McapHeader* record);
bool parse(std::string_view body, McapSchema* record);
bool parse(std::string_view body, McapChannel* record);
bool parse(std::string_view body, McapMessage* record);
bool parse(std::string_view body, McapChunk* record);
bool parse(std::string_view body, McapChunkIndex* record);
// False also if its CRC is another.
bool parse(std::string_view body, McapAttachment* record);
bool parse(std::string_view body, McapAttachmentIndex* record);
bool parse(std::string_view body, McapMetadata* record);
bool parse(std::string_view body, McapMetadataIndex* record);
bool parse(std::string_view body, McapStatistics* record);
bool parse(std::string_view body, McapFooter* record);

// Whether the opcode is one of those above. Other programs may have more for themselves.
bool is_known(McapOp op);

// Whether the body is one of such a record up to its last byte; never for an opcode that is not known. A
// message says nothing of its length: each body that is long enough is one.
bool is_exact(McapOp op, std::string_view body);

// How long the body of a chunk or an attachment is as its own fields tell, of which `begin` has the first
// bytes. Nothing: `begin` is no such body, or too short to tell.
std::optional<uint64_t> inner_bytes(McapOp op, std::string_view begin);

struct McapHead {
  McapOp op{};
  uint64_t bytes = 0;  // of the body
};
// Of fewer than kMcapHeadBytes: no opcode.
McapHead parse_head(std::string_view head);

// Takes the first record off `rest`. False: there is none, or it does not end there.
bool take_record(std::string_view* rest, McapOp* op, std::string_view* body);

// zlib's, which MCAP means. `crc`: of the bytes before.
uint32_t mcap_crc(std::string_view bytes, uint32_t crc = 0);

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_MCAP_RECORDS_H_
