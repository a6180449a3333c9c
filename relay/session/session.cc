#include "relay/session/session.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace smt::relay {

namespace {

// Of an Envelope around its body, at most.
constexpr size_t kHeaderBytes = 64;
// The heartbeats of the first sessions of a relay come with its other looks. Those of hundreds would all
// leave at once, and values would wait for them.
constexpr uint64_t kMaxAtTicks = 16;
// The memory of a smaller header is kept for the next one.
constexpr size_t kMaxKept = 1024;

// Rounded up by an eighth at most: what hardly changes costs nothing on the wire and in a mirror's memory.
int64_t coarse(int64_t ns) {
  const int bits = std::bit_width(static_cast<uint64_t>(ns));
  const int64_t unit = int64_t{1} << std::max(0, bits - 4);
  return (ns + unit - 1) / unit * unit;
}

// When a message was sent, by this clock, that the peer sent at `there` by its own.
PeerReceiver::SentAt sent_at_here(const std::optional<ClockOffset::Estimate>& clock, uint64_t there) {
  if (!clock || there == 0) return {};
  return {static_cast<int64_t>(there - static_cast<uint64_t>(clock->offset_ns)), coarse(clock->error_ns)};
}

}  // namespace

Session::Session(uint64_t key, uint64_t number, Link* link, PeerId id, Peer peer, const LinkOptions& options,
                 Outbound* outbound, Inbound* inbound, Schedule* schedule, PeerReceiver::Warn warn,
                 int64_t now_ns)
    : key_(key),
      number_(number),
      link_(link),
      id_(std::move(id)),
      peer_(std::move(peer)),
      schedule_(schedule),
      congestion_window_(ByteCap(options.bytes_per_s)),
      sender_(outbound, this, &congestion_window_, {peer_.name, peer_.origin, key}, options.compress),
      receiver_(inbound, key, peer_.name, std::move(warn)),
      now_ns_(now_ns),
      heard_ns_(now_ns),
      reports_(peer_.liveness.heartbeat_ns, key <= kMaxAtTicks) {
  wake();
}

int64_t Session::silence_limit_ns() const {
  return std::max(peer_.liveness.patience_ns, 4 * clock_.smoothed_rtt_ns() + peer_.liveness.heartbeat_ns);
}

void Session::record_peaks(OutboundCounters* counters) const {
  uint64_t& max = counters->most_in_flight_bytes;
  uint64_t& beyond = counters->most_beyond_window_bytes;
  max = std::max(max, congestion_window_.peak_in_flight_bytes());
  beyond = std::max(beyond, congestion_window_.peak_beyond_window_bytes());
}

bool Session::check_sequence(const proto::Envelope& m) {
  return m.number() == 0 || reports_.on_message(m.number(), m.prompt(), heard_ns_);
}

// A payload may be compressed. False: it is not what it says.
bool Session::expand(uint32_t raw_bytes, std::span<const std::byte>* payload) {
  if (raw_bytes > proto::kMaxFrame) return false;
  if (raw_bytes == 0) return true;
  const auto raw = expander_.expand(*payload, raw_bytes);
  if (raw) *payload = *raw;
  return raw.has_value();
}

bool Session::on_batch(const proto::Batch& m, const proto::BatchColumns& columns,
                       std::span<const std::byte> payload, int64_t now_ns) {
  now_ns_ = now_ns;
  const PeerReceiver::SentAt sent = sent_at_here(clock_.at(now_ns), m.sent_ns());
  return expand(m.raw_bytes(), &payload) && receiver_.batch(m, columns, payload, sent, now_ns);
}

bool Session::on_message(const proto::Envelope& m, std::span<const std::byte> payload, int64_t now_ns) {
  now_ns_ = now_ns;
  const std::optional<ClockOffset::Estimate> clock = clock_.at(now_ns);
  switch (m.body_case()) {
    case proto::Envelope::kWant:
      return on_want(m.want());
    case proto::Envelope::kAnnounce: {
      const PeerReceiver::SentAt sent = sent_at_here(clock, m.announce().sent_ns());
      receiver_.on_clock_sample(sent, now_ns);
      return receiver_.announce(m.announce(), sent, now_ns);
    }
    case proto::Envelope::kForget:
      return receiver_.forget(m.forget());
    case proto::Envelope::kState:
      return receiver_.state(m.state());
    case proto::Envelope::kChunk: {
      if (!expand(m.chunk().raw_bytes(), &payload)) return false;
      const PeerReceiver::SentAt sent = sent_at_here(clock, m.chunk().sent_ns());
      receiver_.on_clock_sample(sent, now_ns);
      return receiver_.chunk(m.chunk(), payload, sent, now_ns);
    }
    case proto::Envelope::kResume:
      return on_resume(m.resume());
    case proto::Envelope::kReport:
      return on_report(m.report(), sent_at_here(clock, m.report().sent_ns()));
    default:
      return false;
  }
}

bool Session::on_want(const proto::Want& want) {
  Result<SubscriptionSet> compiled = subscriptions_from_wire(want.selection());
  if (!compiled.ok()) return false;
  if (standby_) {
    subscriptions_ = std::move(*compiled);
  } else {
    sender_.want(std::move(*compiled));
  }
  return true;
}

bool Session::on_resume(const proto::Resume& resume) {
  if (resume.id_size() != resume.sequence_size()) return false;
  for (int i = 0; i < resume.id_size(); ++i) sender_.resume(resume.id(i), resume.sequence(i));
  return true;
}

bool Session::on_report(const proto::Report& r, const PeerReceiver::SentAt& sent) {
  if (r.acknowledged() > sent_) return false;
  congestion_window_.on_acknowledged(
      r.acknowledged(), static_cast<int64_t>(std::min<uint64_t>(r.held_ns(), ReportTimer::kMaxHeldNs)),
      now_ns_);
  if (r.echo_sent_ns() != 0) {
    clock_.sample(static_cast<int64_t>(r.echo_sent_ns()), static_cast<int64_t>(r.echo_received_ns()),
                  static_cast<int64_t>(r.sent_ns()), now_ns_);
  }
  receiver_.on_clock_sample(sent, now_ns_);
  reports_.on_report(static_cast<int64_t>(r.sent_ns()), now_ns_);
  return true;
}

void Session::set_standby(bool standby) {
  wake();
  standby_ = standby;
  if (!standby && subscriptions_) sender_.want(*std::exchange(subscriptions_, std::nullopt));
}

void Session::set_options(const LinkOptions& options) {
  wake();
  congestion_window_.set_cap(ByteCap(options.bytes_per_s));
  sender_.set_compress(options.compress);
}

void Session::want(std::vector<Subscription> subscriptions) {
  if (!wants_.set(std::move(subscriptions))) return;
  wake();
  if (Result<SubscriptionSet> compiled = SubscriptionSet::compile(wants_.wanted()); compiled.ok())
    receiver_.want(std::move(*compiled));
}

bool Session::reconsider() {
  wake();
  sender_.reconsider();
  const std::vector<std::string> again = receiver_.reconsider();
  if (again.empty()) return true;
  // Not wanted for a moment, they are announced anew.
  std::vector<Subscription> others = wants_.wanted();
  for (Subscription& s : others) s.exclude.insert(s.exclude.end(), again.begin(), again.end());
  if (!SubscriptionSet::compile(others).ok()) return false;
  wants_.set_again(std::move(others));
  return true;
}

void Session::ask(uint64_t request, const std::vector<Subscription>& subscriptions, bool list) {
  proto::Get get;
  get.set_request(request);
  get.set_list(list);
  to_wire(subscriptions, get.mutable_selection());
  gets_.add(get);
  wake();
}

bool Session::post(const std::string& header, const Frame& payload) {
  const Sent sent = link_->send(id_, bytes_of(header), payload);
  if (sent == Sent::kGone) on_gone();
  return sent == Sent::kOk;
}

bool Session::send(int field, std::string_view body, const Frame& payload, uint64_t payload_hash) {
  const bool prompt = congestion_window_.wants_report_of(body.size() + payload.bytes.size() + kHeaderBytes);
  proto::seal_message(number_, sent_ + 1, field, body, payload_hash, prompt, &header_);
  if (!post(header_, payload)) return false;
  ++sent_;
  congestion_window_.on_sent(sent_, header_.size() + payload.bytes.size(), now_ns_);
  if (header_.capacity() > kMaxKept) header_ = std::string();
  return true;
}

bool Session::send_message(int field, std::string_view body, const Frame& payload) {
  return send(field, body, payload, proto::payload_hash(payload.bytes));
}

bool Session::send_report(int64_t now_ns) {
  if (!post(proto::seal_message(number_, 0, reports_.report(now_ns)), Frame())) return false;
  reports_.on_sent(now_ns);
  return true;
}

size_t Session::send_wants() {
  return wants_.send(now_ns_, [this](const std::vector<Subscription>& subscriptions) {
    proto::Want want;
    to_wire(subscriptions, want.mutable_selection());
    return send_message(proto::Envelope::kWantFieldNumber, want.SerializeAsString());
  });
}

bool Session::send_resumes() {
  std::vector<std::pair<uint32_t, uint64_t>>& due = receiver_.resumes();
  if (due.empty()) return false;
  proto::Resume resume;
  const size_t n = std::min(due.size(), proto::kMaxTopics);
  for (size_t i = 0; i < n; ++i) {
    resume.add_id(due[i].first);
    resume.add_sequence(due[i].second);
  }
  if (!send_message(proto::Envelope::kResumeFieldNumber, resume.SerializeAsString())) return false;
  due.erase(due.begin(), due.begin() + static_cast<ptrdiff_t>(n));
  return true;
}

size_t Session::send(int64_t now_ns) {
  now_ns_ = now_ns;
  if (gone_) return 0;
  size_t messages = 0;
  const auto send_queued = [this](const Outbox::Message& m) {
    return send_message(m.field, m.body, m.payload);
  };
  // Acknowledgements first: the other side's credit hangs on them.
  if (reports_.due(now_ns)) messages += send_report(now_ns);
  if (!wants_.empty()) messages += send_wants();
  if (receiver_.has_resumes()) messages += send_resumes();
  if (wants_.empty()) messages += gets_.send(send_queued);
  messages += outbox_.send(send_queued);
  return messages + sender_.send(now_ns);
}

bool Session::has_more() const {
  if (gone_) return has_ended();
  return !wants_.empty() || receiver_.has_resumes() || gets_.size() != 0 || outbox_.size() != 0 ||
         sender_.has_more();
}

int64_t Session::due_ns() const {
  if (gone_) return silent_at_ns();
  return std::min({reports_.due_ns(), silent_at_ns(), sender_.due_ns(), wants_.due_ns()});
}

void Session::send_reset(proto::Reset::Reason reason, const std::string& text) {
  proto::Reset reset;
  reset.set_reason(reason);
  reset.set_text(text);
  post(proto::seal_message(number_, 0, reset), Frame());
}

}  // namespace smt::relay
