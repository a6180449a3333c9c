#include <fmt/format.h>

#include "cmd/api/emit.h"
#include "cmd/api/emit_text.h"
#include "cmd/api/python_codec.h"

namespace smt::cmd::api {
namespace {

// Of the module struct, in the order of Type.
std::string Format(Type type) {
  constexpr char kFormats[] = "?bBhHiIqQfds";
  return std::string(1, kFormats[static_cast<size_t>(type)]);
}

std::string Annotation(const Api& api, const Member& m) {
  if (m.type == Type::kChar && !m.of_struct) return "str";
  std::string type = m.type == Type::kBool ? "bool" : is_float(m.type) ? "float" : "int";
  if (m.of_struct) type = api.structs[*m.of_struct].name;
  if (m.of_enum) type = api.enums[*m.of_enum].name;
  return m.array ? fmt::format("list[{}]", type) : type;
}

// All bytes zero, as in C++.
std::string Zero(const Api& api, const Member& m) {
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

std::string FieldRow(const Api& api, const Member& m) {
  std::string type = Literal(Format(m.type));
  if (m.type == Type::kChar) type = "str";
  if (m.of_struct) type = api.structs[*m.of_struct].name;
  if (m.of_enum) type = api.enums[*m.of_enum].name;
  return fmt::format("    _Field(\"{}\", {}, {}, {}, {}, {}, {}),\n", m.name, type, m.offset,
                     m.array ? std::to_string(m.count) : "None", Literal(m.unit),
                     m.min ? PythonLiteral(*m.min) : "None", m.max ? PythonLiteral(*m.max) : "None");
}

std::string EmitEnum(const Enum& e) {
  std::string out = fmt::format("\n\nclass {}(_enum.IntEnum):\n", e.name) + CommentLines("    # ", e.comment);
  for (const EnumValue& value : e.values) {
    out +=
        WithComment(fmt::format("    {} = {}", value.name, PythonLiteral(value.value)), "#", value.comment);
  }
  return out + fmt::format("\n\n_FORMATS[{}] = \"{}\"\n", e.name, Format(e.type));
}

std::string EmitStruct(const Api& api, const Struct& s) {
  std::string out =
      fmt::format("\n\n@_dataclasses.dataclass\nclass {}:\n", s.name) + CommentLines("    # ", s.comment);
  for (const Member& m : s.members) {
    out +=
        WithComment(fmt::format("    {}: {} = {}", m.name, Annotation(api, m), Zero(api, m)), "#", Note(m));
  }
  out += fmt::format("\n\n{}._size_ = {}\n{}._fields_ = (\n", s.name, s.size, s.name);
  for (const Member& m : s.members) out += FieldRow(api, m);
  return out + ")\n";
}

std::string EmitTopic(const Api& api, const Topic& topic) {
  return WithComment(
      fmt::format("{}Topic = _Topic({}, {}, {:#018x}, {}, {})", topic.id, Literal(topic.name),
                  api.structs[topic.of_struct].name, topic.schema_hash, topic.max_age_ns, topic.history),
      "#", topic.comment);
}

}  // namespace

std::string EmitPython(const Api& api) {
  std::string out = FileComment(api, "#");
  out += kPythonImports;
  for (const Constant& c : api.constants) {
    out += WithComment(fmt::format("{} = {}", c.name, PythonLiteral(c.value)), "#",
                       Note(c.unit, {}, {}, c.comment));
  }
  out += kPythonCodec;
  for (const Enum& e : api.enums) out += EmitEnum(e);
  for (const Struct& s : api.structs) out += EmitStruct(api, s);
  if (!api.maps.empty()) out += EmitPythonRegisters(api);
  out += "\n\n";
  for (const Topic& topic : api.topics) out += EmitTopic(api, topic);
  out += "\nTOPICS = {\n";
  for (const Topic& topic : api.topics)
    out += fmt::format("    {}: {}Topic,\n", Literal(topic.name), topic.id);
  return out + "}\n";
}

}  // namespace smt::cmd::api
