#include <fmt/format.h>

#include "cmd/api/emit.h"
#include "cmd/api/emit_text.h"
#include "cmd/api/names.h"
#include "cmd/value/csv.h"

namespace smt::cmd::api {
namespace {

class CEmitter {
 public:
  explicit CEmitter(const Api& api) : api_(api), prefix_(CPrefix(api.cpp_namespace) + "_") {}

  std::string emit() const {
    const std::string guard = Guard(api_, "API_C_H_");
    std::string out = FileComment(api_, "//");
    out += fmt::format("#ifndef {}\n#define {}\n\n#include <assert.h>\n", guard, guard);
    if (!api_.maps.empty()) out += "#include <math.h>\n";
    out += "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n";
    if (!api_.constants.empty()) out += "\n";
    for (const Constant& c : api_.constants) {
      out += Define(c.name, CLiteral(c.value), Note(c.unit, {}, {}, c.comment));
    }
    for (const Enum& e : api_.enums) out += EmitEnum(e);
    for (const Struct& s : api_.structs) out += EmitStruct(s);
    if (!api_.maps.empty()) out += EmitCRegisters(api_);
    for (const Topic& topic : api_.topics) out += EmitTopic(topic);
    return out + fmt::format("\n#endif  // {}\n", guard);
  }

 private:
  std::string Define(const std::string& name, const std::string& value, const std::string& comment) const {
    return WithComment(fmt::format("#define {}{} {}", prefix_, name, value), "//", comment);
  }

  std::string EmitEnum(const Enum& e) const {
    std::string out = "\n" + CommentLines("// ", e.comment);
    out += fmt::format("typedef {} {}{};\n", CTypeName(e.type), prefix_, e.name);
    for (const EnumValue& value : e.values) {
      out += Define(e.name + "_" + value.name,
                    fmt::format("(({}{}){})", prefix_, e.name, CLiteral(value.value)), value.comment);
    }
    return out;
  }

  std::string Declaration(const Member& m) const {
    std::string type(CTypeName(m.type));
    if (m.of_struct) type = prefix_ + api_.structs[*m.of_struct].name;
    if (m.of_enum) type = prefix_ + api_.enums[*m.of_enum].name;
    const std::string count = m.count_name.empty() ? std::to_string(m.count) : prefix_ + m.count_name;
    return m.array ? fmt::format("  {} {}[{}];", type, m.name, count) : fmt::format("  {} {};", type, m.name);
  }

  std::string EmitStruct(const Struct& s) const {
    const std::string name = prefix_ + s.name;
    std::string out = "\n" + CommentLines("// ", s.comment) + fmt::format("typedef struct {} {{\n", name);
    for (const Member& m : s.members) out += WithComment(Declaration(m), "//", Note(m));
    out += fmt::format("}} {};\n", name);
    out += fmt::format("static_assert(sizeof({}) == {}, \"size of {}\");\n", name, s.size, name);
    for (const Member& m : s.members) {
      out += fmt::format("static_assert(offsetof({}, {}) == {}, \"offset of {}.{}\");\n", name, m.name,
                         m.offset, name, m.name);
    }
    return s.ranged ? out + "\n" + RangeCheck(s) : out;
  }

  std::string RangeCheck(const Struct& s) const {
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
      } else if (const std::string outside = m.of_struct ? "" : CRangeCheck(m, value); !outside.empty()) {
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

  std::string EmitTopic(const Topic& topic) const {
    const std::string& type = api_.structs[topic.of_struct].name;
    std::string out =
        "\n" + CommentLines("// ", fmt::format("Topic {}: a {}{}{}{}", topic.name, prefix_, type,
                                               topic.comment.empty() ? "" : "; ", topic.comment));
    out += Define(topic.id + "Topic_NAME", Literal(topic.name), "");
    out += Define(topic.id + "Topic_SCHEMA_HASH", fmt::format("UINT64_C({:#018x})", topic.schema_hash), "");
    out += Define(topic.id + "Topic_MAX_AGE_NS", fmt::format("INT64_C({})", topic.max_age_ns), "");
    out += Define(topic.id + "Topic_HISTORY", fmt::format("{}u", topic.history), "");
    return out;
  }

  const Api& api_;
  const std::string prefix_;
};

}  // namespace

std::string EmitC(const Api& api) { return CEmitter(api).emit(); }

}  // namespace smt::cmd::api
