#include "cmd/value/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <filesystem>
#include <set>

#include "cmd/text/text.h"
#include "cmd/value/csv_cell.h"
#include "shm/control_characters.h"
#include "shm/domain.h"
#include "shm/scalar.h"

namespace smt::cmd {
namespace {

constexpr std::string_view kBlanks = " \t";

// Nothing if no type is called so in C.
std::optional<Type> type_from_c_name(std::string_view name) {
  for (Type type = Type::kBool; type <= Type::kChar; type = static_cast<Type>(static_cast<int>(type) + 1)) {
    if (c_type_name(type) == name) return type;
  }
  return std::nullopt;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

std::string_view trim(std::string_view text, std::string_view blanks) {
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// "q[3]" -> 3 and the length of "q". Nothing if the name does not end in an index.
struct Index {
  size_t stem;
  uint32_t index;
};
std::optional<Index> index_of(std::string_view name) {
  const size_t open = name.rfind('[');
  if (open == name.npos || open == 0 || !name.ends_with(']')) return std::nullopt;
  uint32_t index = 0;
  const char* end = name.data() + name.size() - 1;
  const auto [stop, error] = std::from_chars(name.data() + open + 1, end, index);
  if (error != std::errc() || stop != end) return std::nullopt;
  return Index{open, index};
}

// The columns differ in nothing but their names.
bool are_alike(const CsvColumn& a, const CsvColumn& b) {
  return a.type.type == b.type.type && a.type.text_bytes == b.type.text_bytes && a.unit == b.unit;
}

// Length of the run of columns name[0], name[1], ... that are alike and begin at `at`; 1 if there is none.
uint32_t array_length(const std::vector<CsvColumn>& columns, size_t at) {
  const CsvColumn& column = columns[at];
  const std::optional<Index> first = index_of(column.name);
  if (!first || first->index != 0 || column.type.text_bytes != 0) return 1;
  const std::string_view stem = std::string_view(column.name).substr(0, first->stem);
  uint32_t n = 1;
  for (size_t i = at + 1; i < columns.size() && are_alike(columns[i], column); ++i, ++n) {
    const std::string_view name = columns[i].name;
    const std::optional<Index> next = index_of(name);
    if (!next || next->index != n || name.substr(0, next->stem) != stem) break;
  }
  return n;
}

// The cell in quotes at the front of `row`; where the separator behind it stands, or the end of the row.
Result<size_t> take_quoted(std::string_view row, char separator, std::string_view blanks,
                           std::string_view* cell) {
  size_t close = row.find('"', 1);
  while (close != row.npos && row.substr(close + 1).starts_with('"')) close = row.find('"', close + 2);
  if (close == row.npos) return {Code::kInvalid, "a quote does not close"};
  *cell = row.substr(1, close - 1);
  const bool runs = separator == ' ';
  const size_t end = runs ? close + 1 : std::min(row.find_first_not_of(blanks, close + 1), row.size());
  const bool good =
      end == row.size() || (runs ? blanks.find(row[end]) != blanks.npos : row[end] == separator);
  if (!good) return {Code::kInvalid, "text after a closing quote"};
  return end;
}

std::string wrong_cell(size_t column, std::string_view cell, const std::string& why) {
  return fmt::format("column {}: \"{}\" is {}", column + 1, cell.substr(0, 40), why);
}

// Why a cell is no value of its column.
std::string reason(const CsvType& type, Parsed parsed) {
  if (parsed == Parsed::kTooLong) return fmt::format("more than {} bytes", type.text_bytes);
  return fmt::format("{} {}", parsed == Parsed::kOutOfRange ? "out of range of" : "no", name_of(type.type));
}

// The name of a file without the extension that says what it holds.
std::string_view without_extension(std::string_view file) {
  for (const std::string_view extension : {".csv", ".tsv", ".txt", ".dat"}) {
    if (has_extension(file, extension)) return file.substr(0, file.size() - extension.size());
  }
  return file;
}

}  // namespace

std::string_view c_type_name(Type type) {
  constexpr std::string_view kNames[] = {"bool",     "int8_t",  "uint8_t",  "int16_t", "uint16_t", "int32_t",
                                         "uint32_t", "int64_t", "uint64_t", "float",   "double",   "char"};
  return kNames[static_cast<size_t>(type)];
}

std::optional<CsvType> csv_type_from(std::string_view c_type) {
  if (const std::optional<Type> type = type_from_c_name(c_type)) return CsvType{*type};
  uint32_t bytes = 0;
  const std::string_view begin = "char[";
  if (!c_type.starts_with(begin) || !c_type.ends_with(']')) return std::nullopt;
  const char* end = c_type.data() + c_type.size() - 1;
  const auto [stop, error] = std::from_chars(c_type.data() + begin.size(), end, bytes);
  if (error != std::errc() || stop != end || bytes == 0 || bytes > kMaxCsvTextBytes) return std::nullopt;
  return CsvType{Type::kChar, bytes};
}

Result<std::vector<std::string_view>> split_row(std::string_view row, char separator) {
  const bool runs = separator == ' ';
  const std::string_view blanks = separator == '\t' ? " " : kBlanks;
  if (row.ends_with('\r')) row.remove_suffix(1);
  if (runs) row = trim(row, blanks);
  std::vector<std::string_view> cells;
  for (;;) {
    if (cells.size() == kMaxCsvColumns)
      return {Code::kInvalid, fmt::format("more than {} columns", kMaxCsvColumns)};
    size_t end = 0;
    const size_t begin = std::min(row.find_first_not_of(blanks), row.size());
    if (row.substr(begin).starts_with('"')) {
      row.remove_prefix(begin);
      const Result<size_t> taken = take_quoted(row, separator, blanks, &cells.emplace_back());
      if (!taken.ok()) return taken.status();
      end = *taken;
    } else {
      end = std::min(runs ? row.find_first_of(blanks) : row.find(separator), row.size());
      cells.push_back(trim(row.substr(0, end), blanks));
    }
    if (end == row.size()) return cells;
    row.remove_prefix(end + 1);
    if (runs) row.remove_prefix(std::min(row.find_first_not_of(blanks), row.size()));
  }
}

Result<CsvLayout> lay_out(const std::vector<CsvColumn>& columns, std::string_view type_name) {
  CsvLayout layout;
  layout.schema.type_name = type_name;
  uint32_t offset = 0, widest = 1;
  std::set<std::string> seen;
  for (size_t i = 0; i < columns.size();) {
    const CsvColumn& column = columns[i];
    const uint32_t width = type_bytes(column.type.type), run = array_length(columns, i);
    const uint32_t count = std::max(run, column.type.text_bytes);
    const std::string name = run > 1 ? column.name.substr(0, index_of(column.name)->stem) : column.name;
    if (!seen.insert(name).second) return {Code::kInvalid, fmt::format("column \"{}\" is twice there", name)};
    widest = std::max(widest, width);
    offset = (offset + width - 1) / width * width;
    layout.schema.fields.push_back({name, column.type.type, offset, count, column.unit});
    for (uint32_t k = 0; k < run; ++k) layout.columns.push_back({column.type, offset + k * width});
    i += run;
    offset += count * width;
    if (offset > kMaxCsvRowBytes) return {Code::kInvalid, "a row has more than 16 MiB"};
  }
  layout.schema.size = (offset + widest - 1) / widest * widest;
  if (Status s = layout.schema.check(); !s.ok()) return s;
  return layout;
}

bool is_type_row(std::string_view row) {
  const Result<std::vector<std::string_view>> cells = split_row(row);
  if (!cells.ok()) return false;
  const bool any = std::any_of(cells->begin(), cells->end(),
                               [](std::string_view cell) { return csv_type_from(cell).has_value(); });
  return any && std::all_of(cells->begin(), cells->end(), [](std::string_view cell) {
           return guess_cell(cell, false).kind == CellGuess::Kind::kText;
         });
}

Result<CsvLayout> parse_header(std::string_view names_row, std::string_view types_row,
                               std::string_view type_name) {
  Result<std::vector<std::string_view>> names = split_row(names_row);
  if (!names.ok()) return {Code::kInvalid, "row of names: " + names.status().message()};
  Result<std::vector<std::string_view>> c_types = split_row(types_row);
  if (!c_types.ok()) return {Code::kInvalid, "row of C types: " + c_types.status().message()};
  if (names->size() != c_types->size()) {
    return {Code::kInvalid, fmt::format("{} column names and {} C types", names->size(), c_types->size())};
  }
  std::vector<CsvColumn> columns;
  std::optional<CsvTime> time;
  for (size_t i = 0; i < names->size(); ++i) {
    const std::optional<CsvType> type = csv_type_from((*c_types)[i]);
    if (!type) {
      return {Code::kInvalid, fmt::format("\"{}\" is no C type of a column; known are {}",
                                          (*c_types)[i].substr(0, 40), kCsvTypes)};
    }
    const bool timestamp = (*names)[i] == "timestamp";
    if (timestamp && !is_integer(type->type)) return {Code::kInvalid, "column \"timestamp\" is no integer"};
    if (timestamp) time = CsvTime{i};
    columns.push_back({std::string((*names)[i]), *type, timestamp ? "us" : ""});
  }
  Result<CsvLayout> layout = lay_out(columns, type_name);
  if (!layout.ok()) return layout;
  if (!time) return {Code::kInvalid, "there is no column \"timestamp\", which paces the replay"};
  layout->time = time;
  return layout;
}

bool is_row(const CsvDialect& dialect, std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const size_t begin = line.find_first_not_of(kBlanks);
  if (begin == line.npos) return false;
  return !dialect.foreign || (line[begin] != '#' && line[begin] != '%' && line != dialect.names_line);
}

void drop_empty_end(const CsvDialect& dialect, size_t columns, std::vector<std::string_view>* cells) {
  if (dialect.foreign && cells->size() == columns + 1 && cells->back().empty()) cells->pop_back();
}

Status parse_row(const CsvLayout& layout, std::string_view row, std::vector<std::byte>* value,
                 int64_t* time_ns) {
  Result<std::vector<std::string_view>> cells = split_row(row, layout.dialect.separator);
  if (!cells.ok()) return cells.status();
  drop_empty_end(layout.dialect, layout.columns.size(), &*cells);
  if (cells->size() != layout.columns.size()) {
    return Status(Code::kInvalid,
                  fmt::format("{} columns instead of {}", cells->size(), layout.columns.size()));
  }
  value->assign(layout.schema.size, std::byte{0});
  for (size_t i = 0; i < cells->size(); ++i) {
    const Column& column = layout.columns[i];
    const Parsed parsed = parse_cell(column.type, layout.dialect, (*cells)[i], value->data() + column.offset);
    if (parsed != Parsed::kOk)
      return Status(Code::kInvalid, wrong_cell(i, (*cells)[i], reason(column.type, parsed)));
  }
  if (!layout.time) return Status();
  const std::string_view cell = (*cells)[layout.time->column];
  const std::optional<int64_t> ns = cell_time_ns(cell, layout.time->unit_ns, layout.dialect.decimal_comma);
  if (!ns) {
    return Status(Code::kInvalid, wrong_cell(layout.time->column, cell,
                                             "no time, or one whose nanoseconds do not fit 64 bits"));
  }
  *time_ns = *ns;
  return Status();
}

bool is_csv_name(std::string_view file) { return without_extension(file).size() < file.size(); }

CsvName name_from_file(std::string_view file) {
  file = without_extension(file);
  const size_t slash = file.rfind('/'), begin = slash == file.npos ? 0 : slash + 1, dot = file.rfind('.');
  const bool instance = dot != file.npos && dot > begin && is_number(file.substr(dot + 1));
  std::string topic(file), type(file.substr(begin, instance ? dot - begin : file.npos));
  if (instance) topic[dot] = '/';
  // A topic may have blanks in its name, a type may not.
  std::replace_if(
      type.begin(), type.end(), [](char c) { return c == ' ' || is_control(c); }, '_');
  return {std::move(topic), std::move(type)};
}

Result<std::string> file_from_name(const std::string& topic) {
  if (Status s = check_topic_name(topic); !s.ok()) return s;
  std::string file = topic;
  const size_t slash = topic.rfind('/');
  if (slash != topic.npos && is_number(std::string_view(topic).substr(slash + 1))) file[slash] = '.';
  file += ".csv";
  bool good = name_from_file(file).topic == topic;
  for (const std::filesystem::path& part : std::filesystem::path(file)) {
    good = good && part != "." && part != ".." && part.native().size() <= NAME_MAX;
  }
  if (!good) return {Code::kInvalid, "no CSV file can have the name of topic '" + topic + "'"};
  return file;
}

}  // namespace smt::cmd
