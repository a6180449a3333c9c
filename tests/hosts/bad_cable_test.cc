// The bad cable does what it says, seen by datagrams: a test that relies on it must not pass because nothing
// happened.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "shm/clock.h"
#include "tests/hosts/hosts.h"

namespace smt::hosts {
namespace {

constexpr int64_t kMsNs = 1'000'000;

// What came of `sent` datagrams, each of which is its number and the time when it was sent.
struct Seen {
  size_t sent = 0, came = 0, twice = 0, passed = 0;  // `passed`: came after one that was sent later
  storm::Latencies delays;
  int64_t lasted_ns = 0;
};

class RelayBadCable : public HostsTest {
 protected:
  Seen send(size_t count, size_t bytes, std::chrono::nanoseconds pause) {
    const Fd from = hosts_.socket(Host::kRobot, SOCK_DGRAM), to = hosts_.socket(Host::kGate, SOCK_DGRAM);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(4000);
    const int room = 8 << 20;
    EXPECT_EQ(setsockopt(to.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room), 0);
    EXPECT_EQ(bind(to.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    inet_pton(AF_INET, hosts_.gate_address(Host::kRobot), &address.sin_addr);
    EXPECT_EQ(connect(from.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    Seen seen;
    seen.sent = count;
    std::vector<int> times(count);
    int64_t latest = -1;
    const int64_t begin = boottime_ns();
    const auto receive = [&](int timeout_ms) {
      pollfd fd{to.get(), POLLIN, 0};
      if (poll(&fd, 1, timeout_ms) != 1) return false;
      int64_t datagram[200];
      if (recv(to.get(), datagram, sizeof datagram, 0) < 16) return false;
      const int64_t now = boottime_ns(), number = datagram[0];
      seen.delays.add(now - datagram[1]);
      seen.lasted_ns = now - begin;
      ++seen.came;
      seen.twice += times.at(static_cast<size_t>(number))++ == 1;
      seen.passed += number < latest;
      latest = std::max(latest, number);
      return true;
    };
    for (size_t i = 0; i < count; ++i) {
      std::vector<int64_t> datagram(bytes / 8);
      datagram[0] = static_cast<int64_t>(i);
      datagram[1] = boottime_ns();
      EXPECT_EQ(::send(from.get(), datagram.data(), bytes, 0), static_cast<ssize_t>(bytes));
      storm::elapse(pause);
      while (receive(0)) {
      }
    }
    while (receive(300)) {
    }
    print_figures("relay_bad_cable: {} of {} came, {} twice, {} passed, delay {}", seen.came, seen.sent,
                  seen.twice, seen.passed, seen.delays.text());
    return seen;
  }
  // ARP is done and the link carries, before anything is measured.
  void warm_up() {
    hosts_.impair(Host::kRobot, {});
    ASSERT_TRUE(await(milliseconds(5'000), [&] { return send(1, 64, {}).came == 1; }));
  }
};

TEST_F(RelayBadCable, DelaysByWhatItSaysAndJitterOvertakesOnlyIfToldTo) {
  SMT_NEED_BAD_CABLE(Host::kRobot, {});
  warm_up();
  hosts_.impair(Host::kRobot, {.delay_ns = 20 * kMsNs});
  Seen plain = send(200, 64, std::chrono::microseconds(500));
  EXPECT_EQ(plain.came, plain.sent);
  EXPECT_GE(plain.delays.percentile_ms(0), 20.0);
  EXPECT_LT(plain.delays.percentile_ms(50), 21.0);
  hosts_.impair(Host::kRobot, {.delay_ns = 20 * kMsNs, .jitter_ns = 10 * kMsNs});
  Seen in_line = send(200, 64, std::chrono::microseconds(500));
  EXPECT_EQ(in_line.passed, 0u);
  EXPECT_GE(in_line.delays.percentile_ms(0), 10.0);
  EXPECT_LT(in_line.delays.percentile_ms(75), 31.0);  // the slowest quarter may have waited for a processor
  hosts_.impair(Host::kRobot, {.delay_ns = 20 * kMsNs, .jitter_ns = 10 * kMsNs, .overtake = true});
  Seen mixed = send(200, 64, std::chrono::microseconds(500));
  EXPECT_GT(mixed.passed, 50u);
  EXPECT_LT(mixed.delays.percentile_ms(10), 14.0);
  EXPECT_GT(mixed.delays.percentile_ms(90), 26.0);
}

TEST_F(RelayBadCable, LosesDoublesAndDamagesItsShareOfThePackets) {
  SMT_NEED_BAD_CABLE(Host::kRobot, {});
  warm_up();
  constexpr size_t kSent = 2000;
  hosts_.impair(Host::kRobot, {.loss = 0.1});
  const Seen lost = send(kSent, 64, {});
  EXPECT_NEAR(static_cast<double>(kSent - lost.came), kSent * 0.1, 60);
  hosts_.impair(Host::kRobot, {.duplicate = 0.1});
  const Seen doubled = send(kSent, 64, {});
  EXPECT_NEAR(static_cast<double>(doubled.twice), kSent * 0.1, 60);
  EXPECT_EQ(doubled.came, kSent + doubled.twice);
  // The checksums of IP and UDP find each of them.
  hosts_.impair(Host::kRobot, {.corrupt = 0.1});
  const Seen damaged = send(kSent, 64, {});
  EXPECT_NEAR(static_cast<double>(kSent - damaged.came), kSent * 0.1, 60);
  const BadCable::Traffic t = hosts_.traffic(Host::kRobot, true);
  EXPECT_NEAR(static_cast<double>(t.lost), kSent * 0.1, 60);
  EXPECT_NEAR(static_cast<double>(t.duplicated), kSent * 0.1, 60);
  EXPECT_NEAR(static_cast<double>(t.corrupted), kSent * 0.1, 60);
}

TEST_F(RelayBadCable, LetsThroughItsRateAndDropsWhatTheQueueHasNoRoomFor) {
  SMT_NEED_BAD_CABLE(Host::kRobot, {});
  warm_up();
  hosts_.impair(Host::kRobot, {.bits_per_s = 8'000'000, .queue_bytes = 100'000});
  const Seen seen = send(500, 1000, {});  // half a megabyte at once
  const BadCable::Traffic t = hosts_.traffic(Host::kRobot, true);
  EXPECT_EQ(t.overflow, seen.sent - seen.came);
  EXPECT_GT(t.overflow, 100u);
  const double rate = static_cast<double>(seen.came) * 1042 / static_cast<double>(seen.lasted_ns) * 1e9;
  print_figures("relay_bad_cable: {:.0f} bytes/s of 1000000, {} had no room", rate, t.overflow);
  EXPECT_NEAR(rate, 1e6, 5e4);
}

}  // namespace
}  // namespace smt::hosts
