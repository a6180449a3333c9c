// Numbers, sizes and durations of the configuration.
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "cmd/config/config_read.h"
#include "cmd/config/config_types.h"
#include "cmd/config/relay_config.h"
#include "cmd/text/numbers.h"
#include "cmd/text/text.h"
#include "relay/rules/dscp.h"

namespace smt::cmd {
namespace {

using Kind = Value::Kind;

constexpr double kMinHertz = 1e-6, kMaxHertz = 1e6;

// --- numbers ---

// What is wrong, or the number.
template <class Number>
Read take(const Value& value, const Result<Number>& number, Number* out) {
  if (!number.ok()) return wrong(value, number.status());
  *out = *number;
  return std::nullopt;
}

Read read_number(const Value& value, double min, double max, std::string_view what, double* out) {
  if (value.kind == Kind::kWord) return take(value, parse_in_range(value.text, min, max, what), out);
  if (value.kind != Kind::kInteger && value.kind != Kind::kNumber) return wrong_kind(value, "a number");
  const double number = value.kind == Kind::kInteger ? static_cast<double>(value.integer) : value.number;
  if (Status s = check_range(number, min, max, what); !s.ok()) return wrong(value, s);
  *out = number;
  return std::nullopt;
}

Read read_integer(const Value& value, int64_t min, int64_t max, int64_t* out) {
  if (value.kind == Kind::kWord) return take(value, parse_in_range(value.text, min, max), out);
  if (value.kind != Kind::kInteger) return wrong_kind(value, "an integer");
  if (Status s = check_range(value.integer, min, max); !s.ok()) return wrong(value, s);
  *out = value.integer;
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

// A number, or the name of a class.
Read read_dscp(const Value& value, uint8_t* out) {
  int64_t number = 0;
  const bool digits = is_text(value) && value.text.find_first_not_of("0123456789") == value.text.npos;
  if (is_text(value) && !(value.kind == Kind::kWord && digits))
    return take(value, relay::dscp_of(value.text), out);
  if (value.kind != Kind::kInteger && !is_text(value))
    return wrong_kind(value, "a class of DSCP: \"ef\", or a number from 0 to 63");
  if (Read fault = read_integer(value, 0, relay::kMaxDscp, &number)) return fault;
  *out = static_cast<uint8_t>(number);
  return std::nullopt;
}

std::string print_dscp(const uint8_t& dscp) {
  if (dscp == 0) return "";
  const std::string_view name = relay::dscp_name(dscp);
  return name.empty() ? fmt::format("{}", dscp) : quote(name);
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

constexpr SizeKind kTopicSize = {1024, "KMGT", "4M", 1, uint64_t{1} << 40};
constexpr SizeKind kPerSecond = {1000, "kMGT", "125k", 1, 1'000'000'000'000};

template <const SizeKind& kind>
Read read_size(const Value& value, uint64_t* out) {
  if (is_text(value)) return take(value, parse_size(value.text, kind), out);
  if (value.kind != Kind::kInteger) {
    return wrong_kind(value, fmt::format("a number of bytes, as \"{}\"", kind.example));
  }
  if (Status s = check_size(static_cast<double>(value.integer), kind); !s.ok()) return wrong(value, s);
  *out = static_cast<uint64_t>(value.integer);
  return std::nullopt;
}

template <const SizeKind& kind>
std::string print_size(const uint64_t& bytes) {
  if (bytes == 0) return "";
  uint64_t number = bytes;
  std::string unit;
  const auto step = static_cast<uint64_t>(kind.step);
  for (size_t i = 0; i < kind.units.size() && number % step == 0; ++i) {
    number /= step;
    unit = kind.units[i];
  }
  return unit.empty() ? fmt::format("{}", number) : fmt::format("\"{}{}\"", number, unit);
}

// --- durations ---

Read read_duration(const Value& value, int64_t* out) {
  if (!is_text(value)) return wrong_kind(value, "a duration as a string with its unit: \"250ms\"");
  return take(value, parse_duration(value.text), out);
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
const ConfigType<uint64_t> kSegmentSizeType = {"BYTES", read_size<kSegmentSize>, print_size<kSegmentSize>};
const ConfigType<uint64_t> kSizeType = {"BYTES", read_size<kTopicSize>, print_size<kTopicSize>};
const ConfigType<uint64_t> kByteRateType = {"BYTES", read_size<kPerSecond>, print_size<kPerSecond>};
const ConfigType<uint32_t> kCountType = {"N", read_count, print_number};
const ConfigType<uint8_t> kDscpType = {"DSCP", read_dscp, print_dscp};
const ConfigType<double> kDeadbandType = {"X", read_deadband, print_number};
const ConfigType<std::vector<relay::Limit>> kLimitsType = {"X", read_limits, print_limits};

}  // namespace smt::cmd
