#include "cmd/cli/stop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace smt::cmd {
namespace {

// Readable when `signals` is, or when the reader of stdout has gone. A file is no concern of epoll, and
// cannot go.
Fd either_of(int signals) {
  Fd either(epoll_create1(EPOLL_CLOEXEC));
  epoll_event wanted = {};
  wanted.events = EPOLLIN;
  if (!either.ok() || epoll_ctl(either.get(), EPOLL_CTL_ADD, signals, &wanted) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll");
  }
  wanted.events = 0;  // errors and hang-ups come unasked
  (void)epoll_ctl(either.get(), EPOLL_CTL_ADD, STDOUT_FILENO, &wanted);
  return either;
}

}  // namespace

bool hangup_ignored() {
  struct sigaction action = {};
  return sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

Stop::Stop(StopOn on) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  // Blocked, an ignored signal would be read here all the same.
  if (on != StopOn::kSignalButHangUp && !hangup_ignored()) sigaddset(&signals, SIGHUP);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signals_ = Fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.ok()) throw std::system_error(errno, std::generic_category(), "signalfd");
  if (on == StopOn::kSignalOrOutputGone) either_ = either_of(signals_.get());
}

}  // namespace smt::cmd
