// The outputs of a generator. Files are written all of them whole, or none.
#ifndef SMT_CMD_API_OUTPUTS_H_
#define SMT_CMD_API_OUTPUTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "shm/status.h"

namespace smt::cmd::api {

// The path of an output that is standard output.
inline constexpr std::string_view kStandardOutput = "-";

struct Output {
  std::string path, text;
};

// The file that an output of this path makes or replaces: the one behind symbolic links. "": there is none,
// as the output is written into what is there: standard output, a descriptor (/dev/stdout), a device, a FIFO.
std::string replaced_file(const std::string& path);

// Writes each file beside its place first, and moves them there when all are written and what is no file has
// its text. A file that holds its text already is not touched, so that nothing is built again for it. A file
// that is replaced keeps its owner, as far as that may be, and its mode.
Status write_outputs(const std::vector<Output>& outputs);

// Whether the files hold their texts; kMismatch names one that does not.
Status compare_outputs(const std::vector<Output>& outputs);

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_OUTPUTS_H_
