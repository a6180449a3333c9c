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

constexpr double kLeastHertz = 1e-6, kMostHertz = 1e6;

// --- numbers ---

Read ReadNumber(const Value& value, double least, double most, std::string_view what, double* out) {
  double number = 0;
  if (value.kind == Kind::kInteger) {
    number = static_cast<double>(value.integer);
  } else if (value.kind == Kind::kNumber) {
    number = value.number;
  } else if (value.kind != Kind::kWord) {
    return WrongKind(value, "a number");
  } else if (!ParseNumber(value.text, &number)) {
    return Wrong(value, fmt::format("\"{}\" is no number", value.text));
  }
  if (!(number >= least && number <= most)) {
    return Wrong(value, fmt::format("{} is out of range: {} from {} to {}", number, what, least, most));
  }
  *out = number;
  return std::nullopt;
}

Read ReadInteger(const Value& value, int64_t least, int64_t most, int64_t* out) {
  int64_t number = value.integer;
  if (value.kind == Kind::kWord) {
    if (!ParseNumber(value.text, &number)) {
      return Wrong(value, fmt::format("\"{}\" is no integer", value.text));
    }
  } else if (value.kind != Kind::kInteger) {
    return WrongKind(value, "an integer");
  }
  if (number < least || number > most) {
    return Wrong(value, fmt::format("{} is out of range: from {} to {}", number, least, most));
  }
  *out = number;
  return std::nullopt;
}

Read ReadVersion(const Value& value, int64_t* out) {
  if (value.kind != Kind::kInteger) return WrongKind(value, "an integer");
  if (value.integer != kConfigVersion) {
    return Wrong(value, fmt::format("{} is a version of the format that this program does not read; it "
                                    "reads version {}",
                                    value.integer, kConfigVersion));
  }
  *out = value.integer;
  return std::nullopt;
}

Read ReadHertz(const Value& value, int64_t* period_ns) {
  double hertz = 0;
  if (Read fault = ReadNumber(value, kLeastHertz, kMostHertz, "a rate in Hz", &hertz)) return fault;
  *period_ns = std::llround(1e9 / hertz);
  return std::nullopt;
}

// The shortest number that means the same period.
std::string PrintHertz(const int64_t& period_ns) {
  if (period_ns == 0) return "";
  const double hertz = 1e9 / static_cast<double>(period_ns);
  for (int digits = 1; digits < 17; ++digits) {
    const std::string text = fmt::format("{:.{}g}", hertz, digits);
    double read = 0;
    if (ParseNumber(text, &read) && std::llround(1e9 / read) == period_ns) return fmt::format("{}", read);
  }
  return fmt::format("{}", hertz);
}

Read ReadCount(const Value& value, uint32_t* out) {
  int64_t count = 0;
  if (Read fault = ReadInteger(value, 1, 1'000'000, &count)) return fault;
  *out = static_cast<uint32_t>(count);
  return std::nullopt;
}

Read ReadDeadband(const Value& value, double* out) {
  return ReadNumber(value, 0, 1e300, "a difference", out);
}

// One number bounds all numbers of a value, a table has one for each field that it names.
Read ReadLimits(const Value& value, std::vector<relay::Limit>* out) {
  constexpr double kMost = std::numeric_limits<double>::max();
  const auto read = [](const Value& number, double* limit) {
    return ReadNumber(number, -kMost, kMost, "a bound", limit);
  };
  std::vector<relay::Limit> limits;
  if (value.kind != Kind::kTable) {
    if (Read fault = read(value, &limits.emplace_back().value)) return fault;
  } else if (value.members.empty()) {
    return Wrong(value, "the table names no field");
  }
  for (const Value::Member& member : value.members) {
    if (member.key.empty()) return Wrong(value, "a field has a name");
    relay::Limit& limit = limits.emplace_back();
    limit.field = member.key;
    if (Read fault = read(member.value, &limit.value)) return fault;
  }
  *out = std::move(limits);
  return std::nullopt;
}

std::string PrintLimits(const std::vector<relay::Limit>& limits) {
  if (limits.empty()) return "";
  if (limits.front().field.empty()) return fmt::format("{}", limits.front().value);
  std::vector<std::string> members;
  for (const relay::Limit& limit : limits)
    members.push_back(fmt::format("{} = {}", Quoted(limit.field), limit.value));
  return fmt::format("{{ {} }}", fmt::join(members, ", "));
}

template <class Number>
std::string PrintNumber(const Number& number) {
  return fmt::format("{}", number);
}

// --- sizes ---

struct Scale {
  double step;             // of K to M to G
  std::string_view units;  // the first one is `step`
  std::string_view example;
  uint64_t least, most;
};
constexpr Scale kSegment = {1024, "KMGT", "64M", layout::kMinSegmentBytes, layout::kMaxSegmentBytes};
constexpr Scale kTopicSize = {1024, "KMGT", "4M", 1, uint64_t{1} << 40};
constexpr Scale kPerSecond = {1000, "kMGT", "125k", 1, 1'000'000'000'000};

// "64M": what the text says, or nothing.
std::optional<double> ScaledText(std::string_view text, const Scale& scale) {
  double unit = 1;
  if (!text.empty() && !isdigit(static_cast<unsigned char>(text.back()))) {
    const char last = text.back() == 'k' || text.back() == 'K' ? scale.units[0] : text.back();
    const size_t at = scale.units.find(last);
    if (at == scale.units.npos) return std::nullopt;
    unit = std::pow(scale.step, static_cast<double>(at + 1));
    text.remove_suffix(1);
  }
  double number = 0;
  if (text.empty() || !isdigit(static_cast<unsigned char>(text[0])) || !ParseNumber(text, &number)) {
    return std::nullopt;
  }
  return std::round(number * unit);
}

template <const Scale& scale>
Read ReadScaled(const Value& value, uint64_t* out) {
  double bytes = 0;
  if (value.kind == Kind::kInteger) {
    bytes = static_cast<double>(value.integer);
  } else if (IsText(value)) {
    const std::optional<double> read = ScaledText(value.text, scale);
    if (!read) {
      return Wrong(value, fmt::format("\"{}\" is no number of bytes; write {}", value.text, scale.example));
    }
    bytes = *read;
  } else {
    return WrongKind(value, fmt::format("a number of bytes, as \"{}\"", scale.example));
  }
  if (!(bytes >= static_cast<double>(scale.least) && bytes <= static_cast<double>(scale.most))) {
    return Wrong(value,
                 fmt::format("{} bytes are out of range: from {} to {}", bytes, scale.least, scale.most));
  }
  *out = static_cast<uint64_t>(bytes);
  return std::nullopt;
}

template <const Scale& scale>
std::string PrintScaled(const uint64_t& bytes) {
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

Read ReadDuration(const Value& value, int64_t* out) {
  if (!IsText(value)) return WrongKind(value, "a duration as a string with its unit: \"250ms\"");
  const Result<int64_t> ns = ParseDuration(value.text);
  if (!ns.ok()) return Wrong(value, ns.status());
  *out = *ns;
  return std::nullopt;
}

// Exact: in the greatest unit that divides it.
std::string PrintDuration(const int64_t& ns) {
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

Read ReadMaxAge(const Value& value, std::optional<int64_t>* out) {
  int64_t ns = 0;
  if (Read fault = ReadDuration(value, &ns)) return fault;
  *out = ns;
  return std::nullopt;
}

std::string PrintMaxAge(const std::optional<int64_t>& ns) { return ns ? PrintDuration(*ns) : ""; }

}  // namespace

const ConfigType<int64_t> kVersionType = {"N", ReadVersion, PrintNumber};
const ConfigType<int64_t> kHertzType = {"HZ", ReadHertz, PrintHertz};
const ConfigType<int64_t> kDurationType = {"DURATION", ReadDuration, PrintDuration};
const ConfigType<std::optional<int64_t>> kMaxAgeType = {"DURATION", ReadMaxAge, PrintMaxAge};
const ConfigType<uint64_t> kSegmentSizeType = {"BYTES", ReadScaled<kSegment>, PrintScaled<kSegment>};
const ConfigType<uint64_t> kSizeType = {"BYTES", ReadScaled<kTopicSize>, PrintScaled<kTopicSize>};
const ConfigType<uint64_t> kByteRateType = {"BYTES", ReadScaled<kPerSecond>, PrintScaled<kPerSecond>};
const ConfigType<uint32_t> kCountType = {"N", ReadCount, PrintNumber};
const ConfigType<double> kDeadbandType = {"X", ReadDeadband, PrintNumber};
const ConfigType<std::vector<relay::Limit>> kLimitsType = {"X", ReadLimits, PrintLimits};

}  // namespace smt::cmd
