// The log where systemd's journal reads it: each line begins with its severity, as sd-daemon(3) says.
#ifndef SMT_CMD_CLI_JOURNAL_H_
#define SMT_CMD_CLI_JOURNAL_H_

#include <spdlog/formatter.h>

#include <memory>
#include <string_view>

namespace smt::cmd {

// Whether the file of `fd` is the one that JOURNAL_STREAM names ("device:inode").
bool is_journal(int fd);

// "<3>" for an error, to "<7>" for what is of interest to developers alone.
std::string_view journal_prefix(spdlog::level::level_enum level);

// The formatter puts the prefix before each line that `lines` makes of a message, for the journal takes each
// line by itself.
std::unique_ptr<spdlog::formatter> with_journal_prefix(std::unique_ptr<spdlog::formatter> lines);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_JOURNAL_H_
