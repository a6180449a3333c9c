#include "relay/outbound/change.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "proto/codec.h"
#include "shm/scalar.h"

namespace smt::relay {

namespace {

template <class T>
bool differs(const std::byte* a, const std::byte* b, uint32_t count, double deadband) {
  for (uint32_t i = 0; i < count; ++i) {
    T x, y;
    memcpy(&x, a + i * sizeof x, sizeof x);
    memcpy(&y, b + i * sizeof y, sizeof y);
    if (memcmp(&x, &y, sizeof x) == 0) continue;
    double distance;
    if constexpr (std::is_integral_v<T>) {
      // Not of two doubles: those have 53 bits.
      const auto ux = static_cast<uint64_t>(x), uy = static_cast<uint64_t>(y);
      distance = static_cast<double>(x > y ? ux - uy : uy - ux);
    } else {
      distance = std::fabs(static_cast<double>(x) - static_cast<double>(y));
    }
    // Written so that a NaN differs from every number, and an infinity from all but itself.
    if (!(distance <= deadband)) return true;
  }
  return false;
}

// Of the elements of the field that begin in [begin, end).
bool differs(const Field& f, const std::byte* a, const std::byte* b, size_t begin, size_t end,
             double deadband) {
  return visit_scalar(f.type, [&]<class T>(T) {
    const auto element = [&](size_t at) {
      return at <= f.offset ? 0 : std::min<size_t>(f.count, (at - f.offset + sizeof(T) - 1) / sizeof(T));
    };
    const size_t first = element(begin), many = element(end) - first, at = f.offset + first * sizeof(T);
    if constexpr (kIsNumberType<T>) {
      return differs<T>(a + at, b + at, static_cast<uint32_t>(many), deadband);
    } else {
      return memcmp(a + at, b + at, many) != 0;
    }
  });
}

// Equal for equal values of one size, and hardly ever for others.
inline uint64_t fingerprint_of(std::span<const std::byte> value) {
  uint64_t number = 0;
  if (value.size() != sizeof number) return proto::payload_hash(value);
  memcpy(&number, value.data(), sizeof number);
  return number;
}

}  // namespace

ChangeFilter::ChangeFilter(const std::string& schema, double deadband) : deadband_(deadband) {
  if (deadband == 0) return;
  if (Result<Schema> parsed = Schema::from_text(schema); parsed.ok()) fields_ = std::move(parsed->fields);
}

bool ChangeFilter::changed(std::span<const std::byte> value) const {
  if (sent_ns_ == 0 || value.size() != bytes_) return true;
  if (fields_.empty() && value_.block.block == nullptr) return fingerprint_of(value) != fingerprint_;
  return differs(value, 0, value.size());
}

bool ChangeFilter::differs(std::span<const std::byte> value, size_t begin, size_t end) const {
  const std::byte* const sent = value_.bytes().data();
  if (fields_.empty()) return memcmp(value.data() + begin, sent + begin, end - begin) != 0;
  return std::any_of(fields_.begin(), fields_.end(), [&](const Field& f) {
    return relay::differs(f, value.data(), sent, begin, end, deadband_);
  });
}

std::optional<bool> ChangeFilter::changed(const Frame& value, size_t max_bytes, size_t* compared) const {
  if (sent_ns_ == 0 || value.bytes.size() != bytes_) return true;
  if (value_.block.block == nullptr && fields_.empty()) return changed(value.bytes);  // both are small
  const size_t begin = *compared, end = begin + std::min(max_bytes, bytes_ - begin);
  *compared = end;
  if (differs(value.bytes, begin, end)) return true;
  return end == bytes_ ? std::optional(false) : std::nullopt;
}

void ChangeFilter::on_sent(std::span<const std::byte> value, int64_t now_ns) {
  sent_ns_ = now_ns;
  bytes_ = value.size();
  if (fields_.empty()) {
    fingerprint_ = fingerprint_of(value);
  } else {
    value_.buffer.assign(value.begin(), value.end());
  }
  if (value_.block.block != nullptr) value_.block = {};
}

void ChangeFilter::on_sent(const Frame& value, int64_t now_ns) {
  if (value.bytes.size() <= kPieceOfWork) return on_sent(value.bytes, now_ns);
  sent_ns_ = now_ns;
  bytes_ = value.bytes.size();
  value_ = {{}, value};
}

}  // namespace smt::relay
