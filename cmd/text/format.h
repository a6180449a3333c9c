// The formats in which tools print data.
#ifndef SMT_CMD_TEXT_FORMAT_H_
#define SMT_CMD_TEXT_FORMAT_H_

#include <string_view>

#include "cmd/text/words.h"

namespace smt::cmd {

enum class Format { kTable, kJson, kJsonl, kCsv };

inline constexpr NamedValue<Format> kFormats[] = {
    {"table", Format::kTable}, {"json", Format::kJson}, {"jsonl", Format::kJsonl}, {"csv", Format::kCsv}};
inline constexpr std::string_view kFormatChoice = "table|json|jsonl|csv";  // as --help shows it

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_FORMAT_H_
