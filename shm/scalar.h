// Maps each scalar type of a schema to its C++ type: the one place that goes through all of them.
#ifndef SMT_SHM_SCALAR_H_
#define SMT_SHM_SCALAR_H_

#include <cstdint>
#include <type_traits>

#include "shm/schema.h"

namespace smt {

// Calls `f` with a zero of the C++ type of `type`, and returns what it returns: `f` is a template for all of
// bool, int8_t ... uint64_t, float, double and char.
template <class F>
constexpr auto visit_scalar(Type type, F&& f) {
  switch (type) {
    case Type::kBool:
      return f(bool{});
    case Type::kI8:
      return f(int8_t{});
    case Type::kU8:
      return f(uint8_t{});
    case Type::kI16:
      return f(int16_t{});
    case Type::kU16:
      return f(uint16_t{});
    case Type::kI32:
      return f(int32_t{});
    case Type::kU32:
      return f(uint32_t{});
    case Type::kI64:
      return f(int64_t{});
    case Type::kU64:
      return f(uint64_t{});
    case Type::kF32:
      return f(float{});
    case Type::kF64:
      return f(double{});
    case Type::kChar:
      break;
  }
  return f(char{});
}

// Numbers are the integers and the floats: neither bool nor char.
template <class T>
inline constexpr bool kIsNumberType =
    std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>;

constexpr bool is_number(Type type) { return type != Type::kBool && type != Type::kChar; }
constexpr bool is_float(Type type) { return type == Type::kF32 || type == Type::kF64; }
constexpr bool is_integer(Type type) { return is_number(type) && !is_float(type); }
constexpr bool is_signed_integer(Type type) {
  return visit_scalar(
      type, []<class T>(T) { return kIsNumberType<T> && std::is_integral_v<T> && std::is_signed_v<T>; });
}

}  // namespace smt

#endif  // SMT_SHM_SCALAR_H_
