#include "cmd/recording/log_value.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "cmd/text/base64.h"
#include "cmd/value/value.h"
#include "shm/scalar.h"
#include "shm/utf8.h"

namespace smt::cmd {
namespace {

constexpr const char* kBytesKey = "smt bytes";  // a field's name has no white space
constexpr int kMaxDepth = 3;                    // of an object of arrays of scalars

bool zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// Whether json_to_value makes the same bits of `json`, which is of a number at `at`.
template <class T>
bool tells_float(const Json& json, const std::byte* at) {
  const T back = json.is_number() ? json.get<T>() : std::numeric_limits<T>::quiet_NaN();
  return (json.is_string() && json != "nan") || memcmp(&back, at, sizeof back) == 0;
}

// Whether the text of a field says all of its bytes.
bool tells_field(const Field& field, const Json& json, std::span<const std::byte> bytes) {
  if (field.type == Type::kChar) {
    const auto& text = json.get_ref<const std::string&>();
    return is_utf8(text) && zero(bytes.subspan(text.size()));
  }
  const auto all = [&](const auto& tells) {
    for (uint32_t i = 0; i < field.count; ++i) {
      if (!tells(field.count == 1 ? json : json[i], bytes.data() + i * type_bytes(field.type))) return false;
    }
    return true;
  };
  if (field.type == Type::kBool)
    return all([](const Json&, const std::byte* at) { return *at <= std::byte{1}; });
  if (field.type == Type::kF32) return all(tells_float<float>);
  if (field.type == Type::kF64) return all(tells_float<double>);
  return true;
}

// Whether `json`, which value_to_json has made of them, gives back the same bytes.
bool tells_all(const Schema& schema, const Json& json, std::span<const std::byte> bytes) {
  if (schema.fields.empty()) {
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    return schema.type_name != "string" || is_utf8({text, bytes.size()});
  }
  if (bytes.size() != schema.size) return false;
  uint64_t end = 0;
  auto member = json.begin();  // in the order of the fields
  for (const Field& field : schema.fields) {
    const uint64_t size = uint64_t{type_bytes(field.type)} * field.count;
    if (field.offset > end && !zero(bytes.subspan(end, field.offset - end))) return false;
    if (!tells_field(field, *member++, bytes.subspan(field.offset, size))) return false;
    end = std::max(end, field.offset + size);
  }
  return zero(bytes.subspan(end));
}

Json json_schema_of(const Field& field) {
  Json scalar = {{"type", "integer"}};
  if (field.type == Type::kBool) scalar = {{"type", "boolean"}};
  if (field.type == Type::kChar) scalar = {{"type", "string"}};
  if (is_float(field.type)) scalar = {{"type", "number"}};
  Json out = scalar;
  if (field.type != Type::kChar && field.count > 1) {
    out = {{"type", "array"}, {"items", scalar}, {"minItems", field.count}, {"maxItems", field.count}};
  }
  if (!field.unit.empty()) out["description"] = field.unit;
  return out;
}

}  // namespace

std::string log_value_text(const Schema& schema, std::span<const std::byte> bytes) {
  Json json = value_to_json(schema, bytes);
  if (!tells_all(schema, json, bytes)) json[kBytesKey] = to_base64(bytes);
  return dump(json);
}

Result<std::vector<std::byte>> parse_log_value(const Schema& schema, std::string_view text) {
  // What lies deeper than any value goes, and keys beyond those it can have, are dropped: nothing walks a
  // million brackets or compares a million names.
  const auto keep = [keys = size_t{0}, max = schema.fields.size() + 2](int depth, Json::parse_event_t event,
                                                                       const Json&) mutable {
    return depth <= kMaxDepth && (event != Json::parse_event_t::key || ++keys <= max);
  };
  const Json json = Json::parse(text, keep, /*allow_exceptions=*/false);
  if (!json.is_object()) return {Code::kInvalid, "no JSON object"};
  const auto exact = json.find(kBytesKey);
  if (exact == json.end()) return json_to_value(schema, json);
  std::optional<std::vector<std::byte>> bytes;
  if (exact->is_string()) bytes = from_base64(exact->get_ref<const std::string&>());
  if (!bytes || (schema.size != 0 && bytes->size() != schema.size)) {
    return {Code::kInvalid, "\"smt bytes\" is not the base64 of such a value"};
  }
  return *std::move(bytes);
}

std::string json_schema_text(const Schema& schema) {
  Json properties = Json::object();
  if (schema.fields.empty()) {
    properties["value"] = {{"type", "string"}};
    if (schema.type_name != "string") properties["value"]["contentEncoding"] = "base64";
  }
  for (const Field& field : schema.fields) properties[field.name] = json_schema_of(field);
  return dump({{"$schema", "http://json-schema.org/draft-07/schema#"},
               {"title", schema.type_name},
               {"type", "object"},
               {"properties", properties}});
}

}  // namespace smt::cmd
