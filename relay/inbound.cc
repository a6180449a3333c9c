#include "relay/inbound.h"

#include <algorithm>
#include <cstring>

#include "relay/wire.h"
#include "shm/domain.h"
#include "shm/layout.h"
#include "shm/schema.h"

namespace smt::relay {

namespace {

constexpr size_t kMostSchemas = 65536;
constexpr size_t kMostText = 64;  // host, domain and node names

// Born in this host's time: the age when it was sent and the time on the way, as far as that is known.
SampleHead Arrived(uint64_t sequence, int64_t stamp_ns, int64_t age_ns, const Intake::SentAt& sent,
                   int64_t now_ns) {
  const int64_t travelled = sent.ns == 0 ? 0 : std::max<int64_t>(0, AgeNs(now_ns, sent.ns));
  const int64_t age = std::clamp<int64_t>(age_ns, 0, INT64_MAX / 4) + std::min(travelled, INT64_MAX / 4);
  return {sequence, stamp_ns, now_ns - age, now_ns};
}

// What the sender may be wrong by and what this link's clocks may add; unknown if one of them is.
Way CameBy(int64_t age_error_ns, const Intake::SentAt& sent, int64_t now_ns) {
  if (sent.ns == 0) return {Way::kUnknown, Way::kUnknown};
  const int64_t delay = std::max<int64_t>(0, AgeNs(now_ns, sent.ns));
  if (age_error_ns < 0) return {Way::kUnknown, delay};
  return {std::min(age_error_ns, INT64_MAX / 4) + sent.error_ns, delay};
}

}  // namespace

Intake::~Intake() {
  for (Topic& t : topics_) {
    if (Mine(t)) {
      inbound_->store().abandon(t.handle);
      inbound_->store().tell_state(t.handle, State::kLinkDown);
      inbound_->store().set_current(t.handle, true);  // there is nothing better now
      inbound_->release(t.description->name, &t.claim);
    }
  }
}

// The topic is no longer taken under its name.
void Intake::Close(Topic* t) {
  if (Mine(*t)) {
    inbound_->store().remove(t->handle);
    inbound_->release(t->description->name, &t->claim);
  }
  t->handle = kNone;
  t->claim.reset();
  t->arriving = {};
}

std::vector<std::string> Intake::reconsider() {
  std::vector<std::string> again;
  for (Topic& t : topics_) {
    if (!t.known) continue;
    // What waits for a name may have it now.
    if (t.refusal != Refusal::kConflict && inbound_->taken(t.name, peer_) == t.taken) continue;
    Close(&t);
    t.refusal = Refusal::kDenied;  // until it is announced anew
    again.push_back(t.name);
  }
  return again;
}

void Intake::want(Demand demand) {
  demand_ = std::move(demand);
  for (Topic& t : topics_) {
    if (t.known) Judge(&t);
  }
}

// Nobody keeps current what is not wanted; what is wanted is current from its next sample on.
void Intake::Judge(Topic* t) {
  t->wanted = demand_.matches(t->name);
  if (!t->wanted && Mine(*t)) inbound_->store().set_current(t->handle, false);
}

Intake::Topic* Intake::Find(uint32_t id) {
  return id < topics_.size() && topics_[id].known ? &topics_[id] : nullptr;
}

bool Intake::Describe(const proto::Topic& m, TopicDescription* d) {
  auto schema = schemas_.find(m.schema_hash());
  if (schema == schemas_.end()) {
    if (schemas_.size() == kMostSchemas) return false;
    const Result<Schema> parsed = Schema::FromText(m.schema());
    if (!parsed.ok() || parsed->hash() != m.schema_hash()) return false;
    schema =
        schemas_.emplace(m.schema_hash(), Text{std::make_shared<const std::string>(m.schema()), parsed->size})
            .first;
  }
  d->schema_hash = m.schema_hash();
  d->schema = schema->second.text;
  d->value_bytes = schema->second.value_bytes;
  d->max_bytes = d->value_bytes != 0 ? d->value_bytes : m.max_bytes();
  d->history = std::clamp<uint32_t>(m.history(), layout::kMinSlots, layout::kMaxSlots);
  d->generation = m.generation();
  d->hops = m.hops() + 1;
  d->max_age_ns = std::max<int64_t>(0, m.max_age_ns());
  d->first_sequence = m.first_sequence();
  d->every = m.every();
  const proto::Origin& o = m.origin();
  if (!FromWire(o.id(), &d->origin.origin_id) || !FromWire(o.segment_id(), &d->origin.segment_id))
    return false;
  d->origin.host = o.host().substr(0, kMostText);
  d->origin.domain = o.domain().substr(0, kMostText);
  d->origin.node = o.node().substr(0, kMostText);
  return CheckTopicName(m.name()).ok() && m.hops() < 1000 && d->max_bytes <= uint64_t{1} << 40;
}

// What the rules make of it.
void Intake::Take(Topic* t, TopicDescription* d) {
  t->taken = inbound_->taken(t->name, peer_);
  d->name = t->taken.name;
  if (t->taken.max_age_ns) d->max_age_ns = *t->taken.max_age_ns;
  d->on_stale = t->taken.on_stale;
  d->fail_safe = t->taken.fail_safe;
}

Intake::Refusal Intake::Refuse(Topic* t, Refusal refusal, proto::Verdict why, const std::string& key,
                               std::string text) {
  warn_(key, text);
  t->why = why;
  t->why_text = std::move(text);
  return refusal;
}

Intake::Refusal Intake::Open(Topic* t, bool announced) {
  const TopicDescription& d = *t->description;
  t->why = proto::VERDICT_PASSES;
  if (t->taken.denied) return Refusal::kDenied;
  if (d.origin.origin_id == inbound_->origin_id()) {
    t->why = proto::VERDICT_LOOP;
    t->why_text = "it is this host's own, which comes back";
    return Refusal::kDenied;
  }
  if (d.hops > proto::kMostHops) {
    return Refuse(t, Refusal::kHops, proto::VERDICT_LOOP, "hops " + d.name,
                  "topic " + d.name + " has come over " + std::to_string(d.hops - 1) +
                      " relays and is not taken: do relays stand in a ring?");
  }
  if (d.name.empty())
    return Refuse(t, Refusal::kDenied, proto::VERDICT_BAD_NAME, "name " + t->name, t->taken.error);
  t->claim = inbound_->claim(d, announced);
  if (t->claim == nullptr && inbound_->comes_round(d)) {
    // Once for all topics: it says something of the relays, not of a topic.
    return Refuse(t, Refusal::kConflict, proto::VERDICT_LOOP, "ring",
                  "relays stand in a ring: topic " + d.name + " of " + d.origin.host + " comes over " +
                      std::to_string(d.hops) + " relays and a shorter way too; the shortest is taken");
  }
  if (t->claim == nullptr) {
    return Refuse(t, Refusal::kConflict, proto::VERDICT_CONFLICT, "conflict " + d.name,
                  "topic " + d.name + " comes from two hosts; that of " + d.origin.host +
                      " is not taken: give each sender a --prefix");
  }
  Result<uint32_t> handle = inbound_->store().open(d, key_);
  if (!handle.ok()) {
    inbound_->release(d.name, &t->claim);
    const Code code = handle.status().code();
    const bool other_layout = code == Code::kInvalid || code == Code::kMismatch;
    return Refuse(t, code == Code::kInUse ? Refusal::kConflict : Refusal::kNoRoom,
                  code == Code::kInUse ? proto::VERDICT_CONFLICT
                  : other_layout       ? proto::VERDICT_MISMATCH
                                       : proto::VERDICT_NO_ROOM,
                  "open " + d.name, handle.status().message());
  }
  t->handle = *handle;
  return Refusal::kNone;
}

// Where the sender of a topic whose samples come each in order is to begin; the greatest number: nowhere.
uint64_t Intake::ResumeAfter(const Topic& t) const {
  if (t.handle != kNone) return inbound_->store().held(t.handle);
  return t.refusal == Refusal::kConflict ? 0 : UINT64_MAX;
}

bool Intake::announce(const proto::Announce& message, const SentAt& sent, int64_t now_ns) {
  if (static_cast<size_t>(message.topic_size()) > proto::kMostTopics) return false;
  for (const proto::Topic& m : message.topic()) {
    if (m.id() >= kMostIds) return false;
    auto description = std::make_shared<TopicDescription>();
    if (!Describe(m, description.get())) return false;
    if (m.id() >= topics_.size()) topics_.resize(m.id() + 1);
    Topic& t = topics_[m.id()];
    if (t.known && t.name != m.name()) return false;
    const bool seen = t.seen, mine = Mine(t);
    const uint32_t handle = t.handle;
    if (t.known) inbound_->release(t.description->name, &t.claim);
    t = Topic();
    t.known = true;
    t.name = m.name();
    Take(&t, description.get());
    t.description = std::move(description);
    t.told = FromWire(m.state());
    t.refusal = Open(&t, true);
    if (m.every()) resumes_.emplace_back(m.id(), ResumeAfter(t));
    if (t.handle == kNone) {
      if (mine) inbound_->store().tell_state(handle, State::kLinkDown);  // it was taken as it was before
      continue;
    }
    Judge(&t);
    // What it was like is still true until a sample says that the source has it.
    inbound_->store().tell_state(t.handle, t.told != State::kEmpty ? t.told
                                           : seen                  ? State::kEmpty
                                                                   : State::kLinkDown);
    if (m.sequence() == 0) continue;
    inbound_->store().tell_state(t.handle, t.told);
    inbound_->store().note(t.handle, Arrived(m.sequence(), m.stamp_ns(), m.age_ns(), sent, now_ns),
                           CameBy(m.age_error_ns(), sent, now_ns));
  }
  return true;
}

bool Intake::forget(const proto::Forget& message) {
  for (const uint32_t id : message.id()) {
    Topic* t = Find(id);
    if (t == nullptr) return false;
    Close(t);
    *t = Topic();
  }
  return true;
}

bool Intake::state(const proto::StateChange& message) {
  if (message.id_size() != message.state_size()) return false;
  for (int i = 0; i < message.id_size(); ++i) {
    Topic* t = Find(message.id(i));
    if (t == nullptr) return false;
    t->told = FromWire(static_cast<proto::State>(message.state(i)));
    if (!Mine(*t)) continue;
    if (t->seen || t->told != State::kEmpty) inbound_->store().tell_state(t->handle, t->told);
  }
  return true;
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
  if (!t->seen) inbound_->store().tell_state(t->handle, t->told);
  t->seen = true;
  if (t->wanted) inbound_->store().set_current(t->handle, true);
}

// The rule takes nothing so old.
bool Intake::TooOld(const Topic& t, const SampleHead& head) {
  return t.taken.drop_older_ns != 0 && AgeNs(head.written_ns, head.born_ns) > t.taken.drop_older_ns;
}

bool Intake::batch(const proto::Batch& message, std::span<const std::byte> payload, const SentAt& sent,
                   int64_t now_ns) {
  if (!proto::ReadRows(message, &rows_)) return false;
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
    Account(t, TooOld(*t, head) ? Put::kTooOld : inbound_->store().put(t->handle, head, value, way), bytes);
  }
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
    t->arriving = Writable(t) ? inbound_->store().loan(t->handle, m.size()) : std::span<std::byte>();
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
  if (!Mine(*t)) return true;  // counted when it began
  const SampleHead head = Arrived(m.sequence(), m.stamp_ns(), m.age_ns(), sent, now_ns);
  const Way way = CameBy(m.age_error_ns(), sent, now_ns);
  if (TooOld(*t, head)) inbound_->store().abandon(t->handle);
  Account(t,
          !kept              ? Put::kRefused
          : TooOld(*t, head) ? Put::kTooOld
                             : inbound_->store().commit(t->handle, head, way),
          m.size());
  return true;
}

}  // namespace smt::relay
