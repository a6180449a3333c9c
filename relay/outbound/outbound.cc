#include "relay/outbound/outbound.h"

#include <algorithm>
#include <cstring>

#include "shm/clock.h"

namespace smt::relay {

namespace {

constexpr size_t kMaxNameBytes = 255;
constexpr size_t kMaxSchemaBytes = proto::kMaxFrame / 2;

}  // namespace

Outbound::Outbound(TopicSource* source, const Access* access, OutboundCounters* counters)
    : source_(source), access_(access), counters_(counters) {}

Status Outbound::configure(std::vector<SendRule> rules) {
  if (!rules.empty()) {
    // What the system tells about itself is served to whoever asks for it by name, unless a rule denies it.
    SendRule& system = rules.emplace_back();
    system.topic = {"smt/**"};
    for (const SendRule& r : rules) {
      if (&r != &system) system.exclude.insert(system.exclude.end(), r.exclude.begin(), r.exclude.end());
    }
  }
  Result<RuleSet> set = RuleSet::parse(rules);
  if (!set.ok()) return set.status();
  rules_ = std::move(rules);
  rule_set_ = std::move(*set);
  return Status();
}

std::optional<size_t> Outbound::rule(uint32_t id, std::string_view peer) const {
  if (id >= topics_.size() || !topics_[id].fits) return std::nullopt;
  const std::optional<size_t> rule = rule_set_.decide(source_->topic(id)->name, peer);
  if (!rule) return rule;
  const uint64_t max = rules_[*rule].max_bytes;
  return max == 0 || topics_[id].max_bytes <= max ? rule : std::nullopt;
}

void Outbound::add_wanted(uint32_t id, int more) {
  int& wanted_by = topics_[id].wanted_by;
  wanted_by += more;
  if (wanted_by > 1) {
    shared_.set(id);
  } else {
    shared_.clear(id);
  }
}

// What is kept of its samples is not the newest any more.
void Outbound::forget_newest(uint32_t id) {
  newest_[id].value.block = {};
  newest_[id].copying.reset();
}

const Changes& Outbound::collect(int64_t now_ns) {
  changes_.clear();
  encoded_valid_ = false;
  may_work_ = kPieceOfWork;
  source_->collect(now_ns, &changes_);
  for (const uint32_t id : changes_.removed) {
    if (id >= topics_.size()) continue;
    topics_[id] = {.wanted_by = topics_[id].wanted_by};  // until each PeerSender has been told
    newest_[id] = NewestSample();
    for (Bits* of : {&variable_, &kept_, &copying_}) of->clear(id);
    outdated_.set(id);
  }
  if (topics_.size() < source_->topic_limit()) {
    topics_.resize(source_->topic_limit());
    newest_.resize(topics_.size());
  }
  for (const uint32_t id : changes_.described) {
    const TopicDescription& d = *source_->topic(id);
    Topic& t = topics_[id];
    newest_[id] = NewestSample();
    for (Bits* of : {&variable_, &kept_, &copying_}) of->clear(id);
    if (d.value_bytes == 0) variable_.set(id);
    outdated_.set(id);
    t.max_bytes = d.max_bytes;
    const bool fits =
        d.name.size() <= kMaxNameBytes && d.schema != nullptr && d.schema->size() <= kMaxSchemaBytes;
    if (!fits) ++counters_->too_large;
    t.fits = fits;
  }
  outdated_.add(changes_.updated);
  for (Bits* of : {&kept_, &copying_}) {
    of->for_each_common(changes_.updated, [this](uint32_t id) { forget_newest(id); });
    of->remove(changes_.updated);
  }
  counters_->slot_reads = source_->slot_reads();
  return changes_;
}

void Outbound::keep(uint32_t id, const SampleHead& head, std::span<const std::byte> value) {
  kept_.set(id);
  newest_[id].head = head;
  newest_[id].value.buffer.assign(value.begin(), value.end());
  newest_[id].value.block = {};
}

SampleRead Outbound::sample(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) {
  if (kept_.test(id)) {
    const NewestSample& k = newest_[id];
    const std::span<const std::byte> value = k.value.bytes();
    *head = k.head;
    *bytes = value.size();
    if (!value.empty()) memcpy(room, value.data(), value.size());
    return SampleRead::kOk;
  }
  const SampleRead read = source_->read_newest(id, head, room, bytes);
  if (read == SampleRead::kOk && shared_.test(id)) keep(id, *head, {room, *bytes});
  return read;
}

const Outbound::NewestSample* Outbound::newest(uint32_t id, SampleRead* read) {
  NewestSample& k = newest_[id];
  *read = SampleRead::kOk;
  if (kept_.test(id)) return &k;
  std::vector<std::byte>& value = k.value.buffer;
  value.resize(topics_[id].max_bytes);
  k.value.block = {};
  uint64_t bytes = 0;
  *read = source_->read_newest(id, &k.head, value.data(), &bytes);
  if (*read != SampleRead::kOk) return nullptr;
  value.resize(bytes);
  kept_.set(id);
  return &k;
}

SampleRead Outbound::sample_whole(uint32_t id, std::optional<uint64_t> after,
                                  std::shared_ptr<WholeSample>* whole) {
  NewestSample& k = newest_[id];
  if (*whole == nullptr && !after) *whole = k.copying.lock();
  if (*whole == nullptr) {
    *whole = std::make_shared<WholeSample>();
    if (!after && kept_.test(id)) {
      (*whole)->head = k.head;
      (*whole)->value = k.value.share();
    } else if (!after) {
      k.copying = *whole;
      copying_.set(id);
    }
  }
  WholeSample& w = **whole;
  if (w.value.block != nullptr) return SampleRead::kOk;  // kept, or copied for another peer
  if (may_work_ == 0) return SampleRead::kMore;
  const uint64_t before = w.copied;
  const SampleRead read = source_->read_whole(id, after, may_work_, &w);
  may_work_ -= w.copied > before ? w.copied - before : 0;
  if (read == SampleRead::kBusy) ++counters_->overtaken;
  // Peers that come later share it while it is the newest.
  if (read == SampleRead::kOk && shared_.test(id) && k.copying.lock() == *whole) {
    k.head = w.head;
    k.value = {{}, w.value};
    kept_.set(id);
  }
  return read;
}

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
  for (uint32_t i = 0; i < row.max_samples; ++i) {
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

// The sample of one row that is kept.
size_t Outbound::encode_kept(uint32_t id, uint64_t sent, int64_t now_ns, std::byte* room) {
  const NewestSample& k = newest_[id];
  if (k.head.sequence == sent || !source_->is_current(id)) return 0;
  const std::span<const std::byte> value = k.value.bytes();
  if (!value.empty()) memcpy(room, value.data(), value.size());
  add_row(id, sent, k.head, value.size(), now_ns);
  return value.size();
}

// Rows of the plan that are not special, `first` to `end`. The bytes of their values.
size_t Outbound::encode_plain(size_t first, size_t end, int64_t now_ns, std::byte* room) {
  Encoded& e = encoded_;
  const std::vector<uint32_t>& ids = e.plan.id;
  size_t bytes = 0;
  while (first < end) {
    size_t next = kept_.any() ? first : end;
    while (next < end && !kept_.test(ids[next])) ++next;
    const size_t busy = e.busy.size(), count = next - first;
    bytes += source_->read_newest({&ids[first], count}, {&e.plan.sent[first], count}, now_ns, room + bytes,
                                  &e.samples, &e.busy);
    for (size_t i = busy; i < e.busy.size(); ++i) e.busy[i] = ids[first + e.busy[i]];
    if (next < end) {
      bytes += encode_kept(ids[next], e.plan.sent[next], now_ns, room + bytes);
      ++next;
    }
    first = next;
  }
  return bytes;
}

// What several peers want is read once: samples of the last batch that are the newest still.
void Outbound::keep_encoded() {
  for (const PlainRun& run : encoded_.plain) {
    const std::byte* value = encoded_.payload.bytes.data() + run.payload_at;
    for (const SampleRow& row : encoded_.samples.all().subspan(run.first, run.count)) {
      const std::span<const std::byte> bytes(value, row.bytes);
      value += row.bytes;
      if (!shared_.test(row.id) || outdated_.test(row.id) || kept_.test(row.id)) continue;
      keep(row.id, row.head, bytes);
    }
  }
}

Outbound::Encoded& Outbound::encode(const BatchPlan& plan, int64_t now_ns) {
  Encoded& e = encoded_;
  if (encoded_valid_ && e.plan == plan) return e;
  if (shared_.any()) keep_encoded();
  outdated_.clear();
  e.plan = plan;
  e.special.assign(plan.special.size(), EncodeResult());
  e.plain.clear();
  e.busy.clear();
  e.samples.clear();
  e.tried_packed = e.packed = false;
  std::shared_ptr<std::byte[]> room = Frame::room(plan.max_value_bytes);
  size_t at = 0, row = 0;
  for (size_t i = 0; i <= plan.special.size(); ++i) {
    const size_t end = i < plan.special.size() ? plan.special[i].row : plan.id.size();
    const size_t samples = e.samples.count();
    if (row < end) {
      const size_t bytes = encode_plain(row, end, now_ns, room.get() + at);
      e.plain.push_back({samples, e.samples.count() - samples, at});
      at += bytes;
    }
    row = end + 1;
    if (i == plan.special.size()) break;
    EncodeResult& done = e.special[i];
    if (plan.special[i].max_samples == 0) {
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
