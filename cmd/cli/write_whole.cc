#include "cmd/cli/write_whole.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace smt::cmd {

int write_whole(int fd, std::string_view text, size_t* written) {
  const size_t size = text.size();
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {  // somebody made it non-blocking
      pollfd out{fd, POLLOUT, 0};
      poll(&out, 1, -1);
    } else if (errno != EINTR) {
      if (written != nullptr) *written = size - text.size();
      return errno;
    }
  }
  return 0;
}

}  // namespace smt::cmd
