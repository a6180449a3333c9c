// The flags of the tools that read CSV.
#ifndef SMT_CMD_CLI_CSV_FLAGS_H_
#define SMT_CMD_CLI_CSV_FLAGS_H_

#include "cmd/cli/cli.h"
#include "cmd/value/csv_options.h"

namespace smt::cmd {

// --csv-separator --csv-decimal --csv-header --csv-columns --csv-type --csv-unit --csv-time --csv-time-unit
// --csv-rate
void add_csv_flags(CLI::App& app, CsvOptions* csv);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_CSV_FLAGS_H_
