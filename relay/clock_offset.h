// How far the other host's BOOTTIME is ahead of this one's, from four stamps (RFC 5905 section 8). A sample
// is wrong by half its round trip at most, and by what the clocks have drifted apart since: the one is
// believed of which that is least. So a round trip that lasted seconds, since a host stood still, moves
// nothing.
#ifndef SMT_RELAY_CLOCK_OFFSET_H_
#define SMT_RELAY_CLOCK_OFFSET_H_

#include <cstdint>
#include <optional>

namespace smt::relay {

class ClockOffset {
 public:
  // sent and received here (`t1`, `t4`), received and sent there (`t2`, `t3`). Impossible stamps are ignored.
  void sample(int64_t t1, int64_t t2, int64_t t3, int64_t t4) {
    for (const int64_t t : {t1, t2, t3, t4}) {
      if (t < 0 || t > INT64_MAX / 2) return;
    }
    const int64_t rtt = (t4 - t1) - (t3 - t2);
    if (t4 < t1 || t3 < t2 || rtt < 0 || rtt > kMostRttNs) return;
    if (!best_ || rtt / 2 <= ErrorNs(t4)) best_ = {t4, rtt, (t2 - t1) / 2 + (t3 - t4) / 2};
    smoothed_rtt_ns_ = smoothed_rtt_ns_ == 0 ? rtt : smoothed_rtt_ns_ + (rtt - smoothed_rtt_ns_) / 8;
  }
  // There minus here. Nothing before the first sample.
  std::optional<int64_t> offset_ns() const {
    if (!best_) return std::nullopt;
    return best_->offset_ns;
  }
  int64_t smoothed_rtt_ns() const { return smoothed_rtt_ns_; }  // 0: not known

 private:
  static constexpr int64_t kMostRttNs = 60'000'000'000;
  // Two crystals of 100 ppm: 1 ns in 5 us.
  static constexpr int64_t kDrift = 5'000;
  struct Best {
    int64_t at_ns, rtt_ns, offset_ns;
  };
  int64_t ErrorNs(int64_t now_ns) const { return best_->rtt_ns / 2 + (now_ns - best_->at_ns) / kDrift; }
  std::optional<Best> best_;
  int64_t smoothed_rtt_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_CLOCK_OFFSET_H_
