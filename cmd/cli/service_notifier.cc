#include "cmd/cli/service_notifier.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "cmd/text/deadline.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

constexpr int64_t kFullNs = 10'000'000;     // until a supervisor has room again
constexpr int64_t kGoneNs = 1'000'000'000;  // until one that is started anew has a socket again
// Of changes of state that wait for a supervisor that reads nothing: some fifty reloads.
constexpr size_t kMaxUnsentBytes = 4096;
constexpr size_t kMaxStatusBytes = 400;
constexpr int64_t kMaxWatchdogUs = int64_t{1} << 50;  // 35 years

int64_t monotonic_us() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1000;
}

std::string_view environment(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

// Nothing: it is no positive number.
std::optional<int64_t> number_of(std::string_view text) {
  int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n <= 0) return std::nullopt;
  return n;
}

}  // namespace

ServiceNotifier::ServiceNotifier(std::string socket, int64_t watchdog_ns, LogSink log)
    : path_(std::move(socket)), log_(std::move(log)), beat_ns_(watchdog_ns / 2) {
  if (path_.empty()) return;
  const bool is_known = path_[0] == '/' || path_[0] == '@';
  if (!is_known || path_.size() >= sizeof(sockaddr_un::sun_path)) {
    log_.warn(
        fmt::format("NOTIFY_SOCKET is '{}', which is no path of a socket: nobody is told that this "
                    "service is ready",
                    printable(path_)));
    return;
  }
  if (path_[0] == '@') path_[0] = '\0';
  socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_.ok()) {
    log_.warn(fmt::format("cannot tell the supervisor that this service is ready: {}", strerror(errno)));
  }
}

ServiceNotifier ServiceNotifier::from_environment(LogSink log) {
  const std::string_view us = environment("WATCHDOG_USEC"), pid = environment("WATCHDOG_PID");
  int64_t watchdog_us = 0;
  if (!us.empty() && (pid.empty() || number_of(pid) == getpid())) {
    const std::optional<int64_t> said = number_of(us);
    if (said && *said <= kMaxWatchdogUs) {
      watchdog_us = *said;
    } else {
      log.warn(
          fmt::format("WATCHDOG_USEC is '{}', which is no number of microseconds: the watchdog is not fed",
                      printable(us)));
    }
  }
  return ServiceNotifier(std::string(environment("NOTIFY_SOCKET")), watchdog_us * 1000, std::move(log));
}

void ServiceNotifier::reloading() { tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_us())); }

void ServiceNotifier::status(const std::string& text) {
  std::string line = printable(text);
  if (line.size() > kMaxStatusBytes) line = printable(line.substr(0, kMaxStatusBytes)) + "...";
  if (line == status_) return;
  status_ = std::move(line);
  is_status_sent_ = !has_supervisor();
  flush();
}

int64_t ServiceNotifier::look(int64_t now_ns) {
  if (!has_supervisor()) return kNever;
  if (has_unsent() && now_ns >= next_retry_ns_) {
    flush();
    next_retry_ns_ = now_ns + retry_ns_;
  }
  if (beat_ns_ != 0 && now_ns >= next_beat_ns_) {
    send("WATCHDOG=1");
    next_beat_ns_ = now_ns + beat_ns_;
  }
  return std::min(beat_ns_ != 0 ? next_beat_ns_ : kNever, has_unsent() ? next_retry_ns_ : kNever);
}

void ServiceNotifier::tell(const std::string& line) {
  if (!has_supervisor()) return;
  if (unsent_.size() + line.size() > kMaxUnsentBytes) unsent_.clear();  // older than what comes now
  unsent_ += line + "\n";
  flush();
}

void ServiceNotifier::flush() {
  if (!has_unsent()) return;
  if (send((is_status_sent_ ? "" : "STATUS=" + status_ + "\n") + unsent_)) {
    is_status_sent_ = true;
    unsent_.clear();
  }
}

bool ServiceNotifier::send(const std::string& lines) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path_.data(), path_.size());
  const socklen_t bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  if (sendto(socket_.get(), lines.data(), lines.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), bytes) >= 0) {
    return true;
  }
  const bool full = errno == EAGAIN || errno == ENOBUFS || errno == EINTR;
  retry_ns_ = full ? kFullNs : kGoneNs;
  if (full) return false;
  if (!std::exchange(has_warned_, true)) {
    log_.warn(
        fmt::format("cannot reach the supervisor at NOTIFY_SOCKET: {}; this is tried again, once a second",
                    strerror(errno)));
  }
  return false;
}

}  // namespace smt::cmd
