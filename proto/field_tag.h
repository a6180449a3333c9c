// What stands before a field in the bytes of Protocol Buffers
// (https://protobuf.dev/programming-guides/encoding).
#ifndef SMT_PROTO_FIELD_TAG_H_
#define SMT_PROTO_FIELD_TAG_H_

#include <google/protobuf/wire_format_lite.h>

#include <cstdint>

namespace smt::proto {

using google::protobuf::internal::WireFormatLite;

inline constexpr auto kVarint = WireFormatLite::WIRETYPE_VARINT;
inline constexpr auto kFixed64 = WireFormatLite::WIRETYPE_FIXED64;
inline constexpr auto kBytes = WireFormatLite::WIRETYPE_LENGTH_DELIMITED;

// One byte on the wire where `field` is below 16.
constexpr uint32_t field_tag(int field, WireFormatLite::WireType type) {
  return WireFormatLite::MakeTag(field, type);
}

}  // namespace smt::proto

#endif  // SMT_PROTO_FIELD_TAG_H_
