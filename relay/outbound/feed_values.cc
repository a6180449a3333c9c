// What a Feed sends of values: which ones, in which order, and how much at once.
#include <algorithm>
#include <utility>

#include "relay/outbound/feed.h"
#include "relay/rules/pacing.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

const uint64_t kNoPayload = proto::PayloadHash({});
// What a row takes in the header of a Batch, about.
constexpr size_t kRowBytes = 12;
// Samples of one topic in one batch, where each is sent: others have their turn.
constexpr uint64_t kMostInOrder = 64;

}  // namespace

template <class F>
bool Feed::EachOpenLane(size_t priority, int64_t now_ns, F f) {
  for (size_t k = 0; k < caps_.size(); ++k) {
    const size_t lane = LaneIndex((turn_ + k) % caps_.size(), priority);
    if (now_ns >= CapOf(lane).open_ns() && !f(lane)) return false;
  }
  return true;
}

int64_t Feed::DropOlderNs(size_t lane) const {
  const size_t rule = lane % caps_.size();
  return rule < outbound_->rules().size() ? outbound_->rules()[rule].drop_older_ns : 0;
}

bool Feed::HasLarge(size_t priority, int64_t now_ns) const {
  for (size_t rule = 0; rule < caps_.size(); ++rule) {
    const size_t lane = LaneIndex(rule, priority);
    if (lanes_[lane].has_large() && now_ns >= CapOf(lane).open_ns()) return true;
  }
  return false;
}

bool Feed::HasUnknown(size_t priority, int64_t now_ns) {
  return !EachOpenLane(priority, now_ns, [&](size_t lane) { return !lanes_[lane].unknown.any(); });
}

Feed::Step Feed::Emit(int field, const google::protobuf::MessageLite& body) {
  if (outlet_->send(field, body.SerializeAsString(), Frame(), kNoPayload)) return Step::kSent;
  ++outbound_->counters().refused;
  return Step::kRefused;
}

// One message: what is to be announced first; then a batch and a piece of a large value take turns.
Feed::Step Feed::SendOfPriority(size_t priority, int64_t now_ns) {
  Step step = Step::kNothing;
  EachOpenLane(priority, now_ns, [&](size_t lane) {
    step = SendTopics(&lanes_[lane].unknown, false, now_ns);
    return step == Step::kNothing;
  });
  if (step != Step::kNothing) return step;
  const bool large = HasLarge(priority, now_ns);
  size_t least = priority;
  // Small values of lower priority fill the message up, down to one where something else waits for its turn.
  while (!large && least > 0 && !HasLarge(least - 1, now_ns) && !HasUnknown(least - 1, now_ns)) --least;
  step = SendChunk(priority, true, now_ns);
  if (step == Step::kNothing) step = SendBatch(priority, least, now_ns);
  if (step == Step::kNothing) step = SendChunk(priority, false, now_ns);
  if (step == Step::kSent) turn_ = (turn_ + 1) % caps_.size();
  return step;
}

// Whether a dirty topic's newest sample is to be sent, of a topic of which not all are; if not, it waits no
// more.
bool Feed::Passes(uint32_t id, int64_t now_ns) {
  Topic& t = topics_[id];
  if (t.force || !t.wanted || (t.pacing.one_of == 1 && !t.pacing.on_change)) return true;
  SampleRead read;
  const Outbound::Kept* newest = outbound_->look(id, &read);
  if (newest == nullptr) {
    if (read == SampleRead::kEmpty) Dirty(id).clear(id);
    return false;
  }
  const uint64_t sequence = newest->head.sequence, n = t.pacing.one_of;
  uint64_t OutboundCounters::*reason = nullptr;
  if (t.sequence != 0 && sequence / n == t.sequence / n) {
    reason = &OutboundCounters::passed_over_by_rate;
  } else if (t.pacing.on_change) {
    const auto [filter, is_new] =
        filters_.try_emplace(id, *outbound_->store().topic(id)->schema, t.pacing.deadband);
    const int64_t heartbeat =
        t.pacing.heartbeat_ns == 0 ? INT64_MAX : filter->second.sent_ns() + t.pacing.heartbeat_ns;
    if (!filter->second.changed(newest->bytes()) && now_ns < heartbeat) {
      reason = &OutboundCounters::unchanged;
      if (heartbeat != INT64_MAX) WaitUntil(id, heartbeat);
    }
  }
  if (reason == nullptr) return true;
  if (Count(&t, sequence, 1)) {
    ++(outbound_->counters().*reason);
    t.passed_as = reason;
  }
  Dirty(id).clear(id);
  return false;
}

// What is left for a lane.
size_t Feed::Room(const Fill& fill, size_t lane_most, size_t lane_bytes) {
  return std::min(fill.most_bytes - std::min(fill.most_bytes, fill.bytes),
                  lane_most - std::min(lane_most, lane_bytes));
}

// How many samples of a topic that is sent in order go into the batch.
uint32_t Feed::NextInOrder(uint32_t id, size_t room) const {
  const Topic& t = topics_[id];
  const uint64_t newest = outbound_->store().newest(id);
  if (t.resumes_due != 0 || newest <= t.after) return 0;
  const uint64_t fit = std::max<uint64_t>(1, room / (outbound_->max_bytes(id) + kRowBytes));
  return static_cast<uint32_t>(std::min({newest - t.after, kMostInOrder, fit}));
}

// Rows of one lane. False: the batch is full.
bool Feed::FillRows(size_t index, Fill* fill, int64_t now_ns) {
  Lane& lane = lanes_[index];
  const size_t lane_most = std::min(fill->most_bytes, CapOf(index).message_bytes());
  const int64_t max_age_ns = DropOlderNs(index);
  size_t lane_bytes = 0;
  bool full = false;
  lane.dirty.walk([&](uint32_t id) {
    Topic& t = topics_[id];
    if (lane.unknown.test(id)) return true;  // announced first
    if (t.queued_large) return true;         // nothing between the pieces of a value
    if (!t.force && !outbound_->store().current(id)) {
      lane.dirty.clear(id);  // until it is: it moves then
      return true;
    }
    if (!Passes(id, now_ns)) return true;
    const uint64_t value_bytes = outbound_->max_bytes(id);
    const uint32_t in_order =
        t.pacing.every && t.wanted ? NextInOrder(id, Room(*fill, lane_most, lane_bytes)) : 0;
    if (t.pacing.every && t.wanted && in_order == 0) {
      lane.dirty.clear(id);
      return true;
    }
    if (value_bytes > lane_most || t.torn) {
      lane.dirty.clear(id);
      t.queued_large = true;
      lane.large.push_back(id);
      again_ = true;
      return true;
    }
    const size_t samples = std::max(1u, in_order), bytes = samples * (value_bytes + kRowBytes);
    full = !rows_.empty() &&
           (fill->bytes + bytes > fill->most_bytes || fill->samples + samples > proto::kMostTopics);
    if (full || (lane_bytes != 0 && lane_bytes + bytes > lane_most)) return false;
    fill->bytes += bytes;
    fill->samples += samples;
    lane_bytes += bytes;
    rows_.push_back({id, t.sequence, t.force, in_order, t.after, max_age_ns});
    return true;
  });
  return !full;
}

// The publications up to `sequence` have had their turn: `told` of them are counted elsewhere, the others
// were passed over. False: they had it before.
bool Feed::Count(Topic* t, uint64_t sequence, uint64_t told) {
  if (sequence == t->accounted) return false;
  OutboundCounters& counters = outbound_->counters();
  const uint64_t since = t->accounted != 0 && sequence > t->accounted ? sequence - t->accounted : told;
  counters.publications += std::max(since, told);
  (Thins(t->pacing) ? counters.passed_over_by_rate : counters.superseded) += since > told ? since - told : 0;
  t->accounted = sequence;
  t->passed_as = nullptr;
  return true;
}

void Feed::Sent(uint32_t id, const Outbound::Done& done, int64_t now_ns) {
  Topic& t = topics_[id];
  OutboundCounters& counters = outbound_->counters();
  const uint64_t seen = std::max(done.last, done.looked_at);
  if (seen == 0) return;
  counters.samples += done.samples;
  counters.dropped_too_old += done.too_old;
  counters.overwritten += done.overwritten;
  const uint64_t told = done.samples + done.too_old + done.overwritten;
  if (!Count(&t, seen, told)) {
    counters.publications += told;  // said again
    if (uint64_t OutboundCounters::*passed = std::exchange(t.passed_as, nullptr)) {
      --(counters.*passed);  // or for the first time, as its heartbeat is due, or somebody asks for it
      --counters.publications;
    }
  }
  t.after = std::max(t.after, seen);
  if (done.samples == 0) return;
  caps_[t.lane % caps_.size()].sent(done.bytes + done.samples * kRowBytes, now_ns);
  t.sequence = done.last;
  t.force = false;
  t.pace.sent(now_ns);
  StopWaiting(id);
}

Feed::Step Feed::SendBatch(size_t priority, size_t least, int64_t now_ns) {
  rows_.clear();
  Fill fill{credit_->batch_bytes()};
  bool room = true;
  for (size_t p = priority + 1; room && p-- > least;) {
    room = EachOpenLane(p, now_ns, [&](size_t lane) { return FillRows(lane, &fill, now_ns); });
  }
  if (rows_.empty()) return Step::kNothing;
  for (size_t rule = 0; rule < caps_.size(); ++rule) lanes_[LaneIndex(rule, priority)].piece_next = true;
  Outbound::Encoded& e = outbound_->encode(rows_, now_ns);
  if (e.samples != 0) {
    const bool packed = compress_ && outbound_->pack(&e);
    const Frame& payload = packed ? e.packed_payload : e.payload;
    if (!outlet_->send(proto::Envelope::kBatchFieldNumber, packed ? e.packed_body : e.body, payload,
                       packed ? e.packed_hash : e.payload_hash)) {
      ++outbound_->counters().refused;
      return Step::kRefused;
    }
    ++outbound_->counters().batches;
    outbound_->counters().payload_bytes += payload.bytes.size();
    outbound_->counters().saved_bytes += e.payload.bytes.size() - payload.bytes.size();
  }
  for (size_t i = 0; i < e.asked.size(); ++i) {
    const uint32_t id = e.asked[i].id;
    const Outbound::Done& done = e.done[i];
    Sent(id, done, now_ns);
    const bool more =
        done.busy || (e.asked[i].most != 0 && outbound_->store().newest(id) > topics_[id].after);
    if (!more) Dirty(id).clear(id);
    if (more && done.too_old != 0) again_ = true;
    SampleRead read;
    if (done.samples == 0 || filters_.empty() || filters_.count(id) == 0) continue;
    if (const Outbound::Kept* sent = outbound_->look(id, &read)) {
      filters_.at(id).sent(sent->bytes(), now_ns);
    }
  }
  return e.samples != 0 ? Step::kSent : Step::kNothing;
}

// The next large value of the lane, whole. False: there is none.
bool Feed::BeginTransfer(size_t index, int64_t now_ns) {
  Lane& lane = lanes_[index];
  const int64_t max_age_ns = DropOlderNs(index);
  while (!lane.large.empty()) {
    const uint32_t id = lane.large.front();
    if (lane.unknown.test(id)) return false;
    lane.large.pop_front();
    Topic& t = topics_[id];
    t.queued_large = false;
    const bool in_order = t.pacing.every && t.wanted;
    Transfer transfer;
    transfer.id = id;
    const SampleRead read = outbound_->sample_whole(id, in_order ? std::optional(t.after) : std::nullopt,
                                                    &transfer.head, &transfer.value);
    if (read == SampleRead::kBusy) {
      lane.dirty.set(id);
      return false;
    }
    const uint64_t sequence = transfer.head.sequence;
    transfer.age_error_ns = outbound_->store().way(id, sequence).age_error_ns;
    if (read == SampleRead::kEmpty || (sequence == t.sequence && !t.force)) continue;
    if (in_order && t.after != 0) transfer.overwritten = sequence - t.after - 1;
    if (max_age_ns != 0 && !t.force && AgeNs(now_ns, transfer.head.born_ns) > max_age_ns) {
      Outbound::Done done;
      done.overwritten = transfer.overwritten;
      done.too_old = 1;
      done.looked_at = sequence;
      Sent(id, done, now_ns);
      if (in_order) lane.dirty.set(id);
      continue;
    }
    lane.transfer = std::move(transfer);
    t.queued_large = true;  // until its last piece has left; a newer value does not interrupt
    t.moved_meanwhile = false;
    return true;
  }
  return false;
}

// A piece of a lane whose turn it is, or of any.
Feed::Step Feed::SendChunk(size_t priority, bool in_turn, int64_t now_ns) {
  size_t index = lanes_.size();
  EachOpenLane(priority, now_ns, [&](size_t i) {
    if (in_turn && !lanes_[i].piece_next) return true;
    if (!lanes_[i].transfer.active() && !BeginTransfer(i, now_ns)) return true;
    index = i;
    return false;
  });
  if (index == lanes_.size()) return Step::kNothing;
  ByteCap& cap = caps_[index % caps_.size()];
  Transfer& t = lanes_[index].transfer;
  proto::Chunk chunk;
  chunk.set_id(t.id);
  chunk.set_sequence(t.head.sequence);
  chunk.set_stamp_ns(t.head.stamp_ns);
  chunk.set_age_ns(AgeNs(now_ns, t.head.born_ns));
  chunk.set_age_error_ns(t.age_error_ns);
  chunk.set_sent_ns(static_cast<uint64_t>(now_ns));
  chunk.set_size(t.value.bytes.size());
  chunk.set_offset(t.offset);
  const size_t bytes =
      std::min({t.value.bytes.size() - t.offset, credit_->piece_bytes(), cap.message_bytes()});
  Frame piece = t.value.part(t.offset, bytes);
  if (compress_) {
    if (std::optional<Frame> packed = outbound_->pack_piece(piece.bytes)) {
      chunk.set_raw_bytes(static_cast<uint32_t>(bytes));
      piece = std::move(*packed);
    }
  }
  if (!outlet_->send(proto::Envelope::kChunkFieldNumber, chunk.SerializeAsString(), piece,
                     proto::PayloadHash(piece.bytes))) {
    ++outbound_->counters().refused;
    return Step::kRefused;
  }
  OutboundCounters& counters = outbound_->counters();
  ++counters.chunks;
  counters.payload_bytes += piece.bytes.size();
  counters.saved_bytes += bytes - piece.bytes.size();
  t.offset += bytes;
  cap.sent(bytes, now_ns);
  lanes_[index].piece_next = false;
  if (t.offset == t.value.bytes.size()) Finish(&lanes_[index], now_ns);
  return Step::kSent;
}

// The last piece of a value has left.
void Feed::Finish(Lane* lane, int64_t now_ns) {
  const Transfer sent = std::exchange(lane->transfer, Transfer());
  const uint32_t id = sent.id;
  Outbound::Done done;
  done.samples = 1;
  done.overwritten = sent.overwritten;
  done.last = sent.head.sequence;
  Sent(id, done, now_ns);
  if (const auto filter = filters_.find(id); filter != filters_.end()) {
    filter->second.sent(sent.value.bytes, now_ns);
  }
  Topic& t = topics_[id];
  t.queued_large = t.torn = false;
  if (t.moved_meanwhile) moved(id, now_ns);
  if (t.pacing.every && t.wanted) lane->dirty.set(id);
}

}  // namespace smt::relay
