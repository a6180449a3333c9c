// Objects of JSON on stdout, in each format but the table.
#ifndef SMT_CMD_CLI_PRINT_OBJECTS_H_
#define SMT_CMD_CLI_PRINT_OBJECTS_H_

#include <string>
#include <utility>
#include <vector>

#include "cmd/cli/output.h"
#include "cmd/value/topic_json.h"

namespace smt::cmd {

// objects_text() as stdout gets it.
inline std::string objects_for_output(const std::vector<Json>& objects, Format format,
                                      bool csv_header = true) {
  std::string text = objects_text(objects, format, csv_header);
  return format == Format::kCsv ? csv_for_output(std::move(text)) : text;
}

// Prints objects_for_output(). False: stdout failed.
inline bool print_objects(const std::vector<Json>& objects, Format format, bool csv_header = true) {
  return print_text(objects_for_output(objects, format, csv_header));
}

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_PRINT_OBJECTS_H_
