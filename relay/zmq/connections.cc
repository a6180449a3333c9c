#include "relay/zmq/connections.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>
#include <vector>

#include "shm/clock.h"

namespace smt::relay {
namespace {

// How often the bytes of each connection are counted, and while somebody has left some that are worth it.
constexpr int64_t kCheckNs = 100'000'000, kCheckSoonNs = 5'000'000;
// So many at once, three system calls each; the others later, so that nobody else waits for a flood of them.
constexpr size_t kAtOnce = 256;
constexpr uint64_t kWorthIt = 1 << 20;
// What is queued leaves meanwhile.
constexpr int64_t kLeaveNs = 500'000'000;

// Nothing: the descriptor is no socket's any more.
uint64_t cookie_of(int fd) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

// What libzmq has read of it.
uint64_t read_bytes(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  int unread = 0;
  // In this order, so that what comes in between counts as unread.
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || ioctl(fd, SIOCINQ, &unread) != 0) return 0;
  const uint64_t received = info.tcpi_bytes_received;
  return received - std::min<uint64_t>(received, static_cast<uint64_t>(std::max(unread, 0)));
}

}  // namespace

Connections::Connections(zmq::context_t* context, zmq::socket_t* socket)
    : socket_(socket->handle()), events_(*context, zmq::socket_type::pair) {
  static std::atomic<uint64_t> made{0};
  const std::string name =
      "inproc://smtrelay.connections." + std::to_string(made.fetch_add(1, std::memory_order_relaxed) + 1);
  const int kinds = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED |
                    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                    ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
  if (zmq_socket_monitor(socket_, name.c_str(), kinds) != 0) throw zmq::error_t();
  events_.set(zmq::sockopt::linger, 0);
  // libzmq's thread waits for room if there is a limit.
  events_.set(zmq::sockopt::rcvhwm, 0);
  events_.connect(name);
  events_fd_ = events_.get(zmq::sockopt::fd);
}

Connections::~Connections() { zmq_socket_monitor(socket_, nullptr, 0); }

void Connections::read_events(int64_t now_ns) {
  zmq::message_t event, address;
  while (events_.recv(event, zmq::recv_flags::dontwait) && events_.recv(address, zmq::recv_flags::dontwait)) {
    uint16_t kind = 0;
    uint32_t fd = 0;
    if (event.size() < sizeof kind + sizeof fd) continue;
    memcpy(&kind, event.data(), sizeof kind);
    memcpy(&fd, event.data<char>() + sizeof kind, sizeof fd);
    const auto known = connections_.find(static_cast<int>(fd));
    switch (kind) {
      case ZMQ_EVENT_ACCEPTED:
      case ZMQ_EVENT_CONNECTED:
      case ZMQ_EVENT_DISCONNECTED:
        if (known != connections_.end()) end_connection(known);
        ended_ = kind == ZMQ_EVENT_DISCONNECTED;
        refused_ = false;
        if (kind == ZMQ_EVENT_DISCONNECTED) break;
        connections_[static_cast<int>(fd)] = {.cookie = cookie_of(static_cast<int>(fd)), .heard_ns = now_ns};
        break;
      case ZMQ_EVENT_CLOSED:
        refused_ = true;
        break;
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        last_ = Handshake::kDone;
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        last_ = Handshake::kRefused;
        break;
      default:
        if (last_ == Handshake::kNone) last_ = Handshake::kFailed;
    }
  }
}

Handshake Connections::last(int64_t now_ns) {
  read_events(now_ns);
  return std::exchange(last_, Handshake::kNone);
}

// Whose it is.
void Connections::forget(int fd, Connection* c) {
  if (!std::exchange(c->known, false)) return;
  if (const auto at = fds_.find(c->peer); at != fds_.end() && at->second == fd) fds_.erase(at);
  if (const auto count = count_of_key_.find(c->key); --count->second == 0) count_of_key_.erase(count);
}

void Connections::end_connection(ByFd::iterator at) {
  forget(at->first, &at->second);
  connections_.erase(at);
}

// libzmq finds that the connection has ended, and gives up what it holds of it.
void Connections::cut_off(ByFd::iterator at) {
  const uint64_t cookie = at->second.cookie;
  if (cookie != 0 && cookie_of(at->first) == cookie) shutdown(at->first, SHUT_RDWR);
  end_connection(at);
}

uint64_t Connections::wire_bytes(size_t frame, bool encrypted) {
  // CURVE (RFC 26): "\x07MESSAGE", a nonce of 8 bytes, 16 of the check, a byte of flags. ZMTP (RFC 23):
  // flags, and the length in one byte or eight.
  const uint64_t body = frame + (encrypted ? 33 : 0);
  return body + (body > 255 ? 9 : 2);
}

void Connections::on_received(int fd, std::string_view peer, std::string_view key, uint64_t wire_bytes,
                              int64_t now_ns) {
  if (fd < 0) return;  // it came from this process
  auto at = connections_.find(fd);
  if (at == connections_.end()) {
    read_events(now_ns);
    at = connections_.find(fd);
    if (at == connections_.end()) return;  // it has ended, and left this behind
  }
  Connection& c = at->second;
  c.heard_ns = now_ns;
  c.taken_bytes += wire_bytes;
  if (c.known && c.peer == peer) return;
  forget(fd, &c);  // what came first was left behind by the one that had this descriptor before
  c.known = true;
  c.peer = peer;
  c.key = key;
  fds_[c.peer] = fd;
  if (++count_of_key_[c.key] <= kMaxOfAKey || key.empty()) return;
  cuts_.push_back({c.peer, c.key, "more than " + std::to_string(kMaxOfAKey) + " connections with one key"});
  cut_off(at);
}

void Connections::drop(std::string_view peer, int64_t now_ns) {
  const auto fd = fds_.find(peer);
  if (fd == fds_.end()) return;
  Connection& c = connections_[fd->second];
  c.cut_ns = std::min(c.cut_ns, now_ns + kLeaveNs);
}

void Connections::cut_silent(int64_t now_ns) {
  std::vector<std::pair<int64_t, int>> strangers;  // since when
  for (auto at = connections_.begin(); at != connections_.end();) {
    const auto c = at++;
    if (now_ns - c->second.heard_ns > kMaxSilenceNs) {
      cut_off(c);
    } else if (!c->second.known) {
      strangers.emplace_back(c->second.heard_ns, c->first);
    }
  }
  if (strangers.empty()) return;
  // Half of the descriptors are for those who say something, and for files.
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || strangers.size() <= files.rlim_cur / 2) return;
  const size_t over = strangers.size() - files.rlim_cur / 2;
  std::sort(strangers.begin(), strangers.end());
  for (size_t i = 0; i < over; ++i) cut_off(connections_.find(strangers[i].second));
}

// Counts the next ones anew. False: that were the last, and the first come next.
bool Connections::measure() {
  auto at = connections_.lower_bound(next_fd_);
  for (size_t n = 0; n < kAtOnce && at != connections_.end(); ++n, ++at) {
    Connection& c = at->second;
    if (cookie_of(at->first) != c.cookie) continue;
    const uint64_t read = read_bytes(at->first);
    // What a connection that had the same descriptor left behind is nobody's credit.
    c.taken_bytes = std::min(c.taken_bytes, read);
    c.held_bytes = read - c.taken_bytes;
  }
  next_fd_ = at == connections_.end() ? 0 : at->first;
  return next_fd_ != 0;
}

void Connections::cut_hoarders() {
  std::map<std::string, uint64_t> of_key;
  for (const auto& [fd, c] : connections_) of_key[c.key] += c.held_bytes;
  for (auto& [key, bytes] : of_key) {
    const auto held_by_it = [&key = key](const auto& c) {
      return c.second.key == key ? c.second.held_bytes : 0;
    };
    while (bytes > kMaxHeldBytes) {
      const auto worst =
          std::max_element(connections_.begin(), connections_.end(),
                           [&](const auto& a, const auto& b) { return held_by_it(a) < held_by_it(b); });
      const Connection& c = worst->second;
      bytes -= c.held_bytes;
      cuts_.push_back({c.peer, c.key,
                       "it has sent " + std::to_string(c.held_bytes >> 20) +
                           " MiB of messages that do not end, or faster than they can be read",
                       true});
      cut_off(worst);
    }
  }
}

void Connections::check(bool binds, int64_t now_ns) {
  read_events(now_ns);
  for (auto at = connections_.begin(); at != connections_.end();) {
    const auto c = at++;
    if (c->second.cut_ns <= now_ns) cut_off(c);
  }
  if (!measure() && binds) cut_silent(now_ns);
  uint64_t held = 0;
  for (const auto& [fd, c] : connections_) held += c.held_bytes;
  if (held > kMaxHeldBytes) cut_hoarders();
  const auto turns = static_cast<int64_t>(connections_.size() / kAtOnce + 1);
  due_ns_ = next_tick_ns(now_ns, held > kWorthIt ? kCheckSoonNs : kCheckNs / turns);
}

bool Connections::take_cut(Cut* cut) {
  if (cuts_.empty()) return false;
  *cut = std::move(cuts_.front());
  cuts_.pop_front();
  return true;
}

}  // namespace smt::relay
