// Rows of CSV as values of a topic. A file of smtrelay names its columns in row 1 and has their C types in
// row 2. Files of other programs have no types: csv_guess.h tells their layout. Pure functions of one row;
// nothing here opens a file.
#ifndef SMT_CMD_VALUE_CSV_H_
#define SMT_CMD_VALUE_CSV_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/value/csv_dialect.h"
#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

// The cells of one row, without a line end (a trailing '\r' is dropped). Quotes around a cell are taken off;
// they may hold separators, and quotes that are doubled, which stay doubled. kInvalid: a quote that does not
// close, text after one, or more than kMaxCsvColumns cells. The cells point into `row`.
Result<std::vector<std::string_view>> split_row(std::string_view row, char separator = ',');

// "bool" "int8_t" ... "uint64_t" "float" "double" "char"
std::string_view c_type_name(Type type);

// "float", "char[32]". Nothing: it is no C type of a column.
std::optional<CsvType> csv_type_from(std::string_view c_type);
inline constexpr std::string_view kCsvTypes =
    "bool, int8_t to uint64_t, float, double, char and char[32]";  // as messages list them

// A column as the file tells of it.
struct CsvColumn {
  std::string name;
  CsvType type;
  std::string unit = {};
};

// A column as its cells become part of a value.
struct Column {
  CsvType type;
  uint32_t offset = 0;  // in the value
};

// The column that tells a row's time.
struct CsvTime {
  size_t column = 0;
  int64_t unit_ns = 1'000;  // 0: a text of ISO 8601
};

// How rows of one file become values: the struct that a C compiler makes of the columns in their order, each
// at its natural alignment. A run of columns q[0], q[1], ... of one type and unit is one array field, and a
// column of type char[32] a text.
struct CsvLayout {
  Schema schema;
  std::vector<Column> columns;  // in the file's order
  CsvDialect dialect;
  std::optional<CsvTime> time;  // nothing: rows do not tell their time
};

// kInvalid: a name that is no field's name or twice there, or values of more than 16 MiB. The layout tells
// neither dialect nor time.
Result<CsvLayout> lay_out(const std::vector<CsvColumn>& columns, std::string_view type_name);

// Row 2 of a file has C types, and not values. A row with a mistake in one of them is one of types, too.
bool is_type_row(std::string_view row);

// kInvalid: no columns, another number of types than of names, a C type that is none of kCsvTypes, no
// integer column `timestamp`, which counts microseconds, or what lay_out says.
Result<CsvLayout> parse_header(std::string_view names_row, std::string_view types_row,
                               std::string_view type_name);

// Whether the line holds a row: it is neither blank nor a comment.
bool is_row(const CsvDialect& dialect, std::string_view line);
// Takes an empty cell behind the last column off, as a separator at the end of the row makes it.
void drop_empty_end(const CsvDialect& dialect, size_t columns, std::vector<std::string_view>* cells);

// Writes a row into `value` (layout.schema.size bytes; padding becomes zero) and its time, where the layout
// tells of one. Floats may be nan or inf in any case, bool is 0, 1, true or false, char a number or one
// character. kInvalid, with the column: wrong number of columns, not a number, out of range, too long a
// text, no time. `value` then holds anything.
Status parse_row(const CsvLayout& layout, std::string_view row, std::vector<std::byte>* value,
                 int64_t* time_ns);

// The extension of a name, in any case, says that the file holds rows: ".csv", ".tsv", ".txt" or ".dat".
bool is_csv_name(std::string_view file);

// "vehicle_attitude.0.csv" -> topic "vehicle_attitude/0", type "vehicle_attitude"; "arm/left arm.CSV" ->
// topic "arm/left arm", type "left_arm". `file` is relative to the recording's folder.
struct CsvName {
  std::string topic, type;
};
CsvName name_from_file(std::string_view file);
// The file of which name_from_file gives the topic. kInvalid: there is none, as of "gps.0", or no such topic.
Result<std::string> file_from_name(const std::string& topic);

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_CSV_H_
