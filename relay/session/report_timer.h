// The contents and the time of a session's next Report: the messages to acknowledge, when that is due, and
// the stamps by which both compare their clocks.
#ifndef SMT_RELAY_SESSION_REPORT_TIMER_H_
#define SMT_RELAY_SESSION_REPORT_TIMER_H_

#include <cstdint>

#include "proto/smtrelay.pb.h"

namespace smt::relay {

// Reads no clock. A session begins with a Report.
class ReportTimer {
 public:
  // So long at most is a message not acknowledged, and so many at most. One Report for each message would
  // cost as much as the messages; who waits for one says so (Envelope.prompt).
  static constexpr int64_t kHoldNs = 50'000'000;
  static constexpr uint64_t kMaxUnreported = 64;
  // So often at least a Report is sent until one has echoed a stamp: before, the peer knows no round trip.
  static constexpr int64_t kEchoNs = 200'000'000;
  // A Report that says that it was held longer is not believed.
  static constexpr int64_t kMaxHeldNs = 200'000'000;

  // When a relay looks at other things anyhow: at multiples of it.
  static constexpr int64_t kTickNs = 100'000'000;

  // A Report is sent at least each `heartbeat_ns`; `at_ticks`: where nothing else is due, at a tick, if there
  // is one in the second half of that time. A relay that has nothing to send wakes less often then.
  explicit ReportTimer(int64_t heartbeat_ns, bool at_ticks = false)
      : heartbeat_ns_(heartbeat_ns), at_ticks_(at_ticks) {}

  // A numbered message has come. False: it is not the one that follows the last.
  bool on_message(uint64_t number, bool prompt, int64_t now_ns);
  // The peer's Report has come, sent at `sent_ns` of its clock.
  void on_report(int64_t sent_ns, int64_t now_ns);

  bool due(int64_t now_ns) const { return due_ || now_ns >= due_ns(); }
  // If nothing else comes.
  int64_t due_ns() const;
  proto::Report report(int64_t now_ns) const;
  // report() of this time has left.
  void on_sent(int64_t now_ns);

 private:
  const int64_t heartbeat_ns_;
  const bool at_ticks_;
  bool due_ = true;          // at once
  bool has_echoed_ = false;  // a stamp
  int64_t reported_ns_ = 0;
  uint64_t received_ = 0;      // number of the last message that has come,
  uint64_t reported_ = 0;      // and of the last that is acknowledged
  int64_t received_ns_ = 0;    // when the last of them came
  int64_t unreported_ns_ = 0;  // when the first came that is not acknowledged
  int64_t echo_sent_ns_ = 0, echo_received_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_REPORT_TIMER_H_
