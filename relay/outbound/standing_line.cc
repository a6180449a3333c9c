#include "relay/outbound/standing_line.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace smt::relay {

namespace {

// A machine's own memory carries gigabytes a second in bursts, and much less while its processors are busy:
// what is to wait in line for 10 ms by the best of the last 2 s then waits for 50. So much is 10 ms of 1.7
// Gbit/s.
constexpr double kMaxBytes = 2 << 20;
constexpr double kMessageBytes = 48 << 10;
constexpr double kWakeNs = 250'000;
constexpr int64_t kLookNs = 20'000'000;
constexpr int64_t kLookRtts = 16;
constexpr double kMemoryNs = 500e6;
constexpr double kMaxIdle = 0.03, kMaxIdleIfCut = 0.02;
constexpr double kFallen = 0.15, kReasonToBeWhole = 1.1;
constexpr double kDeviations = 3;  // are not chance
constexpr int64_t kMinWaitNs = 4'000'000'000, kMaxWaitNs = 64 * kMinWaitNs;

}  // namespace

double StandingLine::bytes_of(int halvings, const LinkShape& link) {
  const double whole = std::min(link.bandwidth * static_cast<double>(kWholeNs), kMaxBytes);
  const double min_ns = std::max(static_cast<double>(link.way_ns), kWakeNs);
  const double min = std::max(link.bandwidth * min_ns, 2 * kMessageBytes);
  return std::max(whole / static_cast<double>(uint64_t{1} << halvings), std::min(whole, min));
}

double StandingLine::message_bytes(const LinkShape& link) const {
  if (is_always_whole(link)) return link.bandwidth * static_cast<double>(kWholeNs);
  return std::max(bytes(link) / 3, kMessageBytes);
}

void StandingLine::begin_look(int64_t now_ns) {
  since_ns_ = now_ns;
  began_ns_ = 0;
}

// The link carries what is under way down to what is on its way, and idles from there.
void StandingLine::on_refill(uint64_t low_bytes, uint64_t window_bytes, int64_t rtt_ns,
                             const LinkShape& link) {
  if (began_ns_ == 0) return;
  const auto low = static_cast<double>(low_bytes), way_ns = static_cast<double>(link.way_ns);
  const double cut = next_cut(link);
  idle_if_cut_ns_ += std::clamp(static_cast<double>(window_bytes) - cut - low, 0.0, cut) / link.bandwidth;
  const double idle_ns = way_ns - low / link.bandwidth;
  const double waited_ns = static_cast<double>(rtt_ns) - bytes(link) / link.bandwidth;
  idle_ns_ += std::max(low_bytes == 0 ? std::max(idle_ns, waited_ns) : idle_ns, 0.0);
}

void StandingLine::on_arrival(const Arrival& a, const LinkShape& link) {
  if (a.sent_ns < since_ns_) return;
  if (began_ns_ == 0 || a.dry) {
    began_ns_ = a.arrived_ns;
    began_delivered_ = a.delivered;
    max_rtt_ns_ = 0;
    idle_ns_ = idle_if_cut_ns_ = 0;
    return;
  }
  max_rtt_ns_ = std::max(max_rtt_ns_, a.arrived_ns - a.sent_ns);
  const int64_t took_ns = a.arrived_ns - began_ns_;
  if (took_ns < std::max(kLookNs, kLookRtts * max_rtt_ns_)) return;
  const auto took = static_cast<double>(took_ns);
  judge(static_cast<double>(a.delivered - began_delivered_) / took, took, link, a.arrived_ns);
  begin_look(a.arrived_ns);
}

void StandingLine::make_whole(int64_t now_ns) {
  halvings_ = 0;
  wait_ns_ = std::clamp(2 * wait_ns_, kMinWaitNs, kMaxWaitNs);
  open_ns_ = now_ns + wait_ns_;
  begin_look(now_ns);
}

void StandingLine::on_carried_more(int64_t now_ns) {
  if (halvings_ > 0) make_whole(now_ns);
}

// Whether the line was made whole with reason.
void StandingLine::judge_whole(double rate, int64_t now_ns) {
  if (rate < kReasonToBeWhole * suspect_rate_) {
    open_ns_ = now_ns;
    wait_ns_ /= 2;
    rate_ = rate;
  }
  suspect_rate_ = 0;
}

// True: it is open whether this look carried less because of the line.
bool StandingLine::is_in_doubt(double rate, int64_t now_ns) {
  if (suspect_rate_ != 0) {
    if (std::exchange(fills_, false)) return true;
    judge_whole(rate, now_ns);
    return false;
  }
  if (rate_ == 0) rate_ = rate;
  const bool fallen = halvings_ > 0 && rate < rate_ - std::max(kFallen * rate_, kDeviations * deviation_);
  const double before = std::exchange(fallen_rate_, fallen ? rate : 0);
  if (!fallen || before == 0) return fallen;
  fallen_rate_ = 0;
  suspect_rate_ = (before + rate) / 2;
  fills_ = true;
  make_whole(now_ns);
  return true;
}

void StandingLine::judge(double rate, double took_ns, const LinkShape& link, int64_t now_ns) {
  if (is_always_whole(link)) halvings_ = 0;
  if (is_in_doubt(rate, now_ns)) return;
  deviation_ += (std::abs(rate - rate_) - deviation_) / 8;
  rate_ += (rate - rate_) / 8;
  const double weight = std::min(1.0, took_ns / kMemoryNs);
  idle_ += (idle_ns_ / took_ns - idle_) * weight;
  idle_if_cut_ += (idle_if_cut_ns_ / took_ns - idle_if_cut_) * weight;
  if (halvings_ > 0 && idle_ > kMaxIdle) {
    --halvings_;
    idle_if_cut_ = std::exchange(idle_, 0);
  } else if (now_ns >= open_ns_ && next_cut(link) > 0 &&
             std::max(idle_if_cut_, idle_if_cut_ns_ / took_ns) <= kMaxIdleIfCut) {
    ++halvings_;
  }
}

}  // namespace smt::relay
