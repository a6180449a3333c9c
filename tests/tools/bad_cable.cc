#include "tests/tools/bad_cable.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "shm/clock.h"

namespace smt::tools {
namespace {

constexpr size_t kEthernetHeader = 14;
constexpr size_t kMaxFrame = 65'536;
// So many frames are taken from one end before those that are due leave.
constexpr int kTurn = 32;

}  // namespace

Fd open_tap(const std::string& name, std::string* why_not) {
  Fd tap(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  if (!tap.ok() || ioctl(tap.get(), TUNSETIFF, &request) != 0) {
    *why_not = std::string("no TAP device (/dev/net/tun): ") + strerror(errno);
    return Fd();
  }
  return tap;
}

BadCable::BadCable(Fd a, Fd b, const Impairment& both, uint64_t seed)
    : stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), random_(seed) {
  ends_[kA] = std::move(a);
  ends_[kB] = std::move(b);
  for (Way& way : ways_) way.impairment = both;
  thread_ = std::thread([this] { run(); });
}

BadCable::~BadCable() {
  const uint64_t one = 1;
  if (write(stop_.get(), &one, sizeof one) != sizeof one) abort();
  thread_.join();
}

void BadCable::impair(End from, const Impairment& impairment) {
  const std::lock_guard lock(mutex_);
  ways_[from].impairment = impairment;
}

BadCable::Traffic BadCable::traffic(End from) const {
  const std::lock_guard lock(mutex_);
  return ways_[from].traffic;
}

void BadCable::take(Way* way, const std::byte* frame, size_t bytes, int64_t now_ns) {
  const Impairment& is = way->impairment;
  if (chance() < is.loss) {
    ++way->traffic.lost;
    return;
  }
  const bool twice = chance() < is.duplicate;
  way->traffic.duplicated += twice;
  for (int copies = twice ? 2 : 1; copies > 0; --copies) {
    Packet p{now_ns, packets_++, {frame, frame + bytes}};
    if (chance() < is.corrupt && bytes > kEthernetHeader) {
      const auto at = std::uniform_int_distribution<size_t>(kEthernetHeader, bytes - 1)(random_);
      p.frame[at] ^= std::byte{1} << (random_() % 8);
      ++way->traffic.corrupted;
    }
    if (is.bits_per_s > 0) {
      const double ns_per_byte = 8e9 / static_cast<double>(is.bits_per_s);
      const int64_t begin = std::max(now_ns, way->busy_until_ns);
      if (static_cast<double>(begin - now_ns) > static_cast<double>(is.queue_bytes) * ns_per_byte) {
        ++way->traffic.overflow;
        continue;
      }
      way->busy_until_ns = begin + static_cast<int64_t>(static_cast<double>(bytes) * ns_per_byte);
      p.due_ns = way->busy_until_ns;
    }
    const auto jitter = static_cast<int64_t>((2 * chance() - 1) * static_cast<double>(is.jitter_ns));
    p.due_ns += std::max<int64_t>(0, is.delay_ns + jitter);
    if (!is.overtake) p.due_ns = std::max(p.due_ns, way->last_due_ns);
    way->last_due_ns = p.due_ns;
    way->packets.push(std::move(p));
  }
}

void BadCable::deliver(Way* way, const Fd& to, int64_t now_ns) {
  for (; !way->packets.empty() && way->packets.top().due_ns <= now_ns; way->packets.pop()) {
    const std::vector<std::byte>& frame = way->packets.top().frame;
    if (write(to.get(), frame.data(), frame.size()) < 0) {
      ++way->traffic.refused;
      continue;
    }
    ++way->traffic.packets;
    way->traffic.bytes += frame.size();
  }
}

void BadCable::run() {
  // It stands for hardware: as punctual as this machine allows.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), -19);
  (void)prctl(PR_SET_TIMERSLACK, 1);
  std::vector<std::byte> frame(kMaxFrame);
  pollfd fds[] = {{ends_[kA].get(), POLLIN, 0}, {ends_[kB].get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (fds[2].revents == 0) {
    int64_t next_ns = INT64_MAX;
    {
      const std::lock_guard lock(mutex_);
      for (const int from : {kA, kB}) {
        Way& way = ways_[from];
        for (int i = 0; (fds[from].revents & POLLIN) != 0 && i < kTurn; ++i) {
          const ssize_t bytes = read(ends_[from].get(), frame.data(), frame.size());
          if (bytes <= 0) break;
          take(&way, frame.data(), static_cast<size_t>(bytes), boottime_ns());
        }
        deliver(&way, ends_[1 - from], boottime_ns());
        if (!way.packets.empty()) next_ns = std::min(next_ns, way.packets.top().due_ns);
      }
    }
    const int64_t wait_ns = std::max<int64_t>(0, next_ns - boottime_ns());
    const timespec wait{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
    if (ppoll(fds, 3, next_ns == INT64_MAX ? nullptr : &wait, nullptr) < 0) {
      if (errno != EINTR) abort();
      for (pollfd& fd : fds) fd.revents = 0;
    }
  }
}

}  // namespace smt::tools
