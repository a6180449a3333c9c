#include "cmd/cli/lines.h"

#include <poll.h>
#include <unistd.h>

namespace smt::cmd {

bool Lines::next(std::string* line) {
  for (pollfd in{fd_, POLLIN, 0}; !take(line); in.revents = 0) {
    if (ended_ || poll(&in, 1, 0) != 1) return false;
    char bytes[65536];
    const ssize_t n = read(fd_, bytes, sizeof bytes);
    if (n > 0) text_.append(bytes, static_cast<size_t>(n));
    ended_ = n <= 0;
  }
  return true;
}

bool Lines::take(std::string* line) {
  const size_t end = text_.find('\n', searched_);
  if (end == text_.npos ? text_.size() > max_bytes_ : end > max_bytes_) {
    too_long_ = ended_ = true;
    text_.clear();
    return false;
  }
  searched_ = end == text_.npos ? text_.size() : 0;
  if (end == text_.npos && !(ended_ && !text_.empty())) return false;
  *line = text_.substr(0, end);
  text_.erase(0, end == text_.npos ? end : end + 1);
  searched_ = 0;
  return true;
}

void Lines::wait(int other_fd) const {
  pollfd fds[] = {{fd_, POLLIN, 0}, {other_fd, POLLIN, 0}};
  if (!ended_) poll(fds, 2, -1);
}

}  // namespace smt::cmd
