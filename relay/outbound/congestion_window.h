// How much may be under way to one peer: so much that the link never idles and little waits in line behind
// it. The rule: bytes in flight <= bandwidth x the way there and back + the standing line, less a packet. The
// line is what leaves in 10 ms; on links above 10 MB/s with a way below 10 ms it is shortened as far as they
// stay busy (standing_line.h). All is measured on the acknowledgements, after the ideas of BBR (Cardwell et
// al., 2016) and of comparing what two windows carry, PCC (Dong et al., 2015).
//
// Start    doubles the window each round trip until the rate stops growing or a line forms.
// Steady   the rule. Every 4 s, or at once if there is reason,
// Probe    for half a second a quarter more. If that carried more, the window was too small and not the link:
//          the way takes usually longer than the least round trip (jitter; TCP waiting for a lost packet).
// Drain    lets the flight fall to nothing once: else the own line would pass for the least round trip.
// A message that takes four times as long as the rule allows says that the link is another one: the flight
// falls to nothing, and it begins again, with nothing remembered of how long the way was.
#ifndef SMT_RELAY_OUTBOUND_CONGESTION_WINDOW_H_
#define SMT_RELAY_OUTBOUND_CONGESTION_WINDOW_H_

#include <cstddef>
#include <cstdint>

#include "relay/outbound/rate_limiter.h"
#include "relay/outbound/standing_line.h"
#include "relay/store/ring_queue.h"

namespace smt::relay {

class CongestionWindow {
 public:
  // `cap`: of all bytes that are sent.
  explicit CongestionWindow(ByteCap cap = ByteCap()) : cap_(cap) {}

  // Another cap from here on; what was sent before does not count for it.
  void set_cap(ByteCap cap) {
    cap_ = cap;
    batch_bytes_ = 0;
  }

  // Something more may be sent.
  bool open(int64_t now_ns) const { return in_flight_ < window_ && now_ns >= cap_.open_ns(); }
  // When it may, if nothing is acknowledged before; INT64_MAX: not then.
  int64_t open_ns() const { return in_flight_ < window_ ? cap_.open_ns() : INT64_MAX; }
  // The most that one message should hold: what the link carries in 10 ms, or a third of the line where that
  // is shortened; at least one packet.
  size_t batch_bytes() const {
    if (batch_bytes_ == 0) batch_bytes_ = find_batch_bytes();
    return batch_bytes_;
  }
  // The same of a piece, which exceeds the window by as little as is worth a message: small things wait
  // behind it.
  size_t piece_bytes() const;

  void on_sent(uint64_t number, size_t bytes, int64_t now_ns);
  // All messages up to `number` have arrived, the last of them `held_ns` before this was said.
  void on_acknowledged(uint64_t number, int64_t held_ns, int64_t now_ns);
  // The next message, of `bytes`, is to ask for a report: with it nothing more may be sent, or an eighth of
  // that has left since one asked. (With one report for the whole window the link idles for a round trip each
  // time, and that passes for its rate: then it carries a third of what it could.)
  bool wants_report_of(size_t bytes) const;
  // There was credit, and nothing to send: what is measured now says little of the link.
  void on_idle() { dry_until_ = last_number_; }

  uint64_t in_flight_bytes() const { return in_flight_; }
  // The most there have been at once, and by how much the window was exceeded at most, by a part of the last
  // message, which is sent whole.
  uint64_t peak_in_flight_bytes() const { return peak_in_flight_; }
  uint64_t peak_beyond_window_bytes() const { return peak_beyond_; }
  uint64_t window_bytes() const { return window_; }
  double bytes_per_s() const { return bandwidth_ * 1e9; }  // 0: not known
  int64_t min_rtt_ns() const { return min_rtt_.empty() ? 0 : min_rtt_.front().value; }

 private:
  struct Flight {
    uint64_t number;
    size_t bytes;
    int64_t sent_ns;
    uint64_t delivered;       // bytes, when this one left
    int64_t delivered_at_ns;  // when the last of those was known
    bool alone;               // hardly anything else was under way
  };
  template <class T>
  struct At {
    int64_t time_ns;
    T value;
  };
  enum class Phase { kStart, kSteady, kProbe, kDrain, kEnd };

  size_t find_batch_bytes() const;
  void add_rtt(int64_t rtt_ns, bool alone, int64_t now_ns);
  double rate_of(const Flight& last, int64_t arrived_ns);
  void add_rate(double rate, bool dry, int64_t now_ns);
  void next_phase(int64_t now_ns, int64_t arrived_ns, int64_t rtt_ns);
  void enter(Phase phase, int64_t now_ns);
  void end_phase(double rate, int64_t now_ns);
  void restart(int64_t now_ns);
  bool grow(int64_t now_ns, int64_t arrived_ns, int64_t rtt_ns);
  double trial_rate(int64_t arrived_ns) const;
  void judge_probe(double rate, int64_t now_ns);
  int64_t way_ns() const;
  StandingLine::LinkShape link_shape() const { return {bandwidth_, way_ns()}; }
  uint64_t window_for(double gain) const;

  ByteCap cap_;
  mutable size_t batch_bytes_ = 0;  // as of the last acknowledgement; 0: nobody has asked since
  RingQueue<Flight> flights_;
  uint64_t in_flight_ = 0, delivered_ = 0, last_number_ = 0, dry_until_ = 0;
  uint64_t peak_in_flight_ = 0, peak_beyond_ = 0;
  uint64_t unasked_ = 0;  // bytes sent since a message asked for a report
  int64_t delivered_at_ns_ = 0;
  int64_t dry_at_ns_ = 0;             // when the last message arrived that left with nothing to follow
  RingQueue<At<uint64_t>> arrivals_;  // delivered_ in the last four round trips
  RingQueue<At<double>> rates_;       // falling; the first is the greatest of its time
  RingQueue<At<int64_t>> min_rtt_;    // rising; the first is the least of its time
  int64_t usual_rtt_ns_ = 0;          // of messages with hardly anything else under way
  double bandwidth_ = 0;              // bytes/ns
  StandingLine line_;
  bool refills_ = false;     // a report has come since a message left
  int64_t last_rtt_ns_ = 0;  // of the message that arrived last
  Phase phase_ = Phase::kStart;
  int64_t phase_began_ns_ = 0;  // in kStart: the round
  uint64_t window_ = 14'000;
  // In kStart, of the round before.
  double rate_before_ = 0;
  int64_t round_rtt_ns_ = INT64_MAX;
  int slow_rounds_ = 0;
  // In kSteady and kProbe: counted from a round trip after the phase began, or from when it last ran dry.
  int64_t trial_began_ns_ = 0;  // 0: not yet
  uint64_t trial_delivered_ = 0;
  double steady_rate_ = 0;      // before the probe; 0: nothing to compare with
  uint64_t steady_window_ = 0;  // then
  bool probe_soon_ = false;     // the next one does not wait for the end of the cycle
  int64_t drained_slot_ = -1;
  int64_t longer_ns_ = 0;  // the way takes longer than the least round trip, by what probes say
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_CONGESTION_WINDOW_H_
