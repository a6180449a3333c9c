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

// What is left of a message. Each method returns false where something else stands there, or where a number
// does not end at once: protobuf reads that.
class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool is_empty() const { return at_ == end_; }
  size_t size() const { return static_cast<size_t>(end_ - at_); }
  // REQUIRES: field < 16
  bool is_at(int field, WireFormatLite::WireType type) const {
    return at_ != end_ && *at_ == static_cast<uint8_t>(field_tag(field, type));
  }
  bool is_at_prompt() const {
    constexpr uint32_t kTag = field_tag(Envelope::kPromptFieldNumber, kVarint);
    return size() >= 2 && at_[0] == ((kTag & 0x7f) | 0x80) && at_[1] == kTag >> 7;
  }
  void skip(size_t bytes) { at_ += bytes; }

  bool read(uint64_t* n) {
    constexpr size_t kMaxVarint = 10;
    const uint8_t* const end = at_ + std::min(size(), kMaxVarint);
    uint64_t number = 0;
    for (int shift = 0; at_ != end; shift += 7) {
      const uint8_t byte = *at_++;
      if (shift == 63 && byte > 1) return false;
      number |= uint64_t{byte & 0x7fu} << shift;
      if (byte >= 0x80) continue;
      *n = number;
      return true;
    }
    return false;
  }
  bool read(uint32_t* n) {
    uint64_t number;
    if (!read(&number) || number > UINT32_MAX) return false;
    *n = static_cast<uint32_t>(number);
    return true;
  }
  bool read_fixed64(uint64_t* n) {
    if (size() < sizeof *n) return false;
    at_ = CodedInputStream::ReadLittleEndian64FromArray(at_, n);
    return true;
  }
  // A length, and so many bytes.
  bool read_part(std::span<const uint8_t>* part) {
    uint32_t bytes;
    if (!read(&bytes) || bytes > size()) return false;
    *part = {at_, bytes};
    at_ += bytes;
    return true;
  }

 private:
  const uint8_t* at_;
  const uint8_t* const end_;
};

// A packed column, its length first. Most of its numbers have one byte or two.
template <Given given, class Number, class Decode>
bool read_column(Bytes* in, Decode decode, size_t* count, std::vector<Number>* column) {
  std::span<const uint8_t> bytes;
  if (!in->read_part(&bytes) || bytes.empty() || bytes.back() >= 0x80) return false;
  const uint8_t* at = bytes.data();
  const uint8_t* const end = at + bytes.size();  // each number ends before it
  Number* const begin = room_for(bytes.size(), column);
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
  return true;
}

// The fields of a Batch, which `in` is. False also where another field follows.
bool read_fields(Bytes in, Batch* b, Counts* given, BatchColumns* columns) {
  // True: the field is not there, or it is read.
  const auto field = [&](int number, WireFormatLite::WireType type, const auto& read) {
    if (!in.is_at(number, type)) return true;
    in.skip(1);
    return read();
  };
  const auto read_size = [&] {
    std::vector<uint64_t> sizes;
    size_t count = 0;
    if (!read_column<Given::kNumbers>(&in, kAsItIs, &count, &sizes)) return false;
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
            [&] { return read_column<kDifferences>(&in, kZigZag32, &given->ids, &c->ids); }) &&
      field(Batch::kSequenceFieldNumber, kBytes,
            [&] { return read_column<kNumbers>(&in, kAsItIs, &given->sequences, &c->sequences); }) &&
      field(Batch::kStampNsFieldNumber, kBytes,
            [&] { return read_column<kDifferences>(&in, kZigZag, &given->stamps, &c->stamps_ns); }) &&
      field(Batch::kAgeNsFieldNumber, kBytes,
            [&] { return read_column<kDifferences>(&in, kZigZag, &given->ages, &c->ages_ns); }) &&
      field(Batch::kSizeFieldNumber, kBytes, read_size) &&
      field(Batch::kSentNsFieldNumber, kFixed64, [&] { return in.read_fixed64(&sent_ns); }) &&
      field(Batch::kTopicsFieldNumber, kVarint, [&] { return in.read(&topics); }) &&
      field(Batch::kAgeErrorNsFieldNumber, kBytes,
            [&] { return read_column<kNumbers>(&in, kZigZag, &given->age_errors, &c->age_errors_ns); }) &&
      field(Batch::kRawBytesFieldNumber, kVarint, [&] { return in.read(&raw_bytes); });
  b->set_sent_ns(sent_ns);
  b->set_topics(topics);
  b->set_raw_bytes(raw_bytes);
  return read && in.is_empty();
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
  Bytes in(bytes);
  uint64_t session, number = 0;
  std::span<const uint8_t> body;
  if (!in.is_at(Envelope::kSessionFieldNumber, kFixed64)) return false;
  in.skip(1);
  if (!in.read_fixed64(&session)) return false;
  if (in.is_at(Envelope::kNumberFieldNumber, kVarint)) {
    in.skip(1);
    if (!in.read(&number)) return false;
  }
  if (!in.is_at(Envelope::kBatchFieldNumber, kBytes)) return false;
  in.skip(1);
  if (!in.read_part(&body)) return false;
  uint32_t prompt = 0;
  if (in.is_at_prompt()) {
    in.skip(2);
    if (!in.read(&prompt) || prompt > 1) return false;
  }
  if (!in.is_empty()) return false;
  // One Batch mostly follows another, whose memory is used again.
  if (e->has_batch()) {
    e->mutable_batch()->Clear();
    e->clear_check();
  } else {
    e->Clear();
  }
  e->set_session(session);
  e->set_number(number);
  e->set_prompt(prompt == 1);
  Counts given;
  if (!read_fields(Bytes(body), e->mutable_batch(), &given, columns)) return false;
  if (!complete(e->batch(), given, columns)) columns->rows = 0;
  return true;
}

}  // namespace smt::proto
