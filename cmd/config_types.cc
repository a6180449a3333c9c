#include "cmd/config_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "cmd/base64.h"
#include "cmd/relay_config.h"
#include "cmd/text.h"
#include "relay/link_zmq.h"
#include "relay/pattern.h"
#include "relay/selection.h"
#include "shm/domain.h"
#include "shm/layout.h"

namespace smt::cmd {
namespace {

using Kind = Value::Kind;
using Read = std::optional<Fault>;

constexpr double kLeastHertz = 1e-6, kMostHertz = 1e6;

Read Wrong(const Value& value, std::string message) { return Fault{value.place, std::move(message)}; }
Read Wrong(const Value& value, const Status& status) { return Wrong(value, status.message()); }

Read WrongKind(const Value& value, std::string_view expected) {
  return Wrong(value, fmt::format("is {}, and must be {}", KindName(value.kind), expected));
}

bool IsText(const Value& value) { return value.kind == Kind::kText || value.kind == Kind::kWord; }

template <class Number>
bool ParseNumber(std::string_view text, Number* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

// --- true and false
// ---------------------------------------------------------------------------------------------

Read ReadBool(const Value& value, bool* out) {
  if (value.kind == Kind::kBool) return *out = value.flag, std::nullopt;
  if (value.kind != Kind::kWord) return WrongKind(value, "true or false");
  if (value.text != "true" && value.text != "false") {
    return Wrong(value, fmt::format("\"{}\" is neither true nor false", value.text));
  }
  *out = value.text == "true";
  return std::nullopt;
}

std::string PrintBool(const bool& value) { return value ? "true" : "false"; }

// --- numbers
// ----------------------------------------------------------------------------------------------------

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

template <class Number>
std::string PrintNumber(const Number& number) {
  return fmt::format("{}", number);
}

// --- sizes
// ------------------------------------------------------------------------------------------------------

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

// --- durations
// --------------------------------------------------------------------------------------------------

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

// --- texts
// ------------------------------------------------------------------------------------------------------

// A text for which `check` finds nothing wrong.
template <Status (*check)(const std::string&)>
Read ReadText(const Value& value, std::string* out) {
  if (!IsText(value)) return WrongKind(value, "a string");
  if (value.text.find('\0') != value.text.npos) return Wrong(value, "a string with a zero byte");
  if (Status s = check(value.text); !s.ok()) return Wrong(value, s);
  *out = value.text;
  return std::nullopt;
}

std::string PrintText(const std::string& text) { return text.empty() ? "" : Quoted(text); }

Status CheckDomainName(const std::string& name) { return CheckName("domain", name); }
Status CheckPath(const std::string& path) {
  return path.empty() ? Status(Code::kInvalid, "the path is empty") : Status();
}
Status CheckNothing(const std::string&) { return Status(); }
Status CheckPattern(const std::string& text) { return relay::Pattern::parse(text).status(); }
Status CheckBind(const std::string& endpoint) { return relay::CheckEndpoint(endpoint, true); }
Status CheckConnect(const std::string& endpoint) { return relay::CheckEndpoint(endpoint, false); }

Read ReadPrefix(const Value& value, std::string* out) {
  constexpr std::string_view kPeer = "{peer}";
  if (!IsText(value)) return WrongKind(value, "a string");
  std::string prefix = value.text, name = prefix;
  while (prefix.ends_with('/')) prefix.pop_back();
  name = prefix;
  for (size_t at; (at = name.find(kPeer)) != name.npos;) name.replace(at, kPeer.size(), "peer");
  if (name.find_first_of("{}") != name.npos) {
    return Wrong(value, fmt::format("prefix '{}': of what is in braces only {{peer}} has a meaning", prefix));
  }
  if (Status s = CheckTopicName(name); !s.ok()) return Wrong(value, s);
  *out = prefix;
  return std::nullopt;
}

// One text or a list of them.
template <Status (*check)(const std::string&)>
Read ReadTexts(const Value& value, std::vector<std::string>* out) {
  std::vector<std::string> texts;
  const auto add = [&](const Value& one) { return ReadText<check>(one, &texts.emplace_back()); };
  if (IsText(value)) {
    if (Read fault = add(value)) return fault;
  } else if (value.kind == Kind::kList) {
    if (value.list.size() > relay::kMostPatterns) {
      return Wrong(value, fmt::format("the list has more than {} strings", relay::kMostPatterns));
    }
    for (const Value& one : value.list) {
      if (Read fault = add(one)) return fault;
    }
  } else {
    return WrongKind(value, "a string or a list of strings");
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    if (std::find(texts.begin(), texts.begin() + i, texts[i]) == texts.begin() + i) continue;
    return Fault{value.kind == Kind::kList ? value.list[i].place : value.place,
                 fmt::format("{} is there twice", Quoted(texts[i]))};
  }
  *out = std::move(texts);
  return std::nullopt;
}

template <Status (*check)(const std::string&)>
Read ReadOneAtLeast(const Value& value, std::vector<std::string>* out) {
  if (value.kind == Kind::kList && value.list.empty()) return Wrong(value, "the list is empty");
  return ReadTexts<check>(value, out);
}

// A flag or the environment parts endpoints by commas.
Read ReadConnect(const Value& value, std::vector<std::string>* out) {
  if (value.kind != Kind::kWord) return ReadOneAtLeast<CheckConnect>(value, out);
  Value list;
  list.kind = Kind::kList;
  list.place = value.place;
  for (size_t begin = 0, end = 0; end != value.text.npos; begin = end + 1) {
    end = value.text.find(',', begin);
    list.list.push_back(Value::Word(value.text.substr(begin, end - begin), value.place));
  }
  return ReadTexts<CheckConnect>(list, out);
}

std::string PrintTexts(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) quoted.push_back(Quoted(text));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

std::string PrintConnect(const std::vector<std::string>& endpoints) {
  return endpoints.empty() ? "" : PrintTexts(endpoints);
}

Read ReadBytes(const Value& value, std::vector<std::byte>* out) {
  if (!IsText(value)) return WrongKind(value, "bytes as a string of base64");
  std::optional<std::vector<std::byte>> bytes = FromBase64(value.text);
  if (!bytes) return Wrong(value, "is no base64 (RFC 4648, with padding)");
  if (bytes->empty()) return Wrong(value, "has no bytes");
  *out = std::move(*bytes);
  return std::nullopt;
}

std::string PrintBytes(const std::vector<std::byte>& bytes) {
  return bytes.empty() ? "" : Quoted(Base64(bytes));
}

// --- one of several words
// ---------------------------------------------------------------------------------------

template <class U>
using Word = std::pair<std::string_view, U>;

constexpr Word<bool> kModes[] = {{"latest", false}, {"every", true}};
constexpr Word<relay::Priority> kPriorities[] = {{"low", relay::Priority::kLow},
                                                 {"normal", relay::Priority::kNormal},
                                                 {"high", relay::Priority::kHigh},
                                                 {"urgent", relay::Priority::kUrgent}};
constexpr Word<relay::OnStale> kOnStale[] = {{"hold", relay::OnStale::kHold},
                                             {"zero", relay::OnStale::kZero},
                                             {"tombstone", relay::OnStale::kTombstone},
                                             {"bytes", relay::OnStale::kBytes}};
constexpr Word<std::string_view> kLevels[] = {{"trace", "trace"}, {"debug", "debug"}, {"info", "info"},
                                              {"warn", "warn"},   {"error", "error"}, {"off", "off"}};
constexpr Word<Format> kFormats[] = {
    {"table", Format::kTable}, {"json", Format::kJson}, {"jsonl", Format::kJsonl}, {"csv", Format::kCsv}};

template <const auto& words, class U>
Read ReadWord(const Value& value, U* out) {
  std::vector<std::string_view> names;
  for (const auto& word : words) names.push_back(word.first);
  if (!IsText(value)) return WrongKind(value, fmt::format("one of {}", fmt::join(names, ", ")));
  for (const auto& [name, meaning] : words) {
    if (name == value.text) return *out = U(meaning), std::nullopt;
  }
  return Wrong(value, fmt::format("\"{}\" is none of {}", value.text, fmt::join(names, ", ")));
}

template <const auto& words, class U>
std::string PrintWord(const U& value) {
  for (const auto& [name, meaning] : words) {
    if (meaning == value) return Quoted(name);
  }
  return "";
}

template <const auto& words, class U>
constexpr Type<U> WordType(std::string_view name) {
  return {name, ReadWord<words, U>, PrintWord<words, U>};
}

}  // namespace

const Type<bool> kBoolType = {"", ReadBool, PrintBool};
const Type<int64_t> kVersionType = {"N", ReadVersion, PrintNumber};
const Type<std::string> kNameType = {"NAME", ReadText<CheckRelayName>, PrintText};
const Type<std::string> kDomainType = {"NAME", ReadText<CheckDomainName>, PrintText};
const Type<std::string> kPathType = {"DIR", ReadText<CheckPath>, PrintText};
const Type<std::string> kGroupType = {"GROUP", ReadText<CheckNothing>, PrintText};
const Type<std::string> kPrefixType = {"P", ReadPrefix, PrintText};
const Type<std::string> kPatternType = {"PATTERN", ReadText<CheckPattern>, PrintText};
const Type<std::vector<std::string>> kPatternsType = {"PATTERN", ReadOneAtLeast<CheckPattern>, PrintTexts,
                                                      true};
const Type<std::vector<std::string>> kExcludesType = {"PATTERN", ReadTexts<CheckPattern>, PrintTexts, true};
const Type<std::vector<std::string>> kConnectType = {"EP[,EP]", ReadConnect, PrintConnect};
const Type<std::string> kBindType = {"EP", ReadText<CheckBind>, PrintText};
const Type<int64_t> kHertzType = {"HZ", ReadHertz, PrintHertz};
const Type<int64_t> kDurationType = {"DURATION", ReadDuration, PrintDuration};
const Type<std::optional<int64_t>> kMaxAgeType = {"DURATION", ReadMaxAge, PrintMaxAge};
const Type<uint64_t> kSegmentSizeType = {"BYTES", ReadScaled<kSegment>, PrintScaled<kSegment>};
const Type<uint64_t> kSizeType = {"BYTES", ReadScaled<kTopicSize>, PrintScaled<kTopicSize>};
const Type<uint64_t> kByteRateType = {"BYTES", ReadScaled<kPerSecond>, PrintScaled<kPerSecond>};
const Type<uint32_t> kCountType = {"N", ReadCount, PrintNumber};
const Type<double> kDeadbandType = {"X", ReadDeadband, PrintNumber};
const Type<std::vector<std::byte>> kBytesType = {"BASE64", ReadBytes, PrintBytes};
const Type<bool> kModeType = WordType<kModes, bool>("latest|every");
const Type<relay::Priority> kPriorityType = WordType<kPriorities, relay::Priority>("low|normal|high|urgent");
const Type<relay::OnStale> kOnStaleType = WordType<kOnStale, relay::OnStale>("hold|zero|tombstone|bytes");
const Type<std::string> kLogType = WordType<kLevels, std::string>("LEVEL");
const Type<Format> kFormatType = WordType<kFormats, Format>("table|json|jsonl|csv");

}  // namespace smt::cmd
