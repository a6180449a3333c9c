// Peers that break the rules. Who does so three times within a minute is barred: nothing of it is taken for a
// minute. A peer is its key: one that proves nothing is never barred, since anybody could be barred in its
// name.
#ifndef SMT_RELAY_SESSION_PENALTY_BOX_H_
#define SMT_RELAY_SESSION_PENALTY_BOX_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace smt::relay {

// Reads no clock. Holds as many keys as have ever been known.
class PenaltyBox {
 public:
  static constexpr size_t kMaxViolations = 3;
  static constexpr int64_t kMinuteNs = 60'000'000'000;

  // It has broken the rules. True: it is barred from here on.
  bool record_violation(std::string_view key, int64_t now_ns) {
    if (key.empty()) return false;
    std::array<int64_t, kMaxViolations>& last = violations_[std::string(key)].last_ns;
    for (size_t i = 0; i + 1 < kMaxViolations; ++i) last[i] = last[i + 1];
    last.back() = now_ns;
    return now_ns - last.front() < kMinuteNs && ban(key, now_ns);
  }
  // At once.
  bool ban(std::string_view key, int64_t now_ns) {
    if (key.empty()) return false;
    violations_[std::string(key)].until_ns = now_ns + kMinuteNs;
    return true;
  }
  bool is_banned(std::string_view key, int64_t now_ns) const {
    const auto at = violations_.find(key);
    return at != violations_.end() && now_ns < at->second.until_ns;
  }

 private:
  struct Violations {
    std::array<int64_t, kMaxViolations> last_ns = {-kMinuteNs, -kMinuteNs, -kMinuteNs};
    int64_t until_ns = 0;
  };
  std::map<std::string, Violations, std::less<>> violations_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_PENALTY_BOX_H_
