// The rows of a Batch. Most of them are plain: their topic is taken, its values have one size, and nothing is
// asked of a sample but whether it is newer. Those go side by side from the frame into the store, in columns.
// All others go one at a time, in their order among the plain ones.
#include <algorithm>

#include "relay/inbound/inbound.h"
#include "shm/clock.h"

namespace smt::relay {

bool PeerReceiver::batch(const proto::Batch& message, const proto::BatchColumns& columns,
                         std::span<const std::byte> payload, const SentAt& sent, int64_t now_ns) {
  if (columns.rows == 0) return false;
  BatchProgress b{message, columns, payload, sent, now_ns, holds_late(sent, now_ns)};
  // What is held back, and what stands in for it, is looked up row by row.
  const bool in_runs = !b.late && backlog_.empty();
  while (b.row < columns.rows) {
    const size_t one_by_one = in_runs ? take_run(&b) : columns.rows;
    while (b.row < one_by_one) {
      if (!take_row(&b)) return false;
    }
  }
  if (!b.late) settle(now_ns);
  return b.payload_at == payload.size() && b.sizes == message.size_size();
}

// False: no sender of this version says so.
bool PeerReceiver::take_row(BatchProgress* b) {
  const size_t row = b->row++;
  const uint32_t id = b->columns.ids[row];
  Topic* t = find_topic(id);
  if (t == nullptr) return false;
  uint64_t bytes = t->description->value_bytes;
  if (bytes == 0) {
    if (b->sizes == b->message.size_size()) return false;
    bytes = b->message.size(b->sizes++);
  }
  if (bytes > b->payload.size() - b->payload_at) return false;
  const std::span<const std::byte> value = b->payload.subspan(b->payload_at, bytes);
  b->payload_at += bytes;
  t->sequence += b->columns.sequences[row];
  if (t->sequence == 0) return false;
  // No sender has a value of the same topic between its pieces.
  if (t->arriving != nullptr) return false;
  ++inbound_->counters().samples;
  if (!writable(t)) return true;
  const SampleHead head =
      arrived(t->sequence, b->columns.stamps_ns[row], b->columns.ages_ns[row], b->sent, b->now_ns);
  const Provenance provenance = provenance_of(b->columns.age_errors_ns[row], b->sent, b->now_ns);
  if (b->late && !t->description->every) {
    inbound_->counters().superseded += !backlog_.hold(id, head, provenance, value);
    return true;
  }
  inbound_->counters().superseded += backlog_.drop(id);
  write_sample(t, head, provenance, value);
  return true;
}

// What is plain of the next rows, at once. Returns up to which row the next ones go one at a time.
size_t PeerReceiver::take_run(BatchProgress* b) {
  Inbound::Run& run = inbound_->run();
  collect_run(*b);
  if (run.rows == 0) return b->row + 1;
  const size_t begin = b->row, end = begin + run.rows;
  const size_t taken = inbound_->sink().put_plain(
      std::span(run.samples).first(run.rows), b->payload.data() + b->payload_at, b->now_ns,
      provenance_of(b->columns.age_errors_ns[begin], b->sent, b->now_ns));
  // What the store did not take is as if nobody had looked at it.
  for (size_t i = taken; i < run.rows; ++i) {
    topics_[b->columns.ids[begin + i]]->sequence -= b->columns.sequences[begin + i];
    run.bytes -= run.samples[i].bytes;
  }
  InboundCounters& c = inbound_->counters();
  c.samples += taken;
  c.written += taken;
  c.payload_bytes += run.bytes;
  b->row += taken;
  b->payload_at += run.bytes;
  return end;
}

// The next rows as far as their samples are plain, and as wrong in their ages as the first.
void PeerReceiver::collect_run(const BatchProgress& b) {
  Inbound::Run& run = inbound_->run();
  if (lost_claims_ != inbound_->lost_claims()) ask_of_each_again();
  const size_t end = b.row + std::min(Inbound::Run::kMax, b.columns.rows - b.row);
  const int64_t travelled = travelled_ns(b.sent, b.now_ns);
  const int64_t age_error_ns = b.columns.age_errors_ns[b.row];
  const std::span<const std::unique_ptr<Topic>> topics = topics_;
  const int64_t now_ns = b.now_ns;
  size_t left = b.payload.size() - b.payload_at;
  size_t row = b.row;
  PlainSample* to = run.samples.data();
  for (; row < end; ++row, ++to) {
    const uint32_t id = b.columns.ids[row];
    Topic* const t = id < topics.size() ? topics[id].get() : nullptr;
    if (t == nullptr || t->plain_bytes == 0 || t->plain_bytes > left) break;
    const uint64_t sequence = t->sequence + b.columns.sequences[row];
    if (sequence == 0 || b.columns.age_errors_ns[row] != age_error_ns) break;
    left -= t->plain_bytes;
    t->sequence = sequence;
    to->handle = t->handle;
    to->bytes = t->plain_bytes;
    to->sequence = sequence;
    to->stamp_ns = b.columns.stamps_ns[row];
    to->born_ns = born_ns(b.columns.ages_ns[row], travelled, now_ns);
  }
  run.rows = row - b.row;
  run.bytes = b.payload.size() - b.payload_at - left;
}

// Another session has taken a name over, perhaps one of these.
void PeerReceiver::ask_of_each_again() {
  lost_claims_ = inbound_->lost_claims();
  for (const auto& t : topics_) {
    if (t != nullptr) t->plain_bytes = 0;
  }
}

}  // namespace smt::relay
