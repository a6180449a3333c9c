// The beginning of a CSV file of another program: what is between its cells, and which line names its
// columns.
#ifndef SMT_CMD_VALUE_CSV_HEAD_H_
#define SMT_CMD_VALUE_CSV_HEAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/value/csv_options.h"
#include "shm/status.h"

namespace smt::cmd {

inline constexpr size_t kMaxCsvHeadLineBytes = 4 << 20;

// The first lines: what names the columns, and ten rows.
class CsvHead {
 public:
  struct Line {
    uint64_t number = 0;
    std::string text;
  };

  // Takes the next line of the file. kInvalid: the file is no text, or its lines do not end with a line feed.
  Status add(std::string_view line, const CsvOptions& options);
  bool full() const { return rows_.size() == kRows; }

  // The first lines that hold rows, of which the first may hold the names.
  const std::vector<Line>& rows() const { return rows_; }
  // The line that the options say has the names; otherwise the last comment before the first row.
  const Line& above() const { return above_; }
  // Of a first line "sep=;", as Excel writes it.
  std::optional<char> separator() const { return separator_; }

 private:
  static constexpr size_t kRows = 11;

  uint64_t lines_ = 0;
  std::vector<Line> rows_;
  Line above_;
  std::optional<char> separator_;
};

// Whether a number may have a comma for its point: between semicolons, unless the options say otherwise.
bool may_have_decimal_commas(char separator, const CsvOptions& options);

// Of kCsvSeparators the one that parts most cells of the rows into numbers, times and the like, in equally
// many columns.
char guess_separator(const CsvHead& head, const CsvOptions& options);

// How the columns are named, and where the rows begin.
struct CsvNames {
  std::vector<std::string> names, units;  // of all columns; a unit may be empty
  std::string line;                       // the text of the line of names, where that is a row; else ""
  uint64_t line_number = 0;               // of that, or of the comment; 0: no line has the names
  uint64_t first_row = 0;                 // the number of the line with which the rows begin
};
// The first row names the columns if it has a text above the numbers of a column, or nothing but texts. So
// does a comment above it that has as many words. "p [m]" and "p (m)" are a name and its unit; a blank in a
// name becomes a '_', one in a unit a '*'; a name that is twice there gets a number. Columns that nobody
// names are c1, c2, ... kInvalid: another number of names than of columns. REQUIRES: head has a row
Result<CsvNames> guess_names(const CsvHead& head, char separator, const CsvOptions& options);

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_CSV_HEAD_H_
