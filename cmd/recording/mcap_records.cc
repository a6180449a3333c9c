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
void Put(T value, std::string* out) { out->append(reinterpret_cast<const char*>(&value), sizeof value); }

void Put(std::string_view text, std::string* out) {
  Put(static_cast<uint32_t>(text.size()), out);
  *out += text;
}

// Writes a length before what `body` appends.
template <class Length, class Body>
void PutSized(std::string* out, Body body) {
  const size_t at = out->size();
  Put(Length{0}, out);
  body();
  const Length bytes = static_cast<Length>(out->size() - at - sizeof bytes);
  memcpy(out->data() + at, &bytes, sizeof bytes);
}

template <class Body>
void PutRecord(McapOp op, std::string* out, Body body) {
  Put(static_cast<uint8_t>(op), out);
  PutSized<uint64_t>(out, body);
}

template <class T, class... More>
void PutAll(std::string* out, const T& first, const More&... more) {
  Put(first, out);
  if constexpr (sizeof...(more) != 0) PutAll(out, more...);
}

template <class Pairs>
void PutPairs(const Pairs& pairs, std::string* out) {
  PutSized<uint32_t>(out, [&] {
    for (const auto& pair : pairs) PutAll(out, pair.first, pair.second);
  });
}

template <class T>
requires std::is_integral_v<T>
bool Take(std::string_view* rest, T* value) {
  if (rest->size() < sizeof *value) return false;
  memcpy(value, rest->data(), sizeof *value);
  rest->remove_prefix(sizeof *value);
  return true;
}

// Bytes behind their length.
template <class Length>
bool TakeSized(std::string_view* rest, std::string_view* bytes) {
  Length n = 0;
  if (!Take(rest, &n) || n > rest->size()) return false;
  *bytes = rest->substr(0, n);
  rest->remove_prefix(n);
  return true;
}

bool Take(std::string_view* rest, std::string* text) {
  std::string_view bytes;
  if (!TakeSized<uint32_t>(rest, &bytes)) return false;
  *text = bytes;
  return true;
}

template <class T, class... More>
bool TakeAll(std::string_view* rest, T* first, More*... more) {
  if (!Take(rest, first)) return false;
  if constexpr (sizeof...(more) != 0) return TakeAll(rest, more...);
  return true;
}

template <class Key, class Value>
bool TakeMap(std::string_view* rest, std::map<Key, Value>* map) {
  std::string_view pairs;
  if (!TakeSized<uint32_t>(rest, &pairs)) return false;
  map->clear();
  while (!pairs.empty()) {
    Key key{};
    Value value{};
    if (!TakeAll(&pairs, &key, &value)) return false;
    map->insert_or_assign(std::move(key), std::move(value));
  }
  return true;
}

}  // namespace

void Append(const McapHeader& r, std::string* out) {
  PutRecord(McapOp::kHeader, out, [&] { PutAll(out, r.profile, r.library); });
}

void Append(const McapSchema& r, std::string* out) {
  PutRecord(McapOp::kSchema, out, [&] { PutAll(out, r.id, r.name, r.encoding, r.data); });
}

void Append(const McapChannel& r, std::string* out) {
  PutRecord(McapOp::kChannel, out, [&] {
    PutAll(out, r.id, r.schema_id, r.topic, r.encoding);
    PutPairs(r.metadata, out);
  });
}

void Append(const McapMessage& r, std::string* out) {
  PutRecord(McapOp::kMessage, out, [&] {
    PutAll(out, r.channel_id, r.sequence, r.log_time_ns, r.publish_time_ns);
    *out += r.data;
  });
}

void Append(const McapChunk& r, std::string* out) {
  PutRecord(McapOp::kChunk, out, [&] {
    PutAll(out, r.start_ns, r.end_ns, r.raw_bytes, r.crc, r.compression);
    PutSized<uint64_t>(out, [&] { *out += r.packed; });
  });
}

void Append(const McapMessageIndex& r, std::string* out) {
  PutRecord(McapOp::kMessageIndex, out, [&] {
    Put(r.channel_id, out);
    PutPairs(r.entries, out);
  });
}

void Append(const McapChunkIndex& r, std::string* out) {
  PutRecord(McapOp::kChunkIndex, out, [&] {
    PutAll(out, r.start_ns, r.end_ns, r.offset, r.bytes);
    PutPairs(r.message_index_offsets, out);
    PutAll(out, r.message_index_bytes, r.compression, r.packed_bytes, r.raw_bytes);
  });
}

void Append(const McapStatistics& r, std::string* out) {
  PutRecord(McapOp::kStatistics, out, [&] {
    PutAll(out, r.messages, r.schemas, r.channels, r.attachments, r.metadata, r.chunks, r.start_ns, r.end_ns);
    PutPairs(r.channel_messages, out);
  });
}

void Append(const McapSummaryOffset& r, std::string* out) {
  PutRecord(McapOp::kSummaryOffset, out,
            [&] { PutAll(out, static_cast<uint8_t>(r.group), r.start, r.bytes); });
}

void Append(const McapFooter& r, std::string* out) {
  PutRecord(McapOp::kFooter, out,
            [&] { PutAll(out, r.summary_start, r.summary_offset_start, r.summary_crc); });
}

void AppendDataEnd(std::string* out) {
  PutRecord(McapOp::kDataEnd, out, [&] { Put(uint32_t{0}, out); });
}

bool Parse(std::string_view body, McapHeader* r) { return TakeAll(&body, &r->profile, &r->library); }

bool Parse(std::string_view body, McapSchema* r) {
  return TakeAll(&body, &r->id, &r->name, &r->encoding, &r->data) && r->id != 0;
}

bool Parse(std::string_view body, McapChannel* r) {
  return TakeAll(&body, &r->id, &r->schema_id, &r->topic, &r->encoding) && TakeMap(&body, &r->metadata);
}

bool Parse(std::string_view body, McapMessage* r) {
  if (!TakeAll(&body, &r->channel_id, &r->sequence, &r->log_time_ns, &r->publish_time_ns)) return false;
  r->data = body;
  return true;
}

bool Parse(std::string_view body, McapChunk* r) {
  return TakeAll(&body, &r->start_ns, &r->end_ns, &r->raw_bytes, &r->crc, &r->compression) &&
         TakeSized<uint64_t>(&body, &r->packed);
}

bool Parse(std::string_view body, McapChunkIndex* r) {
  return TakeAll(&body, &r->start_ns, &r->end_ns, &r->offset, &r->bytes) &&
         TakeMap(&body, &r->message_index_offsets) &&
         TakeAll(&body, &r->message_index_bytes, &r->compression, &r->packed_bytes, &r->raw_bytes);
}

bool Parse(std::string_view body, McapStatistics* r) {
  return TakeAll(&body, &r->messages, &r->schemas, &r->channels, &r->attachments, &r->metadata, &r->chunks,
                 &r->start_ns, &r->end_ns) &&
         TakeMap(&body, &r->channel_messages);
}

bool Parse(std::string_view body, McapFooter* r) {
  return TakeAll(&body, &r->summary_start, &r->summary_offset_start, &r->summary_crc) && body.empty();
}

McapHead ParseHead(std::string_view head) {
  uint8_t op = 0;
  McapHead out;
  (void)TakeAll(&head, &op, &out.bytes);
  out.op = static_cast<McapOp>(op);
  return out;
}

bool TakeRecord(std::string_view* rest, McapOp* op, std::string_view* body) {
  if (rest->size() < kMcapHeadBytes) return false;
  const McapHead head = ParseHead(*rest);
  if (head.bytes > rest->size() - kMcapHeadBytes) return false;
  *op = head.op;
  *body = rest->substr(kMcapHeadBytes, head.bytes);
  rest->remove_prefix(kMcapHeadBytes + head.bytes);
  return true;
}

uint32_t McapCrc(std::string_view bytes, uint32_t crc) {
  return static_cast<uint32_t>(crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace smt::cmd
