#include "cmd/cli/sample_printer.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cmd/text/text.h"
#include "cmd/value/field_selection.h"

namespace smt::cmd {

SamplePrinter::SamplePrinter(Format format) : format_(format), colour_(ColourOn(STDOUT_FILENO)) {}

bool SamplePrinter::print(const ShownSample& shown) {
  ++printed_;
  switch (format_) {
    case Format::kTable:
      return Print(Text(shown));
    case Format::kJsonl:
      return Print(Dump(SampleJson(shown)) + "\n");
    case Format::kJson:
      return Print((printed_ == 1 ? "[" : ",\n ") + Dump(SampleJson(shown)));
    case Format::kCsv:
      break;
  }
  return Print(Csv(shown));
}

void SamplePrinter::finish() {
  if (format_ == Format::kJson) Print(printed_ == 0 ? "[]\n" : "]\n");
}

std::string SamplePrinter::Text(const ShownSample& shown) const {
  std::string out = printed_ > 1 ? "\n" : "";
  if (shown.sample.sequence == 0) {
    return out + fmt::format("{}  {}\n", Printable(shown.topic), StateText(shown.state, colour_));
  }
  out += fmt::format("{}  #{}  stamp {}  age {}  {}", Printable(shown.topic), shown.sample.sequence,
                     TimeText(shown.sample.stamp_ns), AgeText(shown.age_ns), StateText(shown.state, colour_));
  if (shown.sample.missed != 0) out += fmt::format("  missed {}", shown.sample.missed);
  out += '\n';
  const Json value = ShownValue(shown);
  for (const auto& [name, field] : value.items()) {
    const Field* known = FindField(shown.schema.fields, FieldPath::Parse(name));
    const std::string unit = known == nullptr || known->unit.empty() ? "" : " " + known->unit;
    out += fmt::format("  {}: {}\n", Printable(name), Printable(BareText(field) + unit));
  }
  return out;
}

std::string SamplePrinter::Csv(const ShownSample& shown) {
  std::vector<std::string> header, cells;
  const Json sample = SampleJson(shown);
  for (const auto& [key, value] : sample.items()) {
    if (key == "value") continue;
    header.push_back(key);
    cells.push_back(value.is_null() ? "" : BareText(value));
  }
  for (auto& [name, text] : ValueCells(ShownValue(shown))) {
    header.push_back(name);
    cells.push_back(text);
  }
  std::string out = header == header_ ? "" : CsvLine(header);
  header_ = std::move(header);
  return out + CsvLine(cells);
}

}  // namespace smt::cmd
