// Numbers, sizes and durations of the configuration.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <utility>

#include "cmd/config/config_read.h"
#include "cmd/config/config_types.h"
#include "cmd/config/relay_config.h"
#include "cmd/text/text.h"
#include "shm/layout.h"

namespace smt::cmd {
namespace {

using Kind = Value::Kind;

constexpr double kMinHertz = 1e-6, kMaxHertz = 1e6;

// --- numbers ---

Read read_number(const Value& value, double min, double max, std::string_view what, double* out) {
  double number = 0;
  if (value.kind == Kind::kInteger) {
    number = static_cast<double>(value.integer);
  } else if (value.kind == Kind::kNumber) {
    number = value.number;
  } else if (value.kind != Kind::kWord) {
    return wrong_kind(value, "a number");
  } else if (!parse_number(value.text, &number)) {
    return wrong(value, fmt::format("\"{}\" is no number", value.text));
  }
  if (!(number >= min && number <= max)) {
    return wrong(value, fmt::format("{} is out of range: {} from {} to {}", number, what, min, max));
  }
  *out = number;
  return std::nullopt;
}

Read read_integer(const Value& value, int64_t min, int64_t max, int64_t* out) {
  int64_t number = value.integer;
  if (value.kind == Kind::kWord) {
    if (!parse_number(value.text, &number)) {
      return wrong(value, fmt::format("\"{}\" is no integer", value.text));
    }
  } else if (value.kind != Kind::kInteger) {
    return wrong_kind(value, "an integer");
  }
  if (number < min || number > max) {
    return wrong(value, fmt::format("{} is out of range: from {} to {}", number, min, max));
  }
  *out = number;
  return std::nullopt;
}

Read read_version(const Value& value, int64_t* out) {
  if (value.kind != Kind::kInteger) return wrong_kind(value, "an integer");
  if (value.integer != kConfigVersion) {
    return wrong(value, fmt::format("{} is a version of the format that this program does not read; it "
                                    "reads version {}",
                                    value.integer, kConfigVersion));
  }
  *out = value.integer;
  return std::nullopt;
}

Read read_hertz(const Value& value, int64_t* period_ns) {
  double hertz = 0;
  if (Read fault = read_number(value, kMinHertz, kMaxHertz, "a rate in Hz", &hertz)) return fault;
  *period_ns = std::llround(1e9 / hertz);
  return std::nullopt;
}

// The shortest number that means the same period.
std::string print_hertz(const int64_t& period_ns) {
  if (period_ns == 0) return "";
  const double hertz = 1e9 / static_cast<double>(period_ns);
  for (int digits = 1; digits < 17; ++digits) {
    const std::string text = fmt::format("{:.{}g}", hertz, digits);
    double read = 0;
    if (parse_number(text, &read) && std::llround(1e9 / read) == period_ns) return fmt::format("{}", read);
  }
  return fmt::format("{}", hertz);
}

Read read_count(const Value& value, uint32_t* out) {
  int64_t count = 0;
  if (Read fault = read_integer(value, 1, 1'000'000, &count)) return fault;
  *out = static_cast<uint32_t>(count);
  return std::nullopt;
}

Read read_deadband(const Value& value, double* out) {
  return read_number(value, 0, 1e300, "a difference", out);
}

// One number bounds all numbers of a value, a table has one for each field that it names.
Read read_limits(const Value& value, std::vector<relay::Limit>* out) {
  constexpr double kMax = std::numeric_limits<double>::max();
  const auto read = [](const Value& number, double* limit) {
    return read_number(number, -kMax, kMax, "a bound", limit);
  };
  std::vector<relay::Limit> limits;
  if (value.kind != Kind::kTable) {
    if (Read fault = read(value, &limits.emplace_back().value)) return fault;
  } else if (value.members.empty()) {
    return wrong(value, "the table names no field");
  }
  for (const Value::Member& member : value.members) {
    if (member.key.empty()) return wrong(value, "a field has a name");
    relay::Limit& limit = limits.emplace_back();
    limit.field = member.key;
    if (Read fault = read(member.value, &limit.value)) return fault;
  }
  *out = std::move(limits);
  return std::nullopt;
}

std::string print_limits(const std::vector<relay::Limit>& limits) {
  if (limits.empty()) return "";
  if (limits.front().field.empty()) return fmt::format("{}", limits.front().value);
  std::vector<std::string> members;
  for (const relay::Limit& limit : limits)
    members.push_back(fmt::format("{} = {}", quote(limit.field), limit.value));
  return fmt::format("{{ {} }}", fmt::join(members, ", "));
}

template <class Number>
std::string print_number(const Number& number) {
  return fmt::format("{}", number);
}

// --- sizes ---

struct Scale {
  double step;             // of K to M to G
  std::string_view units;  // the first one is `step`
  std::string_view example;
  uint64_t min, max;
};
constexpr Scale kSegment = {1024, "KMGT", "64M", layout::kMinSegmentBytes, layout::kMaxSegmentBytes};
constexpr Scale kTopicSize = {1024, "KMGT", "4M", 1, uint64_t{1} << 40};
constexpr Scale kPerSecond = {1000, "kMGT", "125k", 1, 1'000'000'000'000};

// "64M": what the text says, or nothing.
std::optional<double> scaled_text(std::string_view text, const Scale& scale) {
  double unit = 1;
  if (!text.empty() && !isdigit(static_cast<unsigned char>(text.back()))) {
    const char last = text.back() == 'k' || text.back() == 'K' ? scale.units[0] : text.back();
    const size_t at = scale.units.find(last);
    if (at == scale.units.npos) return std::nullopt;
    unit = std::pow(scale.step, static_cast<double>(at + 1));
    text.remove_suffix(1);
  }
  double number = 0;
  if (text.empty() || !isdigit(static_cast<unsigned char>(text[0])) || !parse_number(text, &number)) {
    return std::nullopt;
  }
  return std::round(number * unit);
}

template <const Scale& scale>
Read read_scaled(const Value& value, uint64_t* out) {
  double bytes = 0;
  if (value.kind == Kind::kInteger) {
    bytes = static_cast<double>(value.integer);
  } else if (is_text(value)) {
    const std::optional<double> read = scaled_text(value.text, scale);
    if (!read) {
      return wrong(value, fmt::format("\"{}\" is no number of bytes; write {}", value.text, scale.example));
    }
    bytes = *read;
  } else {
    return wrong_kind(value, fmt::format("a number of bytes, as \"{}\"", scale.example));
  }
  if (!(bytes >= static_cast<double>(scale.min) && bytes <= static_cast<double>(scale.max))) {
    return wrong(value, fmt::format("{} bytes are out of range: from {} to {}", bytes, scale.min, scale.max));
  }
  *out = static_cast<uint64_t>(bytes);
  return std::nullopt;
}

template <const Scale& scale>
std::string print_scaled(const uint64_t& bytes) {
  if (bytes == 0) return "";
  uint64_t number = bytes;
  std::string unit;
  const auto step = static_cast<uint64_t>(scale.step);
  for (size_t i = 0; i < scale.units.size() && number % step == 0; ++i) {
    number /= step;
    unit = scale.units[i];
  }
  return unit.empty() ? fmt::format("{}", number) : fmt::format("\"{}{}\"", number, unit);
}

// --- durations ---

Read read_duration(const Value& value, int64_t* out) {
  if (!is_text(value)) return wrong_kind(value, "a duration as a string with its unit: \"250ms\"");
  const Result<int64_t> ns = parse_duration(value.text);
  if (!ns.ok()) return wrong(value, ns.status());
  *out = *ns;
  return std::nullopt;
}

// Exact: in the greatest unit that divides it.
std::string print_duration(const int64_t& ns) {
  constexpr std::pair<const char*, int64_t> kUnits[] = {{"h", 3'600'000'000'000},
                                                        {"m", 60'000'000'000},
                                                        {"s", 1'000'000'000},
                                                        {"ms", 1'000'000},
                                                        {"us", 1'000}};
  if (ns == 0) return "\"0s\"";
  for (const auto& [name, size] : kUnits) {
    if (ns % size == 0) return fmt::format("\"{}{}\"", ns / size, name);
  }
  return fmt::format("\"{}ns\"", ns);
}

Read read_max_age(const Value& value, std::optional<int64_t>* out) {
  int64_t ns = 0;
  if (Read fault = read_duration(value, &ns)) return fault;
  *out = ns;
  return std::nullopt;
}

std::string print_max_age(const std::optional<int64_t>& ns) { return ns ? print_duration(*ns) : ""; }

}  // namespace

const ConfigType<int64_t> kVersionType = {"N", read_version, print_number};
const ConfigType<int64_t> kHertzType = {"HZ", read_hertz, print_hertz};
const ConfigType<int64_t> kDurationType = {"DURATION", read_duration, print_duration};
const ConfigType<std::optional<int64_t>> kMaxAgeType = {"DURATION", read_max_age, print_max_age};
const ConfigType<uint64_t> kSegmentSizeType = {"BYTES", read_scaled<kSegment>, print_scaled<kSegment>};
const ConfigType<uint64_t> kSizeType = {"BYTES", read_scaled<kTopicSize>, print_scaled<kTopicSize>};
const ConfigType<uint64_t> kByteRateType = {"BYTES", read_scaled<kPerSecond>, print_scaled<kPerSecond>};
const ConfigType<uint32_t> kCountType = {"N", read_count, print_number};
const ConfigType<double> kDeadbandType = {"X", read_deadband, print_number};
const ConfigType<std::vector<relay::Limit>> kLimitsType = {"X", read_limits, print_limits};

}  // namespace smt::cmd
