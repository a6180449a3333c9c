// Numbers as people read and write them.
#ifndef SMT_CMD_TEXT_TEXT_H_
#define SMT_CMD_TEXT_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shm/status.h"

namespace smt::cmd {

// "250ms" "1.5s" "2m" "1h" "10us" "5ns"; a number without a unit is seconds. kInvalid if it is nothing of
// this, negative, or longer than 292 years.
Result<int64_t> parse_duration(std::string_view text);

std::string duration_text(int64_t ns);                // "1.23 ms"; "-1.23 ms" for a negative one
std::string age_text(std::optional<int64_t> age_ns);  // "?" where it is unknown
std::string bytes_text(uint64_t bytes);               // "64", "1.5 KiB"
std::string time_text(int64_t realtime_ns);           // "2026-01-31T12:00:00.000000001Z"

// ASCII letters count as the same in either case. `lower` has none in upper case.
bool same_ignoring_case(std::string_view text, std::string_view lower);
// "A.CSV" has the extension ".csv". A name that is nothing but the extension has none.
bool has_extension(std::string_view file, std::string_view lower);

// The text as one word of a shell's command line, quoted if it must be. The word is printable.
std::string shell_word(std::string_view text);

// Columns as wide as their widest cell, two spaces between them; columns listed in `right` end flush.
// The last column is not padded. Each row ends with a newline. Cells go through printable().
std::string format_table(std::vector<std::vector<std::string>> rows, const std::vector<size_t>& right = {});

// One CSV cell, quoted if it must be.
std::string csv_cell(std::string_view text);
// Cells with commas between them, and a newline.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_TEXT_H_
