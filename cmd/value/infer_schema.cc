#include "cmd/value/infer_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

namespace smt::cmd {
namespace {

constexpr size_t kMinTextBytes = 32;

bool is_float_word(const Json& json) { return json == "nan" || json == "inf" || json == "-inf"; }

// Nothing: it stands for no number and no bool.
std::optional<Type> scalar_type(const Json& json) {
  if (json.is_boolean()) return Type::kBool;
  if (json.is_number_unsigned()) return json.get<uint64_t>() > INT64_MAX ? Type::kU64 : Type::kI64;
  if (json.is_number_integer()) return Type::kI64;
  if (json.is_number() || is_float_word(json)) return Type::kF64;
  return std::nullopt;
}

// Nothing: there is no type for both.
std::optional<Type> wider(Type a, Type b) {
  if (a == b) return a;
  if (a == Type::kBool || b == Type::kBool) return std::nullopt;
  return a == Type::kF64 || b == Type::kF64 ? Type::kF64 : Type::kU64;
}

Status wrong(const std::string& name, std::string_view why) {
  return Status(Code::kInvalid, fmt::format("{}: {}", name, why));
}

// Of an array that is not empty.
Result<Type> element_type(const std::string& name, const Json& array) {
  std::optional<Type> type = scalar_type(array[0]);
  bool negative = false;
  for (const Json& element : array) {
    const std::optional<Type> its = scalar_type(element);
    if (its && type) type = wider(*type, *its);
    if (!its || !type) return wrong(name, "elements that no one type has");
    negative = negative || (element.is_number_integer() && !element.is_number_unsigned() && element < 0);
  }
  if (type == Type::kU64 && negative) return wrong(name, "elements that no one type has");
  return *type;
}

Result<Field> infer_field(const std::string& name, const Json& json) {
  if (json.is_array()) {
    if (json.empty() || json.size() > UINT32_MAX) return wrong(name, "an array of no type");
    Result<Type> type = element_type(name, json);
    if (!type.ok()) return type.status();
    return Field{name, *type, 0, static_cast<uint32_t>(json.size()), ""};
  }
  if (const std::optional<Type> type = scalar_type(json)) return Field{name, *type, 0, 1, ""};
  if (!json.is_string()) return wrong(name, json.is_null() ? "null has no type" : "an object inside another");
  const size_t room = std::bit_ceil(std::max(kMinTextBytes, json.get_ref<const std::string&>().size()));
  return Field{name, Type::kChar, 0, static_cast<uint32_t>(room), ""};
}

}  // namespace

Result<Schema> infer_schema(const Json& value) {
  if (!value.is_object()) return infer_schema(Json{{"value", value}});
  const bool alone = value.size() == 1 && value.contains("value");
  if (alone && value["value"].is_string() && !is_float_word(value["value"])) return Schema::string();
  Schema schema{"inferred", 0, {}};
  uint64_t max = 1;
  for (const auto& [name, json] : value.items()) {
    Result<Field> field = infer_field(name, json);
    if (!field.ok()) return field.status();
    const uint64_t align = type_bytes(field->type);
    max = std::max(max, align);
    schema.size = (schema.size + align - 1) / align * align;
    if (schema.size + align * field->count > UINT32_MAX) return wrong(name, "more than 4 GiB");
    field->offset = static_cast<uint32_t>(schema.size);
    schema.size += align * field->count;
    schema.fields.push_back(std::move(*field));
  }
  if (schema.fields.empty()) return wrong("value", "an object without fields");
  if (alone) return Schema::scalar(schema.fields[0].type, schema.fields[0].count, value["value"].is_array());
  schema.size = (schema.size + max - 1) / max * max;
  if (Status s = schema.check(); !s.ok()) return s;
  return schema;
}

}  // namespace smt::cmd
