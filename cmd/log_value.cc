#include "cmd/log_value.h"

#include <algorithm>

#include "cmd/base64.h"
#include "cmd/value.h"

namespace smt::cmd {
namespace {

constexpr const char* kBytesKey = "smt bytes";  // a field's name has no white space
constexpr int kMaxDepth = 3;                    // of an object of arrays of scalars

bool Same(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

Json JsonSchemaOf(const Field& field) {
  Json scalar = {{"type", "integer"}};
  if (field.type == Type::kBool) scalar = {{"type", "boolean"}};
  if (field.type == Type::kChar) scalar = {{"type", "string"}};
  if (field.type == Type::kF32 || field.type == Type::kF64) scalar = {{"type", "number"}};
  Json out = scalar;
  if (field.type != Type::kChar && field.count > 1) {
    out = {{"type", "array"}, {"items", scalar}, {"minItems", field.count}, {"maxItems", field.count}};
  }
  if (!field.unit.empty()) out["description"] = field.unit;
  return out;
}

}  // namespace

std::string LogValueText(const Schema& schema, std::span<const std::byte> bytes) {
  Json json = ValueToJson(schema, bytes);
  std::string text = Dump(json);
  const Result<std::vector<std::byte>> back = ParseLogValue(schema, text);
  if (back.ok() && Same(*back, bytes)) return text;
  json[kBytesKey] = Base64(bytes);
  return Dump(json);
}

Result<std::vector<std::byte>> ParseLogValue(const Schema& schema, std::string_view text) {
  // What lies deeper than any value goes, and keys beyond those it can have, are dropped: nothing walks a
  // million brackets or compares a million names.
  const auto keep = [keys = size_t{0}, most = schema.fields.size() + 2](int depth, Json::parse_event_t event,
                                                                        const Json&) mutable {
    return depth <= kMaxDepth && (event != Json::parse_event_t::key || ++keys <= most);
  };
  const Json json = Json::parse(text, keep, /*allow_exceptions=*/false);
  if (!json.is_object()) return {Code::kInvalid, "no JSON object"};
  const auto exact = json.find(kBytesKey);
  if (exact == json.end()) return JsonToValue(schema, json);
  std::optional<std::vector<std::byte>> bytes;
  if (exact->is_string()) bytes = FromBase64(exact->get_ref<const std::string&>());
  if (!bytes || (schema.size != 0 && bytes->size() != schema.size)) {
    return {Code::kInvalid, "\"smt bytes\" is not the base64 of such a value"};
  }
  return *std::move(bytes);
}

std::string JsonSchemaText(const Schema& schema) {
  Json properties = Json::object();
  if (schema.fields.empty()) {
    properties["value"] = {{"type", "string"}};
    if (schema.type_name != "string") properties["value"]["contentEncoding"] = "base64";
  }
  for (const Field& field : schema.fields) properties[field.name] = JsonSchemaOf(field);
  return Dump({{"$schema", "http://json-schema.org/draft-07/schema#"},
               {"title", schema.type_name},
               {"type", "object"},
               {"properties", properties}});
}

}  // namespace smt::cmd
