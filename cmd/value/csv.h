// The text of recorded topics: CSV whose first row names the columns and whose second row has their C types.
// Pure functions of one row; nothing here opens a file.
#ifndef SMT_CMD_VALUE_CSV_H_
#define SMT_CMD_VALUE_CSV_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

// The cells of one row, without a line end (a trailing '\r' is dropped). Quotes around a cell are taken off;
// they may hold commas, and quotes that are doubled, which stay doubled. kInvalid: a quote that does not
// close, or text after one. The cells point into `row`.
Result<std::vector<std::string_view>> split_row(std::string_view row);

// "bool" "int8_t" ... "uint64_t" "float" "double" "char"
std::string_view c_type_name(Type type);

struct Column {
  Type type;
  uint32_t offset;          // in the value
  uint32_t text_bytes = 0;  // of char[n]: n, one column of text
};

// How rows of one file become values: the struct that a C compiler makes of the columns in their order, each
// at its natural alignment. A run of columns q[0], q[1], ... of one type is one array field, and a column of
// type char[32] a text.
struct CsvLayout {
  Schema schema;
  std::vector<Column> columns;  // in the file's order
  size_t timestamp_column = 0;
};

// kInvalid: no columns, another number of types than of names, a C type that is none of bool, int8_t to
// uint64_t, float, double, char and char[n], a name that is no field's name or twice there, no integer column
// `timestamp`, values of more than 16 MiB.
Result<CsvLayout> parse_header(std::string_view names_row, std::string_view types_row,
                               std::string_view type_name);

// Writes a row into `value` (layout.schema.size bytes; padding becomes zero) and its timestamp, microseconds.
// Floats may be nan or inf in any case, bool is 0, 1, true or false, char a number or one character.
// kInvalid, with the column: wrong number of columns, not a number, out of range, too long a text. `value`
// then holds anything.
Status parse_row(const CsvLayout& layout, std::string_view row, std::vector<std::byte>* value,
                 int64_t* timestamp_us);

// "vehicle_attitude.0.csv" -> topic "vehicle_attitude/0", type "vehicle_attitude"; "arm/left.csv" -> topic
// "arm/left", type "left". `file` is relative to the recording's folder.
struct CsvName {
  std::string topic, type;
};
CsvName name_from_file(std::string_view file);
// The file of which name_from_file gives the topic. kInvalid: there is none, as of "gps.0", or no such topic.
Result<std::string> file_from_name(const std::string& topic);

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_CSV_H_
