#include "relay/inbound/backlog.h"

#include <algorithm>

namespace smt::relay {
namespace {

constexpr int64_t kLateNs = 100'000'000, kOnTimeNs = 20'000'000, kMaxHeldNs = 1'000'000'000;

}  // namespace

bool Backlog::late(int64_t travelled_ns, int64_t error_ns, int64_t now_ns) {
  travelled_ns = std::max<int64_t>(travelled_ns, 0);  // by the error of the clocks, or as the peer lies
  const bool stood_still = last_travelled_ns_ >= 0 && travelled_ns - last_travelled_ns_ > kLateNs / 2;
  last_travelled_ns_ = travelled_ns;
  const bool holds = until_ns_ != 0;
  if (holds && travelled_ns <= kOnTimeNs + 2 * error_ns) {
    until_ns_ = 0;
  } else if (stood_still && travelled_ns - error_ns > std::max(kLateNs, 8 * error_ns) &&
             (!holds || now_ns - since_ns_ < kMaxHeldNs)) {
    // Once more, perhaps: what came first was lost on its way back, and so the rest comes late, too.
    if (!holds) since_ns_ = now_ns;
    until_ns_ = now_ns + kLateNs + 4 * error_ns;
  } else if (now_ns >= until_ns_) {
    until_ns_ = 0;
  }
  return until_ns_ != 0;
}

}  // namespace smt::relay
