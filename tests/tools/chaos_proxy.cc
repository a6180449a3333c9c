#include "tests/tools/chaos_proxy.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "shm/clock.h"
#include "tests/loopback.h"

namespace smt::tools {
namespace {

constexpr size_t kMaxPiece = 64 << 10;
constexpr uint64_t kMaxHeld = 4 << 20;  // of one direction; TCP holds the sender back then

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string("chaos proxy: ") + what + ": " + strerror(errno));
}

void set_no_delay(const Fd& fd) {
  const int one = 1;
  (void)setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// Its close() is an RST.
void close_hard(Fd* fd) {
  const linger hard{1, 0};
  (void)setsockopt(fd->get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  fd->reset();
}

}  // namespace

ChaosProxy::ChaosProxy(uint16_t to_port, uint64_t seed)
    : listener_(bound(&port_, SOCK_NONBLOCK)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      to_port_(to_port),
      random_(seed) {
  if (listen(listener_.get(), 64) != 0) fail("listening");
  thread_ = std::thread([this] { run(); });
}

ChaosProxy::~ChaosProxy() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake();
  thread_.join();
}

void ChaosProxy::wake() {
  const uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) != sizeof one) abort();
}

void ChaosProxy::set(Way way, const Chaos& chaos) {
  const std::lock_guard lock(mutex_);
  chaos_[way] = chaos;
}

void ChaosProxy::reset() {
  const std::lock_guard lock(mutex_);
  for (Connection& c : connections_) reset_connection(&c);
  wake();
}

void ChaosProxy::half_close(Way way) {
  const std::lock_guard lock(mutex_);
  for (Connection& c : connections_) {
    c.streams[way].ended = true;
    c.streams[way].pieces.clear();
  }
  wake();
}

std::string ChaosProxy::recorded(Way way) {
  const std::lock_guard lock(mutex_);
  return std::exchange(recorded_[way], {});
}

ChaosProxy::Counts ChaosProxy::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.open = connections_.size();
  return counts;
}

void ChaosProxy::reset_connection(Connection* c) {
  for (Fd& side : c->sides) {
    if (!side.ok()) continue;
    close_hard(&side);
    ++counts_.resets;
  }
}

void ChaosProxy::accept() {
  for (;;) {
    Fd dialled(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!dialled.ok()) return;
    Fd onward = dial(to_port_, SOCK_NONBLOCK);
    if (!onward.ok()) {
      close_hard(&dialled);
      continue;
    }
    set_no_delay(dialled);
    set_no_delay(onward);
    Connection& c = connections_.emplace_back();
    c.sides[0] = std::move(dialled);
    c.sides[1] = std::move(onward);
    ++counts_.connections;
  }
}

bool ChaosProxy::connected(Connection* c) const {
  int error = 0;
  socklen_t size = sizeof error;
  c->connected = getsockopt(c->sides[1].get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  return c->connected;
}

void ChaosProxy::flip(Way way, uint64_t at, std::vector<std::byte>* bytes) {
  const Chaos& chaos = chaos_[way];
  if (chaos.flip <= 0) return;
  // Distance from one flip to the next.
  std::geometric_distribution<uint64_t> gap(std::min(chaos.flip, 0.999));
  uint64_t i = at < chaos.flip_from ? chaos.flip_from - at : 0;
  for (i += gap(random_); i < bytes->size(); i += 1 + gap(random_)) {
    (*bytes)[i] ^= std::byte{1} << (random_() % 8);
    ++counts_.flips[way];
  }
}

bool ChaosProxy::read(Connection* c, Way way, int64_t now_ns) {
  Stream& s = c->streams[way];
  const Chaos& chaos = chaos_[way];
  size_t room = kMaxPiece;
  if (chaos.bytes_per_s > 0)
    room = static_cast<size_t>(std::clamp<int64_t>(chaos.bytes_per_s / 100, 1, kMaxPiece));
  std::vector<std::byte> bytes(room);
  const ssize_t n = ::read(c->sides[way].get(), bytes.data(), bytes.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) {
    s.ended = true;
    return true;
  }
  bytes.resize(static_cast<size_t>(n));
  const uint64_t at = s.bytes;
  s.bytes += bytes.size();
  counts_.bytes[way] += bytes.size();
  if (chaos.record) recorded_[way].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (chaos.swallow) {
    counts_.swallowed[way] += bytes.size();
    return true;
  }
  flip(way, at, &bytes);
  const bool cut = chaos.cut_after != 0 && s.bytes >= chaos.cut_after;
  if (cut) bytes.resize(chaos.cut_after > at ? chaos.cut_after - at : 0);
  int64_t due_ns = now_ns;
  if (chaos.bytes_per_s > 0) {
    const double takes_ns = static_cast<double>(bytes.size()) * 1e9 / static_cast<double>(chaos.bytes_per_s);
    due_ns = s.busy_until_ns = std::max(now_ns, s.busy_until_ns) + static_cast<int64_t>(takes_ns);
  }
  due_ns += chaos.delay_ns;
  if (!s.pieces.empty()) due_ns = std::max(due_ns, s.pieces.back().due_ns);
  s.held += bytes.size();
  s.pieces.push_back({due_ns, std::move(bytes)});
  return write(c, way, now_ns) && !cut;
}

bool ChaosProxy::write(Connection* c, Way way, int64_t now_ns) {
  Stream& s = c->streams[way];
  const Fd& to = c->sides[1 - way];
  while (!s.pieces.empty() && s.pieces.front().due_ns <= now_ns) {
    Piece& p = s.pieces.front();
    const ssize_t n = send(to.get(), p.bytes.data() + p.written, p.bytes.size() - p.written, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    p.written += static_cast<size_t>(n);
    s.held -= static_cast<uint64_t>(n);
    if (p.written < p.bytes.size()) return true;
    s.pieces.pop_front();
  }
  if (s.ended && !s.closed && s.pieces.empty()) {
    s.held = 0;
    s.closed = true;
    (void)shutdown(to.get(), SHUT_WR);
  }
  return !(c->streams[kUp].closed && c->streams[kDown].closed);
}

void ChaosProxy::run() {
  std::vector<pollfd> fds;
  std::vector<Connection*> at;  // of each two descriptors from the third on
  for (;;) {
    int64_t next_ns = INT64_MAX;
    fds.assign({{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}});
    at.clear();
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return;
      const int64_t now_ns = boottime_ns();
      for (auto c = connections_.begin(); c != connections_.end();) {
        bool goes_on = c->sides[0].ok();
        for (const Way way : {kUp, kDown}) goes_on = goes_on && (!c->connected || write(&*c, way, now_ns));
        if (!goes_on) {
          c = connections_.erase(c);
          continue;
        }
        std::array<pollfd, 2> want{};
        for (const Way way : {kUp, kDown}) {
          const Stream& s = c->streams[way];
          if (!s.ended && s.held < kMaxHeld && c->connected) want[way].events |= POLLIN;
          if (s.pieces.empty()) continue;
          if (s.pieces.front().due_ns <= now_ns) {
            want[1 - way].events |= POLLOUT;
          } else {
            next_ns = std::min(next_ns, s.pieces.front().due_ns);
          }
        }
        if (!c->connected) want[1].events = POLLOUT;
        for (const int side : {0, 1}) {
          // Without a wish none of its hang-ups either: they would be reported again and again.
          want[side].fd = want[side].events != 0 ? c->sides[side].get() : -1;
          fds.push_back(want[side]);
        }
        at.push_back(&*c);
        ++c;
      }
    }
    const int64_t wait_ns = std::max<int64_t>(0, next_ns - boottime_ns());
    const timespec wait{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
    if (ppoll(fds.data(), fds.size(), next_ns == INT64_MAX ? nullptr : &wait, nullptr) < 0) continue;
    const std::lock_guard lock(mutex_);
    uint64_t count;
    if (fds[0].revents != 0 && ::read(wake_.get(), &count, sizeof count) < 0) abort();
    const int64_t now_ns = boottime_ns();
    for (size_t i = 0; i < at.size(); ++i) {
      Connection* c = at[i];
      const short sides[] = {fds[2 + 2 * i].revents, fds[3 + 2 * i].revents};
      if (!c->sides[0].ok() || (sides[0] == 0 && sides[1] == 0)) continue;
      bool fine = c->connected || sides[1] == 0 || connected(c);
      for (const Way way : {kUp, kDown}) {
        if (fine && c->connected && sides[way] != 0 && !c->streams[way].ended &&
            c->streams[way].held < kMaxHeld) {
          fine = read(c, way, now_ns);
        }
      }
      if (!fine) reset_connection(c);
    }
    if (fds[1].revents != 0) accept();
  }
}

}  // namespace smt::tools
