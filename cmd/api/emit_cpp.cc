#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cmd/api/emit.h"
#include "cmd/api/emit_text.h"
#include "cmd/value/csv.h"

namespace smt::cmd::api {
namespace {

std::string TypeText(const Api& api, const Member& m) {
  if (m.of_struct) return api.structs[*m.of_struct].name;
  if (m.of_enum) return api.enums[*m.of_enum].name;
  return std::string(CTypeName(m.type));
}

std::string Declaration(const Api& api, const Member& m) {
  const std::string type = TypeText(api, m);
  const std::string count = m.count_name.empty() ? std::to_string(m.count) : m.count_name;
  if (!m.array) return fmt::format("  {} {};", type, m.name);
  if (m.type == Type::kChar && !m.of_struct) return fmt::format("  char {}[{}];", m.name, count);
  return fmt::format("  std::array<{}, {}> {};", type, count, m.name);
}

std::string EmitEnum(const Enum& e) {
  std::string out = "\n" + CommentLines("// ", e.comment);
  out += fmt::format("enum class {} : {} {{\n", e.name, CTypeName(e.type));
  for (const EnumValue& value : e.values) {
    out += WithComment(fmt::format("  {} = {},", value.name, CLiteral(value.value)), "//", value.comment);
  }
  return out + "};\n";
}

// "SMT_FIELDS(Pose, x, y)", wrapped.
std::string Call(const std::string& macro, const std::string& name, const std::vector<std::string>& items) {
  std::string out, line = fmt::format("{}({}", macro, name);
  for (const std::string& item : items) {
    if (line.size() + item.size() + 3 > kColumns) {
      out += line + ",\n";
      line = std::string(macro.size() + 1, ' ') + item;
    } else {
      line += ", " + item;
    }
  }
  return out + line + ")\n";
}

std::string Described(const Struct& s) {
  std::vector<std::string> names, units;
  for (const Member& m : s.members) {
    names.push_back(m.name);
    if (!m.unit.empty()) units.push_back(fmt::format("{{\"{}\", {}}}", m.name, Literal(m.unit)));
  }
  std::string out = Call("SMT_FIELDS", s.name, names);
  if (!units.empty()) out += Call("SMT_UNITS", s.name, units);
  return out;
}

std::string Asserts(const Struct& s) {
  std::string out =
      fmt::format("static_assert(sizeof({}) == {} && alignof({}) == {});\n", s.name, s.size, s.name, s.align);
  for (const Member& m : s.members) {
    out += fmt::format("static_assert(offsetof({}, {}) == {});\n", s.name, m.name, m.offset);
  }
  return out;
}

std::string RangeCheck(const Api& api, const Struct& s) {
  std::string out = "// The first field out of its range, as \"" + s.name +
                    ".name\"; null: there is none. NaN is out of every range.\n";
  out += fmt::format("inline const char* OutOfRange(const {}& value) {{\n", s.name);
  for (const Member& m : s.members) {
    const std::string value = m.array ? "element" : "value." + m.name;
    std::string check;
    if (m.of_struct && api.structs[*m.of_struct].ranged) {
      check = fmt::format("if (const char* field = OutOfRange({})) return field;", value);
    } else if (const std::string outside = m.of_struct ? "" : CRangeCheck(m, value); !outside.empty()) {
      check = fmt::format("if ({}) return \"{}.{}\";", outside, s.name, m.name);
    }
    if (check.empty()) continue;
    out += m.array ? fmt::format("  for (const auto& element : value.{}) {{\n    {}\n  }}\n", m.name, check)
                   : fmt::format("  {}\n", check);
  }
  return out + "  return nullptr;\n}\n";
}

std::string EmitStruct(const Api& api, const Struct& s) {
  std::string out = "\n" + CommentLines("// ", s.comment) + fmt::format("struct {} {{\n", s.name);
  for (const Member& m : s.members) out += WithComment(Declaration(api, m), "//", Note(m));
  out += "};\n" + Described(s) + Asserts(s);
  if (s.ranged) out += "\n" + RangeCheck(api, s);
  return out;
}

std::string EmitTopic(const Api& api, const Topic& topic) {
  const std::string& type = api.structs[topic.of_struct].name;
  std::string out = "\n" + CommentLines("// ", fmt::format("Topic {}{}{}", topic.name,
                                                           topic.comment.empty() ? "" : ": ", topic.comment));
  out += fmt::format("struct {}Topic {{\n", topic.id);
  out += fmt::format(
      "  using Value = {};\n  using Publisher = smt::Topic<{}>;\n  using Reader = smt::TopicReader<{}>;\n",
      type, type, type);
  out += fmt::format("  static constexpr const char* kName = {};\n", Literal(topic.name));
  out += fmt::format("  static constexpr uint64_t kSchemaHash = {:#018x};\n\n", topic.schema_hash);
  out += "  // Name, maximum age and history are those of the description, whatever `options` says.\n";
  out += "  static smt::Result<Publisher> advertise(smt::Node& node, smt::TopicOptions options = {}) {\n";
  out += fmt::format("    options.name = kName;\n    options.max_age_ns = {};\n    options.history = {};\n",
                     topic.max_age_ns, topic.history);
  out += "    return Publisher::advertise(node, std::move(options));\n  }\n";
  out += "  static smt::Result<Reader> open(const smt::Domain& domain, smt::ReaderOptions options = {}) {\n";
  out += "    return Reader::open(domain, kName, std::move(options));\n  }\n};\n";
  return out;
}

}  // namespace

std::string EmitCpp(const Api& api) {
  const std::string guard = Guard(api, "API_H_");
  std::string out = FileComment(api, "//");
  out += fmt::format("#ifndef {}\n#define {}\n\n", guard, guard);
  out += "#include <array>\n";
  if (!api.maps.empty()) out += "#include <cmath>\n";
  out += "#include <cstddef>\n#include <cstdint>\n#include <utility>\n\n#include \"shm/topic.h\"\n\n";
  out += fmt::format("namespace {} {{\n", api.cpp_namespace);
  if (!api.constants.empty()) out += "\n";
  for (const Constant& c : api.constants) {
    const std::string line =
        fmt::format("inline constexpr {} {} = {};", CTypeName(c.value.type), c.name, CLiteral(c.value));
    out += WithComment(line, "//", Note(c.unit, {}, {}, c.comment));
  }
  for (const Enum& e : api.enums) out += EmitEnum(e);
  for (const Struct& s : api.structs) out += EmitStruct(api, s);
  if (!api.maps.empty()) out += EmitCppRegisters(api);
  for (const Topic& topic : api.topics) out += EmitTopic(api, topic);
  return out + fmt::format("\n}}  // namespace {}\n\n#endif  // {}\n", api.cpp_namespace, guard);
}

}  // namespace smt::cmd::api
