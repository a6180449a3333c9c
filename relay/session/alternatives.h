// Several addresses of one peer, in order of preference. One of them is used: the first that answers. It is
// left for a better one only when that has stood for a while, so that an address which comes and goes is not
// followed.
#ifndef SMT_RELAY_SESSION_ALTERNATIVES_H_
#define SMT_RELAY_SESSION_ALTERNATIVES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace smt::relay {

// In which order the addresses of a peer are preferred: as they are listed, or, so that many relays with the
// same list do not all use the first one, in one that is drawn once.
enum class AddressOrder : uint8_t { kListed, kRandom };

// Brings `*list` into any of its orders, each as likely as the others. `random()`: 64 random bits.
template <class T, class Random>
void shuffle(std::vector<T>* list, const Random& random) {
  for (size_t left = list->size(); left > 1; --left) std::swap((*list)[left - 1], (*list)[random() % left]);
}

// Ranks count from 0, the best. Times never go back.
class Alternatives {
 public:
  explicit Alternatives(size_t ranks) : up_ns_(ranks, 0) {}

  // A session stands there, or no longer.
  void up(size_t rank, int64_t now_ns) { up_ns_[rank] = now_ns; }
  void down(size_t rank) { up_ns_[rank] = 0; }
  // Nobody could be reached there: the next one is tried at once.
  void refused(size_t rank) { reached_ = std::max(reached_, rank + 1); }

  // Which one is used from here on; true if that is another one than before.
  bool update(int64_t now_ns) {
    const std::optional<size_t> before = active_;
    if (active_ && up_ns_[*active_] == 0) {
      active_.reset();
      lost_ns_ = now_ns;
      reached_ = 0;
    }
    if (lost_ns_ == 0) lost_ns_ = now_ns;
    for (size_t rank = 0; rank < active_.value_or(up_ns_.size()); ++rank) {
      if (up_ns_[rank] == 0 || (active_ && now_ns - up_ns_[rank] < kStandsNs)) continue;
      active_ = rank;
      break;
    }
    return active_ != before;
  }
  std::optional<size_t> active() const { return active_; }

  // Whether to try this one: all better ones than the one used; without one, one more after each while.
  bool dials(size_t rank, int64_t now_ns) const {
    if (active_) return rank < *active_;
    return rank <= reached_ || (lost_ns_ != 0 && static_cast<int64_t>(rank) <= (now_ns - lost_ns_) / kNextNs);
  }
  // When update() or dials() may say something else although nothing happens; INT64_MAX: never.
  int64_t due_ns(int64_t now_ns) const {
    if (!active_) return now_ns + kNextNs / 4;
    for (size_t rank = 0; rank < *active_; ++rank) {
      if (up_ns_[rank] != 0) return up_ns_[rank] + kStandsNs;
    }
    return INT64_MAX;
  }

 private:
  // How long an address is tried alone, and how long a better one must have stood.
  static constexpr int64_t kNextNs = 1'500'000'000, kStandsNs = 30'000'000'000;
  std::vector<int64_t> up_ns_;  // since when; 0: it is down
  std::optional<size_t> active_;
  int64_t lost_ns_ = 0;  // since when none is used
  size_t reached_ = 0;   // up to this one all are tried, as those before it were refused
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_ALTERNATIVES_H_
