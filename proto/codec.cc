#include "proto/codec.h"

#include <algorithm>
#include <array>

#define XXH_INLINE_ALL
#include <google/protobuf/io/coded_stream.h>
#include <xxhash.h>

namespace smt::proto {

namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr size_t kCheckBytes = 10;  // tag and fixed64
// Tags of two bytes, as varints.
constexpr std::array<uint8_t, 2> tag_of(uint32_t field, uint32_t type) {
  const uint32_t tag = field << 3 | type;
  return {static_cast<uint8_t>((tag & 0x7f) | 0x80), static_cast<uint8_t>(tag >> 7)};
}
constexpr auto kCheckTag = tag_of(Envelope::kCheckFieldNumber, 1);
constexpr auto kPromptTag = tag_of(Envelope::kPromptFieldNumber, 0);
constexpr uint8_t kSessionTag = 1 << 3 | 1;
constexpr uint8_t kNumberTag = 2 << 3 | 0;

uint64_t header_hash(const void* header, size_t bytes, uint64_t payload_hash) {
  return XXH3_64bits_withSeed(header, bytes, payload_hash);
}

}  // namespace

uint64_t payload_hash(std::span<const std::byte> payload) {
  return XXH3_64bits(payload.data(), payload.size());
}

std::string seal_message(uint64_t session, uint64_t number, int field, std::string_view body,
                         uint64_t payload_hash, bool prompt) {
  std::string out;
  seal_message(session, number, field, body, payload_hash, prompt, &out);
  return out;
}

void seal_message(uint64_t session, uint64_t number, int field, std::string_view body, uint64_t payload_hash,
                  bool prompt, std::string* out) {
  // By hand, as the same bytes protobuf would write, so that a body serialised once serves many sessions.
  std::array<uint8_t, 1 + 8 + 1 + 10 + 2 + 5> head;
  uint8_t* p = head.data();
  *p++ = kSessionTag;
  p = CodedOutputStream::WriteLittleEndian64ToArray(session, p);
  if (number != 0) {
    *p++ = kNumberTag;
    p = CodedOutputStream::WriteVarint64ToArray(number, p);
  }
  p = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(field) << 3 | 2, p);
  p = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(body.size()), p);
  const auto append = [out](const uint8_t* begin, const uint8_t* end) {
    out->append(reinterpret_cast<const char*>(begin), static_cast<size_t>(end - begin));
  };
  out->clear();
  out->reserve(head.size() + body.size() + kPromptTag.size() + 1 + kCheckBytes);
  append(head.data(), p);
  out->append(body);
  if (prompt) {
    p = std::copy(kPromptTag.begin(), kPromptTag.end(), head.data());
    *p++ = 1;
    append(head.data(), p);
  }
  const uint64_t check = header_hash(out->data(), out->size(), payload_hash);
  p = std::copy(kCheckTag.begin(), kCheckTag.end(), head.data());
  p = CodedOutputStream::WriteLittleEndian64ToArray(check, p);
  append(head.data(), p);
}

namespace {

bool parse(std::span<const uint8_t> bytes, Envelope* e) {
  CodedInputStream in(bytes.data(), static_cast<int>(bytes.size()));
  in.SetRecursionLimit(8);
  e->Clear();
  return e->MergeFromCodedStream(&in) && in.ConsumedEntireMessage();
}

// `read`: the bytes of an Envelope without its check are one.
template <class Read>
Opened open(std::span<const std::byte> header, std::span<const std::byte> payload, Envelope* e,
            const Read& read) {
  if (header.size() < 1 + 8 + kCheckBytes || header.size() > kMaxFrame || payload.size() > kMaxFrame) {
    return Opened::kMalformed;
  }
  const size_t body = header.size() - kCheckBytes;
  const auto* bytes = reinterpret_cast<const uint8_t*>(header.data());
  if (bytes[0] != kSessionTag || !std::equal(kCheckTag.begin(), kCheckTag.end(), bytes + body))
    return Opened::kMalformed;
  uint64_t check;
  CodedInputStream::ReadLittleEndian64FromArray(bytes + body + kCheckTag.size(), &check);
  if (check != header_hash(bytes, body, payload_hash(payload))) return Opened::kCorrupt;
  if (!read(std::span(bytes, body))) return Opened::kMalformed;
  if (e->session() == 0 || e->body_case() == Envelope::BODY_NOT_SET) return Opened::kMalformed;
  const bool carries = e->has_batch() || e->has_chunk() || e->has_set();
  return carries || payload.empty() ? Opened::kOk : Opened::kMalformed;
}

}  // namespace

Opened open_message(std::span<const std::byte> header, std::span<const std::byte> payload, Envelope* e) {
  return open(header, payload, e, [e](std::span<const uint8_t> bytes) { return parse(bytes, e); });
}

Opened open_message(std::span<const std::byte> header, std::span<const std::byte> payload, Envelope* e,
                    BatchColumns* columns) {
  return open(header, payload, e, [&](std::span<const uint8_t> bytes) {
    if (read_batch(bytes, e, columns)) return true;
    if (!parse(bytes, e)) return false;
    if (e->has_batch() && !read_columns(e->batch(), columns)) columns->rows = 0;
    return true;
  });
}

}  // namespace smt::proto
