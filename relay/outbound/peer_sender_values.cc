// What a PeerSender sends of values: which ones, in which order, and how much at once.
#include <algorithm>
#include <utility>

#include "relay/outbound/peer_sender.h"
#include "relay/rules/pacing.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

const uint64_t kNoPayload = proto::payload_hash({});
// What a row takes in the header of a Batch, about.
constexpr size_t kRowBytes = 12;
// Samples of one topic in one batch, where each is sent: others have their turn.
constexpr uint64_t kMaxInOrder = 64;

}  // namespace

PeerSender::Step PeerSender::emit(int field, const google::protobuf::MessageLite& body) {
  if (sink_->send(field, body.SerializeAsString(), Frame(), kNoPayload)) return Step::kSent;
  ++outbound_->counters().refused;
  return Step::kRefused;
}

// One message: what is to be announced first; then a batch and a piece of a large value take turns.
PeerSender::Step PeerSender::send_of_priority(size_t priority, int64_t now_ns) {
  Step step = Step::kNothing;
  queues_.for_each_open(priority, now_ns, [&](size_t queue) {
    step = send_topics(&queues_[queue].unknown, false, now_ns);
    return step == Step::kNothing;
  });
  if (step != Step::kNothing) return step;
  const bool large = queues_.has_large(priority, now_ns);
  size_t min_priority = priority;
  // Small values of lower priority fill the message up, down to one where something else waits for its turn.
  while (!large && min_priority > 0 && !queues_.has_large(min_priority - 1, now_ns) &&
         !queues_.has_unknown(min_priority - 1, now_ns)) {
    --min_priority;
  }
  step = send_chunk(priority, true, now_ns);
  if (step == Step::kNothing) step = send_batch(priority, min_priority, now_ns);
  if (step == Step::kNothing) step = send_chunk(priority, false, now_ns);
  if (step == Step::kSent) queues_.next_turn();
  return step;
}

// Whether a dirty topic's newest sample is to be sent, of a topic of which not all are; if not, it waits no
// more.
bool PeerSender::passes(uint32_t id, int64_t now_ns) {
  TopicState& t = topics_[id];
  if (t.force || !t.wanted || (t.pacing.one_of == 1 && !t.pacing.on_change)) return true;
  if (!t.pacing.on_change || outbound_->max_bytes(id) > kPieceOfWork)
    return is_next(id, outbound_->source().newest_sequence(id));
  SampleRead read;
  const Outbound::NewestSample* newest = outbound_->newest(id, &read);
  if (newest == nullptr) {
    if (read == SampleRead::kEmpty) dirty_topics(id).clear(id);
    return false;
  }
  if (!is_next(id, newest->head.sequence)) return false;
  if (filter_of(id).changed(newest->value.bytes())) return true;
  return !waits_unchanged(id, newest->head.sequence, now_ns);
}

// Of each so many samples one is sent. False: not this one, and the topic waits no more.
bool PeerSender::is_next(uint32_t id, uint64_t sequence) {
  const TopicState& t = topics_[id];
  if (t.sequence == 0 || sequence / t.pacing.one_of != t.sequence / t.pacing.one_of) return true;
  pass_over(id, sequence, &OutboundCounters::passed_over_by_rate);
  return false;
}

ChangeFilter& PeerSender::filter_of(uint32_t id) {
  if (id >= filters_.size()) filters_.resize(topics_.size());
  std::unique_ptr<ChangeFilter>& filter = filters_[id];
  if (filter == nullptr) {
    filter =
        std::make_unique<ChangeFilter>(*outbound_->source().topic(id)->schema, topics_[id].pacing.deadband);
  }
  return *filter;
}

// A sample whose value is that sent last is not sent before the heartbeat is due. False: it is.
bool PeerSender::waits_unchanged(uint32_t id, uint64_t sequence, int64_t now_ns) {
  const int64_t period = topics_[id].pacing.heartbeat_ns;
  const int64_t heartbeat = period == 0 ? INT64_MAX : filter_of(id).sent_ns() + period;
  if (now_ns >= heartbeat) return false;
  if (heartbeat != INT64_MAX) waits_.wait_until(id, heartbeat);
  pass_over(id, sequence, &OutboundCounters::unchanged);
  return true;
}

void PeerSender::pass_over(uint32_t id, uint64_t sequence, uint64_t OutboundCounters::*reason) {
  TopicState& t = topics_[id];
  t.count.pass_over(sequence, reason, thins(t.pacing), &outbound_->counters());
  dirty_topics(id).clear(id);
}

// What is left for a queue.
size_t PeerSender::room_in(const Fill& fill, const QueueRoom& queue) {
  return std::min(fill.max_bytes - std::min(fill.max_bytes, fill.bytes),
                  queue.max_bytes - std::min(queue.max_bytes, queue.bytes));
}

// How many samples of a topic that is sent in order go into the batch.
uint32_t PeerSender::next_in_order(uint32_t id, size_t room) const {
  const TopicState& t = topics_[id];
  const uint64_t newest = outbound_->source().newest_sequence(id);
  if (t.resumes_due != 0 || newest <= t.after) return 0;
  const uint64_t fit = std::max<uint64_t>(1, room / (outbound_->max_bytes(id) + kRowBytes));
  return static_cast<uint32_t>(std::min({newest - t.after, kMaxInOrder, fit}));
}

// Rows of plain topics of one word of a queue. Returns those of them that found no room.
uint64_t PeerSender::fill_plain(size_t queue, size_t word, uint64_t topics, Fill* fill) {
  const size_t first = plan_.id.size(), max_rows = proto::kMaxTopics - fill->samples;
  plan_.id.resize(first + 64);
  plan_.sent.resize(first + 64);
  uint32_t* const ids = &plan_.id[first];
  uint64_t* const sent = &plan_.sent[first];
  const size_t max_bytes = fill->max_bytes;
  size_t rows = 0, bytes = fill->bytes;
  uint64_t left = topics;
  for (; left != 0; left &= left - 1, ++rows) {
    const uint32_t id = Bits::number(word, left);
    const uint64_t value_bytes = outbound_->max_bytes(id);
    const bool fits = bytes + value_bytes + kRowBytes <= max_bytes && rows < max_rows;
    if (!fits && (first + rows != 0 || value_bytes > max_bytes)) break;
    bytes += value_bytes + kRowBytes;
    ids[rows] = id;
    sent[rows] = topics_[id].sequence;
  }
  plan_.id.resize(first + rows);
  plan_.sent.resize(first + rows);
  plan_.max_value_bytes += bytes - fill->bytes - rows * kRowBytes;
  fill->bytes = bytes;
  fill->samples += rows;
  planned_.push_back({queue, word, topics & ~left});
  return left;
}

// The row of a topic of which something is to be asked first. False: the batch or its queue's part is full.
bool PeerSender::fill_special(uint32_t id, Fill* fill, QueueRoom* room, int64_t now_ns) {
  TopicState& t = topics_[id];
  SendQueue& queue = queues_[t.queue];
  if (queue.unknown.test(id)) return true;  // announced first
  if (t.has_large()) return true;           // nothing between the pieces of a value
  if (!t.force && !outbound_->source().is_current(id)) {
    queue.dirty.clear(id);  // until it is: it moves then
    return true;
  }
  if (!passes(id, now_ns)) return true;
  const uint64_t value_bytes = outbound_->max_bytes(id);
  const uint32_t in_order = t.is_in_order() ? next_in_order(id, room_in(*fill, *room)) : 0;
  if (t.is_in_order() && in_order == 0) {
    queue.dirty.clear(id);
    return true;
  }
  if (value_bytes > room->max_bytes || t.torn) {
    queue.dirty.clear(id);
    t.large = LargeValue::kQueued;
    queue.large.push_back(id);
    again_ = true;
    return true;
  }
  const size_t samples = std::max(1u, in_order), bytes = samples * (value_bytes + kRowBytes);
  fill->full = !plan_.is_empty() &&
               (fill->bytes + bytes > fill->max_bytes || fill->samples + samples > proto::kMaxTopics);
  if (fill->full || (room->bytes != 0 && room->bytes + bytes > room->max_bytes)) return false;
  fill->bytes += bytes;
  fill->samples += samples;
  room->bytes += bytes;
  plan_.special.push_back({plan_.id.size(), t.force, in_order, t.after, room->max_age_ns});
  plan_.id.push_back(id);
  plan_.sent.push_back(t.sequence);
  plan_.max_value_bytes += samples * value_bytes;
  return true;
}

// Rows of one queue, those of plain topics by words of bits. False: the batch is full.
bool PeerSender::fill_rows(size_t index, Fill* fill, int64_t now_ns) {
  SendQueue& queue = queues_[index];
  if (!queue.dirty.any()) return true;
  QueueRoom room{.max_bytes = std::min(fill->max_bytes, queues_.cap(index).message_bytes()),
                 .max_age_ns = queues_.drop_older_ns(index)};
  queue.dirty.walk_words([&](size_t w, uint64_t word) {
    while (word != 0) {
      const uint64_t special = word & ~queue.plain.word(w);
      const uint64_t before = special == 0 ? word : word & ((special & -special) - 1);
      if (before != 0) {
        const uint64_t left = fill_plain(index, w, before, fill);
        word &= ~before | left;
        if (left == 0) continue;
        const uint32_t id = Bits::number(w, left);
        fill->full = outbound_->max_bytes(id) <= fill->max_bytes;
        if (fill->full) return word;
        make_special(id);  // too large for a batch of now
      }
      if (!fill_special(Bits::number(w, word), fill, &room, now_ns)) return word;
      word &= word - 1;
    }
    return word;
  });
  return !fill->full;
}

void PeerSender::record_sent(uint32_t id, const Outbound::EncodeResult& done, int64_t now_ns) {
  TopicState& t = topics_[id];
  OutboundCounters& counters = outbound_->counters();
  const uint64_t seen = std::max(done.last, done.looked_at);
  if (seen == 0) return;
  counters.samples += done.samples;
  counters.dropped_too_old += done.too_old;
  counters.overwritten += done.overwritten;
  const uint64_t told = done.samples + done.too_old + done.overwritten;
  t.count.take_turn(seen, told, thins(t.pacing), &counters);
  t.after = std::max(t.after, seen);
  if (done.samples == 0) return;
  queues_.cap(t.queue).on_sent(done.bytes + done.samples * kRowBytes, now_ns);
  t.sequence = done.last;
  t.force = false;
  t.limiter.on_sent(now_ns);
  waits_.stop(id);
  make_plain(id);
}

// As record_sent() for each plain topic, whose counters are added once.
void PeerSender::record_plain(const Outbound::Encoded& sent, int64_t now_ns) {
  uint64_t samples = 0, publications = 0, passed_over = 0;
  for (const Outbound::PlainRun& run : sent.plain) {
    for (const SampleRow& row : sent.samples.all().subspan(run.first, run.count)) {
      TopicState& t = topics_[row.id];
      const uint64_t since = PublicationCount::advance(t.sequence, row.head.sequence);
      publications += since;
      t.sequence = row.head.sequence;
      t.count.stand_at(row.head.sequence);
      if (t.pacing.period_ns == 0) continue;
      passed_over += since - 1;
      t.limiter.on_sent(now_ns);
      waits_.stop(row.id);
    }
    samples += run.count;
  }
  OutboundCounters& counters = outbound_->counters();
  counters.samples += samples;
  counters.publications += publications;
  counters.passed_over_by_rate += passed_over;
  counters.superseded += publications - samples - passed_over;
  for (const Planned& p : planned_) queues_[p.queue].dirty.remove_word(p.word, p.topics);
  for (const uint32_t id : sent.busy) dirty_topics(id).set(id);
}

void PeerSender::record_special(const Outbound::Encoded& sent, int64_t now_ns) {
  for (size_t i = 0; i < sent.plan.special.size(); ++i) {
    const BatchPlan::SpecialRow& row = sent.plan.special[i];
    const uint32_t id = sent.plan.id[row.row];
    const Outbound::EncodeResult& done = sent.special[i];
    record_sent(id, done, now_ns);
    const bool more =
        done.busy || (row.max_samples != 0 && outbound_->source().newest_sequence(id) > topics_[id].after);
    if (!more) dirty_topics(id).clear(id);
    if (more && done.too_old != 0) again_ = true;
    SampleRead read;
    ChangeFilter* const filter = known_filter(id);
    if (done.samples == 0 || filter == nullptr) continue;
    if (const Outbound::NewestSample* newest = outbound_->newest(id, &read)) {
      filter->on_sent(newest->value.bytes(), now_ns);
    }
  }
}

PeerSender::Step PeerSender::send_batch(size_t priority, size_t min_priority, int64_t now_ns) {
  plan_.clear();
  planned_.clear();
  Fill fill{congestion_window_->batch_bytes()};
  bool room = true;
  for (size_t p = priority + 1; room && p-- > min_priority;) {
    room = queues_.for_each_open(p, now_ns, [&](size_t queue) { return fill_rows(queue, &fill, now_ns); });
  }
  if (plan_.is_empty()) return Step::kNothing;
  queues_.on_batch_sent(priority);
  Outbound::Encoded& e = outbound_->encode(plan_, now_ns);
  const bool any = e.samples.count() != 0;
  if (any) {
    const bool packed = compress_ && outbound_->pack(&e);
    const Frame& payload = packed ? e.packed_payload : e.payload;
    if (!sink_->send(proto::Envelope::kBatchFieldNumber, packed ? e.packed_body : e.body, payload,
                     packed ? e.packed_hash : e.payload_hash)) {
      ++outbound_->counters().refused;
      return Step::kRefused;
    }
    ++outbound_->counters().batches;
    outbound_->counters().payload_bytes += payload.bytes.size();
    outbound_->counters().saved_bytes += e.payload.bytes.size() - payload.bytes.size();
  }
  record_plain(e, now_ns);
  record_special(e, now_ns);
  return any ? Step::kSent : Step::kNothing;
}

// The next large value of the queue, when it is whole. False: there is none yet.
bool PeerSender::begin_transfer(size_t index, int64_t now_ns) {
  SendQueue& queue = queues_[index];
  while (!queue.large.empty()) {
    const uint32_t id = queue.large.front();
    if (queue.unknown.test(id)) return false;
    TopicState& t = topics_[id];
    if (queue.copying == nullptr) t.large = LargeValue::kUnderWay;
    const std::optional<uint64_t> after = t.is_in_order() ? std::optional(t.after) : std::nullopt;
    const SampleRead read = outbound_->sample_whole(id, after, &queue.copying);
    std::optional<bool> is_new = true;
    if (read == SampleRead::kOk && t.pacing.on_change && t.wanted && !t.force) {
      is_new = filter_of(id).changed(queue.copying->value, outbound_->take_work(), &queue.compared);
    }
    if (read == SampleRead::kMore || !is_new) return copying_ = true, false;
    const std::shared_ptr<WholeSample> sample = std::exchange(queue.copying, nullptr);
    queue.compared = 0;
    queue.large.pop_front();
    const bool superseded = std::exchange(t.large, LargeValue::kNone) == LargeValue::kSuperseded;
    if (read == SampleRead::kBusy) {
      queue.dirty.set(id);
      copying_ = true;
      return false;
    }
    const bool waits =
        read == SampleRead::kOk && !*is_new && waits_unchanged(id, sample->head.sequence, now_ns);
    if (read == SampleRead::kOk && !waits && take_copied(&queue, id, *sample, superseded, now_ns))
      return true;
    if (superseded) on_updated(id, now_ns);
  }
  return false;
}

// False: this peer does not get it.
bool PeerSender::take_copied(SendQueue* queue, uint32_t id, const WholeSample& sample, bool superseded,
                             int64_t now_ns) {
  TopicState& t = topics_[id];
  const SampleHead& head = sample.head;
  if (head.sequence == t.sequence && !t.force) return false;
  const bool in_order = t.is_in_order();
  const uint64_t overwritten = in_order && t.after != 0 ? head.sequence - t.after - 1 : 0;
  const int64_t max_age_ns = queues_.drop_older_ns(t.queue);
  if (max_age_ns != 0 && !t.force && age_at(now_ns, head.born_ns) > max_age_ns) {
    Outbound::EncodeResult done;
    done.overwritten = overwritten;
    done.too_old = 1;
    done.looked_at = head.sequence;
    record_sent(id, done, now_ns);
    if (in_order) queue->dirty.set(id);
    return false;
  }
  const int64_t age_error_ns = outbound_->source().provenance(id, head.sequence).age_error_ns;
  queue->transfer = LargeTransfer(id, head, age_error_ns, sample.value, overwritten);
  t.large = superseded ? LargeValue::kSuperseded : LargeValue::kUnderWay;
  return true;
}

// A piece of a queue whose turn it is, or of any.
PeerSender::Step PeerSender::send_chunk(size_t priority, bool in_turn, int64_t now_ns) {
  std::optional<size_t> index;
  queues_.for_each_open(priority, now_ns, [&](size_t i) {
    if (in_turn && !queues_[i].piece_next) return true;
    if (!queues_[i].transfer.is_active() && !begin_transfer(i, now_ns)) return true;
    index = i;
    return false;
  });
  if (!index) return Step::kNothing;
  SendQueue& queue = queues_[*index];
  ByteCap& cap = queues_.cap(*index);
  proto::Chunk chunk;
  queue.transfer.describe(now_ns, &chunk);
  Frame piece = queue.transfer.piece(std::min(congestion_window_->piece_bytes(), cap.message_bytes()));
  const size_t bytes = piece.bytes.size();
  if (compress_) {
    if (std::optional<Frame> packed = outbound_->pack_piece(piece.bytes)) {
      chunk.set_raw_bytes(static_cast<uint32_t>(bytes));
      piece = std::move(*packed);
    }
  }
  if (!sink_->send(proto::Envelope::kChunkFieldNumber, chunk.SerializeAsString(), piece,
                   proto::payload_hash(piece.bytes))) {
    ++outbound_->counters().refused;
    return Step::kRefused;
  }
  OutboundCounters& counters = outbound_->counters();
  ++counters.chunks;
  counters.payload_bytes += piece.bytes.size();
  counters.saved_bytes += bytes - piece.bytes.size();
  queue.transfer.on_piece_sent(bytes);
  cap.on_sent(bytes, now_ns);
  queue.piece_next = false;
  if (queue.transfer.is_complete()) finish_transfer(&queue, now_ns);
  return Step::kSent;
}

// The last piece of a value has left.
void PeerSender::finish_transfer(SendQueue* queue, int64_t now_ns) {
  const LargeTransfer sent = std::exchange(queue->transfer, LargeTransfer());
  const uint32_t id = sent.id();
  Outbound::EncodeResult done;
  done.samples = 1;
  done.overwritten = sent.overwritten();
  done.last = sent.sequence();
  record_sent(id, done, now_ns);
  if (ChangeFilter* const filter = known_filter(id)) filter->on_sent(sent.value(), now_ns);
  TopicState& t = topics_[id];
  const bool superseded = t.large == LargeValue::kSuperseded;
  t.large = LargeValue::kNone;
  t.torn = false;
  if (superseded) on_updated(id, now_ns);
  if (t.is_in_order()) queue->dirty.set(id);
}

}  // namespace smt::relay
