// What a PeerSender notes of the samples that have left.
#include <algorithm>

#include "relay/outbound/peer_sender.h"

namespace smt::relay {

// What sequences_ has of it stands in its state from now on.
void PeerSender::settle(uint32_t id) {
  const uint64_t sequence = sequences_.take(id);
  if (sequence == 0) return;
  topics_[id].sequence = sequence;
  topics_[id].count.stand_at(sequence);
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
  t.count.take_turn(seen, told, t.thins, &counters);
  t.after = std::max(t.after, seen);
  if (done.samples == 0) return;
  queues_.cap(t.queue).on_sent(done.bytes + done.samples * kRowBytes, now_ns);
  t.sequence = done.last;
  t.force = false;
  t.limiter.on_sent(now_ns);
  waits_.stop(id);
  make_plain(id);
}

// As record_sent() for each plain topic.
void PeerSender::record_plain(Outbound::Encoded* sent, int64_t now_ns) {
  const bool as_before = record_as_before(*sent);
  if (!as_before || steady_.size() != planned_.size()) record_rows(sent, !as_before, now_ns);
  for (const Planned& p : planned_) queues_[p.queue].dirty.remove_word(p.word, p.topics & ~p.more);
  for (const uint32_t id : sent->busy) dirty_topics(id).set(id);
}

// Where all steady rows are those of a peer that had the same before, this one has the same as that one now.
// False: it is not so, nothing is recorded.
bool PeerSender::record_as_before(const Outbound::Encoded& sent) {
  if (sent.steady.empty() || steps_as_before_ != sent.steady.size() || steps_as_before_ != steady_.size())
    return false;
  for (const Outbound::SteadyStep& step : sent.steady) {
    if (sequences_.page_at(step.rows.word) != step.before) return false;
  }
  for (const Outbound::SteadyStep& step : sent.steady) sequences_.share(step.rows.word, step.after);
  count_steady(sent.steady_samples, sent.steady_publications);
  return true;
}

// Rows of one kind that lie side by side are recorded together.
void PeerSender::record_rows(Outbound::Encoded* sent, bool with_steady, int64_t now_ns) {
  const bool is_first = with_steady && sent->steady.empty() && outbound_->has_shared_topics();
  if (is_first) begin_steps(sent);
  uint64_t samples = 0, publications = 0;
  for (const Outbound::PlainRun& run : sent->plain) {
    const std::byte* values = sent->payload.bytes.data() + run.payload_at;
    std::span<const SampleRow> rows = sent->samples.all().subspan(run.first, run.count);
    if (run.in_order) record_in_order(rows);
    while (!run.in_order && !rows.empty()) {
      const bool steady = is_steady(rows.front().id);
      const size_t n = rows_of(steady, rows);
      if (!steady) {
        record_newest(rows.first(n), values, now_ns);
      } else if (with_steady) {
        samples += n;
        publications += record_steady(rows.first(n));
      }
      if (n == rows.size()) break;
      for (const SampleRow& row : rows.first(n)) values += row.bytes;
      rows = rows.subspan(n);
    }
  }
  count_steady(samples, publications);
  if (is_first) {
    end_steps(sent, samples, publications);
  } else if (with_steady && !sent->steady.empty()) {
    share_steps(*sent);
  }
}

// So many of the first of `rows`, of which none is in order, are of steady topics, or of others.
size_t PeerSender::rows_of(bool steady, std::span<const SampleRow> rows) const {
  if (steady_.empty() || steady_.size() == planned_.size()) return rows.size();
  return static_cast<size_t>(std::find_if(rows.begin(), rows.end(),
                                          [&](const SampleRow& row) { return is_steady(row.id) != steady; }) -
                             rows.begin());
}

// The publications that the rows of steady topics are the last of.
uint64_t PeerSender::record_steady(std::span<const SampleRow> rows) {
  uint64_t publications = 0;
  SentSequences::Page* sequences = nullptr;
  for (size_t i = 0, word = 0; i < rows.size(); ++i) {
    const uint32_t id = rows[i].id;
    if (sequences == nullptr || word != id / 64) {
      word = id / 64;
      sequences = &sequences_.own(word);
    }
    uint64_t& last = (*sequences)[id % 64];
    const uint64_t sequence = rows[i].head.sequence;
    publications += sequence > last ? sequence - last : 1;
    last = sequence;
  }
  return publications;
}

void PeerSender::count_steady(uint64_t samples, uint64_t publications) {
  OutboundCounters& counters = outbound_->counters();
  counters.samples += samples;
  counters.publications += publications;
  counters.superseded += publications - samples;
}

// Other peers may follow this one: it tells from where ...
void PeerSender::begin_steps(Outbound::Encoded* sent) {
  for (const Outbound::SteadyRows& rows : steady_) {
    sent->steady.push_back({rows, nullptr, nullptr});
    if (sequences_.is_shared(rows.word)) sent->steady.back().before = sequences_.page_at(rows.word);
  }
}

// ... and to where.
void PeerSender::end_steps(Outbound::Encoded* sent, uint64_t samples, uint64_t publications) {
  for (Outbound::SteadyStep& step : sent->steady) step.after = sequences_.page_at(step.rows.word);
  sent->steady_samples = samples;
  sent->steady_publications = publications;
}

// What this peer has by its own account is what another one has: from here on they are the same.
void PeerSender::share_steps(const Outbound::Encoded& sent) {
  for (size_t i = 0; i < std::min(steady_.size(), sent.steady.size()); ++i) {
    const Outbound::SteadyStep& step = sent.steady[i];
    const size_t word = steady_[i].word;
    if (step.rows.word == word && *step.after == *sequences_.page_at(word))
      sequences_.share(word, step.after);
  }
}

// The values of the rows lie one after the other; each topic has a pace, or is asked. Counters are added
// once.
void PeerSender::record_newest(std::span<const SampleRow> rows, const std::byte* values, int64_t now_ns) {
  OutboundCounters& counters = outbound_->counters();
  uint64_t publications = 0, by_rate = 0;
  for (const SampleRow& row : rows) {
    TopicState& t = topics_[row.id];
    const std::span<const std::byte> value(values, row.bytes);
    values += row.bytes;
    t.sequence = row.head.sequence;
    const uint64_t since = t.count.advance(row.head.sequence);
    if (since == 0) {
      t.count.take_turn(row.head.sequence, 1, true, &counters);
    } else {
      publications += since;
      by_rate += since - 1;
    }
    t.limiter.on_sent(now_ns);
    waits_.stop(row.id);
    if (ChangeFilter* const filter = known_filter(row.id)) filter->on_sent(value, now_ns);
  }
  counters.samples += rows.size();
  counters.publications += publications;
  counters.passed_over_by_rate += by_rate;
}

// Each of the publications is sent, or gone from the ring.
void PeerSender::record_in_order(std::span<const SampleRow> rows) {
  uint64_t publications = 0;
  for (const SampleRow& row : rows) {
    TopicState& t = topics_[row.id];
    t.sequence = t.after = row.head.sequence;
    publications += t.count.advance(row.head.sequence);
  }
  OutboundCounters& counters = outbound_->counters();
  counters.samples += rows.size();
  counters.publications += publications;
  counters.overwritten += publications - rows.size();
}

void PeerSender::record_special(const Outbound::Encoded& sent, int64_t now_ns) {
  for (size_t i = 0; i < sent.plan.special.size(); ++i) {
    const BatchPlan::SpecialRow& row = sent.plan.special[i];
    const uint32_t id = sent.plan.id[row.row];
    const Outbound::EncodeResult& done = sent.special[i];
    record_sent(id, done, now_ns);
    const bool in_order = sent.plan.max_samples[row.row] != 0;
    const bool more = done.busy || (in_order && outbound_->source().newest_sequence(id) > topics_[id].after);
    if (!more) dirty_topics(id).clear(id);
    if (more && done.too_old != 0) again_ = true;
    SampleRead read;
    ChangeFilter* const filter = known_filter(id);
    if (done.samples == 0 || filter == nullptr) continue;
    if (const Outbound::Newest newest = outbound_->newest(id, &read); newest.head != nullptr) {
      filter->on_sent(newest.value, now_ns);
    }
  }
}

}  // namespace smt::relay
