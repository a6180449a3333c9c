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
#include "relay/http/http_address.h"
#include "relay/keys/endpoint.h"
#include "relay/names/pattern.h"
#include "relay/rules/access.h"
#include "relay/rules/rule_set.h"
#include "relay/rules/subscription.h"
#include "shm/domain.h"
#include "shm/schema.h"

namespace smt::cmd {
namespace {

using Kind = Value::Kind;

// --- true and false ---

Read read_bool(const Value& value, bool* out) {
  if (value.kind == Kind::kBool) return *out = value.flag, std::nullopt;
  if (value.kind != Kind::kWord) return wrong_kind(value, "true or false");
  if (value.text != "true" && value.text != "false") {
    return wrong(value, fmt::format("\"{}\" is neither true nor false", value.text));
  }
  *out = value.text == "true";
  return std::nullopt;
}

std::string print_bool(const bool& value) { return value ? "true" : "false"; }

// --- texts ---

// A text for which `check` finds nothing wrong.
template <Status (*check)(const std::string&)>
Read read_text(const Value& value, std::string* out) {
  if (!is_text(value)) return wrong_kind(value, "a string");
  if (value.text.find('\0') != value.text.npos) return wrong(value, "a string with a zero byte");
  if (Status s = check(value.text); !s.ok()) return wrong(value, s);
  *out = value.text;
  return std::nullopt;
}

std::string print_text(const std::string& text) { return text.empty() ? "" : quote(text); }

Status check_domain_name(const std::string& name) { return check_name("domain", name); }
Status check_path(const std::string& path) {
  return path.empty() ? Status(Code::kInvalid, "the path is empty") : Status();
}
Status check_value_type(const std::string& type) { return Schema::parse(type).status(); }
Status check_nothing(const std::string&) { return Status(); }
Status check_pattern(const std::string& text) { return relay::Pattern::parse(text).status(); }
Status check_http_address(const std::string& text) { return relay::HttpAddress::parse(text).status(); }
Status check_bind(const std::string& endpoint) { return relay::check_endpoint(endpoint, true); }
Status check_connect(const std::string& endpoint) { return relay::check_endpoint(endpoint, false); }

Read read_prefix(const Value& value, std::string* out) {
  constexpr std::string_view kPeer = "{peer}";
  if (!is_text(value)) return wrong_kind(value, "a string");
  std::string prefix = value.text, name = prefix;
  while (prefix.ends_with('/')) prefix.pop_back();
  name = prefix;
  for (size_t at; (at = name.find(kPeer)) != name.npos;) name.replace(at, kPeer.size(), "peer");
  if (name.find_first_of("{}") != name.npos) {
    return wrong(value, fmt::format("prefix '{}': of what is in braces only {{peer}} has a meaning", prefix));
  }
  if (Status s = check_topic_name(name); !s.ok()) return wrong(value, s);
  *out = prefix;
  return std::nullopt;
}

// One text or a list of them.
template <Status (*check)(const std::string&)>
Read read_texts(const Value& value, std::vector<std::string>* out) {
  std::vector<std::string> texts;
  const auto add = [&](const Value& one) { return read_text<check>(one, &texts.emplace_back()); };
  if (is_text(value)) {
    if (Read fault = add(value)) return fault;
  } else if (value.kind == Kind::kList) {
    if (value.list.size() > relay::kMaxPatterns) {
      return wrong(value, fmt::format("the list has more than {} strings", relay::kMaxPatterns));
    }
    for (const Value& one : value.list) {
      if (Read fault = add(one)) return fault;
    }
  } else {
    return wrong_kind(value, "a string or a list of strings");
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    if (std::find(texts.begin(), texts.begin() + i, texts[i]) == texts.begin() + i) continue;
    return Fault{value.kind == Kind::kList ? value.list[i].place : value.place,
                 fmt::format("{} is there twice", quote(texts[i]))};
  }
  *out = std::move(texts);
  return std::nullopt;
}

template <Status (*check)(const std::string&)>
Read read_one_at_least(const Value& value, std::vector<std::string>* out) {
  if (value.kind == Kind::kList && value.list.empty()) return wrong(value, "the list is empty");
  return read_texts<check>(value, out);
}

// A flag or the environment parts endpoints by commas.
Read read_connect(const Value& value, std::vector<std::string>* out) {
  if (value.kind != Kind::kWord) return read_one_at_least<check_connect>(value, out);
  Value list;
  list.kind = Kind::kList;
  list.place = value.place;
  for (size_t begin = 0, end = 0; end != value.text.npos; begin = end + 1) {
    end = value.text.find(',', begin);
    list.list.push_back(Value::word(value.text.substr(begin, end - begin), value.place));
  }
  return read_texts<check_connect>(list, out);
}

std::string print_texts(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) quoted.push_back(quote(text));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

std::string print_connect(const std::vector<std::string>& endpoints) {
  return endpoints.empty() ? "" : print_texts(endpoints);
}

Read read_bytes(const Value& value, std::vector<std::byte>* out) {
  if (!is_text(value)) return wrong_kind(value, "bytes as a string of base64");
  std::optional<std::vector<std::byte>> bytes = from_base64(value.text);
  if (!bytes) return wrong(value, "is no base64 (RFC 4648, with padding)");
  if (bytes->empty()) return wrong(value, "has no bytes");
  *out = std::move(*bytes);
  return std::nullopt;
}

std::string print_bytes(const std::vector<std::byte>& bytes) {
  return bytes.empty() ? "" : quote(to_base64(bytes));
}

// --- one of several words ---

constexpr NamedValue<bool> kModes[] = {{"latest", false}, {"every", true}};
constexpr NamedValue<bool> kOrders[] = {{"listed", false}, {"random", true}};
constexpr NamedValue<relay::Priority> kPriorities[] = {{"low", relay::Priority::kLow},
                                                       {"normal", relay::Priority::kNormal},
                                                       {"high", relay::Priority::kHigh},
                                                       {"urgent", relay::Priority::kUrgent}};
constexpr NamedValue<relay::OnStale> kOnStale[] = {{"hold", relay::OnStale::kHold},
                                                   {"zero", relay::OnStale::kZero},
                                                   {"tombstone", relay::OnStale::kTombstone},
                                                   {"bytes", relay::OnStale::kBytes}};

template <const auto& words, class U>
Read read_word(const Value& value, U* out) {
  if (!is_text(value)) return wrong_kind(value, "one of " + joined_names(words));
  const auto meaning = parse_word(words, value.text);
  if (!meaning.ok()) return wrong(value, meaning.status());
  return *out = U(*meaning), std::nullopt;
}

template <const auto& words, class U>
std::string print_word(const U& value) {
  const std::string_view name = word_for(words, value);
  return name.empty() ? "" : quote(name);
}

constexpr relay::Right kRights[] = {relay::Right::kRead, relay::Right::kList, relay::Right::kWrite};

// Null: there is none of this name.
const relay::Right* find_right(std::string_view name) {
  const auto right = std::find_if(std::begin(kRights), std::end(kRights),
                                  [&](relay::Right r) { return relay::right_name(r) == name; });
  return right == std::end(kRights) ? nullptr : right;
}

Status check_right(const std::string& name) {
  if (find_right(name) != nullptr) return Status();
  return Status(Code::kInvalid, fmt::format("\"{}\" is none of read, list, write", name));
}

Read read_rights(const Value& value, relay::Rights* out) {
  std::vector<std::string> names;
  if (Read fault = read_one_at_least<check_right>(value, &names)) return fault;
  *out = 0;
  for (const std::string& name : names) *out = *out | *find_right(name);
  return std::nullopt;
}

std::string print_rights(const relay::Rights& rights) {
  std::vector<std::string> names;
  for (const relay::Right right : kRights) {
    if (relay::has(rights, right)) names.emplace_back(relay::right_name(right));
  }
  return print_texts(names);
}

template <const auto& words, class U>
constexpr ConfigType<U> word_type(std::string_view name) {
  return {name, read_word<words, U>, print_word<words, U>};
}

}  // namespace

const ConfigType<bool> kBoolType = {"", read_bool, print_bool};
const ConfigType<std::string> kNameType = {"NAME", read_text<check_relay_name>, print_text};
const ConfigType<std::string> kDomainType = {"NAME", read_text<check_domain_name>, print_text};
const ConfigType<std::string> kPathType = {"DIR", read_text<check_path>, print_text};
const ConfigType<std::string> kFileType = {"FILE", read_text<check_path>, print_text};
const ConfigType<std::string> kGroupType = {"GROUP", read_text<check_nothing>, print_text};
const ConfigType<std::string> kValueTypeType = {"TYPE", read_text<check_value_type>, print_text};
const ConfigType<std::string> kPrefixType = {"P", read_prefix, print_text};
const ConfigType<std::string> kPatternType = {"PATTERN", read_text<check_pattern>, print_text};
const ConfigType<std::vector<std::string>> kPeersType = {
    "PATTERN", read_one_at_least<relay::check_peer_pattern>, print_texts, true};
const ConfigType<std::vector<std::string>> kPatternsType = {"PATTERN", read_one_at_least<check_pattern>,
                                                            print_texts, true};
const ConfigType<std::vector<std::string>> kExcludesType = {"PATTERN", read_texts<check_pattern>, print_texts,
                                                            true};
const ConfigType<std::vector<std::string>> kConnectType = {"EP[,EP]", read_connect, print_connect};
const ConfigType<std::string> kBindType = {"EP", read_text<check_bind>, print_text};
const ConfigType<std::string> kHttpAddressType = {"ADDRESS", read_text<check_http_address>, print_text};
const ConfigType<std::vector<std::byte>> kBytesType = {"BASE64", read_bytes, print_bytes};
const ConfigType<relay::Rights> kRightsType = {"RIGHT", read_rights, print_rights, true};
const ConfigType<bool> kModeType = word_type<kModes, bool>("latest|every");
const ConfigType<bool> kOrderType = word_type<kOrders, bool>("listed|random");
const ConfigType<relay::Priority> kPriorityType =
    word_type<kPriorities, relay::Priority>("low|normal|high|urgent");
const ConfigType<relay::OnStale> kOnStaleType =
    word_type<kOnStale, relay::OnStale>("hold|zero|tombstone|bytes");
const ConfigType<OnLost> kOnLostType = word_type<kOnLost, OnLost>(kOnLostChoice);
const ConfigType<std::string> kLogType = word_type<kLogThresholds, std::string>("LEVEL");
const ConfigType<Format> kFormatType = word_type<kFormats, Format>(kFormatChoice);

}  // namespace smt::cmd
