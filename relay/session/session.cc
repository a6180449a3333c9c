#include "relay/session/session.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace smt::relay {

namespace {

constexpr int64_t kHeartbeatNs = 200'000'000;
// A Report for each message would cost as much as the messages; who waits for one says so (Envelope.prompt).
constexpr int64_t kHoldNs = 50'000'000;
constexpr uint64_t kMostUnreported = 64;
// Wants: one so often in the long run, and so many at once.
constexpr int64_t kWantNs = 100'000'000, kWantsAtOnce = 10;
// Of an Envelope around its body, at most.
constexpr size_t kHeaderBytes = 64;

// Rounded up by an eighth at most: what hardly changes costs nothing on the wire and in a mirror's memory.
int64_t Coarse(int64_t ns) {
  const int bits = std::bit_width(static_cast<uint64_t>(ns));
  const int64_t unit = int64_t{1} << std::max(0, bits - 4);
  return (ns + unit - 1) / unit * unit;
}

}  // namespace

Session::Session(uint64_t key, uint64_t number, Link* link, PeerId id, Peer peer, const LinkOptions& options,
                 Outbound* outbound, Inbound* inbound, Intake::Warn warn, int64_t now_ns)
    : key_(key),
      number_(number),
      link_(link),
      id_(std::move(id)),
      peer_(std::move(peer)),
      credit_(ByteCap(options.bytes_per_s)),
      feed_(outbound, this, &credit_, {peer_.name, peer_.origin, key}, options.compress),
      intake_(inbound, key, peer_.name, std::move(warn)),
      now_ns_(now_ns),
      heard_ns_(now_ns) {}

int64_t Session::patience_ns() const {
  return std::max<int64_t>(500'000'000, 4 * clock_.smoothed_rtt_ns() + kHeartbeatNs);
}

void Session::count_most(OutboundCounters* counters) const {
  uint64_t& most = counters->most_in_flight_bytes;
  uint64_t& beyond = counters->most_beyond_window_bytes;
  most = std::max(most, credit_.most_in_flight_bytes());
  beyond = std::max(beyond, credit_.most_beyond_window_bytes());
}

bool Session::hear_number(const proto::Envelope& m) {
  if (m.number() == 0) return true;
  if (m.number() != received_ + 1) return false;
  if (received_ == reported_) unreported_ns_ = heard_ns_;
  received_ = m.number();
  received_ns_ = heard_ns_;
  if (m.prompt() || received_ - reported_ >= kMostUnreported) report_due_ = true;
  return true;
}

bool Session::hear(const proto::Envelope& m, std::span<const std::byte> payload, int64_t now_ns) {
  now_ns_ = now_ns;
  const std::optional<ClockOffset::Estimate> clock = clock_.at(now_ns);
  const auto here = [&](uint64_t there) -> Intake::SentAt {
    if (!clock || there == 0) return {};
    return {static_cast<int64_t>(there - static_cast<uint64_t>(clock->offset_ns)), Coarse(clock->error_ns)};
  };
  // A payload may be compressed.
  const uint32_t raw_bytes = m.has_batch()   ? m.batch().raw_bytes()
                             : m.has_chunk() ? m.chunk().raw_bytes()
                                             : 0;
  if (raw_bytes > proto::kLargestFrame) return false;
  if (raw_bytes != 0) {
    const auto raw = expander_.expand(payload, raw_bytes);
    if (!raw) return false;
    payload = *raw;
  }
  bool fine = true;
  switch (m.body_case()) {
    case proto::Envelope::kWant: {
      Result<Demand> demand = DemandFromWire(m.want().selection());
      fine = demand.ok();
      if (!fine) break;
      if (stands_by_) {
        demand_ = std::move(*demand);
      } else {
        feed_.want(std::move(*demand));
      }
      break;
    }
    case proto::Envelope::kAnnounce:
      intake_.heard(here(m.announce().sent_ns()), now_ns);
      fine = intake_.announce(m.announce(), here(m.announce().sent_ns()), now_ns);
      break;
    case proto::Envelope::kForget:
      fine = intake_.forget(m.forget());
      break;
    case proto::Envelope::kState:
      fine = intake_.state(m.state());
      break;
    case proto::Envelope::kBatch:
      fine = intake_.batch(m.batch(), payload, here(m.batch().sent_ns()), now_ns);
      break;
    case proto::Envelope::kChunk:
      intake_.heard(here(m.chunk().sent_ns()), now_ns);
      fine = intake_.chunk(m.chunk(), payload, here(m.chunk().sent_ns()), now_ns);
      break;
    case proto::Envelope::kResume:
      if (m.resume().id_size() != m.resume().sequence_size()) return false;
      for (int i = 0; i < m.resume().id_size(); ++i) feed_.resume(m.resume().id(i), m.resume().sequence(i));
      break;
    case proto::Envelope::kReport: {
      const proto::Report& r = m.report();
      if (r.acknowledged() > sent_) return false;
      credit_.acknowledged(r.acknowledged(),
                           static_cast<int64_t>(std::min<uint64_t>(r.held_ns(), kHeartbeatNs)), now_ns);
      if (r.echo_sent_ns() != 0) {
        clock_.sample(static_cast<int64_t>(r.echo_sent_ns()), static_cast<int64_t>(r.echo_received_ns()),
                      static_cast<int64_t>(r.sent_ns()), now_ns);
      }
      intake_.heard(here(r.sent_ns()), now_ns);
      echo_sent_ns_ = static_cast<int64_t>(r.sent_ns());
      echo_received_ns_ = now_ns;
      break;
    }
    default:
      fine = false;
  }
  return fine;
}

void Session::set_stands_by(bool stands_by) {
  stands_by_ = stands_by;
  if (!stands_by && demand_) feed_.want(*std::exchange(demand_, std::nullopt));
}

void Session::set_options(const LinkOptions& options) {
  credit_.set_cap(ByteCap(options.bytes_per_s));
  feed_.set_compress(options.compress);
}

void Session::want(std::vector<Selection> selections) {
  if (selections == wanted_) return;
  wanted_ = std::move(selections);
  if (wants_due_.empty()) wants_due_.emplace_back();
  wants_due_.back() = wanted_;
  if (Result<Demand> demand = Demand::compile(wanted_); demand.ok()) intake_.want(std::move(*demand));
}

bool Session::reconsider() {
  feed_.reconsider();
  const std::vector<std::string> again = intake_.reconsider();
  if (again.empty()) return true;
  // Not wanted for a moment, they are announced anew.
  std::vector<Selection> others = wanted_;
  for (Selection& s : others) s.exclude.insert(s.exclude.end(), again.begin(), again.end());
  if (!Demand::compile(others).ok()) return false;
  wants_due_.push_back(std::move(others));
  wants_due_.push_back(wanted_);
  return true;
}

void Session::ask(uint64_t request, const std::vector<Selection>& selections, bool list) {
  proto::Get& get = asks_.emplace_back();
  get.set_request(request);
  get.set_list(list);
  ToWire(selections, get.mutable_selection());
}

bool Session::Post(const std::string& header, const Frame& payload) {
  const Sent sent = link_->send(id_, BytesOf(header), payload);
  if (sent == Sent::kGone) gone_ = true;
  return sent == Sent::kOk;
}

bool Session::send(int field, std::string_view body, const Frame& payload, uint64_t payload_hash) {
  const bool prompt = credit_.wants_report_of(body.size() + payload.bytes.size() + kHeaderBytes);
  const std::string header = proto::Seal(number_, sent_ + 1, field, body, payload_hash, prompt);
  if (!Post(header, payload)) return false;
  ++sent_;
  credit_.sent(sent_, header.size() + payload.bytes.size(), now_ns_);
  return true;
}

bool Session::SendReport(int64_t now_ns) {
  proto::Report report;
  report.set_acknowledged(received_);
  report.set_echo_sent_ns(static_cast<uint64_t>(echo_sent_ns_));
  report.set_echo_received_ns(static_cast<uint64_t>(echo_received_ns_));
  report.set_sent_ns(static_cast<uint64_t>(now_ns));
  report.set_held_ns(static_cast<uint64_t>(now_ns - received_ns_));
  if (!Post(proto::Seal(number_, 0, report), Frame())) return false;
  // Each stamp is echoed once: the wait until the next report would pass for a round trip.
  echo_sent_ns_ = echo_received_ns_ = 0;
  reported_ns_ = now_ns;
  reported_ = received_;
  report_due_ = false;
  return true;
}

size_t Session::SendWants() {
  if (now_ns_ < wants_open_ns_) return 0;
  const int64_t most_ns = now_ns_ - kWantNs * kWantsAtOnce;
  size_t messages = 0;
  for (; !wants_due_.empty(); wants_due_.pop_front(), ++messages) {
    proto::Want want;
    ToWire(wants_due_.front(), want.mutable_selection());
    if (!send(proto::Envelope::kWantFieldNumber, want.SerializeAsString(), Frame(), proto::PayloadHash({})))
      break;
    // Each costs the peer a look at all its topics.
    wants_open_ns_ = std::max(wants_open_ns_, most_ns) + kWantNs;
  }
  return messages;
}

bool Session::SendResumes() {
  std::vector<std::pair<uint32_t, uint64_t>>& due = intake_.resumes();
  if (due.empty()) return false;
  proto::Resume resume;
  const size_t n = std::min(due.size(), proto::kMostTopics);
  for (size_t i = 0; i < n; ++i) {
    resume.add_id(due[i].first);
    resume.add_sequence(due[i].second);
  }
  if (!send(proto::Envelope::kResumeFieldNumber, resume.SerializeAsString(), Frame(), proto::PayloadHash({})))
    return false;
  due.erase(due.begin(), due.begin() + static_cast<ptrdiff_t>(n));
  return true;
}

size_t Session::send(int64_t now_ns) {
  now_ns_ = now_ns;
  size_t messages = 0;
  // Acknowledgements first: the other side's credit hangs on them.
  if (report_due_ || now_ns >= ReportAt()) messages += SendReport(now_ns);
  messages += SendWants();
  messages += SendResumes();
  while (!asks_.empty() && wants_due_.empty() &&
         send(proto::Envelope::kGetFieldNumber, asks_.front().SerializeAsString(), Frame(),
              proto::PayloadHash({}))) {
    asks_.erase(asks_.begin());
    ++messages;
  }
  const auto tell = [this](const Told& t) {
    return send(t.field, t.body, t.payload, proto::PayloadHash(t.payload.bytes));
  };
  for (; !tells_.empty() && tell(tells_.front()); tells_.pop_front()) ++messages;
  return messages + feed_.send(now_ns);
}

int64_t Session::ReportAt() const {
  return std::min(reported_ns_ + kHeartbeatNs, received_ == reported_ ? INT64_MAX : unreported_ns_ + kHoldNs);
}

int64_t Session::due_ns() const {
  return std::min(
      {ReportAt(), silent_at_ns(), feed_.due_ns(), wants_due_.empty() ? INT64_MAX : wants_open_ns_});
}

bool Session::put_off(proto::Envelope* message) {
  constexpr size_t kMost = 1024, kMostBytes = 2 << 20;
  const size_t bytes = message->ByteSizeLong();
  if (put_off_.size() >= kMost || put_off_bytes_ + bytes > kMostBytes) return false;
  put_off_bytes_ += bytes;
  put_off_.emplace_back().Swap(message);
  return true;
}

proto::Envelope Session::take_request() {
  proto::Envelope first;
  first.Swap(&put_off_.front());
  put_off_.pop_front();
  put_off_bytes_ -= first.ByteSizeLong();
  return first;
}

void Session::say_reset(proto::Reset::Reason reason, const std::string& text) {
  proto::Reset reset;
  reset.set_reason(reason);
  reset.set_text(text);
  Post(proto::Seal(number_, 0, reset), Frame());
}

}  // namespace smt::relay
