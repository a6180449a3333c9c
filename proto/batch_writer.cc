#include "proto/batch_writer.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstring>

#include "proto/field_tag.h"
#include "proto/smtrelay.pb.h"

namespace smt::proto {

namespace {

using google::protobuf::io::CodedOutputStream;

constexpr size_t kMaxVarint = 10, kMaxLength = 5;
// Of what is not a column: sent_ns, topics, raw_bytes.
constexpr size_t kOtherBytes = (1 + 8) + (1 + 5) + (1 + 5);

// All fields of a Batch are below 16.
uint8_t* write_tag(int field, WireFormatLite::WireType type, uint8_t* to) {
  *to = static_cast<uint8_t>(field_tag(field, type));
  return to + 1;
}

constexpr uint32_t zigzag(uint32_t n) { return n << 1 ^ (0 - (n >> 31)); }
constexpr uint64_t zigzag(uint64_t n) { return n << 1 ^ (0 - (n >> 63)); }

inline uint8_t* write_varint(uint64_t n, uint8_t* to) {
  // Nearly all numbers of a batch have one byte or two.
  if (n < 0x80) {
    *to = static_cast<uint8_t>(n);
    return to + 1;
  }
  if (n < 0x4000) {
    to[0] = static_cast<uint8_t>(n | 0x80);
    to[1] = static_cast<uint8_t>(n >> 7);
    return to + 2;
  }
  for (; n >= 0x80; n >>= 7) *to++ = static_cast<uint8_t>(n | 0x80);
  *to = static_cast<uint8_t>(n);
  return to + 1;
}

// Writes a column of `n` numbers by `write(to)`. Its length stands before it: that of a few numbers has one
// byte, and a longer column is moved when its length is known.
template <class Write>
uint8_t* write_column(int field, size_t n, uint8_t* to, const Write& write) {
  to = write_tag(field, kBytes, to);
  uint8_t* const begin = to + (n <= 0x7f / kMaxVarint ? 1 : kMaxLength);
  const auto bytes = static_cast<size_t>(write(begin) - begin);
  to = write_varint(bytes, to);
  if (to != begin) memmove(to, begin, bytes);
  return to + bytes;
}

// Without the numbers at the end that are the same as the one before them. `number(n)` is a number as it is
// sent.
template <class T, class Number>
uint8_t* write_numbers(int field, Column<T> column, size_t n, const Number& number, uint8_t* to) {
  while (n > 1 && column[n - 2] == column[n - 1]) --n;
  // By value: for all that the compiler knows, the bytes that are written are those of the column's place.
  return write_column(field, n, to, [column, n, number](uint8_t* at) {
    for (size_t i = 0; i < n; ++i) at = write_varint(number(column[i]), at);
    return at;
  });
}

// Each as its difference to the one before, the first to 0; likewise. Differences wrap around, so that no two
// numbers are too far apart.
template <class Unsigned, class T>
uint8_t* write_differences(int field, Column<T> column, size_t n, uint8_t* to) {
  const auto difference = [column](size_t i) {
    return static_cast<Unsigned>(column[i]) - (i == 0 ? Unsigned{0} : static_cast<Unsigned>(column[i - 1]));
  };
  for (const Unsigned last = difference(n - 1); n > 1 && difference(n - 2) == last;) --n;
  return write_column(field, n, to, [column, n](uint8_t* at) {
    Unsigned before = 0;
    for (size_t i = 0; i < n; ++i) {
      const auto number = static_cast<Unsigned>(column[i]);
      at = write_varint(zigzag(number - before), at);
      before = number;
    }
    return at;
  });
}

}  // namespace

std::string_view BatchWriter::write(const BatchView& c, uint64_t sent_ns) {
  const size_t n = c.topics;
  const size_t max_bytes = 6 * (1 + kMaxLength + n * kMaxVarint) + kOtherBytes;
  if (room_.size() < max_bytes) room_.resize(max_bytes);
  const auto itself = [](uint64_t number) { return number; };
  uint8_t* p = room_.data();
  p = write_differences<uint32_t>(Batch::kIdFieldNumber, c.id, n, p);
  p = write_numbers(Batch::kSequenceFieldNumber, c.sequence, n, itself, p);
  p = write_differences<uint64_t>(Batch::kStampNsFieldNumber, c.stamp_ns, n, p);
  p = write_differences<uint64_t>(Batch::kAgeNsFieldNumber, c.age_ns, n, p);
  if (!c.size.empty()) {
    p = write_column(Batch::kSizeFieldNumber, c.size.size(), p, [&](uint8_t* at) {
      for (const uint64_t bytes : c.size) at = write_varint(bytes, at);
      return at;
    });
  }
  if (sent_ns != 0) {
    p = write_tag(Batch::kSentNsFieldNumber, kFixed64, p);
    p = CodedOutputStream::WriteLittleEndian64ToArray(sent_ns, p);
  }
  p = write_tag(Batch::kTopicsFieldNumber, kVarint, p);
  p = write_varint(n, p);
  if (!c.exact) {
    const auto number = [](int64_t error_ns) { return zigzag(static_cast<uint64_t>(error_ns)); };
    p = write_numbers(Batch::kAgeErrorNsFieldNumber, c.age_error_ns, n, number, p);
  }
  bytes_ = static_cast<size_t>(p - room_.data());
  return {reinterpret_cast<const char*>(room_.data()), bytes_};
}

std::string_view BatchWriter::write_packed(uint32_t raw_bytes) {
  // The field of the greatest number comes last.
  uint8_t* p = room_.data() + bytes_;
  p = write_tag(Batch::kRawBytesFieldNumber, kVarint, p);
  p = write_varint(raw_bytes, p);
  return {reinterpret_cast<const char*>(room_.data()), static_cast<size_t>(p - room_.data())};
}

}  // namespace smt::proto
