// How much of this relay's time a peer's requests may take while others wait: 1 % of it, and 100 ms
// beforehand. Requests that take no longer than 0.1 ms are free.
#ifndef SMT_RELAY_SESSION_ALLOWANCE_H_
#define SMT_RELAY_SESSION_ALLOWANCE_H_

#include <algorithm>
#include <cstdint>

namespace smt::relay {

// A leaky bucket. Reads no clock; times are BOOTTIME.
class Allowance {
 public:
  // The next request may begin.
  bool open(int64_t now_ns) const { return now_ns >= open_ns(); }
  int64_t open_ns() const { return paid_ns_ - kMaxNs * kShare; }
  // One that began at `now_ns` took so long.
  void charge(int64_t took_ns, int64_t now_ns) {
    if (took_ns > kFreeNs) paid_ns_ = std::max(paid_ns_, now_ns) + (took_ns - kFreeNs) * kShare;
  }
  // Nothing is to be paid any more.
  bool paid(int64_t now_ns) const { return now_ns >= paid_ns_; }

 private:
  static constexpr int64_t kFreeNs = 100'000, kMaxNs = 100'000'000, kShare = 100;
  int64_t paid_ns_ = 0;  // when all is paid
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_ALLOWANCE_H_
