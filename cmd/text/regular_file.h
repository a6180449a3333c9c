// Reads a file that must be a regular one, and never more of it than its reader can use.
#ifndef SMT_CMD_TEXT_REGULAR_FILE_H_
#define SMT_CMD_TEXT_REGULAR_FILE_H_

#include <cstddef>
#include <string>

#include "shm/status.h"

namespace smt::cmd {

// The file's text; of a longer file its first `max_bytes` + 1 bytes, by which the caller sees that it is too
// long. kInvalid: it is a folder, device or FIFO. The message of an error goes on where the caller names the
// file.
Result<std::string> read_regular_file(const std::string& path, size_t max_bytes);

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_REGULAR_FILE_H_
