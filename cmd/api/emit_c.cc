#include <fmt/format.h>

#include "cmd/api/emit.h"
#include "cmd/api/emit_text.h"
#include "cmd/api/names.h"
#include "cmd/value/csv.h"

namespace smt::cmd::api {
namespace {

class CEmitter {
 public:
  explicit CEmitter(const Api& api) : api_(api), prefix_(c_prefix(api.cpp_namespace) + "_") {}

  std::string emit() const {
    const std::string guard = guard_name(api_, "API_C_H_");
    std::string out = file_comment(api_, "//");
    out += fmt::format("#ifndef {}\n#define {}\n\n#include <assert.h>\n", guard, guard);
    if (!api_.maps.empty()) out += "#include <math.h>\n";
    out += "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n";
    if (!api_.constants.empty()) out += "\n";
    for (const Constant& c : api_.constants) {
      out += define(c.name, c_literal(c.value), note(c.unit, {}, {}, c.comment));
    }
    for (const Enum& e : api_.enums) out += emit_enum(e);
    for (const Struct& s : api_.structs) out += emit_struct(s);
    if (!api_.maps.empty()) out += emit_c_registers(api_);
    for (const Topic& topic : api_.topics) out += emit_topic(topic);
    return out + fmt::format("\n#endif  // {}\n", guard);
  }

 private:
  std::string define(const std::string& name, const std::string& value, const std::string& comment) const {
    return with_comment(fmt::format("#define {}{} {}", prefix_, name, value), "//", comment);
  }

  std::string emit_enum(const Enum& e) const {
    std::string out = "\n" + comment_lines("// ", e.comment);
    out += fmt::format("typedef {} {}{};\n", c_type_name(e.type), prefix_, e.name);
    for (const EnumValue& value : e.values) {
      out += define(e.name + "_" + value.name,
                    fmt::format("(({}{}){})", prefix_, e.name, c_literal(value.value)), value.comment);
    }
    return out;
  }

  std::string declaration(const Member& m) const {
    std::string type(c_type_name(m.type));
    if (m.of_struct) type = prefix_ + api_.structs[*m.of_struct].name;
    if (m.of_enum) type = prefix_ + api_.enums[*m.of_enum].name;
    const std::string count = m.count_name.empty() ? std::to_string(m.count) : prefix_ + m.count_name;
    return m.array ? fmt::format("  {} {}[{}];", type, m.name, count) : fmt::format("  {} {};", type, m.name);
  }

  std::string emit_struct(const Struct& s) const {
    const std::string name = prefix_ + s.name;
    std::string out = "\n" + comment_lines("// ", s.comment) + fmt::format("typedef struct {} {{\n", name);
    for (const Member& m : s.members) out += with_comment(declaration(m), "//", note(m));
    out += fmt::format("}} {};\n", name);
    out += fmt::format("static_assert(sizeof({}) == {}, \"size of {}\");\n", name, s.size, name);
    for (const Member& m : s.members) {
      out += fmt::format("static_assert(offsetof({}, {}) == {}, \"offset of {}.{}\");\n", name, m.name,
                         m.offset, name, m.name);
    }
    return s.ranged ? out + "\n" + range_check(s) : out;
  }

  std::string range_check(const Struct& s) const {
    std::string out = "// The first field out of its range, as \"" + s.name +
                      ".name\"; null: there is none. NaN is out of every range.\n";
    out += fmt::format("static inline const char* {}{}_out_of_range(const {}{}* value) {{\n", prefix_, s.name,
                       prefix_, s.name);
    std::string checks;
    for (const Member& m : s.members) {
      const std::string value = fmt::format("value->{}{}", m.name, m.array ? "[i]" : "");
      std::string check;
      if (m.of_struct && api_.structs[*m.of_struct].ranged) {
        const std::string& inner = api_.structs[*m.of_struct].name;
        check =
            fmt::format("const char* field = {}{}_out_of_range(&{});\n    if (field != NULL) return field;",
                        prefix_, inner, value);
      } else if (const std::string outside = m.of_struct ? "" : c_range_check(m, value); !outside.empty()) {
        check = fmt::format("if ({}) return \"{}.{}\";", outside, s.name, m.name);
      }
      if (check.empty()) continue;
      if (m.array) {
        checks += fmt::format("  for (size_t i = 0; i < {}; ++i) {{\n    {}\n  }}\n", m.count, check);
      } else if (m.of_struct) {
        checks += fmt::format("  {{\n    {}\n  }}\n", check);
      } else {
        checks += fmt::format("  {}\n", check);
      }
    }
    return out + checks + "  return NULL;\n}\n";
  }

  std::string emit_topic(const Topic& topic) const {
    const std::string& type = api_.structs[topic.of_struct].name;
    std::string out =
        "\n" + comment_lines("// ", fmt::format("Topic {}: a {}{}{}{}", topic.name, prefix_, type,
                                                topic.comment.empty() ? "" : "; ", topic.comment));
    out += define(topic.id + "Topic_NAME", literal(topic.name), "");
    out += define(topic.id + "Topic_SCHEMA_HASH", fmt::format("UINT64_C({:#018x})", topic.schema_hash), "");
    out += define(topic.id + "Topic_MAX_AGE_NS", fmt::format("INT64_C({})", topic.max_age_ns), "");
    out += define(topic.id + "Topic_HISTORY", fmt::format("{}u", topic.history), "");
    return out;
  }

  const Api& api_;
  const std::string prefix_;
};

}  // namespace

std::string emit_c(const Api& api) { return CEmitter(api).emit(); }

}  // namespace smt::cmd::api
