// How a CSV file writes its rows, what a column holds, and the bounds of both.
#ifndef SMT_CMD_VALUE_CSV_DIALECT_H_
#define SMT_CMD_VALUE_CSV_DIALECT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "cmd/text/words.h"
#include "shm/schema.h"

namespace smt::cmd {

inline constexpr uint32_t kMaxCsvColumns = 16384;
inline constexpr uint32_t kMaxCsvTextBytes = 1 << 16;
inline constexpr uint32_t kMaxCsvRowBytes = 1 << 24;  // of a row's value
// Texts have their quotes doubled at most; beside them stand numbers and separators.
inline constexpr size_t kMaxCsvLineBytes = 64 << 20;
static_assert(kMaxCsvLineBytes > 2 * size_t{kMaxCsvRowBytes} + 64 * size_t{kMaxCsvColumns});

inline constexpr NamedValue<char> kCsvSeparators[] = {
    {"comma", ','}, {"semicolon", ';'}, {"tab", '\t'}, {"space", ' '}};

// How a file writes its rows. Without changes: as smtrelay does.
struct CsvDialect {
  char separator = ',';  // ' ' stands for any run of blanks and tabs
  bool decimal_comma = false;
  // The file is one of another program. A missing number (an empty cell, NA, null, ...) is NaN, a row may
  // end with a separator, lines that begin with '#' or '%' are comments, and so are repetitions of
  // `names_line`.
  bool foreign = false;
  std::string names_line = {};
};

// What the cells of a column are.
struct CsvType {
  Type type;
  uint32_t text_bytes = 0;  // of char[n]: n, a text; else 0
};

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_CSV_DIALECT_H_
