#include "cmd/text/deadline.h"

#include <poll.h>

#include <algorithm>

#include "shm/clock.h"

namespace smt::cmd {

int64_t deadline_after(std::optional<int64_t> duration_ns) {
  if (!duration_ns) return kNever;
  const int64_t now = boottime_ns();
  return *duration_ns > kNever - now ? kNever : now + *duration_ns;
}

bool sleep_until(int64_t until_ns, int stop_fd, int wake_fd) {
  pollfd fds[] = {{stop_fd, POLLIN, 0}, {wake_fd, POLLIN, 0}};
  for (;;) {
    const int64_t left = std::max<int64_t>(0, until_ns == kNever ? kNever : until_ns - boottime_ns());
    const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
    const bool woken = ppoll(fds, 2, &timeout, nullptr) > 0;
    if (woken && fds[0].revents != 0) return true;
    if (woken || left == 0) return false;
  }
}

}  // namespace smt::cmd
