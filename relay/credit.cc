#include "relay/credit.h"

#include <algorithm>

#include "proto/codec.h"

namespace smt::relay {

namespace {

constexpr uint64_t kPacket = 1400;
constexpr int64_t kSlackNs = 10'000'000;
constexpr int64_t kRateNs = 2'000'000'000;
constexpr int64_t kRttNs = 10'000'000'000;
// Once in so long the flight falls to nothing; else the own queue passes for the round trip.
constexpr int64_t kDrainNs = 3'000'000'000;

}  // namespace

size_t Credit::batch_bytes() const {
  const double bytes = phase_ == Phase::kStart ? static_cast<double>(window_) : bandwidth_ * kSlackNs;
  const auto carried = static_cast<size_t>(
      std::clamp(bytes, static_cast<double>(kPacket), static_cast<double>(proto::kLargestFrame)));
  return std::min(carried, cap_.message_bytes());
}

size_t Credit::piece_bytes() const {
  const uint64_t room = window_ > in_flight_ ? window_ - in_flight_ : 0;
  return std::min<size_t>(batch_bytes(), std::max(kPacket, room));
}

uint64_t Credit::Rule(double gain) const {
  if (least_rtt_.empty()) return 10 * kPacket;
  // The least round trip holds the time that a packet takes to leave: on a slow link that is slack enough.
  const double slack = std::max(0.0, bandwidth_ * kSlackNs - static_cast<double>(kPacket));
  const double bytes = gain * (bandwidth_ * static_cast<double>(least_rtt_ns()) + slack);
  return std::max(kPacket, static_cast<uint64_t>(bytes));
}

bool Credit::wants_report_of(size_t bytes) const {
  return in_flight_ + bytes >= window_ || unasked_ + bytes >= std::max(kPacket, window_ / 8);
}

void Credit::sent(uint64_t number, size_t bytes, int64_t now_ns) {
  unasked_ = wants_report_of(bytes) ? 0 : unasked_ + bytes;
  if (flights_.empty()) delivered_at_ns_ = drained_ns_ = now_ns;
  flights_.push_back({number, bytes, now_ns, delivered_, delivered_at_ns_});
  in_flight_ += bytes;
  cap_.sent(bytes, now_ns);
  last_number_ = number;
}

void Credit::TakeRate(double rate, bool dry, int64_t now_ns) {
  if (dry && rate <= bandwidth_) return;
  while (!rates_.empty() && rates_.back().value <= rate) rates_.pop_back();
  rates_.push_back({now_ns, rate});
  while (rates_.front().time_ns < now_ns - kRateNs) rates_.pop_front();
  bandwidth_ = rates_.front().value;
}

void Credit::TakeRtt(int64_t rtt_ns, int64_t now_ns) {
  while (!least_rtt_.empty() && least_rtt_.back().value >= rtt_ns) least_rtt_.pop_back();
  least_rtt_.push_back({now_ns, rtt_ns});
  while (least_rtt_.front().time_ns < now_ns - kRttNs) least_rtt_.pop_front();
}

void Credit::acknowledged(uint64_t number, int64_t held_ns, int64_t now_ns) {
  if (flights_.empty() || number < flights_.front().number) return;
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
  const int64_t since = std::max<int64_t>(1, arrived_ns - std::min(last.delivered_at_ns, last.sent_ns));
  TakeRate(static_cast<double>(delivered_ - last.delivered) / static_cast<double>(since),
           last.number <= dry_until_, now_ns);
  TakeRtt(rtt, now_ns);
  // A probe waits for the last packet: what is in flight before the next one would pass for its round trip.
  if (in_flight_ == 0 || (phase_ != Phase::kDrain && in_flight_ <= kPacket)) drained_ns_ = now_ns;
  NextPhase(now_ns, rtt);
}

void Credit::NextPhase(int64_t now_ns, int64_t rtt_ns) {
  const bool round_over = now_ns >= round_ends_ns_;
  switch (phase_) {
    case Phase::kStart:
      if (!round_over) return;
      round_ends_ns_ = now_ns + rtt_ns;
      if (last_number_ == dry_until_) return;  // the window was not the limit
      slow_rounds_ = bandwidth_ > 1.25 * rate_before_ ? 0 : slow_rounds_ + 1;
      rate_before_ = bandwidth_;
      if (slow_rounds_ < 3 && rtt_ns <= least_rtt_ns() + kSlackNs) {
        window_ = std::min<uint64_t>(2 * window_, uint64_t{1} << 30);
        return;
      }
      phase_ = Phase::kSteady;
      drained_ns_ = now_ns;
      break;
    case Phase::kSteady:
      if (now_ns - drained_ns_ < kDrainNs) break;
      phase_ = Phase::kProbe;
      round_ends_ns_ = now_ns + rtt_ns;
      break;
    case Phase::kProbe:
      if (round_over) phase_ = Phase::kDrain;
      break;
    case Phase::kDrain:
      if (drained_ns_ == now_ns) phase_ = Phase::kSteady;
      break;
  }
  window_ = phase_ == Phase::kDrain ? 1 : Rule(phase_ == Phase::kProbe ? 1.25 : 1.0);
}

}  // namespace smt::relay
