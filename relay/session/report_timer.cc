#include "relay/session/report_timer.h"

#include <algorithm>

namespace smt::relay {

bool ReportTimer::on_message(uint64_t number, bool prompt, int64_t now_ns) {
  if (number != received_ + 1) return false;
  if (received_ == reported_) unreported_ns_ = now_ns;
  received_ = number;
  received_ns_ = now_ns;
  if (prompt || received_ - reported_ >= kMaxUnreported) due_ = true;
  return true;
}

void ReportTimer::on_report(int64_t sent_ns, int64_t now_ns) {
  echo_sent_ns_ = sent_ns;
  echo_received_ns_ = now_ns;
}

int64_t ReportTimer::due_ns() const {
  const int64_t beat_ns = has_echoed_ ? heartbeat_ns_ : std::min(heartbeat_ns_, kEchoNs);
  int64_t due_ns = reported_ns_ + beat_ns;
  if (const int64_t tick_ns = due_ns - due_ns % kTickNs; at_ticks_ && tick_ns - reported_ns_ >= beat_ns / 2)
    due_ns = tick_ns;
  return std::min(due_ns, received_ == reported_ ? INT64_MAX : unreported_ns_ + kHoldNs);
}

proto::Report ReportTimer::report(int64_t now_ns) const {
  proto::Report report;
  report.set_acknowledged(received_);
  report.set_echo_sent_ns(static_cast<uint64_t>(echo_sent_ns_));
  report.set_echo_received_ns(static_cast<uint64_t>(echo_received_ns_));
  report.set_sent_ns(static_cast<uint64_t>(now_ns));
  report.set_held_ns(static_cast<uint64_t>(now_ns - received_ns_));
  return report;
}

void ReportTimer::on_sent(int64_t now_ns) {
  // Each stamp is echoed once: the wait until the next report would pass for a round trip.
  has_echoed_ = has_echoed_ || echo_sent_ns_ != 0;
  echo_sent_ns_ = echo_received_ns_ = 0;
  reported_ns_ = now_ns;
  reported_ = received_;
  due_ = false;
}

}  // namespace smt::relay
