#include "relay/session/clock_offset.h"

#include <algorithm>
#include <cstdlib>

namespace smt::relay {

namespace {

constexpr int64_t kMaxRttNs = 60'000'000'000;
constexpr int64_t kMillion = 1'000'000;

}  // namespace

// The true offset at t2 and t3 and now differ by no more than the drift since t1; the two ways differ by no
// more than the round trip. 2: what the halves round away.
int64_t ClockOffset::error_at(const Exchange& e, int64_t now_ns) {
  return e.rtt_ns / 2 + (now_ns - e.begun_ns) / (kMillion / kDriftPpm) + 2;
}

void ClockOffset::sample(int64_t t1, int64_t t2, int64_t t3, int64_t t4) {
  for (const int64_t t : {t1, t2, t3, t4}) {
    if (t < 0 || t > INT64_MAX / 2) return;
  }
  const int64_t rtt = (t4 - t1) - (t3 - t2);
  if (t4 < t1 || t3 < t2 || rtt < 0 || rtt > kMaxRttNs) return;
  const Exchange e{t1, rtt, (t2 - t1) / 2 + (t3 - t4) / 2};
  const int64_t error = error_at(e, t4);
  // Both cannot be true: a clock was set, or its machine was stopped. Else the one that bounds the error
  // better is believed, however old it is: a round trip that lasted seconds, since a host stood still, moves
  // nothing.
  const bool contradicts = best_ && std::abs(e.offset_ns - best_->offset_ns) > error + error_at(*best_, t4);
  if (!best_ || contradicts || error <= error_at(*best_, t4)) best_ = e;
  smoothed_rtt_ns_ = smoothed_rtt_ns_ == 0 ? rtt : smoothed_rtt_ns_ + (rtt - smoothed_rtt_ns_) / 8;
}

std::optional<ClockOffset::Estimate> ClockOffset::at(int64_t now_ns) {
  if (!best_) return std::nullopt;
  const int64_t believed = best_->offset_ns, error = error_at(*best_, now_ns);
  if (told_at_ns_ == 0) {
    told_ns_ = believed;
    told_at_ns_ = now_ns;
  }
  const int64_t max = (now_ns - told_at_ns_) / (kMillion / kSlewPpm);
  told_at_ns_ += max * (kMillion / kSlewPpm);  // what is less than a nanosecond counts next time
  told_ns_ += std::clamp(believed - told_ns_, -max, max);
  told_ns_ = std::clamp(told_ns_, believed - error, believed + error);
  return Estimate{told_ns_, error + std::abs(believed - told_ns_)};
}

}  // namespace smt::relay
