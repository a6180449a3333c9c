// Texts, words, true and false of the configuration.
#include "cmd/config/config_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cmd/config/config_read.h"
#include "cmd/config/relay_config.h"
#include "cmd/text/base64.h"
#include "cmd/text/log_sink.h"
#include "cmd/text/words.h"
#include "relay/keys/endpoint.h"
#include "relay/names/pattern.h"
#include "relay/rules/access.h"
#include "relay/rules/rule_set.h"
#include "relay/rules/selection.h"
#include "shm/domain.h"
#include "shm/schema.h"

namespace smt::cmd {
namespace {

using Kind = Value::Kind;

// --- true and false ---

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

// --- texts ---

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
Status CheckValueType(const std::string& type) { return Schema::Parse(type).status(); }
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

// --- one of several words ---

constexpr NamedValue<bool> kModes[] = {{"latest", false}, {"every", true}};
constexpr NamedValue<relay::Priority> kPriorities[] = {{"low", relay::Priority::kLow},
                                                       {"normal", relay::Priority::kNormal},
                                                       {"high", relay::Priority::kHigh},
                                                       {"urgent", relay::Priority::kUrgent}};
constexpr NamedValue<relay::OnStale> kOnStale[] = {{"hold", relay::OnStale::kHold},
                                                   {"zero", relay::OnStale::kZero},
                                                   {"tombstone", relay::OnStale::kTombstone},
                                                   {"bytes", relay::OnStale::kBytes}};

template <const auto& words, class U>
Read ReadWord(const Value& value, U* out) {
  if (!IsText(value)) return WrongKind(value, "one of " + joined_names(words));
  const auto meaning = parse_word(words, value.text);
  if (!meaning.ok()) return Wrong(value, meaning.status());
  return *out = U(*meaning), std::nullopt;
}

template <const auto& words, class U>
std::string PrintWord(const U& value) {
  const std::string_view name = word_for(words, value);
  return name.empty() ? "" : Quoted(name);
}

constexpr relay::Right kRights[] = {relay::Right::kRead, relay::Right::kList, relay::Right::kWrite};

// Null: there is none of this name.
const relay::Right* FindRight(std::string_view name) {
  const auto right = std::find_if(std::begin(kRights), std::end(kRights),
                                  [&](relay::Right r) { return relay::RightName(r) == name; });
  return right == std::end(kRights) ? nullptr : right;
}

Status CheckRight(const std::string& name) {
  if (FindRight(name) != nullptr) return Status();
  return Status(Code::kInvalid, fmt::format("\"{}\" is none of read, list, write", name));
}

Read ReadRights(const Value& value, relay::Rights* out) {
  std::vector<std::string> names;
  if (Read fault = ReadOneAtLeast<CheckRight>(value, &names)) return fault;
  *out = 0;
  for (const std::string& name : names) *out = *out | *FindRight(name);
  return std::nullopt;
}

std::string PrintRights(const relay::Rights& rights) {
  std::vector<std::string> names;
  for (const relay::Right right : kRights) {
    if (relay::Has(rights, right)) names.emplace_back(relay::RightName(right));
  }
  return PrintTexts(names);
}

template <const auto& words, class U>
constexpr ConfigType<U> WordType(std::string_view name) {
  return {name, ReadWord<words, U>, PrintWord<words, U>};
}

}  // namespace

const ConfigType<bool> kBoolType = {"", ReadBool, PrintBool};
const ConfigType<std::string> kNameType = {"NAME", ReadText<CheckRelayName>, PrintText};
const ConfigType<std::string> kDomainType = {"NAME", ReadText<CheckDomainName>, PrintText};
const ConfigType<std::string> kPathType = {"DIR", ReadText<CheckPath>, PrintText};
const ConfigType<std::string> kFileType = {"FILE", ReadText<CheckPath>, PrintText};
const ConfigType<std::string> kGroupType = {"GROUP", ReadText<CheckNothing>, PrintText};
const ConfigType<std::string> kValueTypeType = {"TYPE", ReadText<CheckValueType>, PrintText};
const ConfigType<std::string> kPrefixType = {"P", ReadPrefix, PrintText};
const ConfigType<std::string> kPatternType = {"PATTERN", ReadText<CheckPattern>, PrintText};
const ConfigType<std::vector<std::string>> kPeersType = {"PATTERN", ReadOneAtLeast<relay::CheckPeerPattern>,
                                                         PrintTexts, true};
const ConfigType<std::vector<std::string>> kPatternsType = {"PATTERN", ReadOneAtLeast<CheckPattern>,
                                                            PrintTexts, true};
const ConfigType<std::vector<std::string>> kExcludesType = {"PATTERN", ReadTexts<CheckPattern>, PrintTexts,
                                                            true};
const ConfigType<std::vector<std::string>> kConnectType = {"EP[,EP]", ReadConnect, PrintConnect};
const ConfigType<std::string> kBindType = {"EP", ReadText<CheckBind>, PrintText};
const ConfigType<std::vector<std::byte>> kBytesType = {"BASE64", ReadBytes, PrintBytes};
const ConfigType<relay::Rights> kRightsType = {"RIGHT", ReadRights, PrintRights, true};
const ConfigType<bool> kModeType = WordType<kModes, bool>("latest|every");
const ConfigType<relay::Priority> kPriorityType =
    WordType<kPriorities, relay::Priority>("low|normal|high|urgent");
const ConfigType<relay::OnStale> kOnStaleType =
    WordType<kOnStale, relay::OnStale>("hold|zero|tombstone|bytes");
const ConfigType<std::string> kLogType = WordType<kLogThresholds, std::string>("LEVEL");
const ConfigType<Format> kFormatType = WordType<kFormats, Format>(kFormatChoice);

}  // namespace smt::cmd
