#include "cmd/cli/csv_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <limits>

#include "cmd/cli/options.h"
#include "cmd/cli/parsed_flag.h"
#include "cmd/value/csv.h"
#include "cmd/value/csv_time.h"

namespace smt::cmd {
namespace {

constexpr const char* kGroup = "CSV without a row of C types (what is not said here is guessed)";

// A flag that may come several times, each with NAME=VALUE, which `take` gets.
void add_pair(CLI::App& app, const std::string& flag, const std::string& type_name, const std::string& what,
              const std::function<void(const std::string& name, const std::string& value)>& take) {
  app.add_option_function<std::vector<std::string>>(
         flag,
         [=](const std::vector<std::string>& pairs) {
           for (const std::string& pair : pairs) {
             const size_t equals = pair.rfind('=');
             if (equals == std::string::npos || equals == 0)
               throw CLI::ValidationError(flag, fmt::format("\"{}\" is no {}", pair, type_name));
             take(pair.substr(0, equals), pair.substr(equals + 1));
           }
         },
         what)
      ->type_name(type_name)
      ->allow_extra_args(false)
      ->group(kGroup);
}

std::vector<std::string> names_from(const std::string& text) {
  const std::vector<std::string_view> names = value_or_throw("--csv-columns", split_row(text));
  return {names.begin(), names.end()};
}

}  // namespace

void add_csv_flags(CLI::App& app, CsvOptions* csv) {
  add_word(app, "--csv-separator", kCsvSeparators, &csv->separator, "What is between cells")
      ->type_name("comma|semicolon|tab|space")
      ->group(kGroup);
  add_word(app, "--csv-decimal", kCsvDecimals, &csv->decimal_comma, "The decimal sign of numbers")
      ->type_name("point|comma")
      ->group(kGroup);
  add_parsed(app, "--csv-header", &csv->header, "Number of the line that names the columns; 0: none does",
             [](const std::string& text) {
               return parse_in_range<uint64_t>(text, 0, std::numeric_limits<uint64_t>::max());
             })
      ->type_name("N")
      ->group(kGroup);
  app.add_option_function<std::string>(
         "--csv-columns", [=](const std::string& text) { csv->names = names_from(text); },
         "Names of all columns, with commas between them")
      ->type_name("NAMES")
      ->group(kGroup);
  add_pair(app, "--csv-type", "NAME=TYPE", "C type of a column, as float or char[32]; several times",
           [=](const std::string& name, const std::string& text) {
             const std::optional<CsvType> type = csv_type_from(text);
             if (!type) {
               throw CLI::ValidationError(
                   "--csv-type",
                   fmt::format("\"{}\" is no C type of a column; known are {}", text, kCsvTypes));
             }
             csv->types.emplace_back(name, *type);
           });
  add_pair(app, "--csv-unit", "NAME=UNIT", "Unit of a column; several times",
           [=](const std::string& name, const std::string& unit) { csv->units.emplace_back(name, unit); });
  CLI::Option* time =
      app.add_option("--csv-time", csv->time, "The column that is the time: its name or number")
          ->type_name("COLUMN")
          ->group(kGroup);
  add_word(app, "--csv-time-unit", kTimeUnits, &csv->time_unit_ns, "What the numbers of that column count")
      ->type_name("ns|us|ms|s|min|h|d")
      ->group(kGroup);
  add_number(app, "--csv-rate", &csv->rate_hz, 1e-6, 1e9,
             "No column is the time; so many rows come in a second")
      ->type_name("HZ")
      ->excludes(time)
      ->group(kGroup);
}

}  // namespace smt::cmd
