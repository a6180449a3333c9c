#include "cmd/value/field_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace smt::cmd {
namespace {

// Of a message; a recording may have thousands.
constexpr size_t kMaxFieldsTold = 30;

bool below(const Field& field, const FieldPath& path) {
  return field.name.size() > path.text.size() && field.name.starts_with(path.text) &&
         field.name[path.text.size()] == '.';
}

}  // namespace

FieldPath FieldPath::parse(std::string_view text) {
  FieldPath path{std::string(text), std::string(text), {}};
  const size_t open = text.rfind('[');
  if (open == text.npos || open == 0 || !text.ends_with(']')) return path;
  const char *begin = text.data() + open + 1, *end = text.data() + text.size() - 1;
  uint32_t element = 0;
  const auto [stop, error] = std::from_chars(begin, end, element);
  if (error != std::errc() || stop != end || begin == end) return path;
  path.name = text.substr(0, open);
  path.element = element;
  return path;
}

std::vector<Field> shown_fields(const Schema& schema) {
  if (!schema.fields.empty()) return schema.fields;
  return {{"value", Type::kChar, 0, 1, ""}};
}

const Field* find_field(const std::vector<Field>& fields, const FieldPath& path) {
  const auto named = [&](const std::string& name) -> const Field* {
    const auto at =
        std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
    return at == fields.end() ? nullptr : &*at;
  };
  if (const Field* whole = named(path.text)) return whole;
  if (!path.element) return nullptr;
  const Field* array = named(path.name);
  const bool has = array != nullptr && array->type != Type::kChar && *path.element < array->count;
  return has ? array : nullptr;
}

Status no_such_field(const FieldPath& path, const Schema& schema) {
  const std::vector<Field> fields = shown_fields(schema);
  std::string names;
  for (const Field& f : fields) {
    if (&f - fields.data() == kMaxFieldsTold) {
      names += fmt::format(" and {} more", fields.size() - kMaxFieldsTold);
      break;
    }
    names += (names.empty() ? "" : ", ") + f.name;
    if (f.count > 1 && f.type != Type::kChar) names += fmt::format("[{}]", f.count);
  }
  return Status(Code::kInvalid,
                fmt::format("no field \"{}\" in {}; there are {}", path.text, schema.type_name, names));
}

FieldSelection::FieldSelection(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) paths_.push_back(FieldPath::parse(path));
}

Status FieldSelection::check(const Schema& schema) const {
  const std::vector<Field> fields = shown_fields(schema);
  for (const FieldPath& path : paths_) {
    const bool found = find_field(fields, path) != nullptr ||
                       std::any_of(fields.begin(), fields.end(), [&](auto& f) { return below(f, path); });
    if (!found) return no_such_field(path, schema);
  }
  return Status();
}

Json FieldSelection::select(const Json& value) const {
  Json out = Json::object();
  for (const FieldPath& path : paths_) {
    if (value.contains(path.text)) {
      out[path.text] = value[path.text];
    } else if (path.element && value.contains(path.name)) {
      const Json& array = value[path.name];
      out[path.text] = array.is_array() && *path.element < array.size() ? array[*path.element] : array;
    } else {
      for (const auto& [name, field] : value.items()) {
        if (name.starts_with(path.text + ".")) out[name] = field;
      }
    }
  }
  return out;
}

}  // namespace smt::cmd
