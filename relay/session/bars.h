// Peers that break the rules. Who does so three times within a minute is barred: nothing of it is taken for a
// minute. A peer is its key: one that proves nothing is never barred, since anybody could be barred in its
// name.
#ifndef SMT_RELAY_SESSION_BARS_H_
#define SMT_RELAY_SESSION_BARS_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace smt::relay {

// Reads no clock. Holds as many keys as have ever been known.
class Bars {
 public:
  static constexpr size_t kStrikes = 3;
  static constexpr int64_t kMinuteNs = 60'000'000'000;

  // It has broken the rules. True: it is barred from here on.
  bool strike(std::string_view key, int64_t now_ns) {
    if (key.empty()) return false;
    std::array<int64_t, kStrikes>& last = strikes_[std::string(key)].last_ns;
    for (size_t i = 0; i + 1 < kStrikes; ++i) last[i] = last[i + 1];
    last.back() = now_ns;
    return now_ns - last.front() < kMinuteNs && bar(key, now_ns);
  }
  // At once.
  bool bar(std::string_view key, int64_t now_ns) {
    if (key.empty()) return false;
    strikes_[std::string(key)].until_ns = now_ns + kMinuteNs;
    return true;
  }
  bool barred(std::string_view key, int64_t now_ns) const {
    const auto at = strikes_.find(key);
    return at != strikes_.end() && now_ns < at->second.until_ns;
  }

 private:
  struct Strikes {
    std::array<int64_t, kStrikes> last_ns = {-kMinuteNs, -kMinuteNs, -kMinuteNs};
    int64_t until_ns = 0;
  };
  std::map<std::string, Strikes, std::less<>> strikes_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_BARS_H_
