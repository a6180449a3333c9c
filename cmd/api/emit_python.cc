#include <fmt/format.h>

#include "cmd/api/emit.h"
#include "cmd/api/emit_text.h"
#include "cmd/api/python_codec.h"

namespace smt::cmd::api {
namespace {

// Of the module struct, in the order of Type.
std::string format(Type type) {
  constexpr char kFormats[] = "?bBhHiIqQfds";
  return std::string(1, kFormats[static_cast<size_t>(type)]);
}

std::string annotation(const Api& api, const Member& m) {
  if (m.type == Type::kChar && !m.of_struct) return "str";
  std::string type = m.type == Type::kBool ? "bool" : is_float(m.type) ? "float" : "int";
  if (m.of_struct) type = api.structs[*m.of_struct].name;
  if (m.of_enum) type = api.enums[*m.of_enum].name;
  return m.array ? fmt::format("list[{}]", type) : type;
}

// All bytes zero, as in C++.
std::string zero(const Api& api, const Member& m) {
  if (m.type == Type::kChar && !m.of_struct) return "\"\"";
  std::string kind = m.type == Type::kBool ? "bool" : is_float(m.type) ? "float" : "int";
  if (m.of_struct) kind = api.structs[*m.of_struct].name;
  if (m.array && m.of_enum)
    return fmt::format("_filled({}, lambda: _named({}, 0))", m.count, api.enums[*m.of_enum].name);
  if (m.array) return fmt::format("_filled({}, {})", m.count, kind);
  if (m.of_struct) return fmt::format("_dataclasses.field(default_factory={})", kind);
  if (m.of_enum) return fmt::format("_named({}, 0)", api.enums[*m.of_enum].name);
  return m.type == Type::kBool ? "False" : is_float(m.type) ? "0.0" : "0";
}

std::string field_row(const Api& api, const Member& m) {
  std::string type = literal(format(m.type));
  if (m.type == Type::kChar) type = "str";
  if (m.of_struct) type = api.structs[*m.of_struct].name;
  if (m.of_enum) type = api.enums[*m.of_enum].name;
  return fmt::format("    _Field(\"{}\", {}, {}, {}, {}, {}, {}),\n", m.name, type, m.offset,
                     m.array ? std::to_string(m.count) : "None", literal(m.unit),
                     m.min ? python_literal(*m.min) : "None", m.max ? python_literal(*m.max) : "None");
}

std::string emit_enum(const Enum& e) {
  std::string out =
      fmt::format("\n\nclass {}(_enum.IntEnum):\n", e.name) + comment_lines("    # ", e.comment);
  for (const EnumValue& value : e.values) {
    out +=
        with_comment(fmt::format("    {} = {}", value.name, python_literal(value.value)), "#", value.comment);
  }
  return out + fmt::format("\n\n_FORMATS[{}] = \"{}\"\n", e.name, format(e.type));
}

std::string emit_struct(const Api& api, const Struct& s) {
  std::string out =
      fmt::format("\n\n@_dataclasses.dataclass\nclass {}:\n", s.name) + comment_lines("    # ", s.comment);
  for (const Member& m : s.members) {
    out +=
        with_comment(fmt::format("    {}: {} = {}", m.name, annotation(api, m), zero(api, m)), "#", note(m));
  }
  out += fmt::format("\n\n{}._size_ = {}\n{}._fields_ = (\n", s.name, s.size, s.name);
  for (const Member& m : s.members) out += field_row(api, m);
  return out + ")\n";
}

std::string emit_topic(const Api& api, const Topic& topic) {
  return with_comment(
      fmt::format("{}Topic = _Topic({}, {}, {:#018x}, {}, {})", topic.id, literal(topic.name),
                  api.structs[topic.of_struct].name, topic.schema_hash, topic.max_age_ns, topic.history),
      "#", topic.comment);
}

}  // namespace

std::string emit_python(const Api& api) {
  std::string out = file_comment(api, "#");
  out += kPythonImports;
  for (const Constant& c : api.constants) {
    out += with_comment(fmt::format("{} = {}", c.name, python_literal(c.value)), "#",
                        note(c.unit, {}, {}, c.comment));
  }
  out += kPythonCodec;
  for (const Enum& e : api.enums) out += emit_enum(e);
  for (const Struct& s : api.structs) out += emit_struct(api, s);
  if (!api.maps.empty()) out += emit_python_registers(api);
  out += "\n\n";
  for (const Topic& topic : api.topics) out += emit_topic(api, topic);
  out += "\nTOPICS = {\n";
  for (const Topic& topic : api.topics)
    out += fmt::format("    {}: {}Topic,\n", literal(topic.name), topic.id);
  return out + "}\n";
}

}  // namespace smt::cmd::api
