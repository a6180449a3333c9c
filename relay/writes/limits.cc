#include "relay/writes/limits.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace smt::relay {

namespace {

// Holds every 64-bit integer exactly.
using Wide = long double;
static_assert(std::numeric_limits<Wide>::digits >= 64);

std::string Text(double number) {
  char text[40];
  snprintf(text, sizeof text, "%.17g", number);
  // The shortest that is the same number.
  for (int digits = 1; digits < 17; ++digits) {
    char shorter[40];
    snprintf(shorter, sizeof shorter, "%.*g", digits, number);
    if (strtod(shorter, nullptr) == number) return shorter;
  }
  return text;
}

template <class T>
Wide As(const std::byte* at) {
  T value;
  memcpy(&value, at, sizeof value);
  return static_cast<Wide>(value);
}

// False: not a number.
bool NumberAt(Type type, const std::byte* at, Wide* out) {
  switch (type) {
    case Type::kI8:
      return *out = As<int8_t>(at), true;
    case Type::kU8:
      return *out = As<uint8_t>(at), true;
    case Type::kI16:
      return *out = As<int16_t>(at), true;
    case Type::kU16:
      return *out = As<uint16_t>(at), true;
    case Type::kI32:
      return *out = As<int32_t>(at), true;
    case Type::kU32:
      return *out = As<uint32_t>(at), true;
    case Type::kI64:
      return *out = As<int64_t>(at), true;
    case Type::kU64:
      return *out = As<uint64_t>(at), true;
    case Type::kF32:
      return *out = As<float>(at), true;
    case Type::kF64:
      return *out = As<double>(at), true;
    case Type::kBool:
    case Type::kChar:
      break;
  }
  return false;
}

std::string Outside(const Field& f, std::span<const std::byte> value, const Limit& limit, bool least) {
  for (uint32_t i = 0; i < f.count; ++i) {
    Wide number = 0;
    if (!NumberAt(f.type, value.data() + f.offset + uint64_t{i} * TypeBytes(f.type), &number)) return "";
    // Written so that a NaN is outside of everything.
    if (least ? number >= limit.value : number <= limit.value) continue;
    const std::string name = f.count == 1 ? f.name : f.name + "[" + std::to_string(i) + "]";
    return name + " is " + Text(static_cast<double>(number)) + ", and " + (least ? "min" : "max") + " is " +
           Text(limit.value);
  }
  return "";
}

bool IsNumber(const Field& f) { return f.type != Type::kBool && f.type != Type::kChar; }

std::string Outside(const Schema& schema, std::span<const std::byte> value, const Limit& limit, bool least) {
  bool bounded = false;
  for (const Field& f : schema.fields) {
    if ((!limit.field.empty() && f.name != limit.field) || !IsNumber(f)) continue;
    bounded = true;
    if (std::string why = Outside(f, value, limit, least); !why.empty()) return why;
  }
  if (bounded) return "";
  // A bound that bounds nothing is a mistake of who wrote the rule: nothing passes.
  const std::string of = least ? "min" : "max";
  return limit.field.empty() ? "the rule has a " + of + ", and type " + schema.type_name + " has no numbers"
                             : "the rule has a " + of + " for " + limit.field +
                                   ", which is no number of type " + schema.type_name;
}

}  // namespace

std::string OutsideLimits(const Schema& schema, std::span<const std::byte> value,
                          const std::vector<Limit>& min, const std::vector<Limit>& max) {
  for (const auto* limits : {&min, &max}) {
    for (const Limit& limit : *limits) {
      if (std::string why = Outside(schema, value, limit, limits == &min); !why.empty()) return why;
    }
  }
  return "";
}

}  // namespace smt::relay
