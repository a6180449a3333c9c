// Values that arrive: in batches and in pieces, at once or when the link has caught up.
#include <algorithm>
#include <cstring>

#include "relay/inbound/inbound.h"
#include "shm/clock.h"

namespace smt::relay {

SampleHead Intake::Arrived(uint64_t sequence, int64_t stamp_ns, int64_t age_ns, const SentAt& sent,
                           int64_t now_ns) {
  const int64_t travelled = sent.ns == 0 ? 0 : std::max<int64_t>(0, AgeNs(now_ns, sent.ns));
  const int64_t age =
      std::clamp(age_ns, -(INT64_MAX / 4), INT64_MAX / 4) + std::min(travelled, INT64_MAX / 4);
  return {sequence, stamp_ns, now_ns - std::max<int64_t>(0, age), now_ns};
}

Way Intake::CameBy(int64_t age_error_ns, const SentAt& sent, int64_t now_ns) {
  if (sent.ns == 0) return {Way::kUnknown, Way::kUnknown};
  const int64_t delay = std::max<int64_t>(0, AgeNs(now_ns, sent.ns));
  if (age_error_ns < 0) return {Way::kUnknown, delay};
  return {std::min(age_error_ns, INT64_MAX / 4) + sent.error_ns, delay};
}

void Intake::CountDrop(Refusal why) {
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
bool Intake::Writable(Topic* t) {
  if (Mine(*t)) return true;
  if (t->handle != kNone || t->refusal == Refusal::kConflict) {
    t->handle = kNone;
    t->seen = false;
    t->refusal = Open(t, false);
  }
  if (t->handle != kNone) return true;
  CountDrop(t->refusal);
  return false;
}

void Intake::Account(Topic* t, Put put, uint64_t bytes) {
  InboundCounters& c = inbound_->counters();
  t->last_put = put;
  c.payload_bytes += bytes;
  switch (put) {
    case Put::kTaken:
      ++c.written;
      break;
    case Put::kConfirmed:
      ++c.confirmed;
      break;
    case Put::kTooOld:
      ++c.dropped_too_old;
      break;
    case Put::kOld:
      ++c.dropped_old;
      return;
    case Put::kRefused:
      ++c.dropped_size;
      warn_("size " + t->description->name,
            "topic " + t->description->name + ": no room for a value of " + std::to_string(bytes) + " bytes");
      return;
  }
  if (!t->seen) inbound_->sink().tell_state(t->handle, t->told);
  t->seen = true;
  if (t->wanted) inbound_->sink().set_current(t->handle, true);
}

// The rule takes nothing so old.
bool Intake::TooOld(const Topic& t, const SampleHead& head) {
  return t.taken.drop_older_ns != 0 && AgeNs(head.written_ns, head.born_ns) > t.taken.drop_older_ns;
}

// A source counts upwards. A younger sample with a smaller number proves that what is here was never of this
// source, whoever said so.
bool Intake::Disproves(const Topic& t, const SampleHead& head, const Way& way) const {
  constexpr int64_t kSureNs = 1'000'000'000;
  const SampleHead held = inbound_->sink().held(t.handle);
  return head.sequence < held.sequence && held.born_ns != 0 && way.age_error_ns != Way::kUnknown &&
         AgeNs(head.born_ns, held.born_ns) > kSureNs + way.age_error_ns;
}

// As if nothing of it were here. False: it is not taken any more.
bool Intake::Reopen(Topic* t) {
  warn_("forged " + t->description->name, "topic " + t->description->name +
                                              ": what was here claimed to be of " +
                                              t->description->origin.host + " and was not; it is begun anew");
  Close(t);
  t->refusal = Open(t, true);
  return t->handle != kNone;
}

void Intake::Write(Topic* t, const SampleHead& head, const Way& way, std::span<const std::byte> value) {
  if (Disproves(*t, head, way) && !Reopen(t)) return CountDrop(t->refusal);
  Account(t, TooOld(*t, head) ? Put::kTooOld : inbound_->sink().put(t->handle, head, value, way),
          value.size());
}

bool Intake::Late(const SentAt& sent, int64_t now_ns) {
  return sent.ns != 0 && backlog_.late(AgeNs(now_ns, sent.ns), sent.error_ns, now_ns);
}

void Intake::heard(const SentAt& sent, int64_t now_ns) {
  if (!Late(sent, now_ns)) settle(now_ns);
}

void Intake::settle(int64_t now_ns) {
  for (auto& [id, held] : backlog_.take()) {
    Topic* t = Find(id);
    if (t == nullptr || !Writable(t)) continue;
    held.head.written_ns = now_ns;
    Write(t, held.head, held.way, held.value);
  }
}

bool Intake::batch(const proto::Batch& message, std::span<const std::byte> payload, const SentAt& sent,
                   int64_t now_ns) {
  if (!proto::ReadRows(message, &rows_)) return false;
  const bool late = Late(sent, now_ns);
  size_t at = 0;
  int sizes = 0;
  for (const proto::BatchRow& row : rows_) {
    Topic* t = Find(row.id);
    if (t == nullptr) return false;
    uint64_t bytes = t->description->value_bytes;
    if (bytes == 0) {
      if (sizes == message.size_size()) return false;
      bytes = message.size(sizes++);
    }
    if (bytes > payload.size() - at) return false;
    const std::span<const std::byte> value = payload.subspan(at, bytes);
    at += bytes;
    t->sequence += row.sequence;
    ++inbound_->counters().samples;
    if (t->sequence == 0) return false;
    // No sender has a value of the same topic between its pieces.
    if (t->arriving_sequence != 0) return false;
    if (!Writable(t)) continue;
    const SampleHead head = Arrived(t->sequence, row.stamp_ns, row.age_ns, sent, now_ns);
    const Way way = CameBy(row.age_error_ns, sent, now_ns);
    if (late && !t->description->every) {
      inbound_->counters().superseded += !backlog_.hold(row.id, head, way, value);
      continue;
    }
    inbound_->counters().superseded += backlog_.drop(row.id);
    Write(t, head, way, value);
  }
  if (!late) settle(now_ns);
  return at == payload.size() && sizes == message.size_size();
}

bool Intake::chunk(const proto::Chunk& m, std::span<const std::byte> piece, const SentAt& sent,
                   int64_t now_ns) {
  Topic* t = Find(m.id());
  if (t == nullptr || m.sequence() == 0 || m.offset() > m.size() || piece.size() > m.size() - m.offset())
    return false;
  if (t->description->value_bytes != 0 && m.size() != t->description->value_bytes) return false;
  // Only so much as was announced, and no gaps.
  if (m.size() > t->description->max_bytes) return false;
  const bool first = m.offset() == 0;
  if (!first && (m.sequence() != t->arriving_sequence || m.size() != t->arriving_bytes ||
                 m.offset() != t->arrived_bytes))
    return false;
  if (first) {
    t->arriving_sequence = m.sequence();
    t->arriving_bytes = m.size();
    t->arrived_bytes = 0;
    t->arriving = Writable(t) ? inbound_->sink().loan(t->handle, m.size()) : std::span<std::byte>();
  } else if (!t->arriving.empty() && !Mine(*t)) {
    t->arriving = {};  // another session has taken the topic over meanwhile
  }
  const bool kept = t->arriving.size() == m.size();
  if (kept && !piece.empty()) memcpy(t->arriving.data() + m.offset(), piece.data(), piece.size());
  t->arrived_bytes += piece.size();
  if (t->arrived_bytes < m.size()) return true;
  t->arriving_sequence = 0;
  t->arriving = {};
  t->sequence = m.sequence();
  ++inbound_->counters().samples;
  inbound_->counters().superseded += backlog_.drop(m.id());
  if (!Mine(*t)) return true;  // counted when it began
  const SampleHead head = Arrived(m.sequence(), m.stamp_ns(), m.age_ns(), sent, now_ns);
  const Way way = CameBy(m.age_error_ns(), sent, now_ns);
  if (TooOld(*t, head)) inbound_->sink().abandon(t->handle);
  // The next one is taken.
  if (Disproves(*t, head, way)) return Reopen(t), true;
  Account(t,
          !kept              ? Put::kRefused
          : TooOld(*t, head) ? Put::kTooOld
                             : inbound_->sink().commit(t->handle, head, way),
          m.size());
  return true;
}

}  // namespace smt::relay
