#include "relay/outbound/change.h"

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

bool differs(const Field& f, const std::byte* a, const std::byte* b, double deadband) {
  a += f.offset;
  b += f.offset;
  return visit_scalar(f.type, [&]<class T>(T) {
    if constexpr (kIsNumberType<T>) {
      return differs<T>(a, b, f.count, deadband);
    } else {
      return memcmp(a, b, f.count) != 0;
    }
  });
}

}  // namespace

ChangeFilter::ChangeFilter(const std::string& schema, double deadband) : deadband_(deadband) {
  if (deadband == 0) return;
  if (Result<Schema> parsed = Schema::from_text(schema); parsed.ok()) fields_ = std::move(parsed->fields);
}

bool ChangeFilter::changed(std::span<const std::byte> value) const {
  if (sent_ns_ == 0 || value.size() != bytes_) return true;
  if (fields_.empty()) return proto::payload_hash(value) != hash_;
  for (const Field& f : fields_) {
    if (differs(f, value.data(), value_.data(), deadband_)) return true;
  }
  return false;
}

void ChangeFilter::on_sent(std::span<const std::byte> value, int64_t now_ns) {
  sent_ns_ = now_ns;
  bytes_ = value.size();
  if (fields_.empty()) {
    hash_ = proto::payload_hash(value);
  } else {
    value_.assign(value.begin(), value.end());
  }
}

}  // namespace smt::relay
