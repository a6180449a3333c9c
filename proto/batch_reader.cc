#include "proto/batch_reader.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>

#include "proto/field_tag.h"
#include "proto/limits.h"

namespace smt::proto {

namespace {

using google::protobuf::io::CodedInputStream;

constexpr auto kAsItIs = [](uint64_t n) { return n; };
constexpr auto kZigZag = [](uint64_t n) { return static_cast<uint64_t>(WireFormatLite::ZigZagDecode64(n)); };

constexpr auto kZigZag32 = [](uint64_t n) {
  return static_cast<uint64_t>(WireFormatLite::ZigZagDecode32(static_cast<uint32_t>(n)));
};

// What a column gives: numbers, or differences of numbers. Those are summed up as unsigned ones: they wrap
// around, in 32 bits where the number has so many.
enum class Given { kNumbers, kDifferences };

// The numbers that each column gives.
struct Counts {
  size_t ids = 0, sequences = 0, stamps = 0, ages = 0, age_errors = 0;
};

template <class Number>
Number* room_for(size_t numbers, std::vector<Number>* column) {
  if (column->size() < numbers) column->resize(numbers);  // it never shrinks: what grows is zeroed first
  return column->data();
}

// The last number of a column, or the last difference, goes on to its end.
template <Given given, class Number>
void go_on(size_t count, size_t rows, std::vector<Number>* column) {
  Number* const numbers = room_for(rows, column);
  const auto last = static_cast<uint64_t>(numbers[count - 1]);
  const auto before = count > 1 ? static_cast<uint64_t>(numbers[count - 2]) : 0;
  const uint64_t step = given == Given::kDifferences ? last - before : 0;
  uint64_t number = last;
  for (size_t i = count; i < rows; ++i) numbers[i] = static_cast<Number>(number += step);
}

// False: the columns cannot be those of this Batch.
bool complete(const Batch& batch, const Counts& given, BatchColumns* columns) {
  const size_t n = batch.topics();
  if (n == 0 || n > kMaxTopics) return false;
  for (const size_t count : {given.ids, given.sequences, given.stamps, given.ages}) {
    if (count < 1 || count > n) return false;
  }
  if (static_cast<size_t>(batch.size_size()) > n || given.age_errors > n) return false;
  go_on<Given::kDifferences>(given.ids, n, &columns->ids);
  go_on<Given::kNumbers>(given.sequences, n, &columns->sequences);
  go_on<Given::kDifferences>(given.stamps, n, &columns->stamps_ns);
  go_on<Given::kDifferences>(given.ages, n, &columns->ages_ns);
  // Without a column all is exact, as it is at the source.
  if (given.age_errors == 0) *room_for(1, &columns->age_errors_ns) = 0;
  go_on<Given::kNumbers>(std::max<size_t>(1, given.age_errors), n, &columns->age_errors_ns);
  columns->rows = n;
  return true;
}

// --- from protobuf

template <Given given, class Number, class From>
size_t copy_column(const From& from, std::vector<Number>* column) {
  Number* out = room_for(static_cast<size_t>(from.size()), column);
  uint64_t sum = 0;
  for (const auto number : from) {
    sum = static_cast<uint64_t>(number) + (given == Given::kDifferences ? sum : 0);
    *out++ = static_cast<Number>(sum);
  }
  return static_cast<size_t>(from.size());
}

// --- from bytes

// The bits of a varint from its third byte on. False: it has more than 64.
// REQUIRES: a byte below 0x80 follows.
bool read_long_varint(const uint8_t** at, uint64_t* n) {
  for (int shift = 14; shift < 63; shift += 7) {
    const uint8_t byte = *(*at)++;
    *n |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  const uint8_t last = *(*at)++;
  *n |= uint64_t{last} << 63;
  return last <= 1;
}

// A packed column, its length first. Most of its numbers have one byte or two.
template <Given given, class Number, class Decode>
bool read_column(CodedInputStream* in, Decode decode, size_t* count, std::vector<Number>* column) {
  uint32_t bytes;
  const void* data;
  int there;
  if (!in->ReadVarint32(&bytes) || bytes == 0 || !in->GetDirectBufferPointer(&data, &there)) return false;
  if (bytes > static_cast<uint32_t>(there)) return false;
  const auto* at = static_cast<const uint8_t*>(data);
  const uint8_t* const end = at + bytes;
  if (end[-1] >= 0x80) return false;  // so each number ends before `end`
  Number* const begin = room_for(bytes, column);
  Number* out = begin;
  uint64_t sum = 0;
  while (at != end) {
    uint64_t n = *at++;
    if (n >= 0x80) {
      const uint8_t second = *at++;
      n = (n & 0x7f) | uint64_t{second & 0x7fu} << 7;
      if (second >= 0x80 && !read_long_varint(&at, &n)) return false;
    }
    sum = decode(n) + (given == Given::kDifferences ? sum : 0);
    *out++ = static_cast<Number>(sum);
  }
  *count = static_cast<size_t>(out - begin);
  return in->Skip(static_cast<int>(bytes));
}

// The fields of a Batch, up to the limit of `in`. False also where another field follows.
bool read_fields(CodedInputStream* in, Batch* b, Counts* given, BatchColumns* columns) {
  uint32_t tag = in->ReadTag();
  // True: the field is not there, or it is read and the next one is at hand.
  const auto field = [&](int number, WireFormatLite::WireType type, const auto& read) {
    if (tag != field_tag(number, type)) return true;
    if (!read()) return false;
    tag = in->ReadTag();
    return true;
  };
  const auto read_size = [&] {
    std::vector<uint64_t> sizes;
    size_t count = 0;
    if (!read_column<Given::kNumbers>(in, kAsItIs, &count, &sizes)) return false;
    b->mutable_size()->Add(sizes.data(), sizes.data() + count);
    return true;
  };
  uint64_t sent_ns = 0;
  uint32_t topics = 0, raw_bytes = 0;
  constexpr auto kDifferences = Given::kDifferences;
  constexpr auto kNumbers = Given::kNumbers;
  BatchColumns* const c = columns;
  const bool read =
      field(Batch::kIdFieldNumber, kBytes,
            [&] { return read_column<kDifferences>(in, kZigZag32, &given->ids, &c->ids); }) &&
      field(Batch::kSequenceFieldNumber, kBytes,
            [&] { return read_column<kNumbers>(in, kAsItIs, &given->sequences, &c->sequences); }) &&
      field(Batch::kStampNsFieldNumber, kBytes,
            [&] { return read_column<kDifferences>(in, kZigZag, &given->stamps, &c->stamps_ns); }) &&
      field(Batch::kAgeNsFieldNumber, kBytes,
            [&] { return read_column<kDifferences>(in, kZigZag, &given->ages, &c->ages_ns); }) &&
      field(Batch::kSizeFieldNumber, kBytes, read_size) &&
      field(Batch::kSentNsFieldNumber, kFixed64, [&] { return in->ReadLittleEndian64(&sent_ns); }) &&
      field(Batch::kTopicsFieldNumber, kVarint, [&] { return in->ReadVarint32(&topics); }) &&
      field(Batch::kAgeErrorNsFieldNumber, kBytes,
            [&] { return read_column<kNumbers>(in, kZigZag, &given->age_errors, &c->age_errors_ns); }) &&
      field(Batch::kRawBytesFieldNumber, kVarint, [&] { return in->ReadVarint32(&raw_bytes); });
  b->set_sent_ns(sent_ns);
  b->set_topics(topics);
  b->set_raw_bytes(raw_bytes);
  return read && tag == 0;
}

}  // namespace

bool read_columns(const Batch& batch, BatchColumns* columns) {
  Counts given;
  given.ids = copy_column<Given::kDifferences>(batch.id(), &columns->ids);
  given.sequences = copy_column<Given::kNumbers>(batch.sequence(), &columns->sequences);
  given.stamps = copy_column<Given::kDifferences>(batch.stamp_ns(), &columns->stamps_ns);
  given.ages = copy_column<Given::kDifferences>(batch.age_ns(), &columns->ages_ns);
  given.age_errors = copy_column<Given::kNumbers>(batch.age_error_ns(), &columns->age_errors_ns);
  return complete(batch, given, columns);
}

bool read_batch(std::span<const uint8_t> bytes, Envelope* e, BatchColumns* columns) {
  CodedInputStream in(bytes.data(), static_cast<int>(bytes.size()));
  uint64_t session, number = 0;
  if (in.ReadTag() != field_tag(Envelope::kSessionFieldNumber, kFixed64) || !in.ReadLittleEndian64(&session))
    return false;
  uint32_t tag = in.ReadTag();
  if (tag == field_tag(Envelope::kNumberFieldNumber, kVarint)) {
    if (!in.ReadVarint64(&number)) return false;
    tag = in.ReadTag();
  }
  uint32_t size;
  if (tag != field_tag(Envelope::kBatchFieldNumber, kBytes) || !in.ReadVarint32(&size)) return false;
  if (size > bytes.size() - static_cast<size_t>(in.CurrentPosition())) return false;
  e->Clear();
  e->set_session(session);
  e->set_number(number);
  Counts given;
  const CodedInputStream::Limit limit = in.PushLimit(static_cast<int>(size));
  if (!read_fields(&in, e->mutable_batch(), &given, columns) ||
      !in.CheckEntireMessageConsumedAndPopLimit(limit))
    return false;
  tag = in.ReadTag();
  if (tag == field_tag(Envelope::kPromptFieldNumber, kVarint)) {
    uint32_t prompt;
    if (!in.ReadVarint32(&prompt) || prompt > 1) return false;
    e->set_prompt(prompt == 1);
    tag = in.ReadTag();
  }
  if (tag != 0 || !in.ConsumedEntireMessage()) return false;
  if (!complete(e->batch(), given, columns)) columns->rows = 0;
  return true;
}

}  // namespace smt::proto
