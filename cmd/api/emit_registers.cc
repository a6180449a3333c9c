// Accessors of registers in C and C++, which differ in little but names, references and casts.
#include <fmt/format.h>

#include <cmath>

#include "cmd/api/emit.h"
#include "cmd/api/emit_text.h"
#include "cmd/api/names.h"

namespace smt::cmd::api {
namespace {

std::string real(double value) { return c_literal({Type::kF64, false, 0, value}); }

class Accessors {
 public:
  Accessors(const Api& api, const RegisterMap& map, bool cpp)
      : api_(api),
        map_(map),
        cpp_(cpp),
        prefix_(cpp ? "" : c_prefix(api.cpp_namespace) + "_"),
        name_(api.structs[map.of_struct].name),
        start_(cpp ? "inline" : "static inline"),
        at_(cpp ? "registers." : "registers->") {}

  std::string emit() const {
    std::string out = table() + reset();
    for (const Register& r : map_.registers) {
      for (const BitField& f : r.bits) out += get(r, f) + set(r, f);
    }
    return out;
  }

 private:
  std::string cast(const std::string& type, const std::string& value) const {
    return cpp_ ? fmt::format("static_cast<{}>({})", type, value) : fmt::format("({})({})", type, value);
  }
  std::string info() const { return prefix_ + "RegisterInfo"; }

  std::string table() const {
    std::string out = fmt::format("\n// The registers of {}, by address.\n", name_);
    out += fmt::format("{} {} {}{}_registers[{}] = {{\n", cpp_ ? "inline constexpr" : "static const", info(),
                       prefix_, name_, map_.registers.size());
    for (const Register& r : map_.registers) {
      out += fmt::format("    {{\"{}\", {:#x}, {}, {}, {}, {:#x}}},\n", r.name, r.address, r.width,
                         r.access != "wo", r.access != "ro", r.reset);
    }
    return out + "};\n";
  }

  std::string reset() const {
    const std::string type = prefix_ + name_;
    std::string out =
        fmt::format("\n// What they hold after a reset.\n{} {} {}reset_{}({}) {{\n  {} registers = {{}};\n",
                    start_, type, prefix_, name_, cpp_ ? "" : "void", type);
    if (!cpp_) out.replace(out.rfind("{}"), 2, "{0}");
    for (const Register& r : map_.registers) {
      if (r.reset != 0)
        out += fmt::format("  registers.{} = {:#x}{};\n", r.name, r.reset, r.width == 64 ? "ull" : "u");
    }
    return out + "  return registers;\n}\n";
  }

  std::string value_type(const Register& r, const BitField& f) const {
    if (f.of_enum) return prefix_ + api_.enums[*f.of_enum].name;
    if (f.scaled) return "double";
    if (f.is_flag()) return "bool";
    return fmt::format("{}int{}_t", f.is_signed ? "" : "u", r.width);
  }

  std::string comment(const BitField& f) const {
    const std::string bits =
        f.count() == 1 ? fmt::format("Bit {}", f.low) : fmt::format("Bits {}:{}", f.high, f.low);
    std::string text =
        fmt::format("{} of {}{}{}", bits, f.register_name, f.unit.empty() ? "" : ", in ", f.unit);
    if (!f.comment.empty()) text += "; " + f.comment;
    return comment_lines("// ", text);
  }

  std::string head(const Register& r, const BitField& f, bool set) const {
    const std::string type = value_type(r, f);
    const std::string parameter =
        fmt::format("{}{}{}{} registers", set ? "" : "const ", prefix_, name_, cpp_ ? "&" : "*");
    return fmt::format("{} {} {}{}_{}_{}({}{}) {{\n", start_, set ? "bool" : type, prefix_,
                       set ? "set" : "get", name_, f.name, parameter,
                       set ? fmt::format(", {} value", type) : "");
  }

  std::string get(const Register& r, const BitField& f) const {
    std::string raw =
        fmt::format("(all{} & {:#x}ull)", f.low == 0 ? "" : fmt::format(" >> {}", f.low), f.mask());
    if (f.is_signed && f.count() < 64) {
      const uint32_t unused = 64 - f.count();
      raw = fmt::format("{} >> {}", cast("int64_t", fmt::format("{} << {}", raw, unused)), unused);
    }
    std::string value = f.is_flag() ? raw + " != 0" : cast(value_type(r, f), raw);
    if (f.scaled) value += fmt::format(" * {}", real(f.scale));
    if (f.offset != 0) value += fmt::format(" + {}", real(f.offset));
    return fmt::format("\n{}{}  const uint64_t all = {}{};\n  return {};\n}}\n", comment(f),
                       head(r, f, false), at_, r.name, value);
  }

  std::string set(const Register& r, const BitField& f) const {
    const uint64_t mask = f.mask();
    std::string out =
        (f.is_flag() ? "" : "// False: it does not fit, and nothing is changed.\n") + head(r, f, true);
    if (f.scaled) {
      // Powers of two, which a double holds exactly.
      const double end = std::ldexp(1.0, static_cast<int>(f.count()) - (f.is_signed ? 1 : 0));
      const std::string above = f.offset == 0 ? "value" : fmt::format("(value - {})", real(f.offset));
      out += fmt::format("  const double steps = {}floor({} / {} + 0.5);\n", cpp_ ? "std::" : "", above,
                         real(f.scale));
      out += fmt::format("  if (!(steps >= {} && steps < {})) return false;\n", real(f.is_signed ? -end : 0),
                         real(end));
      const std::string steps = f.is_signed ? cast("int64_t", "steps") : "steps";
      out += fmt::format("  const uint64_t raw = {};\n", cast("uint64_t", steps));
    } else if (f.is_signed) {
      out += "  const int64_t wide = value;\n";
      if (f.count() < 64) {
        const auto max = static_cast<int64_t>(mask >> 1);
        out += fmt::format("  if (wide < {} || wide > {}) return false;\n", -max - 1, max);
      }
      out += fmt::format("  const uint64_t raw = {};\n", cast("uint64_t", "wide"));
    } else {
      out += fmt::format("  const uint64_t raw = {};\n",
                         f.is_flag() ? "value ? 1 : 0" : cast("uint64_t", "value"));
      if (!f.is_flag() && f.count() < 64) out += fmt::format("  if (raw > {:#x}ull) return false;\n", mask);
    }
    out += fmt::format("  const uint64_t others = {}{} & ~{:#x}ull;\n", at_, r.name, mask << f.low);
    std::string bits = fmt::format("(raw & {:#x}ull)", mask);
    if (f.low != 0) bits = fmt::format("({} << {})", bits, f.low);
    out += fmt::format("  {}{} = {};\n", at_, r.name,
                       cast(fmt::format("uint{}_t", r.width), "others | " + bits));
    return out + "  return true;\n}\n";
  }

  const Api& api_;
  const RegisterMap& map_;
  const bool cpp_;
  const std::string prefix_, name_, start_, at_;
};

std::string info_type(const std::string& name, bool cpp) {
  return fmt::format(
      "\n// A register: its address in bytes, its width in bits, and what the bus allows.\n"
      "{} {} {{\n  const char* name;\n  uint64_t address;\n  uint32_t width;\n  bool readable, writable;\n"
      "  uint64_t reset;\n}}{};\n",
      cpp ? "struct" : "typedef struct", name, cpp ? "" : " " + name);
}

}  // namespace

std::string emit_cpp_registers(const Api& api) {
  std::string out = info_type("RegisterInfo", true);
  for (const RegisterMap& map : api.maps) out += Accessors(api, map, true).emit();
  return out;
}

std::string emit_c_registers(const Api& api) {
  std::string out = info_type(c_prefix(api.cpp_namespace) + "_RegisterInfo", false);
  for (const RegisterMap& map : api.maps) out += Accessors(api, map, false).emit();
  return out;
}

}  // namespace smt::cmd::api
