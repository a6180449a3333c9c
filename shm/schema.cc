#include "shm/schema.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "shm/fnv1a.h"
#include "shm/layout.h"

namespace smt {
namespace {

constexpr size_t kMaxFields = 16384;

struct TypeRow {
  std::string_view name;
  uint32_t bytes;
};
// In the order of Type.
constexpr std::array<TypeRow, 12> kTypes = {{{"bool", 1},
                                             {"i8", 1},
                                             {"u8", 1},
                                             {"i16", 2},
                                             {"u16", 2},
                                             {"i32", 4},
                                             {"u32", 4},
                                             {"i64", 8},
                                             {"u64", 8},
                                             {"f32", 4},
                                             {"f64", 8},
                                             {"char", 1}}};
static_assert(kTypes.size() == static_cast<size_t>(Type::kChar) + 1);

// Takes everything up to `end` off the front of `rest`. False: there is no `end`.
bool take(std::string_view* rest, char end, std::string_view* part) {
  const size_t n = rest->find(end);
  if (n == std::string_view::npos) return false;
  *part = rest->substr(0, n);
  rest->remove_prefix(n + 1);
  return true;
}

// The whole of `text` is one decimal number that fits.
template <class Number>
bool parse_number(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

// Not empty, no white space, no control character.
bool is_word(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

Result<Schema> damaged(size_t line, std::string_view why) {
  return {Code::kDamaged, "schema text, line " + std::to_string(line) + ": " + std::string(why)};
}

}  // namespace

uint32_t type_bytes(Type type) { return kTypes[static_cast<size_t>(type)].bytes; }
std::string_view name_of(Type type) { return kTypes[static_cast<size_t>(type)].name; }

bool type_from_name(std::string_view name, Type* type) {
  const auto row =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& r) { return r.name == name; });
  if (row == kTypes.end()) return false;
  *type = static_cast<Type>(row - kTypes.begin());
  return true;
}

Schema Schema::scalar(Type type, uint32_t count, bool array) {
  std::string name(name_of(type));
  if (array || count > 1) name.append("[").append(std::to_string(count)).append("]");
  return {std::move(name), uint64_t{type_bytes(type)} * count, {{"value", type, 0, count, ""}}};
}

Result<Schema> Schema::parse(std::string_view type) {
  if (type == "bytes") return bytes();
  if (type == "string") return string();
  const std::string_view name = type.substr(0, type.find('['));
  const std::string_view length = type.substr(name.size());
  Type element;
  uint32_t count = 1;
  const bool array = !length.empty();
  const bool good = !array || (length.back() == ']' && length.size() > 2 &&
                               parse_number(length.substr(1, length.size() - 2), &count) && count > 0);
  if (!good || !type_from_name(name, &element)) {
    std::string names = "bytes, string";
    for (const TypeRow& row : kTypes) names += ", " + std::string(row.name);
    return {Code::kInvalid,
            "unknown type \"" + std::string(type) + "\": use " + names + ", or one with a length: f64[3]"};
  }
  return scalar(element, count, array);
}

std::string Schema::text() const {
  std::string s = type_name + " " + std::to_string(size) + "\n";
  for (const Field& f : fields) {
    s += f.name + " " + std::string(name_of(f.type)) + " " + std::to_string(f.offset) + " " +
         std::to_string(f.count) + " " + (f.unit.empty() ? "-" : f.unit) + "\n";
  }
  return s;
}

Result<Schema> Schema::from_text(std::string_view text) {
  if (text.size() > layout::kMaxSchemaBytes) return damaged(1, "longer than 1 MiB");
  Schema schema;
  std::string_view rest = text, line, word;
  if (!take(&rest, '\n', &line) || !take(&line, ' ', &word) || !parse_number(line, &schema.size)) {
    return damaged(1, "not \"<type name> <size>\"");
  }
  schema.type_name = word;
  for (size_t number = 2; !rest.empty(); ++number) {
    if (schema.fields.size() == kMaxFields) return damaged(number, "more than 16384 fields");
    Field& f = schema.fields.emplace_back();
    std::string_view name, type, offset, count;
    if (!take(&rest, '\n', &line) || !take(&line, ' ', &name) || !take(&line, ' ', &type) ||
        !take(&line, ' ', &offset) || !take(&line, ' ', &count) || !type_from_name(type, &f.type) ||
        !parse_number(offset, &f.offset) || !parse_number(count, &f.count)) {
      return damaged(number, "not \"<name> <type> <offset> <count> <unit or ->\"");
    }
    f.name = name;
    f.unit = line == "-" ? "" : line;
  }
  if (Status s = schema.check(); !s.ok()) return Status(Code::kDamaged, s.message());
  // One schema has one text, or equal types would have different hashes.
  if (schema.text() != text) return damaged(1, "not in the one way a schema is written");
  return schema;
}

uint64_t Schema::hash() const { return fnv1a(text()); }

Status Schema::check() const {
  if (!is_word(type_name)) return {Code::kInvalid, "schema: the type name is empty or holds white space"};
  const std::string where = "schema " + type_name + ": ";
  if (fields.size() > kMaxFields) return {Code::kInvalid, where + "more than 16384 fields"};
  std::vector<std::string_view> names;
  uint32_t offset = 0;
  for (const Field& f : fields) {
    if (!is_word(f.name)) return {Code::kInvalid, where + "a field's name is empty or holds white space"};
    if (!f.unit.empty() && (f.unit == "-" || !is_word(f.unit))) {
      return {Code::kInvalid, where + "the unit of `" + f.name +
                                  "` is \"-\" or holds white space; leave it empty if there is none"};
    }
    const uint64_t end = f.offset + uint64_t{type_bytes(f.type)} * f.count;
    if (f.count == 0 || end > size) {
      return {Code::kInvalid, where + "`" + f.name + "` covers bytes " + std::to_string(f.offset) + " to " +
                                  std::to_string(end) + " of a value of " + std::to_string(size)};
    }
    if (f.offset < offset) return {Code::kInvalid, where + "`" + f.name + "` is not in order of offset"};
    offset = f.offset;
    names.push_back(f.name);
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
    return {Code::kInvalid, where + "two fields are named `" + std::string(*twice) + "`"};
  }
  if (text().size() > layout::kMaxSchemaBytes)
    return {Code::kInvalid, where + "its text is longer than 1 MiB"};
  return Status();
}

const Field* Schema::field(std::string_view name) const {
  const auto f = std::find_if(fields.begin(), fields.end(), [&](const Field& at) { return at.name == name; });
  return f == fields.end() ? nullptr : &*f;
}

Schema with_units(Schema schema, const std::vector<std::pair<std::string, std::string>>& units) {
  for (const auto& [name, unit] : units) {
    for (Field& f : schema.fields) {
      if (f.name == name) f.unit = unit;
    }
  }
  return schema;
}

}  // namespace smt
