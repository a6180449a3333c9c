// A recorded CSV file (libFuzzer): two header rows, then rows of values.
#include <string_view>
#include <vector>

#include "cmd/value/csv.h"
#include "tests/fuzz/fuzzer.h"

namespace {

using smt::fuzz::expect;

std::string_view take_line(std::string_view* text) {
  const size_t end = text->find('\n');
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  smt::fuzz::executed();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view names = take_line(&text);
  const std::string_view types = take_line(&text);
  const smt::Result<smt::cmd::CsvLayout> layout = smt::cmd::parse_header(names, types, "fuzzed");
  if (!layout.ok()) {
    expect(!layout.status().message().empty(), "an error without a sentence");
    return 0;
  }
  expect(layout->schema.check().ok(), "a schema that its own check refuses");
  while (!text.empty()) {
    std::vector<std::byte> value(layout->schema.size);
    int64_t timestamp_us = 0;
    const smt::Status row = smt::cmd::parse_row(*layout, take_line(&text), &value, &timestamp_us);
    expect(row.ok() || !row.message().empty(), "an error without a sentence");
    expect(!row.ok() || value.size() == layout->schema.size, "a value of another size");
  }
  return 0;
}
