// One cell of CSV: as the value of a column, and as what it seems to be where nobody says its type.
#ifndef SMT_CMD_VALUE_CSV_CELL_H_
#define SMT_CMD_VALUE_CSV_CELL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cmd/value/csv_dialect.h"

namespace smt::cmd {

enum class Parsed { kOk, kNotOfType, kOutOfRange, kTooLong };

// Writes the cell to `to`, where there is room for a value of the type, all of it zero.
Parsed parse_cell(const CsvType& type, const CsvDialect& dialect, std::string_view cell, std::byte* to);

// The words for a number that is not there, as pandas knows them; an empty cell too.
bool is_missing(std::string_view cell);

// Bytes of the text of a cell, in which doubled quotes are one.
size_t text_size(std::string_view cell);
// The text of a cell, in which doubled quotes are one.
std::string cell_text(std::string_view cell);

// The time that a cell tells, in nanoseconds; `unit_ns` 0: as a text of ISO 8601. Nothing: none, or one
// beyond 64 bits.
std::optional<int64_t> cell_time_ns(std::string_view cell, int64_t unit_ns, bool decimal_comma);

// What a cell seems to be.
struct CellGuess {
  enum class Kind { kMissing, kBool, kInteger, kNumber, kTime, kText };
  Kind kind = Kind::kText;
  double number = 0;           // of an integer or a number, NaN and infinite ones too; a double next to it
  int64_t whole = 0;           // of an integer of 64 bits, or of a time, nanoseconds
  bool only_unsigned = false;  // an integer that only uint64_t holds
  char point = 0;              // the decimal sign that it has; 0: none
};
// `decimal_comma`: a number may have a comma for its point.
CellGuess guess_cell(std::string_view cell, bool decimal_comma);

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_CSV_CELL_H_
