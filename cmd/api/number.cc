#include "cmd/api/number.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "cmd/text/config_value.h"

namespace smt::cmd::api {
namespace {

// The shortest text that reads back to the same bits, and that no language takes for an integer.
template <class Real>
std::string real_text(Real value) {
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  std::string text(digits, end);
  if (text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

std::string sign(const Number& n) { return n.negative ? "-" : ""; }

Result<Number> read_real(Type type, std::string_view text) {
  Number n{type};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, n.real);
  const bool fits = error == std::errc() && stop == end && std::isfinite(n.real);
  if (fits && type == Type::kF32) n.real = static_cast<float>(n.real);
  if (!fits || !std::isfinite(n.real)) {
    return {Code::kInvalid, fmt::format("{} is no finite number of type {}", quote(text), name_of(type))};
  }
  if (n.real == 0) n.real = 0;  // no -0
  return n;
}

}  // namespace

uint32_t bits_of(Type type) { return 8 * type_bytes(type); }

uint64_t max_of(Type type) {
  if (type == Type::kBool) return 1;
  return ~uint64_t{0} >> (64 - bits_of(type) + (is_signed_integer(type) ? 1 : 0));
}
uint64_t min_of(Type type) { return is_signed_integer(type) ? max_of(type) + 1 : 0; }

Result<Number> read_number(Type type, std::string_view text) {
  if (is_float(type)) return read_real(type, text);
  if (type == Type::kBool) {
    if (text == "true" || text == "false") return unsigned_number(type, text == "true" ? 1 : 0);
    return {Code::kInvalid, quote(text) + " is neither true nor false"};
  }
  Number n{type};
  std::string_view digits = text;
  n.negative = digits.starts_with('-');
  if (n.negative) digits.remove_prefix(1);
  const bool hex = digits.starts_with("0x");
  if (hex) digits.remove_prefix(2);
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, n.magnitude, hex ? 16 : 10);
  const bool outside =
      error == std::errc::result_out_of_range || n.magnitude > (n.negative ? min_of(type) : max_of(type));
  if (stop != end || error == std::errc::invalid_argument) {
    return {Code::kInvalid, quote(text) + " is no integer; write it as 12 or 0x0c"};
  }
  if (outside) {
    return {Code::kInvalid, fmt::format("{} is out of the range of {}: {}{} to {}", text, name_of(type),
                                        is_signed_integer(type) ? "-" : "", min_of(type), max_of(type))};
  }
  if (n.magnitude == 0) n.negative = false;
  return n;
}

Number unsigned_number(Type type, uint64_t magnitude) { return {type, false, magnitude, 0}; }

bool less(const Number& a, const Number& b) {
  if (is_float(a.type)) return a.real < b.real;
  if (a.negative != b.negative) return a.negative;
  return a.negative ? a.magnitude > b.magnitude : a.magnitude < b.magnitude;
}

bool is_min(const Number& n) {
  return !is_float(n.type) && n.magnitude == min_of(n.type) && n.negative == is_signed_integer(n.type);
}
bool is_max(const Number& n) { return !is_float(n.type) && !n.negative && n.magnitude == max_of(n.type); }

std::string c_literal(const Number& n) {
  switch (n.type) {
    case Type::kBool:
      return n.magnitude != 0 ? "true" : "false";
    case Type::kF32:
      return real_text(static_cast<float>(n.real)) + "f";
    case Type::kF64:
      return real_text(n.real);
    case Type::kU32:
      return fmt::format("{}u", n.magnitude);
    case Type::kU64:
      return fmt::format("{}ull", n.magnitude);
    case Type::kI64:
      if (is_min(n)) return "(-9223372036854775807ll - 1)";  // a literal has no sign
      return fmt::format("{}{}ll", sign(n), n.magnitude);
    case Type::kI32:
      if (is_min(n)) return "(-2147483647 - 1)";
      return fmt::format("{}{}", sign(n), n.magnitude);
    default:
      return fmt::format("{}{}", sign(n), n.magnitude);
  }
}

std::string python_literal(const Number& n) {
  if (n.type == Type::kBool) return n.magnitude != 0 ? "True" : "False";
  if (is_float(n.type)) return real_text(n.real);  // of f32 the double that it is
  return fmt::format("{}{}", sign(n), n.magnitude);
}

std::string number_text(const Number& n) {
  if (n.type == Type::kBool) return n.magnitude != 0 ? "true" : "false";
  if (n.type == Type::kF32) return fmt::format("{}", static_cast<float>(n.real));
  if (n.type == Type::kF64) return fmt::format("{}", n.real);
  return fmt::format("{}{}", sign(n), n.magnitude);
}

}  // namespace smt::cmd::api
