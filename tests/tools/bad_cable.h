// A cable between two network namespaces that delays, loses, doubles, damages and throttles packets: two TAP
// devices, and a thread that carries frames from one to the other. (Kernels without sch_netem have nothing
// else, and this one is seeded.)
#ifndef SMT_TESTS_TOOLS_BAD_CABLE_H_
#define SMT_TESTS_TOOLS_BAD_CABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <queue>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "shm/fd.h"

namespace smt::tools {

// What happens to the packets of one direction, in this order.
struct Impairment {
  double loss = 0;       // share of the packets, 0 to 1; all shares are drawn for each packet by itself
  double duplicate = 0;  // comes twice
  double corrupt = 0;    // one bit behind the Ethernet header is turned over
  // Frames of 0 bits/s are not throttled. What has no room in the queue before the slow piece is dropped.
  int64_t bits_per_s = 0;
  int64_t queue_bytes = 256 << 10;
  int64_t delay_ns = 0;   // one way
  int64_t jitter_ns = 0;  // the delay is this much more or less, evenly spread
  bool overtake = false;  // packets that jitter makes faster pass others; else they wait behind them
};

class BadCable {
 public:
  enum End { kA = 0, kB = 1 };

  struct Traffic {
    uint64_t packets = 0;  // delivered
    uint64_t bytes = 0;
    uint64_t lost = 0;      // by `loss`
    uint64_t overflow = 0;  // no room in the queue
    uint64_t duplicated = 0;
    uint64_t corrupted = 0;
    uint64_t refused = 0;  // by the far device: it is down
  };

  // Descriptors of open_tap(), of one device at each end.
  BadCable(Fd a, Fd b, const Impairment& both, uint64_t seed);
  ~BadCable();
  BadCable(const BadCable&) = delete;
  BadCable& operator=(const BadCable&) = delete;

  // For packets that enter from now on; those under way keep their time.
  void impair(End from, const Impairment& impairment);
  Traffic traffic(End from) const;

 private:
  struct Packet {
    int64_t due_ns;
    uint64_t number;  // the one that entered first leaves first
    std::vector<std::byte> frame;
    bool operator<(const Packet& o) const {
      return due_ns != o.due_ns ? due_ns > o.due_ns : number > o.number;
    }
  };
  struct Way {
    Impairment impairment;  // as is `traffic`, protected by mutex_
    Traffic traffic;
    std::priority_queue<Packet> packets;  // the earliest on top
    int64_t busy_until_ns = 0;            // the slow piece
    int64_t last_due_ns = 0;
  };

  void run();
  void take(Way* way, const std::byte* frame, size_t bytes, int64_t now_ns);
  void deliver(Way* way, const Fd& to, int64_t now_ns);
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  std::array<Fd, 2> ends_;
  Fd stop_;
  mutable std::mutex mutex_;
  std::array<Way, 2> ways_;  // by the end where packets enter
  std::mt19937_64 random_;
  uint64_t packets_ = 0;
  std::thread thread_;
};

// Makes a TAP device in the network namespace of the calling thread; it goes with the descriptor. Not ok():
// `why_not` says why.
Fd open_tap(const std::string& name, std::string* why_not);

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_BAD_CABLE_H_
