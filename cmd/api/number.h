// Numbers as they stand in a description: each of the type it is for, exact, and written again as C, C++
// and Python have it.
#ifndef SMT_CMD_API_NUMBER_H_
#define SMT_CMD_API_NUMBER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "shm/scalar.h"
#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd::api {

struct Number {
  Type type = Type::kU8;
  bool negative = false;  // of an integer or bool: sign and magnitude
  uint64_t magnitude = 0;
  double real = 0;  // of f32 (rounded to one) and f64
};

uint32_t bits_of(Type type);
// The greatest integer of the type, and the magnitude of the least one.
uint64_t max_of(Type type);
uint64_t min_of(Type type);

// Decimal, of integers also "0x1F"; of bool "true" and "false". kInvalid: it is none, or out of the type's
// range.
Result<Number> read_number(Type type, std::string_view text);
Number unsigned_number(Type type, uint64_t magnitude);

// Compares by value. REQUIRES: both have the same type.
bool less(const Number& a, const Number& b);
bool is_min(const Number& n);  // of its type
bool is_max(const Number& n);

std::string c_literal(const Number& n);  // C++ too
std::string python_literal(const Number& n);
// As it is told in a comment.
std::string number_text(const Number& n);

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_NUMBER_H_
