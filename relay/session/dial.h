// When a link that dials is dialled anew, and under which session number.
#ifndef SMT_RELAY_SESSION_DIAL_H_
#define SMT_RELAY_SESSION_DIAL_H_

#include <algorithm>
#include <cstdint>

namespace smt::relay {

class Dial {
 public:
  // Dialling is to begin, first or again.
  bool due(int64_t now_ns) const { return now_ns >= due_ns_; }
  // When to look again, after a look at `now_ns`.
  int64_t due_ns(int64_t now_ns) const {
    return hello_due() ? std::min(due_ns_, now_ns + kHelloNs) : due_ns_;
  }

  void begin(uint64_t session, int64_t now_ns) {
    session_ = session;
    hello_sent_ = false;
    due_ns_ = now_ns + limit();
    attempt_ = (attempt_ + 1) % 3;
  }
  uint64_t session() const { return session_; }  // 0: not begun
  // The link takes nothing before its connection stands, so that Hello is tried again and again.
  bool hello_due() const { return session_ != 0 && !hello_sent_; }
  void on_hello_sent() { hello_sent_ = true; }

  void on_answered() { attempt_ = 0; }
  // The session has ended, after round trips of `rtt_ns` (0: not known).
  void on_session_ended(int64_t rtt_ns) {
    if (rtt_ns > 0) rtt_ns_ = rtt_ns;
    due_ns_ = 0;
    session_ = 0;
  }
  // The other side does not know this session: Hello once more, at once.
  void redial_now() { due_ns_ = 0; }
  // For good reason: the next attempt takes its time.
  void on_refused(int64_t now_ns, int64_t for_ns = 2'000'000'000) {
    hello_sent_ = true;
    session_ = 0;
    due_ns_ = now_ns + for_ns;
  }

 private:
  static constexpr int64_t kHelloNs = 20'000'000;
  static constexpr int64_t kMinNs = 500'000'000, kMaxNs = 8'000'000'000;
  // TCP and the handshakes take some 6 round trips. How long one took says the peer too, and a host that
  // stood still: that is believed up to a bound.
  int64_t limit() const {
    if (rtt_ns_ > 0) return std::clamp(10 * std::min(rtt_ns_, kMaxNs), kMinNs, kMaxNs);
    return attempt_ == 0 ? kMinNs : attempt_ == 1 ? 2'000'000'000 : kMaxNs;
  }

  uint64_t session_ = 0;
  bool hello_sent_ = false;
  int64_t due_ns_ = 0, rtt_ns_ = 0;
  int attempt_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_DIAL_H_
