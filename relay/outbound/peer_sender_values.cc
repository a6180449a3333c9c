// How a PeerSender sends values.
#include <algorithm>
#include <utility>

#include "relay/outbound/peer_sender.h"
#include "relay/rules/pacing.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

const uint64_t kNoPayload = proto::payload_hash({});

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
    if (queues_[queue].unknown.any()) step = send_topics(&queues_[queue].unknown, false, now_ns);
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

PeerSender::Step PeerSender::send_batch(size_t priority, size_t min_priority, int64_t now_ns) {
  plan_.clear();
  planned_.clear();
  steady_.clear();
  steps_as_before_ = 0;
  Fill fill{congestion_window_->batch_bytes()};
  bool room = true;
  for (size_t p = priority + 1; room && p-- > min_priority;) {
    room = queues_.for_each_open(p, now_ns, [&](size_t queue) {
      return !queues_[queue].dirty.any() || fill_rows(queue, &fill, now_ns);
    });
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
  record_plain(&e, now_ns);
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
    if (read == SampleRead::kOk && t.pacing().on_change && t.wanted && !t.force) {
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
    if (!queues_[i].has_large()) return true;
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
