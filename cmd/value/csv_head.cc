#include "cmd/value/csv_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cmd/value/csv.h"
#include "cmd/value/csv_cell.h"
#include "shm/control_characters.h"
#include "shm/utf8.h"

namespace smt::cmd {
namespace {

using Cells = std::vector<std::string_view>;

// Without '#' or '%' at its front, where it is a comment.
std::string_view without_mark(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == line.npos || (line[begin] != '#' && line[begin] != '%')) return line;
  return line.substr(std::min(line.find_first_not_of("#% \t", begin), line.size()));
}

// The cells of each row; none of one that cannot be split.
std::vector<Cells> split_all(const std::vector<CsvHead::Line>& rows, char separator) {
  std::vector<Cells> out;
  for (const CsvHead::Line& row : rows) {
    Result<Cells> cells = split_row(row.text, separator);
    out.push_back(cells.ok() ? std::move(*cells) : Cells());
  }
  return out;
}

// How many cells most rows have. The first row, which may have the names, does not count if there are more.
size_t usual_size(const std::vector<Cells>& rows) {
  std::map<size_t, size_t> found;
  for (size_t i = rows.size() > 1 ? 1 : 0; i < rows.size(); ++i) ++found[rows[i].size()];
  return std::max_element(found.begin(), found.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

// The cell tells something that is no text.
bool is_value(std::string_view cell, bool decimal_comma) {
  return guess_cell(cell, decimal_comma).kind != CellGuess::Kind::kText;
}

bool has_value(const Cells& cells, bool decimal_comma) {
  return std::any_of(cells.begin(), cells.end(), [&](std::string_view cell) {
    return !is_missing(cell) && is_value(cell, decimal_comma);
  });
}

// Row 0 has a text in a column whose other cells tell values.
bool has_text_above_values(const std::vector<Cells>& rows, size_t columns, bool decimal_comma) {
  for (size_t c = 0; c < std::min(columns, rows[0].size()); ++c) {
    if (is_value(rows[0][c], decimal_comma)) continue;
    bool any = false, all = true;
    for (size_t r = 1; r < rows.size(); ++r) {
      if (rows[r].size() <= c) continue;
      any = any || !is_missing(rows[r][c]);
      all = all && is_value(rows[r][c], decimal_comma);
    }
    if (any && all) return true;
  }
  return false;
}

// The text without what no name and no unit may have; `blank` stands for the blanks between words.
std::string clean(std::string_view text, char blank) {
  std::string out;
  bool gap = false;
  for (size_t i = 0, n = 0; i < text.size(); i += std::max<size_t>(n, 1)) {
    n = utf8_length(text, i);
    const bool is_blank = text[i] == ' ' || text[i] == '\t';
    gap = gap || is_blank;
    if (is_blank || text[i] == '"') continue;
    if (gap && !out.empty()) out += blank;
    gap = false;
    out += n == 0 || is_control(text[i]) ? "_" : text.substr(i, n);
  }
  return out;
}

struct NameAndUnit {
  std::string whole;       // if what is in brackets belonged to the name
  std::string name, unit;  // if it is the unit
};

// "p_RS_R_x [m]" -> "p_RS_R_x" and "m", "Time (s)" -> "Time" and "s"; "q[0]" has no unit, but an index.
NameAndUnit name_and_unit(std::string_view cell) {
  NameAndUnit out;
  out.name = out.whole = clean(cell, '_');
  const size_t end = cell.find_last_not_of(" \t\"");
  const char close = end == cell.npos ? char{0} : cell[end];
  if (close != ']' && close != ')') return out;
  const size_t open = cell.rfind(close == ']' ? '[' : '(', end);
  if (open == cell.npos || open == 0) return out;
  const std::string_view unit = cell.substr(open + 1, end - open - 1);
  const bool apart = cell[open - 1] == ' ' || cell[open - 1] == '\t';
  const bool index = !unit.empty() && unit.find_first_not_of("0123456789") == unit.npos;
  if (index || (close == ')' && !apart)) return out;
  const std::string name = clean(cell.substr(0, open), '_');
  if (name.empty()) return out;
  out.name = name;
  out.unit = clean(unit, '*');
  if (out.unit == "-") out.unit.clear();
  return out;
}

// Names that are all others: of "Position (x)" and "Position (y)" the brackets belong to the name.
void name_columns(const Cells& cells, size_t columns, CsvNames* out) {
  std::vector<NameAndUnit> found;
  std::map<std::string, size_t> times;
  for (size_t i = 0; i < columns; ++i) {
    found.push_back(name_and_unit(i < cells.size() ? cells[i] : ""));
    if (found[i].name.empty()) found[i].name = found[i].whole = fmt::format("c{}", i + 1);
    ++times[found[i].name];
  }
  std::set<std::string> taken;
  std::map<std::string, size_t> numbers;
  for (NameAndUnit& column : found) {
    const bool whole = times[column.name] > 1 && column.name != column.whole;
    const std::string stem = whole ? column.whole : column.name;
    std::string name = stem;
    for (size_t& n = numbers[stem]; !taken.insert(name).second;) name = fmt::format("{}_{}", stem, ++n + 1);
    out->names.push_back(std::move(name));
    out->units.push_back(whole ? "" : std::move(column.unit));
  }
}

// How many columns there are: where all rows end with a separator, and the names do not, there is none
// behind.
size_t count_columns(const std::vector<Cells>& rows, size_t first, const Cells& names) {
  const size_t usual = usual_size(rows);
  if (usual <= 1) return usual;
  const bool unnamed_end = names.size() + 1 == usual || (names.size() == usual && names.back().empty());
  const bool empty_end =
      std::all_of(rows.begin() + static_cast<ptrdiff_t>(first), rows.end(),
                  [&](const Cells& row) { return row.size() != usual || row.back().empty(); });
  return empty_end && (names.empty() || unnamed_end) ? usual - 1 : usual;
}

}  // namespace

Status CsvHead::add(std::string_view line, const CsvOptions& options) {
  ++lines_;
  const auto wrong = [&](std::string_view why) {
    return Status(Code::kInvalid, fmt::format("line {} {}", lines_, why));
  };
  if (lines_ == 1 && (line.starts_with("\xff\xfe") || line.starts_with("\xfe\xff")))
    return wrong("is UTF-16; save the file as UTF-8");
  if (line.find('\0') != line.npos) return wrong("has a byte 0, so the file is no text");
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.find('\r') != line.npos)
    return wrong("holds carriage returns; end the lines with line feeds, as tr '\\r' '\\n' does");
  if (lines_ == 1 && line.size() == 5 && line.starts_with("sep=")) {
    if (!word_for(kCsvSeparators, line[4]).empty()) separator_ = line[4];
    return Status();
  }
  const uint64_t header = options.header.value_or(0);
  if (lines_ <= header) {
    if (lines_ == header) above_ = {lines_, std::string(line)};
    return Status();
  }
  if (line.find_first_not_of(" \t") == line.npos) return Status();
  if (is_row({.foreign = true}, line)) {
    rows_.push_back({lines_, std::string(line)});
  } else if (rows_.empty() && header == 0) {
    above_ = {lines_, std::string(line)};
  }
  return Status();
}

bool may_have_decimal_commas(char separator, const CsvOptions& options) {
  return options.decimal_comma.value_or(separator == ';');
}

char guess_separator(const CsvHead& head, const CsvOptions& options) {
  char best = ',';
  double best_share = 0;
  size_t best_rows = 0;
  for (const auto& [name, separator] : kCsvSeparators) {
    const std::vector<Cells> rows = split_all(head.rows(), separator);
    const size_t columns = usual_size(rows);
    // Between tabs such a number is none until a flag says so; the separator it tells all the same.
    const bool tabs = separator == '\t' && options.decimal_comma.value_or(true);
    const bool comma = columns > 1 && (tabs || may_have_decimal_commas(separator, options));
    size_t alike = 0, values = 0;
    for (const Cells& row : rows) {
      if (row.size() != columns) continue;
      ++alike;
      for (const std::string_view cell : row) values += is_value(cell, comma) ? 1 : 0;
    }
    const double share = columns == 0 ? 0 : static_cast<double>(values) / static_cast<double>(columns);
    const size_t parted = columns > 1 ? alike : 0;
    if (share < best_share || (share == best_share && parted <= best_rows)) continue;
    best = separator;
    best_share = share;
    best_rows = parted;
  }
  return best;
}

Result<CsvNames> guess_names(const CsvHead& head, char separator, const CsvOptions& options) {
  const std::vector<Cells> rows = split_all(head.rows(), separator);
  CsvNames out;
  size_t first = 0;
  Cells names;
  const Result<Cells> above = split_row(without_mark(head.above().text), separator);
  if (options.header) {
    if (*options.header != 0 && above.ok()) names = *above;
    out.line_number = *options.header;
  } else {
    const size_t columns = usual_size(rows);
    const bool comma = may_have_decimal_commas(separator, options);
    const bool comment = head.above().number != 0 && above.ok() && above->size() == columns;
    const bool texts = !has_value(rows[0], comma) && !rows[0].empty();
    const bool row = comment ? texts && has_text_above_values(rows, columns, comma)
                             : texts || has_text_above_values(rows, columns, comma);
    first = row ? 1 : 0;
    if (row) names = rows[0];
    if (!row && comment) names = *above;
    if (row) out.line = head.rows()[0].text;
    out.line_number = row ? head.rows()[0].number : comment ? head.above().number : 0;
  }
  const size_t columns = count_columns(rows, first, names);
  if (columns == 0) return {Code::kInvalid, "the first rows cannot be split into cells"};
  const bool empty_end = names.size() == columns + 1 && names.back().empty();
  if (!options.names.empty()) {
    if (options.names.size() != columns) {
      return {Code::kInvalid, fmt::format("--csv-columns has {} names, and the rows {} columns",
                                          options.names.size(), columns)};
    }
    names.assign(options.names.begin(), options.names.end());
  } else if (!names.empty() && names.size() != columns && !empty_end) {
    return {Code::kInvalid,
            fmt::format("line {} has {} names, and the rows {} columns; --csv-columns A,B,... names all",
                        out.line_number, names.size(), columns)};
  }
  name_columns(names, columns, &out);
  out.first_row = first < head.rows().size() ? head.rows()[first].number : head.rows()[0].number + 1;
  return out;
}

}  // namespace smt::cmd
