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

Feed::Step Feed::Emit(int field, const google::protobuf::MessageLite& body) {
  if (outlet_->send(field, body.SerializeAsString(), Frame(), kNoPayload)) return Step::kSent;
  ++outbound_->counters().refused;
  return Step::kRefused;
}

// One message: what is to be announced first; then a batch and a piece of a large value take turns.
Feed::Step Feed::SendOfPriority(size_t priority, int64_t now_ns) {
  Step step = Step::kNothing;
  queues_.for_each_open(priority, now_ns, [&](size_t queue) {
    step = SendTopics(&queues_[queue].unknown, false, now_ns);
    return step == Step::kNothing;
  });
  if (step != Step::kNothing) return step;
  const bool large = queues_.has_large(priority, now_ns);
  size_t least = priority;
  // Small values of lower priority fill the message up, down to one where something else waits for its turn.
  while (!large && least > 0 && !queues_.has_large(least - 1, now_ns) &&
         !queues_.has_unknown(least - 1, now_ns)) {
    --least;
  }
  step = SendChunk(priority, true, now_ns);
  if (step == Step::kNothing) step = SendBatch(priority, least, now_ns);
  if (step == Step::kNothing) step = SendChunk(priority, false, now_ns);
  if (step == Step::kSent) queues_.next_turn();
  return step;
}

// Whether a dirty topic's newest sample is to be sent, of a topic of which not all are; if not, it waits no
// more.
bool Feed::Passes(uint32_t id, int64_t now_ns) {
  TopicState& t = topics_[id];
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
        filters_.try_emplace(id, *outbound_->source().topic(id)->schema, t.pacing.deadband);
    const int64_t heartbeat =
        t.pacing.heartbeat_ns == 0 ? INT64_MAX : filter->second.sent_ns() + t.pacing.heartbeat_ns;
    if (!filter->second.changed(newest->bytes()) && now_ns < heartbeat) {
      reason = &OutboundCounters::unchanged;
      if (heartbeat != INT64_MAX) waits_.wait_until(id, heartbeat);
    }
  }
  if (reason == nullptr) return true;
  t.count.pass_over(sequence, reason, Thins(t.pacing), &outbound_->counters());
  Dirty(id).clear(id);
  return false;
}

// What is left for a queue.
size_t Feed::Room(const Fill& fill, size_t lane_most, size_t lane_bytes) {
  return std::min(fill.most_bytes - std::min(fill.most_bytes, fill.bytes),
                  lane_most - std::min(lane_most, lane_bytes));
}

// How many samples of a topic that is sent in order go into the batch.
uint32_t Feed::NextInOrder(uint32_t id, size_t room) const {
  const TopicState& t = topics_[id];
  const uint64_t newest = outbound_->source().newest_sequence(id);
  if (t.resumes_due != 0 || newest <= t.after) return 0;
  const uint64_t fit = std::max<uint64_t>(1, room / (outbound_->max_bytes(id) + kRowBytes));
  return static_cast<uint32_t>(std::min({newest - t.after, kMostInOrder, fit}));
}

// Rows of one queue. False: the batch is full.
bool Feed::FillRows(size_t index, Fill* fill, int64_t now_ns) {
  SendQueue& lane = queues_[index];
  const size_t lane_most = std::min(fill->most_bytes, queues_.cap(index).message_bytes());
  const int64_t max_age_ns = queues_.drop_older_ns(index);
  size_t lane_bytes = 0;
  bool full = false;
  lane.dirty.walk([&](uint32_t id) {
    TopicState& t = topics_[id];
    if (lane.unknown.test(id)) return true;  // announced first
    if (t.has_large()) return true;          // nothing between the pieces of a value
    if (!t.force && !outbound_->source().is_current(id)) {
      lane.dirty.clear(id);  // until it is: it moves then
      return true;
    }
    if (!Passes(id, now_ns)) return true;
    const uint64_t value_bytes = outbound_->max_bytes(id);
    const uint32_t in_order = t.is_in_order() ? NextInOrder(id, Room(*fill, lane_most, lane_bytes)) : 0;
    if (t.is_in_order() && in_order == 0) {
      lane.dirty.clear(id);
      return true;
    }
    if (value_bytes > lane_most || t.torn) {
      lane.dirty.clear(id);
      t.large = LargeValue::kQueued;
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

void Feed::Sent(uint32_t id, const Outbound::Done& done, int64_t now_ns) {
  TopicState& t = topics_[id];
  OutboundCounters& counters = outbound_->counters();
  const uint64_t seen = std::max(done.last, done.looked_at);
  if (seen == 0) return;
  counters.samples += done.samples;
  counters.dropped_too_old += done.too_old;
  counters.overwritten += done.overwritten;
  const uint64_t told = done.samples + done.too_old + done.overwritten;
  t.count.take_turn(seen, told, Thins(t.pacing), &counters);
  t.after = std::max(t.after, seen);
  if (done.samples == 0) return;
  queues_.cap(t.queue).sent(done.bytes + done.samples * kRowBytes, now_ns);
  t.sequence = done.last;
  t.force = false;
  t.pace.sent(now_ns);
  waits_.stop(id);
}

Feed::Step Feed::SendBatch(size_t priority, size_t least, int64_t now_ns) {
  rows_.clear();
  Fill fill{credit_->batch_bytes()};
  bool room = true;
  for (size_t p = priority + 1; room && p-- > least;) {
    room = queues_.for_each_open(p, now_ns, [&](size_t queue) { return FillRows(queue, &fill, now_ns); });
  }
  if (rows_.empty()) return Step::kNothing;
  queues_.on_batch_sent(priority);
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
        done.busy || (e.asked[i].most != 0 && outbound_->source().newest_sequence(id) > topics_[id].after);
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

// The next large value of the queue, whole. False: there is none.
bool Feed::BeginTransfer(size_t index, int64_t now_ns) {
  SendQueue& queue = queues_[index];
  const int64_t max_age_ns = queues_.drop_older_ns(index);
  while (!queue.large.empty()) {
    const uint32_t id = queue.large.front();
    if (queue.unknown.test(id)) return false;
    queue.large.pop_front();
    TopicState& t = topics_[id];
    t.large = LargeValue::kNone;
    const bool in_order = t.is_in_order();
    SampleHead head;
    Frame value;
    const SampleRead read =
        outbound_->sample_whole(id, in_order ? std::optional(t.after) : std::nullopt, &head, &value);
    if (read == SampleRead::kBusy) {
      queue.dirty.set(id);
      return false;
    }
    if (read == SampleRead::kEmpty || (head.sequence == t.sequence && !t.force)) continue;
    const uint64_t overwritten = in_order && t.after != 0 ? head.sequence - t.after - 1 : 0;
    if (max_age_ns != 0 && !t.force && AgeNs(now_ns, head.born_ns) > max_age_ns) {
      Outbound::Done done;
      done.overwritten = overwritten;
      done.too_old = 1;
      done.looked_at = head.sequence;
      Sent(id, done, now_ns);
      if (in_order) queue.dirty.set(id);
      continue;
    }
    const int64_t age_error_ns = outbound_->source().way(id, head.sequence).age_error_ns;
    queue.transfer = LargeTransfer(id, head, age_error_ns, std::move(value), overwritten);
    t.large = LargeValue::kUnderWay;
    return true;
  }
  return false;
}

// A piece of a queue whose turn it is, or of any.
Feed::Step Feed::SendChunk(size_t priority, bool in_turn, int64_t now_ns) {
  std::optional<size_t> index;
  queues_.for_each_open(priority, now_ns, [&](size_t i) {
    if (in_turn && !queues_[i].piece_next) return true;
    if (!queues_[i].transfer.is_active() && !BeginTransfer(i, now_ns)) return true;
    index = i;
    return false;
  });
  if (!index) return Step::kNothing;
  SendQueue& queue = queues_[*index];
  ByteCap& cap = queues_.cap(*index);
  proto::Chunk chunk;
  queue.transfer.describe(now_ns, &chunk);
  Frame piece = queue.transfer.piece(std::min(credit_->piece_bytes(), cap.message_bytes()));
  const size_t bytes = piece.bytes.size();
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
  queue.transfer.on_piece_sent(bytes);
  cap.sent(bytes, now_ns);
  queue.piece_next = false;
  if (queue.transfer.is_complete()) Finish(&queue, now_ns);
  return Step::kSent;
}

// The last piece of a value has left.
void Feed::Finish(SendQueue* queue, int64_t now_ns) {
  const LargeTransfer sent = std::exchange(queue->transfer, LargeTransfer());
  const uint32_t id = sent.id();
  Outbound::Done done;
  done.samples = 1;
  done.overwritten = sent.overwritten();
  done.last = sent.sequence();
  Sent(id, done, now_ns);
  if (const auto filter = filters_.find(id); filter != filters_.end()) {
    filter->second.sent(sent.value().bytes, now_ns);
  }
  TopicState& t = topics_[id];
  const bool superseded = t.large == LargeValue::kSuperseded;
  t.large = LargeValue::kNone;
  t.torn = false;
  if (superseded) moved(id, now_ns);
  if (t.is_in_order()) queue->dirty.set(id);
}

}  // namespace smt::relay
