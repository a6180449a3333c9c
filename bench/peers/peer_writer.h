// The writer of a peer, which sends each value itself.
#ifndef SMT_BENCH_PEERS_PEER_WRITER_H_
#define SMT_BENCH_PEERS_PEER_WRITER_H_

#include <algorithm>
#include <utility>

#include "bench/relay/writer.h"

namespace smt::bench {

// `Wire` has send(topic, bytes, size), flush() and kWindow. Peers queue without end, or drop, what they
// cannot carry; so that a saturating load measures what they do carry, no more than a window of values is
// then under way to the first subscriber. Values that do not arrive within 50 ms count as lost.
template <class Wire>
class PeerNear {
 public:
  PeerNear(const Load& load, Control* control, Wire wire)
      : window_(std::clamp<uint64_t>(kWindowBytes / load.bytes, 2, Wire::kWindow)),
        bounded_(load.saturating),
        received_(control->watched[0].updates),
        wire_(std::move(wire)) {}

  void put(int topic, const std::vector<uint64_t>& value, int64_t) {
    if (bounded_) wait_for_room();
    wire_.send(topic, value.data(), value.size() * 8);
    ++sent_;
  }
  void end() { wire_.flush(); }

 private:
  static constexpr uint64_t kWindowBytes = 4 << 20;
  static constexpr int64_t kLostAfterNs = 50 * kMs, kLookEveryNs = 20 * kUs;

  uint64_t under_way() const { return sent_ - lost_ - std::min(received_.load(), sent_ - lost_); }
  void wait_for_room() {
    if (under_way() < window_) return;
    wire_.flush();
    const int64_t limit = boottime_ns() + kLostAfterNs;
    while (under_way() >= window_) {
      if (boottime_ns() > limit) lost_ += under_way();
      sleep_until(boottime_ns() + kLookEveryNs);
    }
  }

  const uint64_t window_;
  const bool bounded_;
  const std::atomic<uint64_t>& received_;
  uint64_t sent_ = 0, lost_ = 0;
  Wire wire_;
};

template <class Wire>
[[noreturn]] void run_peer_writer(const Load& load, Control* control, Wire wire) {
  run_writer(load, control, PeerNear<Wire>(load, control, std::move(wire)));
}

}  // namespace smt::bench

#endif  // SMT_BENCH_PEERS_PEER_WRITER_H_
