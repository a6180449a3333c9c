#include "proto/codec.h"

#include <algorithm>
#include <array>

#define XXH_INLINE_ALL
#include <google/protobuf/io/coded_stream.h>
#include <xxhash.h>

#include <algorithm>

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
  // By hand, as the same bytes protobuf would write, so that a body serialised once serves many sessions.
  std::string out(1 + 8 + 1 + 10 + 2 + 5 + body.size() + 3 + kCheckBytes, '\0');
  auto* const begin = reinterpret_cast<uint8_t*>(out.data());
  uint8_t* p = begin;
  *p++ = kSessionTag;
  p = CodedOutputStream::WriteLittleEndian64ToArray(session, p);
  if (number != 0) {
    *p++ = kNumberTag;
    p = CodedOutputStream::WriteVarint64ToArray(number, p);
  }
  p = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(field) << 3 | 2, p);
  p = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(body.size()), p);
  p = CodedOutputStream::WriteRawToArray(body.data(), static_cast<int>(body.size()), p);
  if (prompt) {
    p = std::copy(kPromptTag.begin(), kPromptTag.end(), p);
    *p++ = 1;
  }
  const uint64_t check = header_hash(begin, static_cast<size_t>(p - begin), payload_hash);
  p = std::copy(kCheckTag.begin(), kCheckTag.end(), p);
  p = CodedOutputStream::WriteLittleEndian64ToArray(check, p);
  out.resize(static_cast<size_t>(p - begin));
  return out;
}

Opened open_message(std::span<const std::byte> header, std::span<const std::byte> payload, Envelope* e) {
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
  CodedInputStream in(bytes, static_cast<int>(body));
  in.SetRecursionLimit(8);
  e->Clear();
  if (!e->MergeFromCodedStream(&in) || !in.ConsumedEntireMessage()) return Opened::kMalformed;
  if (e->session() == 0 || e->body_case() == Envelope::BODY_NOT_SET) return Opened::kMalformed;
  const bool carries = e->has_batch() || e->has_chunk() || e->has_set();
  return carries || payload.empty() ? Opened::kOk : Opened::kMalformed;
}

namespace {

// Drops the numbers at the end that are the same as the one before them.
template <class Column>
void trim(Column* column) {
  int n = column->size();
  while (n > 1 && column->Get(n - 2) == column->Get(n - 1)) --n;
  column->Truncate(n);
}

// The numbers of a column, the last one again and again.
template <class Column>
class Cursor {
 public:
  explicit Cursor(const Column& column) : at_(column.data()), last_(column.data() + column.size() - 1) {}
  auto next() {
    const auto value = *at_;
    if (at_ != last_) ++at_;
    return value;
  }

 private:
  decltype(std::declval<const Column&>().data()) at_, last_;
};

// Differences wrap around, so that no two numbers are too far apart.
int64_t minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

}  // namespace

void append_rows(const std::vector<BatchRow>& rows, Batch* batch) {
  const int n = static_cast<int>(rows.size());
  auto* ids = batch->mutable_id();
  auto* sequences = batch->mutable_sequence();
  auto* stamps = batch->mutable_stamp_ns();
  auto* ages = batch->mutable_age_ns();
  auto* errors = batch->mutable_age_error_ns();
  ids->Reserve(n);
  sequences->Reserve(n);
  stamps->Reserve(n);
  ages->Reserve(n);
  // At the source all are 0, and the column is left out.
  const bool exact =
      std::all_of(rows.begin(), rows.end(), [](const BatchRow& row) { return row.age_error_ns == 0; });
  if (!exact) errors->Reserve(n);
  BatchRow before;
  for (const BatchRow& row : rows) {
    ids->AddAlreadyReserved(static_cast<int32_t>(row.id - before.id));
    sequences->AddAlreadyReserved(row.sequence);
    stamps->AddAlreadyReserved(minus(row.stamp_ns, before.stamp_ns));
    ages->AddAlreadyReserved(minus(row.age_ns, before.age_ns));
    if (!exact) errors->AddAlreadyReserved(row.age_error_ns);
    before = row;
  }
  batch->set_topics(static_cast<uint32_t>(n));
  trim(ids);
  trim(sequences);
  trim(stamps);
  trim(ages);
  trim(errors);
}

bool read_rows(const Batch& batch, std::vector<BatchRow>* rows) {
  const size_t n = batch.topics();
  if (n == 0 || n > kMaxTopics) return false;
  for (const int size :
       {batch.id().size(), batch.sequence().size(), batch.stamp_ns().size(), batch.age_ns().size()}) {
    if (size < 1 || static_cast<size_t>(size) > n) return false;
  }
  const auto errors_given = static_cast<size_t>(batch.age_error_ns().size());
  if (static_cast<size_t>(batch.size().size()) > n || errors_given > n) return false;
  rows->resize(n);
  Cursor ids(batch.id());
  Cursor sequences(batch.sequence());
  Cursor stamps(batch.stamp_ns());
  Cursor ages(batch.age_ns());
  // Without a column all is exact, as it is at the source.
  static constexpr int64_t kZero[] = {0};
  static const google::protobuf::RepeatedField<int64_t> kExact(kZero, kZero + 1);
  Cursor errors(errors_given != 0 ? batch.age_error_ns() : kExact);
  BatchRow before;
  for (BatchRow& row : *rows) {
    row.id = before.id + static_cast<uint32_t>(ids.next());
    row.sequence = sequences.next();
    row.stamp_ns = plus(before.stamp_ns, stamps.next());
    row.age_ns = plus(before.age_ns, ages.next());
    row.age_error_ns = errors.next();
    before = row;
  }
  return true;
}

}  // namespace smt::proto
