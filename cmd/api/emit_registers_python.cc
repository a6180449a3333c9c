#include <fmt/format.h>

#include "cmd/api/emit.h"
#include "cmd/api/emit_text.h"

namespace smt::cmd::api {
namespace {

constexpr char kRegisterCodec[] = R"py(

# A register: its address in bytes, its width in bits, and what the bus allows.
_RegisterInfo = _collections.namedtuple("_RegisterInfo", "name address width readable writable reset")


def _bits(register, low, count, signed):
    raw = register >> low & (1 << count) - 1
    return raw - (1 << count) if signed and raw >> (count - 1) else raw


def _with_bits(register, low, count, signed, raw):
    least, end = (-1 << (count - 1), 1 << (count - 1)) if signed else (0, 1 << count)
    if not least <= raw < end:
        raise ValueError("%d does not fit into %d bits" % (raw, count))
    mask = (1 << count) - 1
    return register & ~(mask << low) | (raw & mask) << low


def _steps(value, scale, offset):
    steps = (value - offset) / scale + 0.5
    if not abs(steps) < 2.0**64:
        raise ValueError("%r does not fit" % value)
    return _math.floor(steps)
)py";

std::string real(double value) { return python_literal({Type::kF64, false, 0, value}); }

std::string accessors(const Api& api, const std::string& map, const BitField& f) {
  const uint32_t count = f.count();
  const std::string place =
      fmt::format("registers.{}, {}, {}, {}", f.register_name, f.low, count, f.is_signed ? "True" : "False");
  std::string get = fmt::format("_bits({})", place), raw = "int(value)";
  if (f.of_enum) {
    get = fmt::format("_named({}, {})", api.enums[*f.of_enum].name, get);
  } else if (f.scaled) {
    get += fmt::format(" * {}{}", real(f.scale), f.offset == 0 ? "" : " + " + real(f.offset));
    raw = fmt::format("_steps(value, {}, {})", real(f.scale), real(f.offset));
  } else if (f.is_flag()) {
    get = fmt::format("bool({})", get);
    raw = "bool(value)";
  }
  const std::string bits =
      count == 1 ? fmt::format("Bit {}", f.low) : fmt::format("Bits {}:{}", f.high, f.low);
  std::string note =
      fmt::format("{} of {}{}{}", bits, f.register_name, f.unit.empty() ? "" : ", in ", f.unit);
  if (!f.comment.empty()) note += "; " + f.comment;
  std::string out =
      fmt::format("\n\ndef get_{}_{}(registers):\n", map, f.name) + comment_lines("    # ", note);
  out += fmt::format("    return {}\n", get);
  out += fmt::format(
      "\n\ndef set_{}_{}(registers, value):\n    # ValueError: it does not fit, and nothing is changed.\n",
      map, f.name);
  return out + fmt::format("    registers.{} = _with_bits({}, {})\n", f.register_name, place, raw);
}

std::string register_map(const Api& api, const RegisterMap& map) {
  const std::string& name = api.structs[map.of_struct].name;
  std::string out = fmt::format("\n\n{}_registers = (\n", name), reset;
  for (const Register& r : map.registers) {
    out += fmt::format("    _RegisterInfo(\"{}\", {:#x}, {}, {}, {}, {:#x}),\n", r.name, r.address, r.width,
                       r.access != "wo" ? "True" : "False", r.access != "ro" ? "True" : "False", r.reset);
    if (r.reset != 0) reset += fmt::format("        {}={:#x},\n", r.name, r.reset);
  }
  out += fmt::format(")\n\n\ndef reset_{}():\n    # What the registers hold after a reset.\n    return {}(",
                     name, name);
  out += (reset.empty() ? "" : "\n" + reset + "    ") + ")\n";
  for (const Register& r : map.registers) {
    for (const BitField& f : r.bits) out += accessors(api, name, f);
  }
  return out;
}

}  // namespace

std::string emit_python_registers(const Api& api) {
  std::string out = kRegisterCodec;
  for (const RegisterMap& map : api.maps) out += register_map(api, map);
  return out;
}

}  // namespace smt::cmd::api
