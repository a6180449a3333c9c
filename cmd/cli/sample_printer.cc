#include "cmd/cli/sample_printer.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cmd/text/text.h"
#include "cmd/value/field_selection.h"
#include "shm/printable.h"

namespace smt::cmd {

SamplePrinter::SamplePrinter(Format format) : format_(format), colour_(colour_on(STDOUT_FILENO)) {}

bool SamplePrinter::print(const ShownSample& shown) {
  ++printed_;
  switch (format_) {
    case Format::kTable:
      return print_text(text_of(shown));
    case Format::kJsonl:
      return print_text(dump(sample_json(shown)) + "\n");
    case Format::kJson:
      return print_text((printed_ == 1 ? "[" : ",\n ") + dump(sample_json(shown)));
    case Format::kCsv:
      break;
  }
  return print_text(csv_for_output(csv(shown)));
}

void SamplePrinter::finish() {
  if (format_ == Format::kJson) print_text(printed_ == 0 ? "[]\n" : "]\n");
}

std::string SamplePrinter::text_of(const ShownSample& shown) const {
  std::string out = printed_ > 1 ? "\n" : "";
  if (shown.sample.sequence == 0) {
    return out + fmt::format("{}  {}\n", printable(shown.topic), state_text(shown.state, colour_));
  }
  out +=
      fmt::format("{}  #{}  stamp {}  age {}  {}", printable(shown.topic), shown.sample.sequence,
                  time_text(shown.sample.stamp_ns), age_text(shown.age_ns), state_text(shown.state, colour_));
  if (shown.sample.missed != 0) out += fmt::format("  missed {}", shown.sample.missed);
  out += '\n';
  const Json value = shown_value(shown);
  for (const auto& [name, field] : value.items()) {
    const Field* known = find_field(shown.schema.fields, FieldPath::parse(name));
    const std::string unit = known == nullptr || known->unit.empty() ? "" : " " + known->unit;
    out += fmt::format("  {}: {}\n", printable(name), printable(bare_text(field) + unit));
  }
  return out;
}

std::string SamplePrinter::csv(const ShownSample& shown) {
  std::vector<std::string> header, cells;
  const Json sample = sample_json(shown);
  for (const auto& [key, value] : sample.items()) {
    if (key == "value") continue;
    header.push_back(key);
    cells.push_back(value.is_null() ? "" : bare_text(value));
  }
  for (auto& [name, text] : value_cells(shown_value(shown))) {
    header.push_back(name);
    cells.push_back(text);
  }
  std::string out = header == header_ ? "" : csv_line(header);
  header_ = std::move(header);
  return out + csv_line(cells);
}

}  // namespace smt::cmd
