#include "cmd/cli/stop.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "shm/clock.h"

namespace smt::cmd {

Stop::Stop() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  fd_ = Fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_.ok()) throw std::system_error(errno, std::generic_category(), "signalfd");
}

bool Stop::stopped() const { return sleep_until(0); }

bool Stop::sleep_until(int64_t until_ns, int wake_fd) const {
  pollfd fds[] = {{fd_.get(), POLLIN, 0}, {wake_fd, POLLIN, 0}};
  for (;;) {
    const int64_t left = std::max<int64_t>(0, until_ns == kNever ? kNever : until_ns - BoottimeNs());
    const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
    const bool woken = ppoll(fds, 2, &timeout, nullptr) > 0;
    if (woken && fds[0].revents != 0) return true;
    if (woken || left == 0) return false;
  }
}

int64_t DeadlineAfter(std::optional<int64_t> duration_ns) {
  if (!duration_ns) return kNever;
  const int64_t now = BoottimeNs();
  return *duration_ns > kNever - now ? kNever : now + *duration_ns;
}

}  // namespace smt::cmd
