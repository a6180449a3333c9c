#include "relay/http/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace smt::relay {
namespace {

// In one step; what is left makes the descriptor readable again.
constexpr int kMaxAccepts = 4, kMaxEvents = 32;
// A process without free descriptors asks so often whether there is one.
constexpr int64_t kAcceptAgainNs = 100'000'000;

uint32_t events_of(HttpConnection::Waits waits) {
  switch (waits) {
    case HttpConnection::Waits::kForInput:
      return EPOLLIN;
    case HttpConnection::Waits::kForRoom:
      return EPOLLOUT;
    default:
      return 0;  // its end is told all the same
  }
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::open(const HttpAddress& address, HttpAnswer answer,
                                                     const HttpLimits& limits) {
  Result<Fd> listener = listen_at(address);
  if (!listener.ok()) return listener.status();
  Fd epoll = above_standard(Fd(epoll_create1(EPOLL_CLOEXEC)));
  if (!epoll.ok()) return Status::from_errno("epoll_create1", errno);
  std::unique_ptr<HttpServer> server(
      new HttpServer(std::move(*listener), std::move(epoll), std::move(answer), limits));
  if (!server->watch(EPOLL_CTL_ADD, server->listener_.get(), EPOLLIN))
    return Status::from_errno("epoll_ctl", errno);
  return server;
}

HttpServer::HttpServer(Fd listener, Fd epoll, HttpAnswer answer, const HttpLimits& limits)
    : listener_(std::move(listener)),
      epoll_(std::move(epoll)),
      answer_(std::move(answer)),
      limits_(limits),
      next_due_ns_(HttpConnection::kNever) {}

bool HttpServer::watch(int operation, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

void HttpServer::step(int64_t now_ns) {
  epoll_event events[kMaxEvents];
  const int ready = std::max(0, epoll_wait(epoll_.get(), events, kMaxEvents, 0));
  bool asks = false;  // somebody waits for an answer
  for (const auto& [fd, served] : connections_) asks = asks || served.events == 0;
  if (ready == 0 && !asks && now_ns < next_due_ns_) return;
  bool accepts = false;  // last, as a new connection may have the descriptor of one that made room
  for (int i = 0; i < ready; ++i) {
    const int fd = events[i].data.fd;
    if (fd == listener_.get()) {
      accepts = true;
    } else if (const auto it = connections_.find(fd); it != connections_.end()) {
      const bool gone = it->second.events == 0 && (events[i].events & (EPOLLHUP | EPOLLERR)) != 0;
      if (gone) ++counters_.dropped_broken;
      after(fd, gone ? HttpConnection::Waits::kForNothing : it->second.connection->step(now_ns));
    }
  }
  if (accepts) accept(now_ns);
  look_at_all(now_ns);
}

// Those that wait for an answer, and those whose time is over.
void HttpServer::look_at_all(int64_t now_ns) {
  std::vector<int> all;
  for (const auto& [fd, served] : connections_) all.push_back(fd);
  next_due_ns_ = HttpConnection::kNever;
  for (const int fd : all) {
    HttpConnection& c = *connections_.at(fd).connection;
    if (now_ns >= c.due_ns()) {
      after(fd, c.expire(now_ns));
    } else if (connections_.at(fd).events == 0) {
      after(fd, c.step(now_ns));
    }
    if (const auto it = connections_.find(fd); it != connections_.end())
      next_due_ns_ = std::min(next_due_ns_, it->second.connection->due_ns());
  }
  if (accept_again_ns_ != 0 && now_ns >= accept_again_ns_) {
    accept_again_ns_ = 0;
    watch(EPOLL_CTL_MOD, listener_.get(), EPOLLIN);
  }
  if (accept_again_ns_ != 0) next_due_ns_ = std::min(next_due_ns_, accept_again_ns_);
}

void HttpServer::accept(int64_t now_ns) {
  for (int i = 0; i < kMaxAccepts; ++i) {
    Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.ok()) {
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
      // The connection waits where it is, and would make the listener readable all the time.
      ++counters_.not_accepted;
      accept_again_ns_ = now_ns + kAcceptAgainNs;
      watch(EPOLL_CTL_MOD, listener_.get(), 0);
      return;
    }
    const int on = 1, fd = socket.get();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connections_.size() >= limits_.max_connections) make_room();
    if (!watch(EPOLL_CTL_ADD, fd, EPOLLIN)) {
      ++counters_.not_accepted;
      continue;
    }
    const bool local = HttpAddress::of_socket(fd).is_loopback();
    Served& served = connections_[fd];
    served.connection =
        std::make_unique<HttpConnection>(std::move(socket), local, limits_, answer_, &counters_, now_ns);
    served.events = EPOLLIN;
    // Most clients have said by now what they want.
    after(fd, served.connection->step(now_ns));
  }
}

// Those that have been answered and want nothing now go first.
void HttpServer::make_room() {
  const auto rank = [](const auto& one) {
    return std::pair(!one.second.connection->is_idle(), one.second.connection->quiet_since_ns());
  };
  const auto last = std::min_element(connections_.begin(), connections_.end(),
                                     [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  ++counters_.dropped_full;
  connections_.erase(last);
}

void HttpServer::after(int fd, HttpConnection::Waits waits) {
  if (waits == HttpConnection::Waits::kForNothing) {
    connections_.erase(fd);  // an epoll leaves out what is closed
    return;
  }
  Served& served = connections_.at(fd);
  const uint32_t events = events_of(waits);
  if (events != served.events) watch(EPOLL_CTL_MOD, fd, events);
  served.events = events;
}

}  // namespace smt::relay
