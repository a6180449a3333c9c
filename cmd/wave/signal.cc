#include "cmd/wave/signal.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <utility>

#include "shm/scalar.h"

namespace smt::cmd {
namespace {

constexpr std::pair<std::string_view, Shape> kShapes[] = {
    {"sine", Shape::kSine},         {"square", Shape::kSquare}, {"ramp", Shape::kRamp},
    {"triangle", Shape::kTriangle}, {"noise", Shape::kNoise},   {"chirp", Shape::kChirp},
    {"constant", Shape::kConstant}};

// A permutation of all numbers that leaves no pattern (splitmix64).
uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

double noise_at(uint64_t seed, uint64_t channel, double seconds) {
  const uint64_t bits = mixed(mixed(mixed(seed) ^ channel) ^ std::bit_cast<uint64_t>(seconds));
  return static_cast<double>(bits >> 11) * 0x1p-52 - 1;
}

double turns_at(const Signal& s, double seconds) {
  if (s.shape != Shape::kChirp) return seconds * s.frequency_hz;
  const double t = std::fmod(seconds, s.sweep_s);
  return t * (s.frequency_hz + (s.end_frequency_hz - s.frequency_hz) * t / (2 * s.sweep_s));
}

double shape_at(const Signal& s, double seconds, double turns, uint64_t channel) {
  const double part = turns - std::floor(turns);
  switch (s.shape) {
    case Shape::kSine:
    case Shape::kChirp:
      return std::sin(2 * std::numbers::pi * part);
    case Shape::kSquare:
      return part < 0.5 ? 1 : -1;
    case Shape::kRamp:
      return 2 * part - 1;
    case Shape::kTriangle:
      return part < 0.25 ? 4 * part : part < 0.75 ? 2 - 4 * part : 4 * part - 4;
    case Shape::kNoise:
      return noise_at(s.seed, channel, seconds);
    case Shape::kConstant:
      break;
  }
  return 0;
}

double value_ahead(const Signal& s, double seconds, double ahead_turns, uint64_t channel) {
  const double turns = turns_at(s, seconds) + s.phase_turns + ahead_turns;
  return s.offset + s.amplitude * shape_at(s, seconds, turns, channel);
}

template <class T>
void store_value(double value, std::byte* to) {
  T out;
  if (value >= static_cast<double>(std::numeric_limits<T>::max())) {
    out = std::numeric_limits<T>::max();
  } else if (value <= static_cast<double>(std::numeric_limits<T>::lowest())) {
    out = std::numeric_limits<T>::lowest();
  } else {
    out = static_cast<T>(std::is_integral_v<T> ? std::round(value) : value);
  }
  memcpy(to, &out, sizeof out);
}

// REQUIRES: `type` is that of a number
void (*store_as(Type type))(double, std::byte*) {
  using Function = void (*)(double, std::byte*);
  return visit_scalar(type, []<class T>(T) -> Function {
    if constexpr (kIsNumberType<T>) {
      return store_value<T>;
    } else {
      return nullptr;
    }
  });
}

}  // namespace

Result<Shape> shape_named(std::string_view name) {
  std::string names;
  for (const auto& [known, shape] : kShapes) {
    if (known == name) return shape;
    names.append(names.empty() ? "" : ", ").append(known);
  }
  return {Code::kInvalid, "\"" + std::string(name) + "\" is no signal; there are " + names};
}

double value_at(const Signal& signal, double seconds, uint64_t channel) {
  return value_ahead(signal, seconds, 0, channel);
}

Status check_signal_schema(const Schema& schema) {
  if (schema.fields.size() == 1 && is_number(schema.fields[0].type)) return schema.check();
  return Status(Code::kInvalid,
                "type " + schema.type_name +
                    " is no number; use f64, f32, i8 ... i64 or u8 ... u64, or an array as f64[8]");
}

void fill_value(const Signal& signal, double seconds, uint64_t first_channel, const Schema& schema,
                std::span<std::byte> value) {
  const Field& field = schema.fields[0];
  const auto store = store_as(field.type);
  for (uint32_t i = 0; i < field.count; ++i) {
    const double ahead = static_cast<double>(i) / field.count;
    store(value_ahead(signal, seconds, ahead, first_channel + i),
          value.data() + field.offset + uint64_t{i} * type_bytes(field.type));
  }
}

}  // namespace smt::cmd
