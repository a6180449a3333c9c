#include "cmd/value/csv_guess.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cmd/text/text.h"
#include "cmd/value/csv_cell.h"
#include "cmd/value/csv_time.h"
#include "shm/scalar.h"

namespace smt::cmd {
namespace {

constexpr size_t kSteps = 64;          // of which the median is the step from row to row
constexpr size_t kToldBytes = 40;      // of a name or a cell in a message
constexpr uint64_t kRowsPerRise = 50;  // at most, in a column that is the time though it repeats values

constexpr std::string_view kTimeNames[] = {"timestamp", "time", "stamp", "t"};
constexpr std::string_view kOtherTime =
    "--csv-time COLUMN names another column, --csv-rate HZ does without one";

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return text;
}

// A name without what is around the word in it: "__time", "/imu/header.stamp" and "Time_ms" are a time, a
// stamp, and a time in milliseconds.
struct PlainName {
  std::string word;
  std::optional<int64_t> unit_ns;
};
PlainName plain_name(const std::string& name) {
  PlainName out{lower_case(name), std::nullopt};
  const size_t part = out.word.find_last_of("./");
  if (part != std::string::npos) out.word.erase(0, part + 1);
  out.word.erase(0, std::min(out.word.find_first_not_of('_'), out.word.size()));
  const size_t suffix = out.word.rfind('_');
  if (suffix == std::string::npos) return out;
  out.unit_ns = time_unit_from(std::string_view(out.word).substr(suffix + 1));
  if (out.unit_ns) out.word.erase(suffix);
  return out;
}

// "q" of "q[3]"; "" of a name without an index.
std::string_view array_stem(std::string_view name) {
  const size_t open = name.rfind('[');
  if (open == name.npos || !name.ends_with(']')) return {};
  const std::string_view index = name.substr(open + 1, name.size() - open - 2);
  return !index.empty() && index.find_first_not_of("0123456789") == index.npos ? name.substr(0, open)
                                                                               : std::string_view();
}

// Elements of an array that are numbers of several types become double.
void widen_arrays(std::vector<CsvColumn>* columns) {
  for (size_t begin = 0, end = 0; begin < columns->size(); begin = end) {
    const std::string_view stem = array_stem((*columns)[begin].name);
    bool numbers = true, alike = true;
    for (end = begin; end < columns->size() && array_stem((*columns)[end].name) == stem; ++end) {
      const Type type = (*columns)[end].type.type;
      numbers = numbers && is_number(type);
      alike = alike && type == (*columns)[begin].type.type;
    }
    if (stem.empty() || !numbers || alike) continue;
    for (size_t i = begin; i < end; ++i) (*columns)[i].type = CsvType{Type::kF64};
  }
}

std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text.substr(0, kToldBytes)); }

// "; no column "x", which --csv-type names" for each that is not there.
template <class Pairs>
std::string unknown_columns(const Pairs& pairs, const std::vector<std::string>& names,
                            std::string_view flag) {
  std::string out;
  for (const auto& [name, meaning] : pairs) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    out += fmt::format("; no column {}, which {} names", in_quotes(name), flag);
  }
  return out;
}

}  // namespace

void CsvGuess::Seen::add_time(long double value) {
  if (count == 0) {
    first = value;
    counter = value == 0 || value == 1;
  } else {
    counter = counter && value == first + static_cast<long double>(count);
    falls = falls || value < last;
    rises += value > last ? 1 : 0;
    if (value > last && steps.size() < kSteps) steps.push_back(static_cast<double>(value - last));
  }
  last = value;
  ++count;
}

void CsvGuess::Seen::add(std::string_view cell, bool decimal_comma, uint64_t line) {
  using Kind = CellGuess::Kind;
  const CellGuess guess = guess_cell(cell, decimal_comma);
  if (cell.size() > max_text) max_text = std::max(max_text, text_size(cell));
  missing = missing || guess.kind == Kind::kMissing;
  text = text || guess.kind == Kind::kText;
  boolean = boolean || guess.kind == Kind::kBool;
  if ((guess.kind == Kind::kText || guess.kind == Kind::kBool) && odd_line == 0) {
    odd = cell.substr(0, kToldBytes);
    odd_line = line;
  }
  switch (guess.kind) {
    case Kind::kInteger:
      integer = true;
      negative = negative || guess.whole < 0;
      only_unsigned = only_unsigned || guess.only_unsigned;
      return add_time(guess.only_unsigned ? guess.number : static_cast<long double>(guess.whole));
    case Kind::kNumber:
      number = true;
      comma = comma || guess.point == ',';
      point = point || guess.point == '.';
      if (std::isfinite(guess.number)) add_time(guess.number);
      return;
    case Kind::kTime:
      time = true;
      return add_time(static_cast<long double>(guess.whole));
    default:
      return;
  }
}

CsvType CsvGuess::Seen::type() const {
  const bool mixed = boolean && (integer || number || missing);
  if (text || time || mixed) {
    const size_t bytes = std::clamp<size_t>(max_text, 1, kMaxCsvTextBytes);
    return {Type::kChar, static_cast<uint32_t>(bytes)};
  }
  if (boolean) return {Type::kBool};
  if (number || missing || (negative && only_unsigned)) return {Type::kF64};
  return {only_unsigned ? Type::kU64 : Type::kI64};
}

double CsvGuess::Seen::median_step() const {
  if (steps.empty()) return 0;
  std::vector<double> sorted = steps;
  const auto middle = sorted.begin() + static_cast<ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

Result<CsvGuess> CsvGuess::begin(const CsvHead& head, const CsvOptions& options) {
  if (head.rows().empty()) {
    const uint64_t header = options.header.value_or(0);
    return {Code::kInvalid, header == 0 ? "has no rows" : fmt::format("has no rows below line {}", header)};
  }
  CsvGuess guess(options);
  CsvDialect& dialect = guess.dialect_;
  dialect.foreign = true;
  dialect.separator = options.separator  ? *options.separator
                      : head.separator() ? *head.separator()
                                         : guess_separator(head, options);
  dialect.decimal_comma = options.decimal_comma.value_or(false);
  if (dialect.decimal_comma && dialect.separator == ',') {
    return {Code::kInvalid,
            "numbers with decimal commas cannot stand between commas; --csv-separator says what parts them"};
  }
  Result<CsvNames> names = guess_names(head, dialect.separator, options);
  if (!names.ok()) return names.status();
  guess.names_ = std::move(*names);
  for (const auto& [name, unit] : options.units) {
    for (size_t i = 0; i < guess.names_.names.size(); ++i) {
      if (guess.names_.names[i] == name) guess.names_.units[i] = unit;
    }
  }
  dialect.names_line = guess.names_.line;
  guess.columns_.resize(guess.names_.names.size());
  guess.line_ = guess.names_.first_row - 1;
  return guess;
}

void CsvGuess::add(std::string_view line) {
  ++line_;
  if (!is_row(dialect_, line)) {
    comments_ += line.find_first_not_of(" \t\r") != line.npos ? 1 : 0;
    return;
  }
  Result<std::vector<std::string_view>> cells = split_row(line, dialect_.separator);
  if (!cells.ok()) return;
  drop_empty_end(dialect_, columns_.size(), &*cells);
  if (cells->size() != columns_.size()) return;
  ++rows_;
  const bool comma = may_have_decimal_commas(dialect_.separator, options_);
  for (size_t i = 0; i < cells->size(); ++i) columns_[i].add((*cells)[i], comma, line_);
}

// Between semicolons a number may have either sign, but all have the same one.
Status CsvGuess::choose_decimal() {
  if (options_.decimal_comma) return Status();
  bool comma = false, point = false;
  for (const Seen& column : columns_) {
    comma = comma || (column.comma && column.is_numeric());
    point = point || (column.point && column.is_numeric());
  }
  dialect_.decimal_comma = comma;
  if (!comma || !point) return Status();
  return Status(Code::kInvalid,
                "some numbers have a decimal comma, others a point; --csv-decimal point or comma says which");
}

std::vector<CsvColumn> CsvGuess::typed_columns() const {
  std::vector<CsvColumn> columns;
  for (size_t i = 0; i < columns_.size(); ++i) {
    columns.push_back({names_.names[i], columns_[i].type(), names_.units[i]});
  }
  widen_arrays(&columns);
  for (const auto& [name, type] : options_.types) {
    for (CsvColumn& column : columns) {
      if (column.name == name) column.type = type;
    }
  }
  return columns;
}

// The column with one of the names, the exact ones first. One without any value is none.
std::optional<size_t> CsvGuess::named_time() const {
  for (const bool exact : {true, false}) {
    for (const std::string_view word : kTimeNames) {
      for (size_t i = 0; i < columns_.size(); ++i) {
        if (columns_[i].count == 0 && columns_[i].odd_line == 0) continue;
        const std::string& name = names_.names[i];
        if (exact ? same_ignoring_case(name, word) : plain_name(name).word == word) return i;
      }
    }
  }
  return std::nullopt;
}

// The first column that grows from row to row; otherwise the first that never falls and grows often enough.
std::optional<size_t> CsvGuess::growing_time() const {
  for (const bool each_row : {true, false}) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Seen& column = columns_[i];
      if (!column.is_time() || column.falls || column.counter || column.rises == 0) continue;
      const bool often = column.rises >= 3 && column.rises >= rows_ / kRowsPerRise;
      if (each_row ? column.rises + 1 == rows_ : often) return i;
    }
  }
  return std::nullopt;
}

Status CsvGuess::not_the_time(size_t i) const {
  const Seen& column = columns_[i];
  const std::string name = in_quotes(names_.names[i]);
  if (column.odd_line == 0) {
    return Status(Code::kInvalid,
                  fmt::format("column {} cannot be the time: it has {}; {}", name,
                              column.count == 0 ? "no values" : "both numbers and dates", kOtherTime));
  }
  const bool comma = guess_cell(column.odd, true).kind == CellGuess::Kind::kNumber;
  return Status(Code::kInvalid,
                fmt::format("column {} cannot be the time: {} in line {} is neither a number nor a date as "
                            "2024-01-31T12:00:00; {}{}",
                            name, in_quotes(column.odd), column.odd_line,
                            comma ? "--csv-decimal comma makes it a number, " : "", kOtherTime));
}

Result<size_t> CsvGuess::time_column() const {
  std::optional<size_t> at;
  if (!options_.time.empty()) {
    const auto found = std::find(names_.names.begin(), names_.names.end(), options_.time);
    const char* const end = options_.time.data() + options_.time.size();
    size_t number = 0;
    const bool is_number = std::from_chars(options_.time.data(), end, number).ptr == end;
    if (found != names_.names.end()) {
      at = static_cast<size_t>(found - names_.names.begin());
    } else if (is_number && number >= 1 && number <= columns_.size()) {
      at = number - 1;
    } else {
      return {Code::kInvalid,
              fmt::format("no column {}, which --csv-time names; there are {}, the first is {}",
                          in_quotes(options_.time), columns_.size(), in_quotes(names_.names[0]))};
    }
  } else {
    at = named_time();
  }
  if (at && !columns_[*at].is_time()) return not_the_time(*at);
  if (!at) at = growing_time();
  if (at) return *at;
  return {
      Code::kInvalid,
      "no column tells the time: none is named timestamp, time, stamp or t, and none grows from row to row; "
      "--csv-time COLUMN names one, --csv-rate HZ does without one"};
}

// 0: the column has dates.
int64_t CsvGuess::time_unit(size_t i, std::string_view* why) const {
  const Seen& column = columns_[i];
  if (column.time) return 0;
  *why = "as --csv-time-unit says";
  if (options_.time_unit_ns) return *options_.time_unit_ns;
  *why = "as its unit says";
  if (const std::optional<int64_t> unit = time_unit_from(names_.units[i])) return *unit;
  *why = "as its name says";
  if (const std::optional<int64_t> unit = plain_name(names_.names[i]).unit_ns) return *unit;
  *why = "by its magnitude";
  return guess_time_unit(static_cast<double>(column.last), column.median_step());
}

// "17 columns between commas"
std::string CsvGuess::columns_text() const {
  if (columns_.size() == 1) return "1 column";
  return fmt::format("{} columns between {}s", columns_.size(), word_for(kCsvSeparators, dialect_.separator));
}

// "; "x" is text, for "bad" in line 4 is no number" of the first column that would be numbers but for that.
std::string CsvGuess::mixed_text(const CsvLayout& layout) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Seen& column = columns_[i];
    const bool mixed = (column.integer || column.number) && column.odd_line != 0;
    if (!mixed || layout.columns[i].type.text_bytes == 0) continue;
    return fmt::format("; {} is text, for {} in line {} is no number", in_quotes(names_.names[i]),
                       in_quotes(column.odd), column.odd_line);
  }
  return "";
}

Result<CsvLayout> CsvGuess::finish(std::string_view type_name) {
  if (rows_ == 0) return {Code::kInvalid, "has no rows of " + columns_text()};
  if (Status s = choose_decimal(); !s.ok()) return s;
  std::vector<CsvColumn> columns = typed_columns();
  std::optional<CsvTime> time;
  std::string_view why;
  if (options_.rate_hz == 0) {
    const Result<size_t> at = time_column();
    if (!at.ok()) return at.status();
    time = CsvTime{*at, time_unit(*at, &why)};
    if (time->unit_ns != 0) columns[*at].unit = word_for(kTimeUnits, time->unit_ns);
  }
  Result<CsvLayout> layout = lay_out(columns, type_name);
  if (!layout.ok()) return layout;
  layout->dialect = dialect_;
  layout->time = time;
  told_ = tell(*layout, why);
  return layout;
}

std::string CsvGuess::tell(const CsvLayout& layout, std::string_view why_unit) const {
  const auto texts = std::count_if(layout.columns.begin(), layout.columns.end(),
                                   [](const Column& c) { return c.type.text_bytes != 0; });
  std::string out = columns_text();
  if (dialect_.decimal_comma) out += ", with decimal commas";
  if (texts != 0) out += fmt::format(", {} of them text", texts);
  if (!options_.names.empty()) {
    out += ", named by --csv-columns";
  } else if (names_.line_number != 0) {
    out += fmt::format(", named in line {}", names_.line_number);
  } else {
    out += columns_.size() == 1 ? ", without a name, so c1"
                                : fmt::format(", without names, so c1 to c{}", columns_.size());
  }
  if (layout.time) {
    const int64_t unit = layout.time->unit_ns;
    const double step =
        columns_[layout.time->column].median_step() * static_cast<double>(std::max<int64_t>(unit, 1));
    out += "; time is " + in_quotes(names_.names[layout.time->column]);
    out += unit == 0 ? ", a date in UTC" : fmt::format(" in {} {}", word_for(kTimeUnits, unit), why_unit);
    if (step > 0) out += ", " + duration_text(std::llround(std::min(step, 9e18))) + " from row to row";
  } else {
    out += fmt::format("; {:g} rows a second, as --csv-rate says", options_.rate_hz);
  }
  if (comments_ != 0) out += fmt::format("; {} lines are comments or repeat the names", comments_);
  out += mixed_text(layout);
  out += unknown_columns(options_.types, names_.names, "--csv-type");
  out += unknown_columns(options_.units, names_.names, "--csv-unit");
  return out + " (--csv flags change this)";
}

}  // namespace smt::cmd
