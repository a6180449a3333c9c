// The layout of a CSV file of another program, which has no row of C types: told by its first lines and then
// by all its rows.
#ifndef SMT_CMD_VALUE_CSV_GUESS_H_
#define SMT_CMD_VALUE_CSV_GUESS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/value/csv.h"
#include "cmd/value/csv_head.h"
#include "cmd/value/csv_options.h"

namespace smt::cmd {

// What the options do not say is guessed. Separator and names are told by the head. All rows together tell:
//   type  bool, int64_t, uint64_t, double, or a text as long as the longest. A column in which a number is
//         missing is double; a column of several kinds is text, and so is one of dates.
//   decimal commas  between semicolons, where no number has a point.
//   time  the column timestamp, time, stamp or t, in any case, also as __time, header.stamp or time_ms;
//         otherwise the first one that only grows and does not just count the rows.
//   its unit  by its name or its [unit]; otherwise see guess_time_unit.
class CsvGuess {
 public:
  // kInvalid: there is no row, or what guess_names says.
  static Result<CsvGuess> begin(const CsvHead& head, const CsvOptions& options);

  // The number of the line with which the rows begin.
  uint64_t first_row() const { return names_.first_row; }
  // Takes the next line, beginning with that one. A line that is no row, or has another number of cells,
  // tells nothing.
  void add(std::string_view line);
  // kInvalid: no row tells anything, no column tells the time, decimal signs are mixed, or what lay_out says.
  Result<CsvLayout> finish(std::string_view type_name);
  // What was guessed, in one line. After finish().
  const std::string& told() const { return told_; }

 private:
  // What the cells of a column are.
  struct Seen {
    bool text = false, boolean = false, integer = false, number = false, time = false, missing = false;
    bool negative = false, only_unsigned = false, comma = false, point = false;
    size_t max_text = 0;
    std::string odd;  // the first cell that is neither a number nor a time
    uint64_t odd_line = 0;
    // Of the numbers or times in it:
    uint64_t count = 0, rises = 0;
    bool falls = false;
    bool counter = true;  // 0, 1, 2, ... or 1, 2, 3, ...
    long double first = 0, last = 0;
    std::vector<double> steps;  // the first rises

    void add(std::string_view cell, bool decimal_comma, uint64_t line);
    void add_time(long double value);
    CsvType type() const;
    bool is_numeric() const { return (integer || number) && !text && !boolean && !time; }
    bool is_time() const {
      return count > 0 && (is_numeric() || (time && !text && !boolean && !integer && !number));
    }
    double median_step() const;
  };

  explicit CsvGuess(CsvOptions options) : options_(std::move(options)) {}
  Status choose_decimal();
  std::vector<CsvColumn> typed_columns() const;
  Result<size_t> time_column() const;
  std::optional<size_t> named_time() const;
  std::optional<size_t> growing_time() const;
  int64_t time_unit(size_t column, std::string_view* why) const;
  Status not_the_time(size_t column) const;
  std::string columns_text() const;
  std::string mixed_text(const CsvLayout& layout) const;
  std::string tell(const CsvLayout& layout, std::string_view why_unit) const;

  CsvOptions options_;
  CsvDialect dialect_;
  CsvNames names_;
  std::vector<Seen> columns_;
  uint64_t line_ = 0, rows_ = 0, comments_ = 0;
  std::string told_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_CSV_GUESS_H_
