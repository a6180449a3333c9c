#include "cmd/recording/mcap_records.h"

#include <zlib.h>

#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

namespace smt::cmd {
namespace {

static_assert(std::endian::native == std::endian::little, "MCAP is little-endian, and so is the domain");

template <class T>
requires std::is_integral_v<T>
void put(T value, std::string* out) { out->append(reinterpret_cast<const char*>(&value), sizeof value); }

void put(std::string_view text, std::string* out) {
  put(static_cast<uint32_t>(text.size()), out);
  *out += text;
}

// Writes a length before what `body` appends.
template <class Length, class Body>
void put_sized(std::string* out, Body body) {
  const size_t at = out->size();
  put(Length{0}, out);
  body();
  const Length bytes = static_cast<Length>(out->size() - at - sizeof bytes);
  memcpy(out->data() + at, &bytes, sizeof bytes);
}

template <class Body>
void put_record(McapOp op, std::string* out, Body body) {
  put(static_cast<uint8_t>(op), out);
  put_sized<uint64_t>(out, body);
}

template <class T, class... More>
void put_all(std::string* out, const T& first, const More&... more) {
  put(first, out);
  if constexpr (sizeof...(more) != 0) put_all(out, more...);
}

template <class Pairs>
void put_pairs(const Pairs& pairs, std::string* out) {
  put_sized<uint32_t>(out, [&] {
    for (const auto& pair : pairs) put_all(out, pair.first, pair.second);
  });
}

template <class T>
requires std::is_integral_v<T>
bool take(std::string_view* rest, T* value) {
  if (rest->size() < sizeof *value) return false;
  memcpy(value, rest->data(), sizeof *value);
  rest->remove_prefix(sizeof *value);
  return true;
}

// Bytes behind their length.
template <class Length>
bool take_sized(std::string_view* rest, std::string_view* bytes) {
  Length n = 0;
  if (!take(rest, &n) || n > rest->size()) return false;
  *bytes = rest->substr(0, n);
  rest->remove_prefix(n);
  return true;
}

bool take(std::string_view* rest, std::string* text) {
  std::string_view bytes;
  if (!take_sized<uint32_t>(rest, &bytes)) return false;
  *text = bytes;
  return true;
}

template <class T, class... More>
bool take_all(std::string_view* rest, T* first, More*... more) {
  if (!take(rest, first)) return false;
  if constexpr (sizeof...(more) != 0) return take_all(rest, more...);
  return true;
}

template <class Key, class Value>
bool take_map(std::string_view* rest, std::map<Key, Value>* map) {
  std::string_view pairs;
  if (!take_sized<uint32_t>(rest, &pairs)) return false;
  map->clear();
  while (!pairs.empty()) {
    Key key{};
    Value value{};
    if (!take_all(&pairs, &key, &value)) return false;
    map->insert_or_assign(std::move(key), std::move(value));
  }
  return true;
}

// Each takes the fields of one body off `rest`.
bool take_body(std::string_view* rest, McapHeader* r) { return take_all(rest, &r->profile, &r->library); }

bool take_body(std::string_view* rest, McapSchema* r) {
  return take_all(rest, &r->id, &r->name, &r->encoding, &r->data) && r->id != 0;
}

bool take_body(std::string_view* rest, McapChannel* r) {
  return take_all(rest, &r->id, &r->schema_id, &r->topic, &r->encoding) && take_map(rest, &r->metadata);
}

bool take_body(std::string_view* rest, McapMessage* r) {
  if (!take_all(rest, &r->channel_id, &r->sequence, &r->log_time_ns, &r->publish_time_ns)) return false;
  r->data = std::exchange(*rest, {});
  return true;
}

bool take_body(std::string_view* rest, McapChunk* r) {
  return take_all(rest, &r->start_ns, &r->end_ns, &r->raw_bytes, &r->crc, &r->compression) &&
         take_sized<uint64_t>(rest, &r->packed);
}

bool take_body(std::string_view* rest, McapMessageIndex* r) {
  std::string_view pairs;
  return take(rest, &r->channel_id) && take_sized<uint32_t>(rest, &pairs) &&
         pairs.size() % (2 * sizeof(uint64_t)) == 0;
}

bool take_body(std::string_view* rest, McapChunkIndex* r) {
  return take_all(rest, &r->start_ns, &r->end_ns, &r->offset, &r->bytes) &&
         take_map(rest, &r->message_index_offsets) &&
         take_all(rest, &r->message_index_bytes, &r->compression, &r->packed_bytes, &r->raw_bytes);
}

bool take_body(std::string_view* rest, McapAttachment* r) {
  const std::string_view all = *rest;
  if (!take_all(rest, &r->log_time_ns, &r->create_time_ns, &r->name, &r->media_type) ||
      !take_sized<uint64_t>(rest, &r->data)) {
    return false;
  }
  const std::string_view before = all.substr(0, all.size() - rest->size());
  uint32_t crc = 0;
  return take(rest, &crc) && (crc == 0 || crc == mcap_crc(before));
}

bool take_body(std::string_view* rest, McapAttachmentIndex* r) {
  return take_all(rest, &r->offset, &r->bytes, &r->log_time_ns, &r->create_time_ns, &r->data_bytes, &r->name,
                  &r->media_type);
}

bool take_body(std::string_view* rest, McapMetadata* r) {
  return take(rest, &r->name) && take_map(rest, &r->values);
}

bool take_body(std::string_view* rest, McapMetadataIndex* r) {
  return take_all(rest, &r->offset, &r->bytes, &r->name);
}

bool take_body(std::string_view* rest, McapStatistics* r) {
  return take_all(rest, &r->messages, &r->schemas, &r->channels, &r->attachments, &r->metadata, &r->chunks,
                  &r->start_ns, &r->end_ns) &&
         take_map(rest, &r->channel_messages);
}

bool take_body(std::string_view* rest, McapSummaryOffset* r) {
  uint8_t group = 0;
  return take_all(rest, &group, &r->start, &r->bytes);
}

bool take_body(std::string_view* rest, McapFooter* r) {
  return take_all(rest, &r->summary_start, &r->summary_offset_start, &r->summary_crc);
}

template <class Record>
bool is_body(std::string_view body) {
  Record record;
  return take_body(&body, &record) && body.empty();
}

}  // namespace

void append_record(const McapHeader& r, std::string* out) {
  put_record(McapOp::kHeader, out, [&] { put_all(out, r.profile, r.library); });
}

void append_record(const McapSchema& r, std::string* out) {
  put_record(McapOp::kSchema, out, [&] { put_all(out, r.id, r.name, r.encoding, r.data); });
}

void append_record(const McapChannel& r, std::string* out) {
  put_record(McapOp::kChannel, out, [&] {
    put_all(out, r.id, r.schema_id, r.topic, r.encoding);
    put_pairs(r.metadata, out);
  });
}

void append_record(const McapMessage& r, std::string* out) {
  put_record(McapOp::kMessage, out, [&] {
    put_all(out, r.channel_id, r.sequence, r.log_time_ns, r.publish_time_ns);
    *out += r.data;
  });
}

void append_record(const McapChunk& r, std::string* out) {
  put_record(McapOp::kChunk, out, [&] {
    put_all(out, r.start_ns, r.end_ns, r.raw_bytes, r.crc, r.compression);
    put_sized<uint64_t>(out, [&] { *out += r.packed; });
  });
}

void append_record(const McapMessageIndex& r, std::string* out) {
  put_record(McapOp::kMessageIndex, out, [&] {
    put(r.channel_id, out);
    put_pairs(r.entries, out);
  });
}

void append_record(const McapChunkIndex& r, std::string* out) {
  put_record(McapOp::kChunkIndex, out, [&] {
    put_all(out, r.start_ns, r.end_ns, r.offset, r.bytes);
    put_pairs(r.message_index_offsets, out);
    put_all(out, r.message_index_bytes, r.compression, r.packed_bytes, r.raw_bytes);
  });
}

void append_record(const McapAttachment& r, std::string* out) {
  put_record(McapOp::kAttachment, out, [&] {
    const size_t begin = out->size();
    put_all(out, r.log_time_ns, r.create_time_ns, r.name, r.media_type);
    put_sized<uint64_t>(out, [&] { *out += r.data; });
    put(mcap_crc(std::string_view(*out).substr(begin)), out);
  });
}

void append_record(const McapAttachmentIndex& r, std::string* out) {
  put_record(McapOp::kAttachmentIndex, out, [&] {
    put_all(out, r.offset, r.bytes, r.log_time_ns, r.create_time_ns, r.data_bytes, r.name, r.media_type);
  });
}

void append_record(const McapMetadata& r, std::string* out) {
  put_record(McapOp::kMetadata, out, [&] {
    put(r.name, out);
    put_pairs(r.values, out);
  });
}

void append_record(const McapMetadataIndex& r, std::string* out) {
  put_record(McapOp::kMetadataIndex, out, [&] { put_all(out, r.offset, r.bytes, r.name); });
}

void append_record(const McapStatistics& r, std::string* out) {
  put_record(McapOp::kStatistics, out, [&] {
    put_all(out, r.messages, r.schemas, r.channels, r.attachments, r.metadata, r.chunks, r.start_ns,
            r.end_ns);
    put_pairs(r.channel_messages, out);
  });
}

void append_record(const McapSummaryOffset& r, std::string* out) {
  put_record(McapOp::kSummaryOffset, out,
             [&] { put_all(out, static_cast<uint8_t>(r.group), r.start, r.bytes); });
}

void append_record(const McapFooter& r, std::string* out) {
  put_record(McapOp::kFooter, out,
             [&] { put_all(out, r.summary_start, r.summary_offset_start, r.summary_crc); });
}

void append_data_end(std::string* out) {
  put_record(McapOp::kDataEnd, out, [&] { put(uint32_t{0}, out); });
}

bool parse(std::string_view body, McapHeader* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapSchema* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapChannel* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapMessage* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapChunk* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapChunkIndex* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapAttachment* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapAttachmentIndex* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapMetadata* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapMetadataIndex* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapStatistics* r) { return take_body(&body, r); }
bool parse(std::string_view body, McapFooter* r) { return take_body(&body, r) && body.empty(); }

bool is_known(McapOp op) { return op >= McapOp::kHeader && op <= McapOp::kDataEnd; }

bool is_exact(McapOp op, std::string_view body) {
  switch (op) {
    case McapOp::kHeader:
      return is_body<McapHeader>(body);
    case McapOp::kFooter:
      return is_body<McapFooter>(body);
    case McapOp::kSchema:
      return is_body<McapSchema>(body);
    case McapOp::kChannel:
      return is_body<McapChannel>(body);
    case McapOp::kMessage:
      return is_body<McapMessage>(body);
    case McapOp::kChunk:
      return is_body<McapChunk>(body);
    case McapOp::kMessageIndex:
      return is_body<McapMessageIndex>(body);
    case McapOp::kChunkIndex:
      return is_body<McapChunkIndex>(body);
    case McapOp::kAttachment:
      return is_body<McapAttachment>(body);
    case McapOp::kAttachmentIndex:
      return is_body<McapAttachmentIndex>(body);
    case McapOp::kStatistics:
      return is_body<McapStatistics>(body);
    case McapOp::kMetadata:
      return is_body<McapMetadata>(body);
    case McapOp::kMetadataIndex:
      return is_body<McapMetadataIndex>(body);
    case McapOp::kSummaryOffset:
      return is_body<McapSummaryOffset>(body);
    case McapOp::kDataEnd:
      return body.size() == sizeof(uint32_t);
  }
  return false;
}

std::optional<uint64_t> inner_bytes(McapOp op, std::string_view begin) {
  std::string_view rest = begin;
  uint64_t times[2], raw = 0, block = 0, behind = 0;
  uint32_t crc = 0;
  std::string text;
  bool told = take_all(&rest, &times[0], &times[1]);
  if (op == McapOp::kChunk) {
    told = told && take_all(&rest, &raw, &crc, &text, &block);
  } else {
    told = told && op == McapOp::kAttachment && take_all(&rest, &text, &text, &block);
    behind = sizeof crc;
  }
  uint64_t all = begin.size() - rest.size() + behind;
  if (!told || __builtin_add_overflow(all, block, &all)) return std::nullopt;
  return all;
}

McapHead parse_head(std::string_view head) {
  uint8_t op = 0;
  McapHead out;
  if (take_all(&head, &op, &out.bytes)) out.op = static_cast<McapOp>(op);
  return out;
}

bool take_record(std::string_view* rest, McapOp* op, std::string_view* body) {
  if (rest->size() < kMcapHeadBytes) return false;
  const McapHead head = parse_head(*rest);
  if (head.bytes > rest->size() - kMcapHeadBytes) return false;
  *op = head.op;
  *body = rest->substr(kMcapHeadBytes, head.bytes);
  rest->remove_prefix(kMcapHeadBytes + head.bytes);
  return true;
}

uint32_t mcap_crc(std::string_view bytes, uint32_t crc) {
  return static_cast<uint32_t>(crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace smt::cmd
