// How the samples of a plan become a Batch.
#include <algorithm>
#include <cstring>

#include "relay/outbound/outbound.h"
#include "shm/clock.h"

namespace smt::relay {

void Outbound::add_row(uint32_t id, uint64_t sent, const SampleHead& head, uint64_t bytes, int64_t now_ns) {
  SampleRow* const row = encoded_.samples.places(1);
  row->head = head;
  row->complete(id, sent, now_ns, source_->provenance(id, head.sequence).age_error_ns, bytes);
  encoded_.samples.grow(1, row->age_error_ns);
}

void Outbound::add_sample(size_t row, const SampleHead& head, uint64_t bytes, int64_t now_ns,
                          EncodeResult* done) {
  const uint32_t id = encoded_.plan.id[row];
  const uint64_t before = done->samples == 0 ? encoded_.plan.sent[row] : done->last;
  add_row(id, before, head, bytes, now_ns);
  ++done->samples;
  done->bytes += bytes;
  done->last = head.sequence;
}

void Outbound::encode_newest(const BatchPlan::SpecialRow& row, int64_t now_ns, std::byte* room,
                             EncodeResult* done) {
  SampleHead head;
  uint64_t bytes = 0;
  const SampleRead read = sample(encoded_.plan.id[row.row], &head, room, &bytes);
  done->busy = read == SampleRead::kBusy;
  if (read != SampleRead::kOk || (head.sequence == encoded_.plan.sent[row.row] && !row.again)) return;
  if (row.max_age_ns != 0 && !row.again && age_at(now_ns, head.born_ns) > row.max_age_ns) {
    done->looked_at = head.sequence;
    done->too_old = 1;
    return;
  }
  add_sample(row.row, head, bytes, now_ns, done);
}

void Outbound::encode_next(const BatchPlan::SpecialRow& row, int64_t now_ns, std::byte* room,
                           EncodeResult* done) {
  uint64_t after = row.after;
  for (uint32_t i = 0; i < encoded_.plan.max_samples[row.row]; ++i) {
    SampleHead head;
    uint64_t bytes = 0;
    const SampleRead read =
        source_->read_after(encoded_.plan.id[row.row], after, &head, room + done->bytes, &bytes);
    done->busy = read == SampleRead::kBusy;
    if (read != SampleRead::kOk) return;
    if (after != 0) done->overwritten += head.sequence - after - 1;
    after = head.sequence;
    if (row.max_age_ns != 0 && age_at(now_ns, head.born_ns) > row.max_age_ns) {
      ++done->too_old;
      done->looked_at = head.sequence;
      continue;
    }
    add_sample(row.row, head, bytes, now_ns, done);
  }
}

// Rows of the plan whose newest samples are at hand, `first` to `end`. The bytes of their values.
size_t Outbound::encode_at_hand(size_t first, size_t end, int64_t now_ns, std::byte* room) {
  const BatchPlan& plan = encoded_.plan;
  SampleRow* const begin = encoded_.samples.places(end - first);
  SampleRow* to = begin;
  std::byte* value = room;
  int64_t errors_ns = 0;
  for (size_t row = first; row < end; ++row) {
    const uint32_t id = plan.id[row];
    const Newest newest = at_hand(id);
    const size_t bytes = newest.value.size();
    const bool looked = has_looked_at(id);
    if (newest.head->sequence == plan.sent[row] || !(looked || source_->is_current(id))) continue;
    if (bytes == 8) {
      memcpy(value, newest.value.data(), 8);
    } else if (bytes != 0) {
      memcpy(value, newest.value.data(), bytes);
    }
    value += bytes;
    const int64_t error_ns =
        looked ? looked_row(id).age_error_ns : source_->provenance(id, newest.head->sequence).age_error_ns;
    errors_ns |= error_ns;
    to->head = *newest.head;
    (to++)->complete(id, plan.sent[row], now_ns, error_ns, bytes);
  }
  encoded_.samples.grow(static_cast<size_t>(to - begin), errors_ns);
  return static_cast<size_t>(value - room);
}

// Of the rows from `first` on, before the first one that is to be had in another way.
size_t Outbound::end_of_run(size_t first, size_t end) const {
  const BatchPlan& plan = encoded_.plan;
  if (plan.in_order == 0 && !kept_.any() && !looked_.topics.any()) return end;
  const bool in_order = plan.max_samples[first] != 0, here = is_at_hand(plan.id[first]);
  while (++first < end && (plan.max_samples[first] != 0) == in_order &&
         (in_order || is_at_hand(plan.id[first]) == here)) {
  }
  return first;
}

// Rows of the plan that are not special, `first` to `end`. Where in the payload the next value is to lie.
size_t Outbound::encode_plain(size_t first, size_t end, int64_t now_ns, std::byte* room, size_t at) {
  Encoded& e = encoded_;
  for (size_t next; first < end; first = next) {
    next = end_of_run(first, end);
    const size_t samples = e.samples.count(), busy = e.busy.size(), rows = next - first;
    const std::span<const uint32_t> ids(&e.plan.id[first], rows);
    const std::span<const uint64_t> sent(&e.plan.sent[first], rows);
    const bool in_order = e.plan.max_samples[first] != 0;
    size_t bytes;
    if (in_order) {
      bytes = source_->read_after(ids, sent, {&e.plan.max_samples[first], rows}, now_ns, room + at,
                                  &e.samples, &e.busy);
    } else if (is_at_hand(ids[0])) {
      bytes = encode_at_hand(first, next, now_ns, room + at);
    } else {
      bytes = source_->read_newest(ids, sent, now_ns, room + at, &e.samples, &e.busy);
    }
    for (size_t i = busy; i < e.busy.size(); ++i) e.busy[i] = ids[e.busy[i]];
    e.plain.push_back({samples, e.samples.count() - samples, at, in_order});
    at += bytes;
  }
  return at;
}

// What several peers want is read once: samples of the last batch that are the newest still.
void Outbound::keep_encoded() {
  for (const PlainRun& run : encoded_.plain) {
    if (run.in_order) continue;
    const std::byte* value = encoded_.payload.bytes.data() + run.payload_at;
    for (const SampleRow& row : encoded_.samples.all().subspan(run.first, run.count)) {
      const std::span<const std::byte> bytes(value, row.bytes);
      value += row.bytes;
      if (!shared_.test(row.id) || outdated_.test(row.id) || kept_.test(row.id)) continue;
      keep(row.id, row.head, bytes);
    }
  }
}

// For the values of a batch. A small one has the memory of the small one before, unless somebody has that
// yet.
std::shared_ptr<std::byte[]> Outbound::room_of(size_t bytes) {
  encoded_.payload = Frame();
  if (bytes >= kMinShared) return Frame::room(bytes);
  if (small_room_.use_count() != 1) small_room_ = Frame::room(kMinShared);
  return small_room_;
}

Outbound::Encoded& Outbound::encode(const BatchPlan& plan, int64_t now_ns) {
  Encoded& e = encoded_;
  if (encoded_valid_ && e.plan == plan) return e;
  if (shared_.any()) keep_encoded();
  outdated_.clear();
  e.plan.assign(plan);
  e.special.assign(plan.special.size(), EncodeResult());
  e.plain.clear();
  e.busy.clear();
  e.samples.clear();
  e.steady.clear();
  e.tried_packed = e.packed = false;
  std::shared_ptr<std::byte[]> room = room_of(plan.max_value_bytes);
  size_t at = 0, row = 0;
  for (size_t i = 0; i <= plan.special.size(); ++i) {
    const size_t end = i < plan.special.size() ? plan.special[i].row : plan.rows;
    at = encode_plain(row, end, now_ns, room.get(), at);
    row = end + 1;
    if (i == plan.special.size()) break;
    EncodeResult& done = e.special[i];
    if (plan.max_samples[plan.special[i].row] == 0) {
      encode_newest(plan.special[i], now_ns, room.get() + at, &done);
    } else {
      encode_next(plan.special[i], now_ns, room.get() + at, &done);
    }
    at += done.bytes;
  }
  e.payload.bytes = {room.get(), at};
  e.payload.block = std::move(room);
  if (e.samples.count() != 0) write_batch(now_ns);
  encoded_valid_ = true;
  return e;
}

void Outbound::write_batch(int64_t now_ns) {
  Encoded& e = encoded_;
  const std::span<const SampleRow> rows = e.samples.all();
  sizes_.clear();
  if (variable_.any()) {
    for (const SampleRow& row : rows) {
      if (variable_.test(row.id)) sizes_.push_back(row.bytes);
    }
  }
  constexpr size_t kStride = sizeof(SampleRow);
  const SampleRow& first = rows.front();
  e.body = writer_.write({.topics = rows.size(),
                          .id = {&first.id, kStride},
                          .sequence = {&first.step, kStride},
                          .stamp_ns = {&first.head.stamp_ns, kStride},
                          .age_ns = {&first.age_ns, kStride},
                          .age_error_ns = {&first.age_error_ns, kStride},
                          .exact = e.samples.is_exact(),
                          .size = sizes_},
                         static_cast<uint64_t>(now_ns));
  e.payload_hash = proto::payload_hash(e.payload.bytes);
}

bool Outbound::pack(Encoded* e) {
  if (e->tried_packed) return e->packed;
  e->tried_packed = true;
  std::optional<Frame> packed = batches_.shrink(e->payload.bytes);
  if (!packed) return false;
  e->packed_body = writer_.write_packed(static_cast<uint32_t>(e->payload.bytes.size()));
  e->packed_payload = std::move(*packed);
  e->packed_hash = proto::payload_hash(e->packed_payload.bytes);
  return e->packed = true;
}

}  // namespace smt::relay
