#include "bench/relay/askers.h"

#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "bench/measure.h"
#include "bench/relay/load.h"
#include "bench/relay/loopback.h"
#include "bench/report.h"
#include "shm/fd.h"

namespace smt::bench {
namespace {

constexpr std::string_view kRequest = "GET /metrics HTTP/1.0\r\n\r\n";
// In a second each slow client has one turn; they come one by one.
constexpr int kTicksPerS = 1000, kMaxTurns = 5;

void yield_to_relays() {
  const sched_param none = {};
  check(sched_setscheduler(0, SCHED_IDLE, &none) == 0 ? Status() : Status::from_errno("SCHED_IDLE", errno));
}

// With a small room for answers.
Fd dial(int port, int flags) {
  Fd s(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!s.ok()) fail(Status::from_errno("socket", errno));
  const int room = 4096;
  if (flags != 0) setsockopt(s.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  const sockaddr_in to = loopback(port);
  if (connect(s.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
    s.reset();
  return s;
}

bool scrape(int port) {
  const Fd s = dial(port, 0);
  const timeval limit = {5, 0};
  if (!s.ok() || setsockopt(s.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      send(s.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0)
    return false;
  std::string answer;
  char room[16384];
  ssize_t n = 0;
  while ((n = recv(s.get(), room, sizeof room, 0)) > 0) answer.append(room, static_cast<size_t>(n));
  return n == 0 && answer.starts_with("HTTP/1.1 200 ") && answer.find("smtrelay_ready") != answer.npos;
}

[[noreturn]] void run_scraper(const std::vector<int>& ports, int per_s, std::atomic<uint64_t>* scrapes) {
  yield_to_relays();
  for (int64_t due = boottime_ns();; due = std::max(due + kSecond / per_s, boottime_ns())) {
    sleep_until(due);
    for (const int port : ports) scrapes->fetch_add(scrape(port) ? 1 : 0, std::memory_order_relaxed);
  }
}

class SlowClient {
 public:
  explicit SlowClient(bool reads_nothing) : reads_nothing_(reads_nothing) {}

  void take_turn(int port) {
    pollfd state = {fd_.get(), POLLRDHUP, 0};
    const bool turned_out = !fd_.ok() || (poll(&state, 1, 0) == 1 && state.revents != 0);
    if (turned_out || ++turns_ > kMaxTurns) {
      fd_ = dial(port, SOCK_NONBLOCK);
      turns_ = 0;
    }
    const size_t bytes = reads_nothing_ ? kRequest.size() : 1;
    if (fd_.ok() && (!reads_nothing_ || turns_ == 0))
      (void)send(fd_.get(), kRequest.data() + (reads_nothing_ ? 0 : turns_), bytes,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
  }

 private:
  const bool reads_nothing_;
  Fd fd_;
  size_t turns_ = 0;  // since it came
};

[[noreturn]] void run_slow_clients(int port, int count) {
  yield_to_relays();
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::vector<SlowClient> clients;
  for (int i = 0; i < count; ++i) clients.emplace_back(i % 2 == 1);
  for (int64_t tick = 0, begin = boottime_ns();; ++tick) {
    sleep_until(begin + tick * kSecond / kTicksPerS);
    for (size_t i = static_cast<size_t>(tick % kTicksPerS); i < clients.size(); i += kTicksPerS)
      clients[i].take_turn(port);
  }
}

}  // namespace

std::vector<Process> start_askers(const Asking& asking, const std::vector<int>& ports,
                                  std::atomic<uint64_t>* scrapes) {
  std::vector<Process> askers;
  if (asking.scrapes_per_s != 0)
    askers.push_back(Process::fork(-1, [&] { run_scraper(ports, asking.scrapes_per_s, scrapes); }));
  if (asking.slow_clients != 0)
    askers.push_back(Process::fork(-1, [&] { run_slow_clients(ports.front(), asking.slow_clients); }));
  return askers;
}

}  // namespace smt::bench
