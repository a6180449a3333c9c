#include "cmd/value/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

#include "cmd/text/base64.h"
#include "cmd/text/columns.h"
#include "shm/printable.h"
#include "shm/scalar.h"

namespace smt::cmd {
namespace {

template <class T>
Json scalar_to_json(const std::byte* at) {
  if constexpr (std::is_same_v<T, bool>) {
    return *at != std::byte{0};  // any byte but 0: a writer may have put 2 there
  } else {
    T value;
    memcpy(&value, at, sizeof value);
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(value)) return "nan";
      if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    }
    if constexpr (std::is_same_v<T, float>) {  // the double that prints as the shortest decimal of the float
      char text[32];
      *std::to_chars(text, text + sizeof text - 1, value).ptr = '\0';
      return strtod(text, nullptr);
    } else {
      return value;
    }
  }
}

std::string chars_to_text(const std::byte* at, size_t count) {
  const char* chars = reinterpret_cast<const char*>(at);
  return std::string(chars, strnlen(chars, count));
}

Json field_to_json(const Field& field, const std::byte* at) {
  if (field.type == Type::kChar) return chars_to_text(at, field.count);
  return visit_scalar(field.type, [&](auto zero) {
    using T = decltype(zero);
    if (field.count == 1) return scalar_to_json<T>(at);
    Json array = Json::array();
    for (uint32_t i = 0; i < field.count; ++i) array.push_back(scalar_to_json<T>(at + i * sizeof(T)));
    return array;
  });
}

constexpr size_t kMaxToldColumns = 60;

// For a message.
std::string brief(const Json& json) { return shorten(dump(json), kMaxToldColumns); }

std::string reason(const Json& json, Type type, std::string_view why) {
  return fmt::format("{} is {} {}", brief(json), why, name_of(type));
}

// "" or the reason. "nan", "inf" and "-inf" are floats.
template <class T>
std::string json_to_scalar(const Json& json, Type type, std::byte* at) {
  T value{};
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) return reason(json, type, "not true or false, for");
    value = json.get<bool>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (json == "nan") {
      value = std::numeric_limits<T>::quiet_NaN();
    } else if (json == "inf" || json == "-inf") {
      value = json == "inf" ? std::numeric_limits<T>::infinity() : -std::numeric_limits<T>::infinity();
    } else if (!json.is_number()) {
      return reason(json, type, "not a number, for");
    } else {
      value = json.get<T>();
      if (std::isinf(value)) return reason(json, type, "out of range of");
    }
  } else {
    if (!json.is_number_integer()) return reason(json, type, "not an integer, for");
    const bool fits = json.is_number_unsigned() ? std::in_range<T>(json.get<uint64_t>())
                                                : std::in_range<T>(json.get<int64_t>());
    if (!fits) return reason(json, type, "out of range of");
    value = json.get<T>();
  }
  memcpy(at, &value, sizeof value);
  return "";
}

std::string json_to_field(const Json& json, const Field& field, std::byte* at) {
  if (field.type == Type::kChar) {
    if (!json.is_string()) return reason(json, field.type, "not a string, for");
    const auto& text = json.get_ref<const std::string&>();
    if (text.size() > field.count)
      return fmt::format("{} bytes of text do not fit char[{}]", text.size(), field.count);
    memcpy(at, text.data(), text.size());
    return "";
  }
  return visit_scalar(field.type, [&](auto zero) -> std::string {
    using T = decltype(zero);
    if constexpr (std::is_same_v<T, char>) {
      return "";
    } else {
      if (field.count == 1 && !json.is_array()) return json_to_scalar<T>(json, field.type, at);
      if (!json.is_array()) return reason(json, field.type, fmt::format("not an array of {}", field.count));
      if (json.size() != field.count) {
        return fmt::format("the array has {} elements, {}[{}] has {}", json.size(), name_of(field.type),
                           field.count, field.count);
      }
      for (uint32_t i = 0; i < field.count; ++i) {
        const std::string why = json_to_scalar<T>(json[i], field.type, at + i * sizeof(T));
        if (!why.empty()) return fmt::format("[{}]: {}", i, why);
      }
      return "";
    }
  });
}

// In quotes. Most names and texts have nothing that must be escaped.
void append_quoted(const std::string& text, std::string* out) {
  const bool plain = std::all_of(text.begin(), text.end(),
                                 [](char c) { return c >= ' ' && c < 0x7F && c != '"' && c != '\\'; });
  if (plain) {
    *out += '"' + text + '"';
    return;
  }
  const auto quoted = [json = Json(text)](bool only_ascii) {
    return json.dump(-1, ' ', only_ascii, Json::error_handler_t::replace);
  };
  const std::string as_it_is = quoted(false);
  const bool ascii =
      std::all_of(as_it_is.begin(), as_it_is.end(), [](char c) { return c >= ' ' && c < 0x7F; });
  *out += ascii || printable(as_it_is) == as_it_is ? as_it_is : quoted(true);
}

// nlohmann's own text of a double is not always the shortest (Grisu2: 0.7 % of all f32 come out with 17
// digits), so numbers with a fraction are written here, and what holds them is walked here.
template <class T>
void append_number(T value, std::string* out) {
  char text[32];
  const std::string_view number(
      text, static_cast<size_t>(std::to_chars(text, text + sizeof text, value).ptr - text));
  *out += number;
  if (std::is_floating_point_v<T> && number.find_first_of(".e") == number.npos) *out += ".0";
}

void append_json(const Json& json, std::string* out) {
  if (json.is_number_float() && std::isfinite(json.get<double>())) {
    append_number(json.get<double>(), out);
  } else if (json.is_number_unsigned()) {
    append_number(json.get<uint64_t>(), out);
  } else if (json.is_number_integer()) {
    append_number(json.get<int64_t>(), out);
  } else if (json.is_string()) {
    append_quoted(json.get_ref<const std::string&>(), out);
  } else if (json.is_array() || json.is_object()) {
    *out += json.is_array() ? '[' : '{';
    for (auto at = json.begin(); at != json.end(); ++at) {
      if (at != json.begin()) *out += ',';
      if (json.is_object()) {
        append_quoted(at.key(), out);
        *out += ':';
      }
      append_json(*at, out);
    }
    *out += json.is_array() ? ']' : '}';
  } else {
    *out += json.dump();
  }
}

// What stands where the text is not JSON any more; `at` is the number of bytes up to there, that one
// included.
std::string syntax_error(std::string_view text, size_t at) {
  if (at == 0 || at > text.size()) return "is not JSON: it ends before its brackets and quotes are closed";
  const std::string_view rest = text.substr(at - 1);
  const bool is_number = rest.starts_with("NaN") || rest.starts_with("Infinity");
  return fmt::format("is not JSON at column {}, where {} stands{}", at,
                     shorten(std::string(rest.substr(0, 20)), 10),
                     is_number ? R"(; write "nan", "inf" or "-inf", in quotes)" : "");
}

bool is_text(const Schema& schema) { return schema.fields.empty() && schema.type_name == "string"; }

Result<std::vector<std::byte>> raw_bytes(const Schema& schema, const Json& json) {
  if (!json.is_string()) {
    return {Code::kInvalid,
            fmt::format("{} is not {}", brief(json),
                        is_text(schema) ? "a string" : "a string of base64, which stands for bytes")};
  }
  const auto& text = json.get_ref<const std::string&>();
  std::optional<std::vector<std::byte>> bytes = from_base64(text);
  if (is_text(schema)) {
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    bytes.emplace(begin, begin + text.size());
  }
  if (!bytes) return {Code::kInvalid, brief(json) + " is not base64, which stands for bytes"};
  if (schema.size != 0 && bytes->size() != schema.size) {
    return {Code::kInvalid,
            fmt::format("{} bytes, and the topic's values have {}", bytes->size(), schema.size)};
  }
  return *std::move(bytes);
}

}  // namespace

Json value_to_json(const Schema& schema, std::span<const std::byte> bytes) {
  Json json = Json::object();
  if (is_text(schema)) {
    json["value"] = std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else if (schema.fields.empty() || bytes.size() != schema.size) {
    json["value"] = to_base64(bytes);
  } else {
    // No two fields have one name, for which operator[] would look.
    auto& members = static_cast<Json::object_t::Container&>(json.get_ref<Json::object_t&>());
    members.reserve(schema.fields.size());
    for (const Field& field : schema.fields) {
      members.emplace_back(field.name, field_to_json(field, bytes.data() + field.offset));
    }
  }
  return json;
}

Result<std::vector<std::byte>> json_to_value(const Schema& schema, const Json& json) {
  const bool single =
      schema.fields.empty() || (schema.fields.size() == 1 && schema.fields[0].name == "value");
  if (single && !json.is_object()) return json_to_value(schema, Json{{"value", json}});
  if (!json.is_object())
    return {Code::kInvalid, brief(json) + " is not an object with the fields of the topic"};
  if (schema.fields.empty()) {
    if (json.size() != 1 || !json.contains("value")) {
      return {Code::kInvalid, "an object for this topic has the one key \"value\""};
    }
    return raw_bytes(schema, json["value"]);
  }
  for (const auto& [name, value] : json.items()) {
    if (schema.field(name) == nullptr) {
      return {Code::kInvalid, fmt::format("there is no field \"{}\" in {}", name, schema.type_name)};
    }
  }
  std::vector<std::byte> bytes(schema.size);
  for (const Field& field : schema.fields) {
    if (!json.contains(field.name))
      return {Code::kInvalid, fmt::format("field \"{}\" is missing", field.name)};
    const std::string why = json_to_field(json[field.name], field, bytes.data() + field.offset);
    if (!why.empty()) return {Code::kInvalid, fmt::format("{}: {}", field.name, why)};
  }
  return bytes;
}

Result<Json> parse_json(std::string_view text) {
  struct TooDeep {};
  const auto bound = [](int depth, Json::parse_event_t event, const Json&) {
    const bool opens =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (opens && depth >= kMaxJsonDepth) throw TooDeep();
    return true;
  };
  try {
    return Json::parse(text, bound);
  } catch (const TooDeep&) {
    return {Code::kInvalid, fmt::format("nests brackets more than {} deep", kMaxJsonDepth)};
  } catch (const Json::parse_error& e) {
    return {Code::kInvalid, syntax_error(text, e.byte)};
  } catch (const Json::out_of_range&) {
    return {Code::kInvalid, "holds a number that is out of the range of f64"};
  }
}

Result<std::vector<std::byte>> parse_value(const Schema& schema, const std::string& text) {
  const Result<Json> json = parse_json(text);
  if (json.ok()) return json_to_value(schema, *json);
  const bool is_word = text.find_first_of("[{\"") != 0;
  return {Code::kInvalid,
          fmt::format("value {} {}{}", shorten(text, kMaxToldColumns), json.status().message(),
                      is_word ? "; text needs quotes of its own, as '\"text\"' or '\"nan\"'" : "")};
}

std::string bare_text(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_array()) return dump(json);
  std::string out;
  for (const Json& item : json) out += (out.empty() ? "[" : ", ") + bare_text(item);
  return out.empty() ? "[]" : out + "]";
}

std::vector<std::pair<std::string, std::string>> value_cells(const Json& value) {
  std::vector<std::pair<std::string, std::string>> cells;
  for (const auto& [name, field] : value.items()) {
    if (!field.is_array()) {
      cells.emplace_back(name, bare_text(field));
      continue;
    }
    for (size_t i = 0; i < field.size(); ++i)
      cells.emplace_back(fmt::format("{}[{}]", name, i), bare_text(field[i]));
  }
  return cells;
}

std::string dump(const Json& json) {
  std::string out;
  append_json(json, &out);
  return out;
}

}  // namespace smt::cmd
