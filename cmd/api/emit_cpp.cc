#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cmd/api/emit.h"
#include "cmd/api/emit_text.h"
#include "cmd/value/csv.h"

namespace smt::cmd::api {
namespace {

std::string type_text(const Api& api, const Member& m) {
  if (m.of_struct) return api.structs[*m.of_struct].name;
  if (m.of_enum) return api.enums[*m.of_enum].name;
  return std::string(c_type_name(m.type));
}

std::string declaration(const Api& api, const Member& m) {
  const std::string type = type_text(api, m);
  const std::string count = m.count_name.empty() ? std::to_string(m.count) : m.count_name;
  if (!m.array) return fmt::format("  {} {};", type, m.name);
  if (m.type == Type::kChar && !m.of_struct) return fmt::format("  char {}[{}];", m.name, count);
  return fmt::format("  std::array<{}, {}> {};", type, count, m.name);
}

std::string emit_enum(const Enum& e) {
  std::string out = "\n" + comment_lines("// ", e.comment);
  out += fmt::format("enum class {} : {} {{\n", e.name, c_type_name(e.type));
  for (const EnumValue& value : e.values) {
    out += with_comment(fmt::format("  {} = {},", value.name, c_literal(value.value)), "//", value.comment);
  }
  return out + "};\n";
}

// "SMT_FIELDS(Pose, x, y)", wrapped.
std::string call(const std::string& macro, const std::string& name, const std::vector<std::string>& items) {
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

std::string described(const Struct& s) {
  std::vector<std::string> names, units;
  for (const Member& m : s.members) {
    names.push_back(m.name);
    if (!m.unit.empty()) units.push_back(fmt::format("{{\"{}\", {}}}", m.name, literal(m.unit)));
  }
  std::string out = call("SMT_FIELDS", s.name, names);
  if (!units.empty()) out += call("SMT_UNITS", s.name, units);
  return out;
}

std::string asserts(const Struct& s) {
  std::string out =
      fmt::format("static_assert(sizeof({}) == {} && alignof({}) == {});\n", s.name, s.size, s.name, s.align);
  for (const Member& m : s.members) {
    out += fmt::format("static_assert(offsetof({}, {}) == {});\n", s.name, m.name, m.offset);
  }
  return out;
}

std::string range_check(const Api& api, const Struct& s) {
  std::string out = "// The first field out of its range, as \"" + s.name +
                    ".name\"; null: there is none. NaN is out of every range.\n";
  out += fmt::format("inline const char* OutOfRange(const {}& value) {{\n", s.name);
  for (const Member& m : s.members) {
    const std::string value = m.array ? "element" : "value." + m.name;
    std::string check;
    if (m.of_struct && api.structs[*m.of_struct].ranged) {
      check = fmt::format("if (const char* field = OutOfRange({})) return field;", value);
    } else if (const std::string outside = m.of_struct ? "" : c_range_check(m, value); !outside.empty()) {
      check = fmt::format("if ({}) return \"{}.{}\";", outside, s.name, m.name);
    }
    if (check.empty()) continue;
    out += m.array ? fmt::format("  for (const auto& element : value.{}) {{\n    {}\n  }}\n", m.name, check)
                   : fmt::format("  {}\n", check);
  }
  return out + "  return nullptr;\n}\n";
}

std::string emit_struct(const Api& api, const Struct& s) {
  std::string out = "\n" + comment_lines("// ", s.comment) + fmt::format("struct {} {{\n", s.name);
  for (const Member& m : s.members) out += with_comment(declaration(api, m), "//", note(m));
  out += "};\n" + described(s) + asserts(s);
  if (s.ranged) out += "\n" + range_check(api, s);
  return out;
}

std::string emit_topic(const Api& api, const Topic& topic) {
  const std::string& type = api.structs[topic.of_struct].name;
  std::string out =
      "\n" + comment_lines("// ", fmt::format("Topic {}{}{}", topic.name, topic.comment.empty() ? "" : ": ",
                                              topic.comment));
  out += fmt::format("struct {}Topic {{\n", topic.id);
  out += fmt::format(
      "  using Value = {};\n  using Publisher = smt::Topic<{}>;\n  using Reader = smt::TopicReader<{}>;\n",
      type, type, type);
  out += fmt::format("  static constexpr const char* kName = {};\n", literal(topic.name));
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

std::string emit_cpp(const Api& api) {
  const std::string guard = guard_name(api, "API_H_");
  std::string out = file_comment(api, "//");
  out += fmt::format("#ifndef {}\n#define {}\n\n", guard, guard);
  out += "#include <array>\n";
  if (!api.maps.empty()) out += "#include <cmath>\n";
  out += "#include <cstddef>\n#include <cstdint>\n#include <utility>\n\n#include \"shm/topic.h\"\n\n";
  out += fmt::format("namespace {} {{\n", api.cpp_namespace);
  if (!api.constants.empty()) out += "\n";
  for (const Constant& c : api.constants) {
    const std::string line =
        fmt::format("inline constexpr {} {} = {};", c_type_name(c.value.type), c.name, c_literal(c.value));
    out += with_comment(line, "//", note(c.unit, {}, {}, c.comment));
  }
  for (const Enum& e : api.enums) out += emit_enum(e);
  for (const Struct& s : api.structs) out += emit_struct(api, s);
  if (!api.maps.empty()) out += emit_cpp_registers(api);
  for (const Topic& topic : api.topics) out += emit_topic(api, topic);
  return out + fmt::format("\n}}  // namespace {}\n\n#endif  // {}\n", api.cpp_namespace, guard);
}

}  // namespace smt::cmd::api
