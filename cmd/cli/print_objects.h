// Objects of JSON on stdout, in each format but the table.
#ifndef SMT_CMD_CLI_PRINT_OBJECTS_H_
#define SMT_CMD_CLI_PRINT_OBJECTS_H_

#include <vector>

#include "cmd/cli/output.h"
#include "cmd/value/topic_json.h"

namespace smt::cmd {

// Prints objects_text(). False: stdout failed.
inline bool print_objects(const std::vector<Json>& objects, Format format, bool csv_header = true) {
  return print_text(objects_text(objects, format, csv_header));
}

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_PRINT_OBJECTS_H_
