// write(2) without its half measures.
#ifndef SMT_CMD_CLI_WRITE_WHOLE_H_
#define SMT_CMD_CLI_WRITE_WHOLE_H_

#include <cstddef>
#include <string_view>

namespace smt::cmd {

// Writes all of `text`, and waits where the descriptor has no room. 0, or the errno of what failed; then
// `*written` bytes of it are written.
int write_whole(int fd, std::string_view text, size_t* written = nullptr);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_WRITE_WHOLE_H_
