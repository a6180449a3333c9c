// How far the other host's BOOTTIME is ahead of this one's, from four stamps (RFC 5905 section 8), and how
// wrong that may be. The two clocks are taken to run within kDriftPpm of each other; nothing is taken for
// granted of the way, which may be slower in one direction.
#ifndef SMT_RELAY_SESSION_CLOCK_OFFSET_H_
#define SMT_RELAY_SESSION_CLOCK_OFFSET_H_

#include <cstdint>
#include <optional>

namespace smt::relay {

class ClockOffset {
 public:
  // Each clock is off by 100 ppm at most: twice what quartz and NTP's discipline of it leave.
  static constexpr int64_t kDriftPpm = 200;
  // How fast what at() says goes over to a better estimate.
  static constexpr int64_t kSlewPpm = 500;

  struct Estimate {
    int64_t offset_ns;  // there minus here
    int64_t error_ns;   // the true one is not farther away than this
  };

  // Sent and received here (`t1`, `t4`), received and sent there (`t2`, `t3`). Impossible stamps are ignored.
  // Stamps of sending may be early and stamps of receiving late, never the other way round.
  void sample(int64_t t1, int64_t t2, int64_t t3, int64_t t4);

  // Nothing before the first sample. The round trip that bounds the error best is believed: half of it, and
  // what the clocks may have drifted since. A better one is gone over to at kSlewPpm, so that ages do not
  // jump; what is left of the way counts as error. Only what cannot be true any more is left at once.
  // `now_ns` never goes back.
  std::optional<Estimate> at(int64_t now_ns);

  int64_t smoothed_rtt_ns() const { return smoothed_rtt_ns_; }  // 0: not known

 private:
  struct Exchange {
    int64_t begun_ns, rtt_ns, offset_ns;
  };
  static int64_t error_at(const Exchange& e, int64_t now_ns);

  std::optional<Exchange> best_;
  int64_t told_ns_ = 0;     // the offset that at() told last,
  int64_t told_at_ns_ = 0;  // and when; 0: never
  int64_t smoothed_rtt_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_CLOCK_OFFSET_H_
