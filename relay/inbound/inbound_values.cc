// Values that arrive: one at a time and in pieces, at once or when the link has caught up.
#include <algorithm>
#include <cstring>

#include "relay/inbound/inbound.h"
#include "shm/clock.h"

namespace smt::relay {

int64_t PeerReceiver::travelled_ns(const SentAt& sent, int64_t now_ns) {
  return sent.ns == 0 ? 0 : std::clamp<int64_t>(age_at(now_ns, sent.ns), 0, INT64_MAX / 4);
}

SampleHead PeerReceiver::arrived(uint64_t sequence, int64_t stamp_ns, int64_t age_ns, const SentAt& sent,
                                 int64_t now_ns) {
  return {sequence, stamp_ns, born_ns(age_ns, travelled_ns(sent, now_ns), now_ns), now_ns};
}

Provenance PeerReceiver::provenance_of(int64_t age_error_ns, const SentAt& sent, int64_t now_ns) {
  if (sent.ns == 0) return {Provenance::kUnknown, Provenance::kUnknown};
  const int64_t delay = std::max<int64_t>(0, age_at(now_ns, sent.ns));
  if (age_error_ns < 0) return {Provenance::kUnknown, delay};
  return {std::min(age_error_ns, INT64_MAX / 4) + sent.error_ns, delay};
}

void PeerReceiver::count_drop(Refusal why) {
  InboundCounters& c = inbound_->counters();
  switch (why) {
    case Refusal::kNone:
      break;
    case Refusal::kDenied:
      ++c.dropped_denied;
      break;
    case Refusal::kHops:
      ++c.dropped_hops;
      break;
    case Refusal::kConflict:
      ++c.dropped_conflict;
      break;
    case Refusal::kNoRoom:
      ++c.dropped_size;
      break;
  }
}

// Whether the topic's samples go into the store; the name may have become free since it was refused.
bool PeerReceiver::take_over(Topic* t) {
  if (is_mine(*t)) return true;
  if (t->handle != kNone || t->refusal == Refusal::kConflict) {
    t->handle = kNone;
    t->seen = false;
    t->refusal = open_topic(t, false);
  }
  return t->handle != kNone;
}

// The same for a sample that has come, which is counted as dropped where they do not.
bool PeerReceiver::writable(Topic* t) {
  if (take_over(t)) return true;
  count_drop(t->refusal);
  return false;
}

void PeerReceiver::account(Topic* t, PutResult put, uint64_t bytes) {
  InboundCounters& c = inbound_->counters();
  t->last_put = put;
  c.payload_bytes += bytes;
  switch (put) {
    case PutResult::kTaken:
      ++c.written;
      break;
    case PutResult::kConfirmed:
      ++c.confirmed;
      break;
    case PutResult::kTooOld:
      ++c.dropped_too_old;
      break;
    case PutResult::kOld:
      ++c.dropped_old;
      return;
    case PutResult::kRefused:
      ++c.dropped_size;
      warn_("size " + t->description->name,
            "topic " + t->description->name + ": no room for a value of " + std::to_string(bytes) + " bytes");
      return;
  }
  if (!t->seen) inbound_->sink().report_state(t->handle, t->told);
  t->seen = true;
  if (t->wanted) inbound_->sink().set_current(t->handle, true);
  if (put == PutResult::kTaken) t->plain_bytes = plain_bytes_of(*t);
}

// Nothing is asked of a sample of the topic but whether it is newer. 0: more is, or its values have any size.
uint32_t PeerReceiver::plain_bytes_of(const Topic& t) {
  const bool plain = t.terms->drop_older_ns == 0 && t.arriving == nullptr &&
                     t.description->on_stale == OnStale::kHold &&
                     t.description->value_bytes <= proto::kMaxFrame;
  return plain ? static_cast<uint32_t>(t.description->value_bytes) : 0;
}

// The rule takes nothing so old.
bool PeerReceiver::is_too_old(const Topic& t, const SampleHead& head) {
  return t.terms->drop_older_ns != 0 && age_at(head.written_ns, head.born_ns) > t.terms->drop_older_ns;
}

// A source counts upwards. A younger sample with a smaller number proves that what is here was never of this
// source, whoever said so.
bool PeerReceiver::disproves(const Topic& t, const SampleHead& head, const Provenance& provenance) const {
  constexpr int64_t kSureNs = 1'000'000'000;
  const SampleHead held = inbound_->sink().held(t.handle);
  return head.sequence < held.sequence && held.born_ns != 0 &&
         provenance.age_error_ns != Provenance::kUnknown &&
         age_at(head.born_ns, held.born_ns) > kSureNs + provenance.age_error_ns;
}

// As if nothing of it were here. False: it is not taken any more.
bool PeerReceiver::reopen_topic(Topic* t) {
  warn_("forged " + t->description->name,
        "topic " + t->description->name + ": what was here claimed to be of " + t->description->origin->host +
            " and was not; it is begun anew");
  close_topic(t);
  t->refusal = open_topic(t, true);
  return t->handle != kNone;
}

void PeerReceiver::write_sample(Topic* t, const SampleHead& head, const Provenance& provenance,
                                std::span<const std::byte> value) {
  if (disproves(*t, head, provenance) && !reopen_topic(t)) return count_drop(t->refusal);
  account(
      t, is_too_old(*t, head) ? PutResult::kTooOld : inbound_->sink().put(t->handle, head, value, provenance),
      value.size());
}

bool PeerReceiver::holds_late(const SentAt& sent, int64_t now_ns) {
  return sent.ns != 0 && backlog_.late(age_at(now_ns, sent.ns), sent.error_ns, now_ns);
}

void PeerReceiver::on_clock_sample(const SentAt& sent, int64_t now_ns) {
  // A message that does not say when it was sent (an Announce without samples) may be of the past, too.
  if (sent.ns != 0 && !holds_late(sent, now_ns)) settle(now_ns);
}

void PeerReceiver::settle(int64_t now_ns) {
  for (auto& [id, held] : backlog_.take()) {
    Topic* t = find_topic(id);
    if (t == nullptr || !writable(t)) continue;
    held.head.written_ns = now_ns;
    write_sample(t, held.head, held.provenance, held.value);
  }
}

bool PeerReceiver::chunk(const proto::Chunk& m, std::span<const std::byte> piece, const SentAt& sent,
                         int64_t now_ns) {
  Topic* t = find_topic(m.id());
  if (t == nullptr || m.sequence() == 0 || m.offset() > m.size() || piece.size() > m.size() - m.offset())
    return false;
  if (t->description->value_bytes != 0 && m.size() != t->description->value_bytes) return false;
  // Only so much as was announced, and no gaps.
  if (m.size() > t->description->max_bytes) return false;
  const bool first = m.offset() == 0;
  if (first) {
    t->arriving = std::make_unique<Arriving>(Arriving{m.sequence(), m.size(), 0, {}});
    if (take_over(t)) t->arriving->room = inbound_->sink().loan(t->handle, m.size());
  } else if (t->arriving == nullptr || m.sequence() != t->arriving->sequence ||
             m.size() != t->arriving->bytes || m.offset() != t->arriving->arrived) {
    return false;
  }
  Arriving& a = *t->arriving;
  if (!a.room.empty() && !is_mine(*t)) a.room = {};  // another session has taken the topic over meanwhile
  const bool kept = a.room.size() == m.size();
  if (kept && !piece.empty()) memcpy(a.room.data() + m.offset(), piece.data(), piece.size());
  a.arrived += piece.size();
  if (a.arrived < m.size()) return true;
  t->arriving.reset();
  t->sequence = m.sequence();
  ++inbound_->counters().samples;
  inbound_->counters().superseded += backlog_.drop(m.id());
  // Where nothing was refused, another session has taken the topic over meanwhile.
  if (!is_mine(*t)) return count_drop(t->refusal == Refusal::kNone ? Refusal::kConflict : t->refusal), true;
  const SampleHead head = arrived(m.sequence(), m.stamp_ns(), m.age_ns(), sent, now_ns);
  const Provenance provenance = provenance_of(m.age_error_ns(), sent, now_ns);
  if (is_too_old(*t, head)) inbound_->sink().abandon(t->handle);
  // The next one is taken.
  if (disproves(*t, head, provenance)) return reopen_topic(t), count_drop(Refusal::kConflict), true;
  account(t,
          !kept                  ? PutResult::kRefused
          : is_too_old(*t, head) ? PutResult::kTooOld
                                 : inbound_->sink().commit(t->handle, head, provenance),
          m.size());
  return true;
}

}  // namespace smt::relay
