// A congestion window on a simulated link: a queue of a rate, then a delay that jitter, lost packets and
// bunches make longer, in order as TCP delivers, and a sender that sleeps now and then. A message that asks
// for a report is reported when it arrives, and with it those before, one that does not 50 ms later.
#ifndef SMT_TESTS_RELAY_OUTBOUND_SIMULATED_LINK_H_
#define SMT_TESTS_RELAY_OUTBOUND_SIMULATED_LINK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "relay/outbound/congestion_window.h"
#include "tests/times.h"

namespace smt::relay {

struct Line {
  double bits_per_s;
  int64_t rtt_ns = 0;
  int64_t jitter_ns = 0;  // each way
  double loss = 0;        // share of packets that TCP sends once more
  double offered_bits_per_s = 1e12;
  double later_bits_per_s = 0;  // from the middle on; 0: the same
  int64_t later_rtt_ns = 0;     // likewise
  bool and_back = false;        // in the last quarter it is as in the beginning
  int64_t bunch_ns = 0;         // arrivals wait for common instants, apart by at most so much
  int64_t late_ns = 0;    // of the packets of a message one is late by nearly so much, and those after it
  int64_t wavers_ns = 0;  // the rate is another one each such time, from a quarter to seven quarters
  int64_t sleep_ns = 0;   // the sender sleeps, for so long at most,
  int64_t sleeps_each_ns = 0;  // so often in the mean
  size_t packet = 1400;
};

struct Outcome {
  double share = 0;        // of what the link carries
  double later_share = 0;  // of the second half but 3 s
  int64_t median_ns = 0;   // on the way, beyond half a round trip
  int64_t late_ns = 0;     // of one in a hundred
  uint64_t beyond_bytes = 0;
  double line_ms = 0;       // stands before a byte that is sent,
  double late_line_ms = 0;  // before one in a hundred
};

class SimulatedLink {
 public:
  SimulatedLink(const Line& link, int64_t duration_ns)
      : link_(link), end_(kBegin + duration_ns), middle_(kBegin + duration_ns / 2) {
    next_sleep_ += awake_ns();
    while (now_ < end_) step();
  }
  Outcome outcome() {
    std::sort(ages_.begin(), ages_.end());
    std::sort(lines_.begin(), lines_.end());
    return {bytes_counted_ / capacity_,
            bytes_later_ / capacity_later_,
            ages_[ages_.size() / 2],
            ages_[ages_.size() * 99 / 100],
            window_.peak_beyond_window_bytes(),
            line_ms(0.5),
            line_ms(0.99)};
  }

 private:
  struct Report {
    uint64_t number;
    int64_t held_ns;
  };
  // The first two seconds do not count.
  static constexpr int64_t kBegin = kSecond, kCounted = kBegin + 2 * kSecond;

  double uniform(double from, double to) { return std::uniform_real_distribution<double>(from, to)(random_); }
  int64_t up_to(int64_t ns, double from = 0) {
    return ns == 0 ? 0 : static_cast<int64_t>(uniform(from, 1) * static_cast<double>(ns));
  }
  int64_t jitter() { return static_cast<int64_t>(uniform(-1, 1) * static_cast<double>(link_.jitter_ns)); }
  int64_t lost() { return uniform(0, 1) < link_.loss ? link_.rtt_ns * 6 / 5 + 2 * kMs + link_.jitter_ns : 0; }
  int64_t awake_ns() { return link_.sleep_ns == 0 ? INT64_MAX / 2 : up_to(2 * link_.sleeps_each_ns); }
  bool is_later() const { return now_ > middle_ && !(link_.and_back && now_ > (middle_ + end_) / 2); }
  double rate() const {
    return (link_.later_bits_per_s != 0 && is_later() ? link_.later_bits_per_s : link_.bits_per_s) / 8e9;
  }
  double rate_at(int64_t at_ns) const {
    if (link_.wavers_ns == 0) return rate();
    return rate() *
           (0.25 + 1.5 * static_cast<double>(std::mt19937_64(at_ns / link_.wavers_ns)() >> 11) / 0x1p53);
  }
  int64_t rtt_ns() const { return link_.later_rtt_ns != 0 && is_later() ? link_.later_rtt_ns : link_.rtt_ns; }
  // Of sorted lines, weighed by bytes.
  double line_ms(double share) const {
    double all = 0, below = 0;
    for (const auto& [line_ns, bytes] : lines_) all += bytes;
    for (const auto& [line_ns, bytes] : lines_) {
      below += bytes;
      if (below >= share * all) return static_cast<double>(line_ns) / kMs;
    }
    return 0;
  }

  void step() {
    if (waiting_ <= 0) window_.on_idle();
    if (window_.open(now_) && waiting_ > 0) return send();
    int64_t next = reports_.empty() ? end_ : reports_.begin()->first;
    if (window_.open(now_)) next = std::min(next, now_ + kMs);
    next = std::max(next, now_);
    if (next >= next_sleep_) {
      next = std::max(next, next_sleep_ + up_to(link_.sleep_ns, 0.02));
      next_sleep_ = next + awake_ns();
    }
    const auto passed = static_cast<double>(next - now_);
    if (next >= kCounted) capacity_ += passed * rate();
    if (next >= middle_ + 3 * kSecond) capacity_later_ += passed * rate();
    waiting_ = std::min(waiting_ + link_.offered_bits_per_s / 8e9 * passed, 200e3 + rate() * 20e6);
    now_ = next;
    for (; !reports_.empty() && reports_.begin()->first <= now_; reports_.erase(reports_.begin())) {
      window_.on_acknowledged(reports_.begin()->second.number, reports_.begin()->second.held_ns, now_);
    }
  }

  void send() {
    const size_t bytes = window_.piece_bytes();
    const int64_t line_ns = std::max<int64_t>(0, free_ - now_);
    waiting_ -= static_cast<double>(bytes);
    for (size_t left = bytes; left > 0;) {
      const size_t packet = std::min(left, link_.packet);
      left -= packet;
      free_ = std::max(free_, now_);
      free_ += static_cast<int64_t>(static_cast<double>(packet) / rate_at(free_));
      arrived_ = std::max(arrived_, free_ + rtt_ns() / 2 + jitter() + lost() + up_to(link_.late_ns));
    }
    while (link_.bunch_ns != 0 && bunch_ < arrived_)
      bunch_ = std::max(bunch_, arrived_ - link_.bunch_ns) + up_to(link_.bunch_ns);
    arrived_ = std::max(arrived_, bunch_);
    const int64_t held = window_.wants_report_of(bytes) ? 0 : 50 * kMs;
    const int64_t back = arrived_ + held + rtt_ns() / 2 + jitter() + lost();
    if (held == 0) reported_ = std::max(reported_, back);
    reports_.insert({held == 0 ? reported_ : back, {number_, held}});
    window_.on_sent(number_++, bytes, now_);
    if (now_ >= kCounted) {
      ages_.push_back(arrived_ - now_ - rtt_ns() / 2);
      lines_.push_back({line_ns, static_cast<double>(bytes)});
      bytes_counted_ += static_cast<double>(bytes);
    }
    if (now_ >= middle_ + 3 * kSecond) bytes_later_ += static_cast<double>(bytes);
  }

  const Line link_;
  const int64_t end_, middle_;
  std::mt19937_64 random_{7};
  CongestionWindow window_;
  uint64_t number_ = 1;
  std::multimap<int64_t, Report> reports_;
  int64_t now_ = kBegin, next_sleep_ = kBegin;
  int64_t free_ = kBegin, arrived_ = 0, bunch_ = 0, reported_ = 0;  // the link is; the last message is
  double waiting_ = 0;                                              // to be sent
  std::vector<int64_t> ages_;
  std::vector<std::pair<int64_t, double>> lines_;
  double bytes_counted_ = 0, bytes_later_ = 0, capacity_ = 0, capacity_later_ = 0;
};

inline Outcome carry(const Line& link, int64_t duration_ns = 20 * kSecond) {
  return SimulatedLink(link, duration_ns).outcome();
}

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_OUTBOUND_SIMULATED_LINK_H_
