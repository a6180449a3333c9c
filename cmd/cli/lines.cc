#include "cmd/cli/lines.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace smt::cmd {

bool Lines::next(std::string* line) {
  for (pollfd in{fd_, POLLIN, 0}; !take(line); in.revents = 0) {
    if (ended_ || poll(&in, 1, 0) != 1) return false;
    char bytes[65536];
    const ssize_t n = read(fd_, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n > 0) text_.append(bytes, static_cast<size_t>(n));
    if (n < 0) error_ = errno;
    ended_ = n <= 0;
  }
  return true;
}

bool Lines::take(std::string* line) {
  const size_t newline = text_.find('\n', searched_), end = std::min(newline, text_.size());
  skips_ = skips_ || end > max_bytes_;
  const bool whole = newline != text_.npos || (ended_ && (skips_ || end != 0));
  if (!whole) {
    if (skips_) text_.clear();
    searched_ = text_.size();
    return false;
  }
  too_long_ = std::exchange(skips_, false);
  *line = too_long_ ? "" : text_.substr(0, end);
  text_.erase(0, end + 1);
  searched_ = 0;
  return true;
}

}  // namespace smt::cmd
