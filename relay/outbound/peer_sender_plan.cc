// Which samples a PeerSender puts into a batch, in which order, and how many.
#include <algorithm>
#include <array>

#include "relay/outbound/peer_sender.h"

namespace smt::relay {

namespace {

// Samples of one topic in one batch, where each is sent: others have their turn.
constexpr uint64_t kMaxInOrder = 64;

// Of so many samples of a topic that are sent in order, those that go into a batch which has so much room.
uint64_t in_one_batch(uint64_t samples, uint64_t value_bytes, size_t room) {
  if (samples <= 1) return samples;
  const uint64_t fit = std::max<uint64_t>(1, room / (value_bytes + kRowBytes));
  return std::min({samples, kMaxInOrder, fit});
}

// Those of `topics` before the first one that differs from the lowest in being one of `kind`.
uint64_t alike(uint64_t topics, uint64_t kind) {
  const uint64_t others = topics & ((topics & -topics & kind) != 0 ? ~kind : kind);
  return others == 0 ? topics : topics & ((others & -others) - 1);
}

}  // namespace

// Whether the newest sample of a dirty topic of which not all are sent is to be sent; if not, it waits no
// more.
bool PeerSender::passes(uint32_t id, int64_t now_ns) {
  const Pacing& pacing = topics_[id].pacing();
  if (!pacing.on_change || outbound_->max_bytes(id) > kPieceOfWork)
    return is_next(id, outbound_->source().newest_sequence(id));
  SampleRead read;
  const Outbound::Newest newest = outbound_->newest(id, &read);
  if (newest.head == nullptr) {
    if (read == SampleRead::kEmpty) dirty_topics(id).clear(id);
    return false;
  }
  if (!is_next(id, newest.head->sequence)) return false;
  ChangeFilter* const filter = known_filter(id);
  if ((filter != nullptr ? *filter : filter_of(id)).changed(newest.value)) return true;
  return !waits_unchanged(id, newest.head->sequence, now_ns);
}

// The same of a plain topic that was looked at, and whose value alone is asked. False: passes() is to say.
bool PeerSender::has_changed(uint32_t id) {
  const Outbound::Newest newest = outbound_->looked_at(id);
  if (newest.head == nullptr) return false;
  const TopicState& t = topics_[id];
  const ChangeFilter* const filter = known_filter(id);
  return filter != nullptr && t.pacing().one_of == 1 && newest.head->sequence != t.sequence &&
         filter->changed(newest.value);
}

// Of each so many samples one is sent. False: not this one, and the topic waits no more.
bool PeerSender::is_next(uint32_t id, uint64_t sequence) {
  const TopicState& t = topics_[id];
  const uint32_t one_of = t.pacing().one_of;
  if (t.sequence == 0 || (one_of == 1 ? sequence != t.sequence : sequence / one_of != t.sequence / one_of))
    return true;
  pass_over(id, sequence, &OutboundCounters::passed_over_by_rate);
  return false;
}

ChangeFilter& PeerSender::filter_of(uint32_t id) {
  std::unique_ptr<ChangeFilter>& filter = filters_.at(id);
  if (filter == nullptr) {
    filter =
        std::make_unique<ChangeFilter>(*outbound_->source().topic(id)->schema, topics_[id].pacing().deadband);
  }
  return *filter;
}

// A sample whose value is that sent last is not sent before the heartbeat is due. False: it is.
bool PeerSender::waits_unchanged(uint32_t id, uint64_t sequence, int64_t now_ns) {
  const int64_t period = topics_[id].pacing().heartbeat_ns;
  const int64_t heartbeat = period == 0 ? INT64_MAX : filter_of(id).sent_ns() + period;
  if (now_ns >= heartbeat) return false;
  if (heartbeat != INT64_MAX) waits_.wait_until(id, heartbeat);
  pass_over(id, sequence, &OutboundCounters::unchanged);
  return true;
}

void PeerSender::pass_over(uint32_t id, uint64_t sequence, uint64_t OutboundCounters::*reason) {
  TopicState& t = topics_[id];
  t.count.pass_over(sequence, reason, t.thins, &outbound_->counters());
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
  return static_cast<uint32_t>(in_one_batch(newest - t.after, outbound_->max_bytes(id), room));
}

// Rows of plain topics of one word of a queue. `ahead`: with kInOrder, so many samples there are to send of
// each. Returns those of the topics that found no room.
template <PeerSender::Kind kKind>
uint64_t PeerSender::fill_plain(size_t queue, size_t word, uint64_t topics, const uint64_t* ahead,
                                Fill* fill) {
  constexpr bool kInOrder = kKind == Kind::kInOrder;
  const size_t first = plan_.rows, max_samples = proto::kMaxTopics - fill->samples;
  plan_.make_room(64);
  uint32_t* const ids = &plan_.id[first];
  uint64_t* const sent = &plan_.sent[first];
  uint32_t* const in_order = &plan_.max_samples[first];
  const size_t max_bytes = fill->max_bytes;
  const TopicState* const states = topics_.page(word);
  size_t rows = 0, samples = 0, bytes = fill->bytes;
  const uint64_t* const steady = kKind == Kind::kSteady ? sequences_.page_at(word)->data() : nullptr;
  Planned planned{queue, word, topics, 0};
  uint64_t left = topics;
  for (; left != 0; left &= left - 1, ++rows) {
    const uint32_t id = Bits::number(word, left);
    const uint64_t value_bytes = outbound_->max_bytes(id);
    const uint64_t n =
        kInOrder ? in_one_batch(ahead[rows], value_bytes, max_bytes - std::min(max_bytes, bytes)) : 1;
    const uint64_t more = n * (value_bytes + kRowBytes);
    const bool fits = bytes + more <= max_bytes && samples + n <= max_samples;
    if (!fits && (first + rows != 0 || value_bytes > max_bytes)) break;
    if (kInOrder && n < ahead[rows]) planned.more |= left & -left;
    bytes += more;
    samples += n;
    ids[rows] = id;
    sent[rows] = kKind == Kind::kSteady ? steady[id % 64] : states[id % Paged<TopicState>::kPage].sequence;
    in_order[rows] = kInOrder ? static_cast<uint32_t>(n) : 0;
  }
  plan_.rows += rows;
  if (kInOrder) plan_.in_order += rows;
  plan_.max_value_bytes += bytes - fill->bytes - samples * kRowBytes;
  fill->bytes = bytes;
  fill->samples += samples;
  planned.topics &= ~left;
  planned_.push_back(planned);
  return left;
}

// The same of plain topics that are sent in order; those of which there is nothing newer wait no more.
uint64_t PeerSender::fill_in_order(size_t queue, size_t word, uint64_t topics, Fill* fill) {
  std::array<uint32_t, 64> ids;
  std::array<uint64_t, 64> newest, ahead;
  size_t n = 0, newer = 0;
  for (uint64_t t = topics; t != 0; t &= t - 1) ids[n++] = Bits::number(word, t);
  outbound_->source().newest_sequences({ids.data(), n}, newest.data());
  uint64_t done = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint64_t after = topics_[ids[i]].after;
    if (newest[i] > after && outbound_->source().is_current(ids[i])) {
      ahead[newer++] = newest[i] - after;
    } else {
      done |= uint64_t{1} << ids[i] % 64;
    }
  }
  queues_[queue].dirty.remove_word(word, done);
  return fill_plain<Kind::kInOrder>(queue, word, topics & ~done, ahead.data(), fill);
}

// The same of steady topics.
uint64_t PeerSender::fill_steady(size_t queue, size_t word, uint64_t topics, Fill* fill) {
  const std::vector<Outbound::SteadyStep>& steps = outbound_->encoded().steady;
  if (steps_as_before_ == steady_.size() && steps_as_before_ < steps.size()) {
    const Outbound::SteadyStep& step = steps[steps_as_before_];
    if (step.rows.word == word && step.rows.asked == topics && fill_as_before(queue, step, fill))
      return topics & ~step.rows.topics;
  }
  const size_t first = plan_.rows, bytes = fill->bytes;
  const uint64_t left = fill_plain<Kind::kSteady>(queue, word, topics, nullptr, fill);
  steady_.push_back({word, topics, topics & ~left, first, plan_.rows - first, fill->bytes - bytes});
  return left;
}

// The rows that another peer has had are those of this one too. False: that is not known.
bool PeerSender::fill_as_before(size_t queue, const Outbound::SteadyStep& step, Fill* fill) {
  const Outbound::SteadyRows& rows = step.rows;
  if (step.before == nullptr || step.before != sequences_.page_at(rows.word)) return false;
  if (rows.first != plan_.rows || rows.count == 0) return false;
  const auto fits = [fill](size_t bytes, size_t samples) {
    return fill->bytes + bytes <= fill->max_bytes && fill->samples + samples <= proto::kMaxTopics;
  };
  if (!fits(rows.bytes, rows.count)) return false;
  if (const uint64_t left = rows.asked & ~rows.topics; left != 0) {
    const uint64_t next_bytes = outbound_->max_bytes(Bits::number(rows.word, left)) + kRowBytes;
    if (fits(rows.bytes + next_bytes, rows.count + 1)) return false;
  }
  plan_.add_rows(outbound_->encoded().plan, rows.first, rows.count);
  plan_.max_value_bytes += rows.bytes - rows.count * kRowBytes;
  fill->bytes += rows.bytes;
  fill->samples += rows.count;
  planned_.push_back({queue, rows.word, rows.topics, 0});
  steady_.push_back(rows);
  ++steps_as_before_;
  return true;
}

// The same of plain topics whose newest sample is asked whether it goes: so many at once as find room if all
// do.
uint64_t PeerSender::fill_asked(size_t queue, size_t word, uint64_t topics, Fill* fill, int64_t now_ns) {
  for (uint64_t left = topics; left != 0;) {
    const uint64_t before = left;
    uint64_t compared = 0;
    for (size_t bytes = fill->bytes; left != 0 && (left == before || bytes < fill->max_bytes);
         left &= left - 1) {
      const uint32_t id = Bits::number(word, left);
      bytes += outbound_->max_bytes(id) + kRowBytes;
      if (topics_[id].pacing().on_change) compared |= left & -left;
    }
    outbound_->look_at(word, compared, now_ns);
    uint64_t passed = 0;
    for (uint64_t some = before & ~left; some != 0; some &= some - 1) {
      const uint32_t id = Bits::number(word, some);
      if (has_changed(id) || ((outbound_->has_looked_at(id) || is_current(id)) && passes(id, now_ns)))
        passed |= some & -some;
    }
    if (passed == 0) continue;
    if (const uint64_t unfit = fill_plain<Kind::kNewest>(queue, word, passed, nullptr, fill); unfit != 0)
      return left | unfit;
  }
  return 0;
}

// False: a topic that nobody keeps current waits no more until somebody does; it moves then.
bool PeerSender::is_current(uint32_t id) {
  if (outbound_->source().is_current(id)) return true;
  dirty_topics(id).clear(id);
  return false;
}

// The row of a topic of which something is to be asked first. False: the batch or its queue's part is full.
bool PeerSender::fill_special(uint32_t id, Fill* fill, QueueRoom* room, int64_t now_ns) {
  TopicState& t = topics_[id];
  SendQueue& queue = queues_[t.queue];
  if (queue.unknown.test(id)) return true;  // announced first
  if (t.has_large()) return true;           // nothing between the pieces of a value
  if (!t.force && !is_current(id)) return true;
  if (!t.force && t.wanted && t.is_asked() && !passes(id, now_ns)) return true;
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
  plan_.special.push_back({plan_.rows, t.force, t.after, room->max_age_ns});
  plan_.add(id, t.sequence, in_order);
  plan_.max_value_bytes += samples * value_bytes;
  return true;
}

// Rows of one queue, those of plain topics of one kind together. False: the batch is full.
bool PeerSender::fill_rows(size_t index, Fill* fill, int64_t now_ns) {
  SendQueue& queue = queues_[index];
  QueueRoom room{.max_bytes = std::min(fill->max_bytes, queues_.cap(index).message_bytes()),
                 .max_age_ns = queues_.drop_older_ns(index)};
  queue.dirty.walk_words([&](size_t w, uint64_t word) {
    while (word != 0) {
      const uint64_t plain = queue.plain.word(w), in_order = queue.in_order.word(w),
                     asked = queue.asked.word(w), steady = queue.steady(w);
      if ((word & -word & plain) == 0) {
        if (!fill_special(Bits::number(w, word), fill, &room, now_ns)) return word;
        word &= word - 1;
        continue;
      }
      const uint64_t run = alike(alike(alike(alike(word, plain), in_order), asked), steady);
      const uint64_t left = (run & in_order) != 0 ? fill_in_order(index, w, run, fill)
                            : (run & asked) != 0  ? fill_asked(index, w, run, fill, now_ns)
                            : (run & steady) != 0 ? fill_steady(index, w, run, fill)
                                                  : fill_plain<Kind::kNewest>(index, w, run, nullptr, fill);
      word &= ~run | left;
      if (left == 0) continue;
      const uint32_t id = Bits::number(w, left);
      fill->full = outbound_->max_bytes(id) <= fill->max_bytes;
      if (fill->full) return word;
      make_special(id);  // too large for a batch of now
    }
    return word;
  });
  return !fill->full;
}

}  // namespace smt::relay
