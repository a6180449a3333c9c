#include "relay/writes/limits.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "shm/scalar.h"

namespace smt::relay {

namespace {

// Holds every 64-bit integer exactly.
using Wide = long double;
static_assert(std::numeric_limits<Wide>::digits >= 64);

std::string text_of(double number) {
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

// REQUIRES: `type` is that of a number
Wide number_at(Type type, const std::byte* at) {
  return visit_scalar(type, [&](auto value) {
    memcpy(&value, at, sizeof value);
    return static_cast<Wide>(value);
  });
}

// "" or what is wrong. REQUIRES: `f` is of numbers
std::string outside(const Field& f, std::span<const std::byte> value, const Limit& limit, bool is_min) {
  for (uint32_t i = 0; i < f.count; ++i) {
    const Wide number = number_at(f.type, value.data() + f.offset + uint64_t{i} * type_bytes(f.type));
    // Written so that a NaN is outside of everything.
    if (is_min ? number >= limit.value : number <= limit.value) continue;
    const std::string name = f.count == 1 ? f.name : f.name + "[" + std::to_string(i) + "]";
    return name + " is " + text_of(static_cast<double>(number)) + ", and " + (is_min ? "min" : "max") +
           " is " + text_of(limit.value);
  }
  return "";
}

std::string outside(const Schema& schema, std::span<const std::byte> value, const Limit& limit, bool is_min) {
  bool bounded = false;
  for (const Field& f : schema.fields) {
    if ((!limit.field.empty() && f.name != limit.field) || !is_number(f.type)) continue;
    bounded = true;
    if (std::string why = outside(f, value, limit, is_min); !why.empty()) return why;
  }
  if (bounded) return "";
  // A bound that bounds nothing is a mistake of who wrote the rule: nothing passes.
  const std::string of = is_min ? "min" : "max";
  return limit.field.empty() ? "the rule has a " + of + ", and type " + schema.type_name + " has no numbers"
                             : "the rule has a " + of + " for " + limit.field +
                                   ", which is no number of type " + schema.type_name;
}

}  // namespace

std::string outside_limits(const Schema& schema, std::span<const std::byte> value,
                           const std::vector<Limit>& min, const std::vector<Limit>& max) {
  for (const auto* limits : {&min, &max}) {
    for (const Limit& limit : *limits) {
      if (std::string why = outside(schema, value, limit, limits == &min); !why.empty()) return why;
    }
  }
  return "";
}

}  // namespace smt::relay
