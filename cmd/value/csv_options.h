// What a user says about CSV of other programs, so that it need not be guessed.
#ifndef SMT_CMD_VALUE_CSV_OPTIONS_H_
#define SMT_CMD_VALUE_CSV_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/text/words.h"
#include "cmd/value/csv_dialect.h"

namespace smt::cmd {

// The decimal signs, and whether each is a comma.
inline constexpr NamedValue<bool> kCsvDecimals[] = {{"point", false}, {"comma", true}};

// They count for files without a row of C types. What is not said is guessed, see csv_guess.h.
struct CsvOptions {
  std::optional<char> separator = {};      // one of kCsvSeparators
  std::optional<bool> decimal_comma = {};  // where there is one, cells are not parted by commas
  std::optional<uint64_t> header = {};     // number of the line that names the columns; 0: none
  std::vector<std::string> names = {};     // of all columns
  std::vector<std::pair<std::string, CsvType>> types = {};  // of columns by their names
  std::vector<std::pair<std::string, std::string>> units = {};
  std::string time = {};                     // the column that is the time: its name, or its number from 1
  std::optional<int64_t> time_unit_ns = {};  // one of kTimeUnits
  double rate_hz = 0;                        // no column is the time: rows come so often; 0: one is
};

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_CSV_OPTIONS_H_
