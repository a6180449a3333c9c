#include "relay/outbound/congestion_window.h"

#include <algorithm>
#include <utility>

#include "proto/limits.h"

namespace smt::relay {

namespace {

constexpr uint64_t kPacket = 1400;
constexpr int64_t kSlackNs = StandingLine::kWholeNs;
constexpr int64_t kRateNs = 2'000'000'000;
constexpr int64_t kRttNs = 10'000'000'000;
// A slot of time; more of them if four round trips take longer.
constexpr int64_t kTrialNs = 500'000'000;
constexpr int64_t kCycle = 8;  // slots from one probe to the next
constexpr double kStartGain = 2, kProbeGain = 1.25;
constexpr double kCarriedMore = 1.2;

}  // namespace

size_t CongestionWindow::find_batch_bytes() const {
  double bytes = line_.message_bytes(link_shape());
  if (phase_ == Phase::kStart) {
    // Over a long way in several messages, whose round trips tell of a line.
    const bool is_near = !min_rtt_.empty() && min_rtt_ns() < kSlackNs;
    const auto share = static_cast<double>(is_near ? window_ : window_ / 8);
    bytes = bandwidth_ > 0 ? std::min(bytes, share) : share;
  }
  const auto carried = static_cast<size_t>(
      std::clamp(bytes, static_cast<double>(kPacket), static_cast<double>(proto::kMaxFrame)));
  return std::min(carried, cap_.message_bytes());
}

size_t CongestionWindow::piece_bytes() const {
  const uint64_t room = window_ > in_flight_ ? window_ - in_flight_ : 0;
  return std::min<size_t>(batch_bytes(), std::max(kPacket, room));
}

int64_t CongestionWindow::way_ns() const {
  const int64_t min_rtt = min_rtt_ns();
  // Half as much longer at most: with more than that, several on one link take each other's lines for the way
  // and drive each other on without end.
  return std::min(std::max(min_rtt + longer_ns_, usual_rtt_ns_), min_rtt + min_rtt / 2);
}

uint64_t CongestionWindow::window_for(double gain) const {
  if (min_rtt_.empty()) return 10 * kPacket;
  // The least round trip holds the time that a packet takes to leave: on a slow link that is slack enough.
  const double slack = std::max(line_.bytes(link_shape()) - static_cast<double>(kPacket), 0.0);
  const double bytes = gain * (bandwidth_ * static_cast<double>(way_ns()) + slack);
  return std::max(kPacket, static_cast<uint64_t>(bytes));
}

bool CongestionWindow::wants_report_of(size_t bytes) const {
  return in_flight_ + bytes >= window_ || unasked_ + bytes >= std::max(kPacket, window_ / 8);
}

void CongestionWindow::on_sent(uint64_t number, size_t bytes, int64_t now_ns) {
  unasked_ = wants_report_of(bytes) ? 0 : unasked_ + bytes;
  if (std::exchange(refills_, false) && phase_ == Phase::kSteady) {
    line_.on_refill(in_flight_, window_, last_rtt_ns_, link_shape());
  }
  if (flights_.empty()) delivered_at_ns_ = now_ns;
  in_flight_ += bytes;
  peak_in_flight_ = std::max(peak_in_flight_, in_flight_);
  if (in_flight_ > window_) peak_beyond_ = std::max(peak_beyond_, in_flight_ - window_);
  const double quarter = bandwidth_ * static_cast<double>(min_rtt_ns()) / 4;
  const bool alone =
      bandwidth_ > 0 && static_cast<double>(in_flight_) <= std::max(static_cast<double>(kPacket), quarter);
  flights_.push_back({number, bytes, now_ns, delivered_, delivered_at_ns_, alone});
  cap_.on_sent(bytes, now_ns);
  last_number_ = number;
}

// Of as long a time as there is a use for. In the beginning what one message says, since the rate doubles
// each round trip; later four round trips, so that reports that come in bunches are not taken for a rate.
double CongestionWindow::rate_of(const Flight& last, int64_t arrived_ns) {
  const auto over = [&](uint64_t since_bytes, int64_t since_ns) {
    return static_cast<double>(delivered_ - since_bytes) /
           static_cast<double>(std::max<int64_t>(1, arrived_ns - since_ns));
  };
  if (phase_ == Phase::kStart) return over(last.delivered, std::min(last.delivered_at_ns, last.sent_ns));
  const int64_t from_ns = arrived_ns - 4 * min_rtt_ns();
  arrivals_.push_back({arrived_ns, delivered_});
  while (arrivals_.size() > 2 && arrivals_[1].time_ns <= from_ns) arrivals_.pop_front();
  const At<uint64_t>& first = arrivals_.front();
  return first.time_ns > from_ns ? 0 : over(first.value, first.time_ns);
}

void CongestionWindow::add_rate(double rate, bool dry, int64_t now_ns) {
  if (rate == 0 || (dry && rate <= bandwidth_)) return;
  while (!rates_.empty() && rates_.back().value <= rate) rates_.pop_back();
  rates_.push_back({now_ns, rate});
  while (rates_.front().time_ns < now_ns - kRateNs) rates_.pop_front();
  bandwidth_ = rates_.front().value;
}

void CongestionWindow::add_rtt(int64_t rtt_ns, bool alone, int64_t now_ns) {
  while (!min_rtt_.empty() && min_rtt_.back().value >= rtt_ns) min_rtt_.pop_back();
  min_rtt_.push_back({now_ns, rtt_ns});
  while (min_rtt_.front().time_ns < now_ns - kRttNs) min_rtt_.pop_front();
  if (alone) usual_rtt_ns_ = usual_rtt_ns_ == 0 ? rtt_ns : usual_rtt_ns_ + (rtt_ns - usual_rtt_ns_) / 8;
}

void CongestionWindow::on_acknowledged(uint64_t number, int64_t held_ns, int64_t now_ns) {
  if (flights_.empty() || number < flights_.front().number) return;
  batch_bytes_ = 0;
  Flight last{};
  while (!flights_.empty() && flights_.front().number <= number) {
    last = flights_.front();
    flights_.pop_front();
    in_flight_ -= last.bytes;
    delivered_ += last.bytes;
  }
  // While the acknowledgement was held, the link carried what comes next.
  const int64_t arrived_ns = now_ns - held_ns;
  delivered_at_ns_ = arrived_ns;
  const int64_t rtt = std::max<int64_t>(1, arrived_ns - last.sent_ns);
  add_rtt(rtt, last.alone, now_ns);
  if (last.number <= dry_until_) dry_at_ns_ = arrived_ns;
  add_rate(rate_of(last, arrived_ns), dry_at_ns_ >= arrived_ns - 4 * min_rtt_ns(), now_ns);
  if (phase_ != Phase::kStart && phase_ != Phase::kEnd && rtt > 4 * (way_ns() + kSlackNs) &&
      last.sent_ns > phase_began_ns_) {
    end_phase(static_cast<double>(delivered_ - last.delivered) / static_cast<double>(rtt), now_ns);
  }
  if ((trial_began_ns_ == 0 || dry_at_ns_ == arrived_ns) && arrived_ns >= phase_began_ns_ + rtt) {
    trial_began_ns_ = arrived_ns;
    trial_delivered_ = delivered_;
  }
  last_rtt_ns_ = rtt;
  refills_ = true;
  if (phase_ == Phase::kSteady) {
    line_.on_arrival({last.sent_ns, arrived_ns, delivered_, dry_at_ns_ == arrived_ns}, link_shape());
  }
  next_phase(now_ns, arrived_ns, rtt);
}

void CongestionWindow::enter(Phase phase, int64_t now_ns) {
  phase_ = phase;
  phase_began_ns_ = now_ns;
  trial_began_ns_ = 0;
  line_.on_disturbed(now_ns);
}

// Nothing more until all has arrived: what is measured now may be the own line, and is not the way.
void CongestionWindow::end_phase(double rate, int64_t now_ns) {
  rates_.clear();
  add_rate(rate, false, now_ns);
  enter(Phase::kEnd, now_ns);
  window_ = 1;
}

void CongestionWindow::restart(int64_t now_ns) {
  min_rtt_.clear();
  arrivals_.clear();
  line_ = StandingLine();
  rate_before_ = 0;
  round_rtt_ns_ = INT64_MAX;
  slow_rounds_ = 0;
  enter(Phase::kStart, now_ns);
  window_ = window_for(1);
}

// False: the beginning is over.
bool CongestionWindow::grow(int64_t now_ns, int64_t arrived_ns, int64_t rtt_ns) {
  round_rtt_ns_ = std::min(round_rtt_ns_, rtt_ns);
  const bool round_over = arrived_ns - rtt_ns >= phase_began_ns_;
  if (!round_over || last_number_ == dry_until_) return true;  // or the window was not the limit
  slow_rounds_ = bandwidth_ > 1.25 * rate_before_ ? 0 : slow_rounds_ + 1;
  rate_before_ = bandwidth_;
  const int64_t line_ns = std::max(kSlackNs, min_rtt_ns() / 8);
  if (slow_rounds_ == 3 || round_rtt_ns_ > min_rtt_ns() + line_ns) return false;
  phase_began_ns_ = now_ns;
  round_rtt_ns_ = rtt_ns;
  if (slow_rounds_ == 0) window_ = std::clamp(window_for(kStartGain), window_, 2 * window_);
  return true;
}

// What the phase carried; 0: it was too short, or ran dry, to tell.
double CongestionWindow::trial_rate(int64_t arrived_ns) const {
  const int64_t took_ns = arrived_ns - trial_began_ns_;
  if (trial_began_ns_ == 0 || took_ns < kTrialNs / 2) return 0;
  return static_cast<double>(delivered_ - trial_delivered_) / static_cast<double>(took_ns);
}

void CongestionWindow::judge_probe(double rate, int64_t now_ns) {
  if (rate == 0 || steady_rate_ == 0) return;
  probe_soon_ = rate > kCarriedMore * steady_rate_;
  if (!probe_soon_) {
    longer_ns_ -= longer_ns_ / 8;
    return;
  }
  line_.on_carried_more(now_ns);
  // Little's law; nothing waited in line, or a larger window would not have carried more.
  const int64_t min_rtt = min_rtt_ns();
  const auto way = static_cast<int64_t>(static_cast<double>(steady_window_) / steady_rate_);
  longer_ns_ = std::max(longer_ns_, std::min(way - min_rtt, min_rtt / 2));
}

// Steady for seven slots of time, a probe in the eighth and then a drain. Slots are counted from when the
// machine was started, so that all that it sends probes and drains at the same time: of two on one link the
// one that probes alone takes from the other what it does not get otherwise, and drains no line.
void CongestionWindow::next_phase(int64_t now_ns, int64_t arrived_ns, int64_t rtt_ns) {
  int64_t slot_ns = kTrialNs;
  while (slot_ns < 4 * min_rtt_ns()) slot_ns *= 2;
  const int64_t slot = now_ns / slot_ns;
  const bool probes = slot % kCycle == kCycle - 1 || (probe_soon_ && slot % 2 != 0);
  const bool drains = slot % kCycle == 0 && slot != drained_slot_;
  switch (phase_) {
    case Phase::kStart:
      if (grow(now_ns, arrived_ns, rtt_ns)) return;
      probe_soon_ = true;
      enter(Phase::kSteady, now_ns);
      break;
    case Phase::kSteady:
      if (drains) {
        enter(Phase::kDrain, now_ns);
      } else if (probes) {
        steady_rate_ = trial_rate(arrived_ns);
        steady_window_ = window_;
        enter(Phase::kProbe, now_ns);
      }
      break;
    case Phase::kProbe:
      if (slot == phase_began_ns_ / slot_ns) break;
      judge_probe(trial_rate(arrived_ns), now_ns);
      enter(drains ? Phase::kDrain : Phase::kSteady, now_ns);
      break;
    case Phase::kDrain:
      drained_slot_ = slot;
      // A link that stands still is not waited for.
      if (in_flight_ == 0 || now_ns - phase_began_ns_ > 4 * (way_ns() + kSlackNs))
        enter(Phase::kSteady, now_ns);
      break;
    case Phase::kEnd:
      if (in_flight_ == 0) restart(now_ns);
      return;
  }
  window_ = phase_ == Phase::kDrain ? 1 : window_for(phase_ == Phase::kProbe ? kProbeGain : 1);
}

}  // namespace smt::relay
