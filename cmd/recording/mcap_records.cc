#include "cmd/recording/mcap_records.h"

#include <zlib.h>

#include <bit>
#include <cstring>
#include <type_traits>

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

bool parse(std::string_view body, McapHeader* r) { return take_all(&body, &r->profile, &r->library); }

bool parse(std::string_view body, McapSchema* r) {
  return take_all(&body, &r->id, &r->name, &r->encoding, &r->data) && r->id != 0;
}

bool parse(std::string_view body, McapChannel* r) {
  return take_all(&body, &r->id, &r->schema_id, &r->topic, &r->encoding) && take_map(&body, &r->metadata);
}

bool parse(std::string_view body, McapMessage* r) {
  if (!take_all(&body, &r->channel_id, &r->sequence, &r->log_time_ns, &r->publish_time_ns)) return false;
  r->data = body;
  return true;
}

bool parse(std::string_view body, McapChunk* r) {
  return take_all(&body, &r->start_ns, &r->end_ns, &r->raw_bytes, &r->crc, &r->compression) &&
         take_sized<uint64_t>(&body, &r->packed);
}

bool parse(std::string_view body, McapChunkIndex* r) {
  return take_all(&body, &r->start_ns, &r->end_ns, &r->offset, &r->bytes) &&
         take_map(&body, &r->message_index_offsets) &&
         take_all(&body, &r->message_index_bytes, &r->compression, &r->packed_bytes, &r->raw_bytes);
}

bool parse(std::string_view body, McapStatistics* r) {
  return take_all(&body, &r->messages, &r->schemas, &r->channels, &r->attachments, &r->metadata, &r->chunks,
                  &r->start_ns, &r->end_ns) &&
         take_map(&body, &r->channel_messages);
}

bool parse(std::string_view body, McapFooter* r) {
  return take_all(&body, &r->summary_start, &r->summary_offset_start, &r->summary_crc) && body.empty();
}

McapHead parse_head(std::string_view head) {
  uint8_t op = 0;
  McapHead out;
  (void)take_all(&head, &op, &out.bytes);
  out.op = static_cast<McapOp>(op);
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
