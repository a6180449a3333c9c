// How far the other host's BOOTTIME is ahead of this one's, from four stamps (RFC 5905 section 8). The round
// trip that took least time bounds the error best: of the last ten seconds, that one is believed.
#ifndef SMT_RELAY_CLOCK_OFFSET_H_
#define SMT_RELAY_CLOCK_OFFSET_H_

#include <cstdint>
#include <deque>
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
    while (!best_.empty() && best_.back().rtt_ns >= rtt) best_.pop_back();
    best_.push_back({t4, rtt, (t2 - t1) / 2 + (t3 - t4) / 2});
    while (best_.front().at_ns < t4 - 10'000'000'000) best_.pop_front();
    smoothed_rtt_ns_ = smoothed_rtt_ns_ == 0 ? rtt : smoothed_rtt_ns_ + (rtt - smoothed_rtt_ns_) / 8;
  }
  // Nothing before the first sample. There minus here; wrong by half the round trip at most.
  std::optional<int64_t> offset_ns() const {
    if (best_.empty()) return std::nullopt;
    return best_.front().offset_ns;
  }
  int64_t smoothed_rtt_ns() const { return smoothed_rtt_ns_; }  // 0: not known

 private:
  static constexpr int64_t kMostRttNs = 60'000'000'000;
  struct Best {
    int64_t at_ns, rtt_ns, offset_ns;
  };
  std::deque<Best> best_;  // rising round trips
  int64_t smoothed_rtt_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_CLOCK_OFFSET_H_
