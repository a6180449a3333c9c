#include "cmd/value/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <type_traits>

#include "shm/domain.h"
#include "shm/scalar.h"

namespace smt::cmd {
namespace {

constexpr uint32_t kMaxColumns = 16384;
constexpr uint32_t kMaxTextBytes = 1 << 16, kMaxRowBytes = 1 << 24;

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

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// "char[32]" -> 32. Nothing if it is no such type.
std::optional<uint32_t> text_bytes(std::string_view c_type) {
  uint32_t bytes = 0;
  const std::string_view begin = "char[";
  if (!c_type.starts_with(begin) || !c_type.ends_with(']')) return std::nullopt;
  const char* end = c_type.data() + c_type.size() - 1;
  const auto [stop, error] = std::from_chars(c_type.data() + begin.size(), end, bytes);
  if (error != std::errc() || stop != end || bytes == 0 || bytes > kMaxTextBytes) return std::nullopt;
  return bytes;
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

// Length of the run of columns name[0], name[1], ... of one type that begins at `at`; 1 if there is none.
uint32_t array_length(const std::vector<std::string_view>& names, const std::vector<Column>& columns,
                      size_t at) {
  const std::optional<Index> first = index_of(names[at]);
  if (!first || first->index != 0 || columns[at].text_bytes != 0) return 1;
  const std::string_view stem = names[at].substr(0, first->stem);
  uint32_t n = 1;
  for (size_t i = at + 1; i < names.size(); ++i, ++n) {
    if (columns[i].type != columns[at].type || columns[i].text_bytes != 0) break;
    const std::optional<Index> next = index_of(names[i]);
    if (!next || next->index != n || names[i].substr(0, next->stem) != stem) break;
  }
  return n;
}

bool same_ignoring_case(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + ('a' - 'A') : x) == y; });
}

enum class Parsed { kOk, kNotANumber, kOutOfRange, kTooLong };

template <class T>
Parsed parse_number(std::string_view cell, void* to) {
  if (cell.starts_with('+') && !cell.starts_with("+-")) cell.remove_prefix(1);
  T value{};
  const auto [stop, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (stop != cell.data() + cell.size() || cell.empty()) return Parsed::kNotANumber;
  if (error == std::errc::result_out_of_range) {
    if constexpr (std::is_integral_v<T>) {
      return Parsed::kOutOfRange;
    } else {  // too small is zero, or nearly; too large is an error
      value = static_cast<T>(strtold(std::string(cell).c_str(), nullptr));
      if (std::isinf(value)) return Parsed::kOutOfRange;
      memcpy(to, &value, sizeof value);
      return Parsed::kOk;
    }
  }
  if (error != std::errc()) return Parsed::kNotANumber;
  memcpy(to, &value, sizeof value);
  return Parsed::kOk;
}

Parsed parse_bool(std::string_view cell, void* to) {
  const bool yes = cell == "1" || same_ignoring_case(cell, "true");
  if (!yes && cell != "0" && !same_ignoring_case(cell, "false")) return Parsed::kNotANumber;
  memcpy(to, &yes, 1);
  return Parsed::kOk;
}

Parsed parse_char(std::string_view cell, void* to) {
  int16_t value = 0;
  const Parsed parsed = parse_number<int16_t>(cell, &value);
  if (parsed == Parsed::kNotANumber && cell.size() == 1) {
    memcpy(to, cell.data(), 1);
    return Parsed::kOk;
  }
  if (parsed != Parsed::kOk) return parsed;
  if (value < -128 || value > 255) return Parsed::kOutOfRange;
  memcpy(to, &value, 1);  // little-endian: the low byte
  return Parsed::kOk;
}

// Doubled quotes become one. What the text does not fill is zero already.
Parsed parse_text(std::string_view cell, uint32_t bytes, std::byte* to) {
  uint32_t n = 0;
  for (size_t i = 0; i < cell.size(); ++i, ++n) {
    if (n == bytes) return Parsed::kTooLong;
    to[n] = static_cast<std::byte>(cell[i]);
    if (cell.substr(i).starts_with("\"\"")) ++i;
  }
  return Parsed::kOk;
}

Parsed parse_cell(const Column& column, std::string_view cell, std::byte* to) {
  if (column.text_bytes != 0) return parse_text(cell, column.text_bytes, to);
  return visit_scalar(column.type, [&]<class T>(T) {
    if constexpr (std::is_same_v<T, bool>) {
      return parse_bool(cell, to);
    } else if constexpr (std::is_same_v<T, char>) {
      return parse_char(cell, to);
    } else {
      return parse_number<T>(cell, to);
    }
  });
}

// The value at `at`, microseconds; nothing if its nanoseconds do not fit 64 bits.
std::optional<int64_t> microseconds(Type type, const std::byte* at) {
  uint64_t bits = 0;
  memcpy(&bits, at, type_bytes(type));
  if (is_signed_integer(type)) {
    const unsigned shift = 64 - 8 * type_bytes(type);
    const int64_t us = static_cast<int64_t>(bits << shift) >> shift;
    return us < std::numeric_limits<int64_t>::min() / 1000 ? std::nullopt : std::optional(us);
  }
  return bits > uint64_t{std::numeric_limits<int64_t>::max()} / 1000
             ? std::nullopt
             : std::optional(static_cast<int64_t>(bits));
}

}  // namespace

std::string_view c_type_name(Type type) {
  constexpr std::string_view kNames[] = {"bool",     "int8_t",  "uint8_t",  "int16_t", "uint16_t", "int32_t",
                                         "uint32_t", "int64_t", "uint64_t", "float",   "double",   "char"};
  return kNames[static_cast<size_t>(type)];
}

Result<std::vector<std::string_view>> split_row(std::string_view row) {
  if (row.ends_with('\r')) row.remove_suffix(1);
  std::vector<std::string_view> cells;
  for (;;) {
    size_t end = 0;
    if (row.starts_with('"')) {
      size_t close = row.find('"', 1);
      while (close != row.npos && row.substr(close + 1).starts_with('"')) close = row.find('"', close + 2);
      if (close == row.npos) return {Code::kInvalid, "a quote does not close"};
      cells.push_back(row.substr(1, close - 1));
      end = close + 1;
      if (end < row.size() && row[end] != ',') return {Code::kInvalid, "text after a closing quote"};
    } else {
      end = std::min(row.find(','), row.size());
      cells.push_back(trim(row.substr(0, end)));
    }
    if (end == row.size()) return cells;
    row.remove_prefix(end + 1);
  }
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
  if (names->size() > kMaxColumns) return {Code::kInvalid, fmt::format("more than {} columns", kMaxColumns)};
  CsvLayout layout;
  for (std::string_view c_type : *c_types) {
    if (const std::optional<uint32_t> bytes = text_bytes(c_type)) {
      layout.columns.push_back({Type::kChar, 0, *bytes});
      continue;
    }
    const std::optional<Type> type = type_from_c_name(c_type);
    if (!type) {
      return {Code::kInvalid,
              fmt::format("\"{}\" is no C type of a column; known are bool, int8_t to uint64_t, "
                          "float, double, char and char[32]",
                          c_type)};
    }
    layout.columns.push_back({*type, 0});
  }
  layout.schema.type_name = type_name;
  bool has_timestamp = false;
  uint32_t offset = 0, widest = 1;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < layout.columns.size();) {
    const Type type = layout.columns[i].type;
    const uint32_t width = type_bytes(type), columns = array_length(*names, layout.columns, i);
    const uint32_t count = std::max(columns, layout.columns[i].text_bytes);
    const std::string_view name =
        columns > 1 ? (*names)[i].substr(0, index_of((*names)[i])->stem) : (*names)[i];
    if (!seen.insert(name).second) return {Code::kInvalid, fmt::format("column \"{}\" is twice there", name)};
    widest = std::max(widest, width);
    offset = (offset + width - 1) / width * width;
    layout.schema.fields.push_back({std::string(name), type, offset, count, name == "timestamp" ? "us" : ""});
    if (name == "timestamp" && count == 1) {
      if (!is_integer(type)) return {Code::kInvalid, "column \"timestamp\" is no integer"};
      has_timestamp = true;
      layout.timestamp_column = i;
    }
    for (uint32_t k = 0; k < columns; ++k) layout.columns[i++].offset = offset + k * width;
    offset += count * width;
    if (offset > kMaxRowBytes) return {Code::kInvalid, "a row has more than 16 MiB"};
  }
  if (!has_timestamp) return {Code::kInvalid, "there is no column \"timestamp\", which paces the replay"};
  layout.schema.size = (offset + widest - 1) / widest * widest;
  if (Status s = layout.schema.check(); !s.ok()) return s;
  return layout;
}

Status parse_row(const CsvLayout& layout, std::string_view row, std::vector<std::byte>* value,
                 int64_t* timestamp_us) {
  Result<std::vector<std::string_view>> cells = split_row(row);
  if (!cells.ok()) return cells.status();
  if (cells->size() != layout.columns.size()) {
    return Status(Code::kInvalid,
                  fmt::format("{} columns instead of {}", cells->size(), layout.columns.size()));
  }
  value->assign(layout.schema.size, std::byte{0});
  for (size_t i = 0; i < cells->size(); ++i) {
    const Column& column = layout.columns[i];
    const Parsed parsed = parse_cell(column, (*cells)[i], value->data() + column.offset);
    if (parsed == Parsed::kOk) continue;
    const std::string why =
        parsed == Parsed::kTooLong
            ? fmt::format("more than {} bytes", column.text_bytes)
            : fmt::format("{} {}", parsed == Parsed::kOutOfRange ? "out of range of" : "no",
                          name_of(column.type));
    return Status(Code::kInvalid,
                  fmt::format("column {}: \"{}\" is {}", i + 1, (*cells)[i].substr(0, 40), why));
  }
  const Column& timestamp = layout.columns[layout.timestamp_column];
  const std::optional<int64_t> us = microseconds(timestamp.type, value->data() + timestamp.offset);
  if (!us) return Status(Code::kInvalid, "the timestamp is out of range: its nanoseconds do not fit 64 bits");
  *timestamp_us = *us;
  return Status();
}

CsvName name_from_file(std::string_view file) {
  if (file.ends_with(".csv")) file.remove_suffix(4);
  const size_t slash = file.rfind('/'), begin = slash == file.npos ? 0 : slash + 1, dot = file.rfind('.');
  const bool instance = dot != file.npos && dot > begin && is_number(file.substr(dot + 1));
  if (!instance) return {std::string(file), std::string(file.substr(begin))};
  const std::string name(file.substr(0, dot));
  return {name + "/" + std::string(file.substr(dot + 1)), name.substr(begin)};
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
