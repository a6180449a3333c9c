#include "cmd/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <type_traits>

namespace smt::cmd {
namespace {

constexpr uint32_t kMaxColumns = 16384;

const std::map<std::string_view, Type> kCTypes = {
    {"bool", Type::kBool},    {"int8_t", Type::kI8},   {"uint8_t", Type::kU8},   {"int16_t", Type::kI16},
    {"uint16_t", Type::kU16}, {"int32_t", Type::kI32}, {"uint32_t", Type::kU32}, {"int64_t", Type::kI64},
    {"uint64_t", Type::kU64}, {"float", Type::kF32},   {"double", Type::kF64},   {"char", Type::kChar},
};

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// "q[3]" -> 3 and the length of "q". Nothing if the name does not end in an index.
struct Index {
  size_t stem;
  uint32_t index;
};
std::optional<Index> IndexOf(std::string_view name) {
  const size_t open = name.rfind('[');
  if (open == name.npos || open == 0 || !name.ends_with(']')) return std::nullopt;
  uint32_t index = 0;
  const char* end = name.data() + name.size() - 1;
  const auto [stop, error] = std::from_chars(name.data() + open + 1, end, index);
  if (error != std::errc() || stop != end) return std::nullopt;
  return Index{open, index};
}

// Length of the run of columns name[0], name[1], ... of one type that begins at `at`; 1 if there is none.
uint32_t ArrayLength(const std::vector<std::string_view>& names, const std::vector<Type>& types, size_t at) {
  const std::optional<Index> first = IndexOf(names[at]);
  if (!first || first->index != 0) return 1;
  const std::string_view stem = names[at].substr(0, first->stem);
  uint32_t n = 1;
  for (size_t i = at + 1; i < names.size() && types[i] == types[at]; ++i, ++n) {
    const std::optional<Index> next = IndexOf(names[i]);
    if (!next || next->index != n || names[i].substr(0, next->stem) != stem) break;
  }
  return n;
}

bool SameIgnoringCase(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + ('a' - 'A') : x) == y; });
}

enum class Parsed { kOk, kNotANumber, kOutOfRange };

template <class T>
Parsed ParseNumber(std::string_view cell, void* to) {
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

Parsed ParseBool(std::string_view cell, void* to) {
  const bool yes = cell == "1" || SameIgnoringCase(cell, "true");
  if (!yes && cell != "0" && !SameIgnoringCase(cell, "false")) return Parsed::kNotANumber;
  memcpy(to, &yes, 1);
  return Parsed::kOk;
}

Parsed ParseChar(std::string_view cell, void* to) {
  int16_t value = 0;
  const Parsed parsed = ParseNumber<int16_t>(cell, &value);
  if (parsed == Parsed::kNotANumber && cell.size() == 1) {
    memcpy(to, cell.data(), 1);
    return Parsed::kOk;
  }
  if (parsed != Parsed::kOk) return parsed;
  if (value < -128 || value > 255) return Parsed::kOutOfRange;
  memcpy(to, &value, 1);  // little-endian: the low byte
  return Parsed::kOk;
}

Parsed ParseCell(Type type, std::string_view cell, void* to) {
  switch (type) {
    case Type::kBool:
      return ParseBool(cell, to);
    case Type::kI8:
      return ParseNumber<int8_t>(cell, to);
    case Type::kU8:
      return ParseNumber<uint8_t>(cell, to);
    case Type::kI16:
      return ParseNumber<int16_t>(cell, to);
    case Type::kU16:
      return ParseNumber<uint16_t>(cell, to);
    case Type::kI32:
      return ParseNumber<int32_t>(cell, to);
    case Type::kU32:
      return ParseNumber<uint32_t>(cell, to);
    case Type::kI64:
      return ParseNumber<int64_t>(cell, to);
    case Type::kU64:
      return ParseNumber<uint64_t>(cell, to);
    case Type::kF32:
      return ParseNumber<float>(cell, to);
    case Type::kF64:
      return ParseNumber<double>(cell, to);
    case Type::kChar:
      return ParseChar(cell, to);
  }
  return Parsed::kNotANumber;
}

// The value at `at`, microseconds; nothing if its nanoseconds do not fit 64 bits.
std::optional<int64_t> Microseconds(Type type, const std::byte* at) {
  uint64_t bits = 0;
  memcpy(&bits, at, TypeBytes(type));
  if (type == Type::kI8 || type == Type::kI16 || type == Type::kI32 || type == Type::kI64) {
    const unsigned shift = 64 - 8 * TypeBytes(type);
    const int64_t us = static_cast<int64_t>(bits << shift) >> shift;
    return us < std::numeric_limits<int64_t>::min() / 1000 ? std::nullopt : std::optional(us);
  }
  return bits > uint64_t{std::numeric_limits<int64_t>::max()} / 1000
             ? std::nullopt
             : std::optional(static_cast<int64_t>(bits));
}

}  // namespace

Result<std::vector<std::string_view>> SplitRow(std::string_view row) {
  if (row.ends_with('\r')) row.remove_suffix(1);
  std::vector<std::string_view> cells;
  for (;;) {
    size_t end = 0;
    if (row.starts_with('"')) {
      const size_t close = row.find('"', 1);
      if (close == row.npos) return {Code::kInvalid, "a quote does not close"};
      cells.push_back(row.substr(1, close - 1));
      end = close + 1;
      if (end < row.size() && row[end] != ',') return {Code::kInvalid, "text after a closing quote"};
    } else {
      end = std::min(row.find(','), row.size());
      cells.push_back(Trim(row.substr(0, end)));
    }
    if (end == row.size()) return cells;
    row.remove_prefix(end + 1);
  }
}

Result<CsvLayout> ParseHeader(std::string_view names_row, std::string_view types_row,
                              std::string_view type_name) {
  Result<std::vector<std::string_view>> names = SplitRow(names_row);
  if (!names.ok()) return {Code::kInvalid, "row of names: " + names.status().message()};
  Result<std::vector<std::string_view>> c_types = SplitRow(types_row);
  if (!c_types.ok()) return {Code::kInvalid, "row of C types: " + c_types.status().message()};
  if (names->size() != c_types->size()) {
    return {Code::kInvalid, fmt::format("{} column names and {} C types", names->size(), c_types->size())};
  }
  if (names->size() > kMaxColumns) return {Code::kInvalid, fmt::format("more than {} columns", kMaxColumns)};
  std::vector<Type> types;
  for (std::string_view c_type : *c_types) {
    const auto found = kCTypes.find(c_type);
    if (found == kCTypes.end()) {
      return {Code::kInvalid,
              fmt::format("\"{}\" is no C type of a column; known are bool, int8_t to uint64_t, "
                          "float, double and char",
                          c_type)};
    }
    types.push_back(found->second);
  }

  CsvLayout layout;
  layout.schema.type_name = type_name;
  bool has_timestamp = false;
  uint32_t offset = 0, widest = 1;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < types.size();) {
    const uint32_t width = TypeBytes(types[i]), count = ArrayLength(*names, types, i);
    const std::string_view name = count > 1 ? (*names)[i].substr(0, IndexOf((*names)[i])->stem) : (*names)[i];
    if (!seen.insert(name).second) return {Code::kInvalid, fmt::format("column \"{}\" is twice there", name)};
    widest = std::max(widest, width);
    offset = (offset + width - 1) / width * width;
    layout.schema.fields.push_back(
        {std::string(name), types[i], offset, count, name == "timestamp" ? "us" : ""});
    if (name == "timestamp" && count == 1) {
      const bool integer = types[i] >= Type::kI8 && types[i] <= Type::kU64;
      if (!integer) return {Code::kInvalid, "column \"timestamp\" is no integer"};
      has_timestamp = true;
      layout.timestamp_column = i;
    }
    for (uint32_t k = 0; k < count; ++k, ++i, offset += width) layout.columns.push_back({types[i], offset});
  }
  if (!has_timestamp) return {Code::kInvalid, "there is no column \"timestamp\", which paces the replay"};
  layout.schema.size = (offset + widest - 1) / widest * widest;
  if (Status s = layout.schema.check(); !s.ok()) return s;
  return layout;
}

Status ParseRow(const CsvLayout& layout, std::string_view row, std::vector<std::byte>* value,
                int64_t* timestamp_us) {
  Result<std::vector<std::string_view>> cells = SplitRow(row);
  if (!cells.ok()) return cells.status();
  if (cells->size() != layout.columns.size()) {
    return Status(Code::kInvalid,
                  fmt::format("{} columns instead of {}", cells->size(), layout.columns.size()));
  }
  value->assign(layout.schema.size, std::byte{0});
  for (size_t i = 0; i < cells->size(); ++i) {
    const Column& column = layout.columns[i];
    const Parsed parsed = ParseCell(column.type, (*cells)[i], value->data() + column.offset);
    if (parsed == Parsed::kOk) continue;
    return Status(Code::kInvalid, fmt::format("column {}: \"{}\" is {} {}", i + 1, (*cells)[i].substr(0, 40),
                                              parsed == Parsed::kOutOfRange ? "out of range of" : "no",
                                              TypeName(column.type)));
  }
  const Column& timestamp = layout.columns[layout.timestamp_column];
  const std::optional<int64_t> us = Microseconds(timestamp.type, value->data() + timestamp.offset);
  if (!us) return Status(Code::kInvalid, "the timestamp is out of range: its nanoseconds do not fit 64 bits");
  *timestamp_us = *us;
  return Status();
}

CsvName NameFromFile(std::string_view file_name) {
  if (file_name.ends_with(".csv")) file_name.remove_suffix(4);
  const size_t dot = file_name.rfind('.');
  const bool instance = dot != file_name.npos && dot > 0 && dot + 1 < file_name.size() &&
                        file_name.find_first_not_of("0123456789", dot + 1) == file_name.npos;
  if (!instance) return {std::string(file_name), std::string(file_name)};
  const std::string type(file_name.substr(0, dot));
  return {type + "/" + std::string(file_name.substr(dot + 1)), type};
}

}  // namespace smt::cmd
