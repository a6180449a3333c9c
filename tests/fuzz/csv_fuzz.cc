// A recorded CSV file (libFuzzer): two header rows, then rows of values.
//
// Seeded bug: write a column's value without having looked at its offset in the row's value.
#include <string_view>
#include <vector>

#include "cmd/value/csv.h"
#include "tests/fuzz/fuzzer.h"

namespace {

using smt::fuzz::Expect;

std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  smt::fuzz::Executed();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view names = TakeLine(&text);
  const std::string_view types = TakeLine(&text);
  const smt::Result<smt::cmd::CsvLayout> layout = smt::cmd::ParseHeader(names, types, "fuzzed");
  if (!layout.ok()) {
    Expect(!layout.status().message().empty(), "an error without a sentence");
    return 0;
  }
  Expect(layout->schema.check().ok(), "a schema that its own check refuses");
  while (!text.empty()) {
    std::vector<std::byte> value(layout->schema.size);
    int64_t timestamp_us = 0;
    const smt::Status row = smt::cmd::ParseRow(*layout, TakeLine(&text), &value, &timestamp_us);
    Expect(row.ok() || !row.message().empty(), "an error without a sentence");
    Expect(!row.ok() || value.size() == layout->schema.size, "a value of another size");
  }
  return 0;
}
