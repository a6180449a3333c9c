// A recorded CSV file (libFuzzer): with two header rows, as smtrelay writes it, or of another program, of
// which everything is guessed.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/value/csv_guess.h"
#include "cmd/value/csv_time.h"
#include "tests/fuzz/fuzzer.h"

namespace {

using namespace smt;
using fuzz::expect;

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t end; !text.empty(); text.remove_prefix(end)) {
    lines.push_back(text.substr(0, text.find('\n')));
    end = std::min(lines.back().size() + 1, text.size());
  }
  return lines;
}

void expect_sentence(const Status& status) {
  expect(status.ok() || status.message().size() > 5, "an error without a sentence");
}

// How many rows are values.
size_t parse_rows(const cmd::CsvLayout& layout, const std::vector<std::string_view>& lines, size_t first) {
  expect(layout.schema.check().ok(), "a schema that its own check refuses");
  expect(!layout.time || layout.time->column < layout.columns.size(), "the time is in no column");
  size_t good = 0;
  for (size_t i = first; i < lines.size(); ++i) {
    if (!cmd::is_row(layout.dialect, lines[i])) continue;
    std::vector<std::byte> value;
    int64_t time_ns = 0;
    const Status row = cmd::parse_row(layout, lines[i], &value, &time_ns);
    expect_sentence(row);
    expect(!row.ok() || value.size() == layout.schema.size, "a value of another size");
    good += row.ok();
  }
  return good;
}

// Flags as the last byte says, half of the time none.
cmd::CsvOptions options_of(uint8_t bits) {
  cmd::CsvOptions options;
  if ((bits & 1) == 0) return options;
  if ((bits & 2) != 0) options.rate_hz = 10;
  if ((bits & 4) != 0) options.separator = cmd::kCsvSeparators[bits >> 6].second;
  if ((bits & 8) != 0) options.decimal_comma = (bits & 64) != 0;
  if ((bits & 16) != 0) options.header = bits >> 6;
  if ((bits & 32) != 0) options.time = "1", options.time_unit_ns = cmd::kTimeUnits[bits >> 6].second;
  return options;
}

void try_foreign(std::string_view text, const cmd::CsvOptions& options) {
  const std::vector<std::string_view> lines = split_lines(text);
  cmd::CsvHead head;
  for (size_t i = 0; i < lines.size() && !head.full(); ++i) {
    if (const Status s = head.add(lines[i], options); !s.ok()) return expect_sentence(s);
  }
  Result<cmd::CsvGuess> guess = cmd::CsvGuess::begin(head, options);
  if (!guess.ok()) return expect_sentence(guess.status());
  expect(guess->first_row() >= 1 && guess->first_row() <= lines.size() + 1, "rows that begin nowhere");
  const size_t first = guess->first_row() - 1;
  for (size_t i = first; i < lines.size(); ++i) guess->add(lines[i]);
  const Result<cmd::CsvLayout> layout = guess->finish("fuzzed");
  if (!layout.ok()) return expect_sentence(layout.status());
  expect(!guess->told().empty() && guess->told().find('\n') == std::string::npos, "not told in one line");
  const size_t good = parse_rows(*layout, lines, first);
  // Only a number beyond a double's range, or a row without its time, is not of the type that is guessed.
  const bool in_range = text.size() < 300 && text.find_first_of("eE") == text.npos;
  expect(good > 0 || !in_range || options.rate_hz == 0, "types that no row has");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  smt::fuzz::executed();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string_view> lines = split_lines(text);
  if (lines.size() < 2 || !cmd::is_type_row(lines[1])) {
    try_foreign(text, options_of(size == 0 ? uint8_t{0} : data[size - 1]));
    return 0;
  }
  const Result<cmd::CsvLayout> layout = cmd::parse_header(lines[0], lines[1], "fuzzed");
  if (layout.ok()) {
    parse_rows(*layout, lines, 2);
  } else {
    expect_sentence(layout.status());
  }
  return 0;
}
