#include "cmd/value/csv_cell.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

#include "cmd/text/numbers.h"
#include "cmd/text/text.h"
#include "cmd/value/csv_time.h"
#include "shm/scalar.h"

namespace smt::cmd {
namespace {

template <class T>
Parsed parse_scalar(std::string_view cell, void* to) {
  T value{};
  const std::errc error = scan_number(cell, &value);
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
  if (error != std::errc()) return Parsed::kNotOfType;
  memcpy(to, &value, sizeof value);
  return Parsed::kOk;
}

std::string with_point(std::string_view cell) {
  std::string text(cell);
  std::replace(text.begin(), text.end(), ',', '.');
  return text;
}

// A float as the dialect writes it.
template <class T>
Parsed parse_float(const CsvDialect& dialect, std::string_view cell, void* to) {
  if (dialect.foreign && is_missing(cell)) {
    const T none = std::numeric_limits<T>::quiet_NaN();
    memcpy(to, &none, sizeof none);
    return Parsed::kOk;
  }
  const bool comma = dialect.decimal_comma && cell.find(',') != cell.npos;
  return comma ? parse_scalar<T>(with_point(cell), to) : parse_scalar<T>(cell, to);
}

// Nothing: the cell is no bool.
std::optional<bool> bool_from(std::string_view cell) {
  if (same_ignoring_case(cell, "true")) return true;
  if (same_ignoring_case(cell, "false")) return false;
  return std::nullopt;
}

Parsed parse_bool(std::string_view cell, void* to) {
  const bool digit = cell == "0" || cell == "1";
  const std::optional<bool> value = digit ? cell == "1" : bool_from(cell);
  if (!value) return Parsed::kNotOfType;
  memcpy(to, &*value, 1);
  return Parsed::kOk;
}

Parsed parse_char(std::string_view cell, void* to) {
  int16_t value = 0;
  const Parsed parsed = parse_scalar<int16_t>(cell, &value);
  if (parsed == Parsed::kNotOfType && cell.size() == 1) {
    memcpy(to, cell.data(), 1);
    return Parsed::kOk;
  }
  if (parsed != Parsed::kOk) return parsed;
  if (value < -128 || value > 255) return Parsed::kOutOfRange;
  memcpy(to, &value, 1);  // little-endian: the low byte
  return Parsed::kOk;
}

// Calls `put(n, byte)` for each byte of the text until it returns false. False: it did.
template <class Put>
bool each_byte(std::string_view cell, Put put) {
  size_t n = 0;
  for (size_t i = 0; i < cell.size(); ++i, ++n) {
    if (!put(n, cell[i])) return false;
    if (cell.substr(i).starts_with("\"\"")) ++i;
  }
  return true;
}

// What the text does not fill is zero already.
Parsed parse_text(std::string_view cell, uint32_t bytes, std::byte* to) {
  const bool fits = each_byte(cell, [&](size_t n, char c) {
    if (n < bytes) to[n] = static_cast<std::byte>(c);
    return n < bytes;
  });
  return fits ? Parsed::kOk : Parsed::kTooLong;
}

// An integer or another number. Nothing: neither.
std::optional<CellGuess> guess_number(std::string_view cell, bool decimal_comma) {
  CellGuess guess{CellGuess::Kind::kInteger};
  if (parse_number(cell, &guess.whole)) {
    guess.number = static_cast<double>(guess.whole);
    return guess;
  }
  uint64_t whole = 0;
  if (parse_number(cell, &whole)) {
    guess.number = static_cast<double>(whole);
    guess.only_unsigned = true;
    return guess;
  }
  const bool comma = decimal_comma && cell.find(',') != cell.npos;
  const std::errc error = scan_number(comma ? with_point(cell) : std::string(cell), &guess.number);
  if (error == std::errc::invalid_argument) return std::nullopt;
  if (error != std::errc()) guess.number = std::numeric_limits<double>::quiet_NaN();
  guess.kind = CellGuess::Kind::kNumber;
  guess.point = comma ? ',' : cell.find('.') != cell.npos ? '.' : char{0};
  return guess;
}

}  // namespace

Parsed parse_cell(const CsvType& type, const CsvDialect& dialect, std::string_view cell, std::byte* to) {
  if (type.text_bytes != 0) return parse_text(cell, type.text_bytes, to);
  return visit_scalar(type.type, [&]<class T>(T) {
    if constexpr (std::is_same_v<T, bool>) {
      return parse_bool(cell, to);
    } else if constexpr (std::is_same_v<T, char>) {
      return parse_char(cell, to);
    } else if constexpr (std::is_floating_point_v<T>) {
      return parse_float<T>(dialect, cell, to);
    } else {
      return parse_scalar<T>(cell, to);
    }
  });
}

bool is_missing(std::string_view cell) {
  static constexpr std::string_view kWords[] = {"",         "NA",     "N/A",     "n/a",     "#N/A",
                                                "#NA",      "<NA>",   "NULL",    "null",    "None",
                                                "#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"};
  return std::find(std::begin(kWords), std::end(kWords), cell) != std::end(kWords);
}

size_t text_size(std::string_view cell) {
  size_t size = 0;
  each_byte(cell, [&](size_t, char) { return ++size, true; });
  return size;
}

std::string cell_text(std::string_view cell) {
  std::string text;
  each_byte(cell, [&](size_t, char c) { return text += c, true; });
  return text;
}

std::optional<int64_t> cell_time_ns(std::string_view cell, int64_t unit_ns, bool decimal_comma) {
  if (unit_ns == 0) return iso_time_ns(cell);
  const bool comma = decimal_comma && cell.find(',') != cell.npos;
  return decimal_time_ns(cell, unit_ns, comma ? ',' : '.');
}

CellGuess guess_cell(std::string_view cell, bool decimal_comma) {
  if (is_missing(cell)) return {CellGuess::Kind::kMissing};
  if (const std::optional<CellGuess> number = guess_number(cell, decimal_comma)) return *number;
  if (bool_from(cell)) return {CellGuess::Kind::kBool};
  if (const std::optional<int64_t> ns = iso_time_ns(cell)) {
    return {CellGuess::Kind::kTime, static_cast<double>(*ns), *ns};
  }
  return {CellGuess::Kind::kText};
}

}  // namespace smt::cmd
