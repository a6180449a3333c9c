// Strangers by the thousand at the listener of a relay with keys: who has a key is served meanwhile, sessions
// that stand are not disturbed, and memory stays within bounds (S9, S10).
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <deque>
#include <functional>
#include <thread>

#include "relay/zmq/connections.h"
#include "tests/hosts/elsewhere.h"
#include "tests/hosts/hosts.h"
#include "tests/hosts/timed_topics.h"
#include "tests/loopback.h"
#include "tests/row.h"
#include "tests/times.h"
#include "tests/tools/keyed_relays.h"

namespace smt::hosts {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// ZMTP 3.0 with CURVE, and the head of a command of `bytes`.
std::string batch_begin(uint64_t bytes) {
  std::string text = "\xff" + std::string(8, '\0') + "\x7f\3" + std::string(1, '\0') + "CURVE" +
                     std::string(15 + 32, '\0') + "\6";
  for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(bytes >> shift);
  return text;
}

class Flood : public tools::KeyedTest {
 protected:
  void SetUp() override {
    make_keys({"robot", "base"});
    acquaint_both("robot", "base");
    limit_files(8192);  // the promise is made for so many
    robot_ = robot();
    limit_files(20'000);  // this process stands for many
    port_ = static_cast<uint16_t>(std::stoi(robot_.ready[2].substr(robot_.ready[2].rfind(':') + 1)));
    source_.emplace(open("robot"), topics_);
    base_ = mirror("base", robot_.ready[2] + "#robot");
    watch_.emplace(open("base"), topics_);
    ASSERT_TRUE(eventually([&] { return watch_->all_have(50); }));
  }
  // Without root only what is allowed anyway.
  static void limit_files(rlim_t max) {
    rlimit files{max, max};
    if (setrlimit(RLIMIT_NOFILE, &files) == 0 || getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = std::min(max, files.rlim_max);
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
  Domain open(const std::string& name) const {
    return storm::must(Domain::open({.root = root_, .domain = name, .create = false}));
  }
  uint64_t anonymous() const { return tools::memory_bytes(robot_.process->pid(), "RssAnon"); }

  const std::vector<TimedTopic> topics_ = {{.name = "pose", .period_ns = kMs}};
  Relay robot_, base_;
  uint16_t port_ = 0;
  std::optional<TimedSource> source_;
  std::optional<Watch> watch_;
};

TEST_F(Flood, OfConnectionsKeepsNobodyOut) {
  // Clients with a key, one after the other, for so long.
  storm::Latencies served;
  uint64_t failed = 0;
  const auto serve = [&](uint64_t ms) {
    served = {};
    watch_->begin();
    for (const int64_t end_ns = boottime_ns() + static_cast<int64_t>(ms) * kMs; boottime_ns() < end_ns;) {
      const int64_t begun_ns = boottime_ns();
      const tools::Ended got = run({"smtrelay_client", "--keys", keys("base"), "--connect",
                                    robot_.ready[2] + "#robot", "--timeout", "3s", "get", "pose"});
      served.add(boottime_ns() - begun_ns);
      failed += got.exit_code != 0;
    }
    return watch_->of(0);
  };
  const double calm_ms = serve(storm::scaled(1000, 4000)).ages.percentile_ms(99);
  const uint64_t before = anonymous();
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> dialled{0}, max{before};
  std::thread strangers([&] {
    const Elsewhere machine;
    std::vector<Fd> idle;
    for (int i = 0; i < 2000; ++i) idle.push_back(dial(port_, SOCK_NONBLOCK));
    std::deque<Fd> new_ones;
    while (!stop) {
      for (int i = 0; i < 10; ++i, ++dialled) new_ones.push_back(dial(port_, SOCK_NONBLOCK));
      while (new_ones.size() > 3000) new_ones.pop_front();
      // Who is cut comes back.
      for (Fd& s : idle) {
        char byte;
        if (recv(s.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0) s = dial(port_, SOCK_NONBLOCK);
      }
      max = std::max<uint64_t>(max, anonymous());
      storm::elapse(milliseconds(10));
    }
  });
  storm::elapse(milliseconds(500));
  Arrivals pose = serve(storm::scaled(1500, 8000));
  stop = true;
  strangers.join();
  const double more_ms = pose.ages.percentile_ms(99) - calm_ms;
  printf(
      "figures: flood: 2,000 idle and %llu dialled (%llu a second); a client is served in %s; others' p99 "
      "%+.3f ms "
      "(calm %.3f), longest gap %lld ms; %.1f MiB more\n",
      static_cast<unsigned long long>(dialled), 1000ull, served.text().c_str(), more_ms, calm_ms,
      static_cast<long long>(pose.max_gap_ns / kMs), static_cast<double>(max - before) / kMiB);
  EXPECT_EQ(failed, 0u);
  EXPECT_LT(served.percentile_ms(100), 3000);
  EXPECT_LT(pose.max_gap_ns, 1000 * kMs);
  EXPECT_LT(max - before, 64 * kMiB);
  EXPECT_FALSE(robot_.process->ended());
  print_row(Row{.id = "S9",
                .what = "a good client in a flood of 1,000 connects/s",
                .n = dialled,
                .violations = HasFailure(),
                .max_ms = served.percentile_ms(100),
                .p99_ms = more_ms});
}

TEST_F(Flood, OfBytesBeforeAnyKeyIsShownStaysSmall) {
  uint64_t grown[2] = {0, 0};
  const std::string block(64 << 10, 'x');
  for (const bool allowed : {false, true}) {
    // What one frame may be, or far more.
    const uint64_t bytes = allowed ? 516 * 1024 - 1 : 256 * kMiB;
    const uint64_t before = anonymous();
    uint64_t max = before;
    std::vector<Fd> peers;
    std::vector<uint64_t> sent;
    for (int i = 0; i < 100; ++i) {
      peers.push_back(dial(port_, SOCK_NONBLOCK));
      sent.push_back(0);
    }
    const std::string begins = batch_begin(bytes);
    const int64_t end_ns = boottime_ns() + 3'500 * kMs;
    while (boottime_ns() < end_ns) {
      for (size_t i = 0; i < peers.size(); ++i) {
        if (sent[i] == 0) {
          sent[i] += send(peers[i].get(), begins.data(), begins.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
        } else if (sent[i] < bytes - block.size()) {
          const ssize_t n = send(peers[i].get(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
          if (n > 0) sent[i] += static_cast<uint64_t>(n);
        }
      }
      max = std::max(max, anonymous());
      storm::elapse(milliseconds(1));
    }
    grown[allowed] = max - before;
  }
  const int64_t mark = watch_->of(0).max_gap_ns;
  printf(
      "figures: flood: 100 strangers: %.1f MiB more by frames of 256 MiB, %.1f MiB by the largest that are "
      "taken; "
      "longest gap %lld ms\n",
      static_cast<double>(grown[0]) / kMiB, static_cast<double>(grown[1]) / kMiB,
      static_cast<long long>(mark / kMs));
  EXPECT_LT(grown[0], 16 * kMiB);
  EXPECT_LT(grown[1], 64 * kMiB);
  EXPECT_LT(mark, 500 * kMs);
  print_row(
      Row{.id = "S10", .what = "100 strangers' frames before any key", .n = 200, .violations = HasFailure()});
}

}  // namespace
}  // namespace smt::hosts
