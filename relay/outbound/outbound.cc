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

const Changes& Outbound::collect(int64_t now_ns) {
  changes_.clear();
  encoded_valid_ = false;
  may_work_ = kPieceOfWork;
  source_->collect(now_ns, &changes_);
  for (const uint32_t id : changes_.removed) {
    if (id >= topics_.size()) continue;
    topics_[id] = {.wanted_by = topics_[id].wanted_by};  // until each PeerSender has been told
    newest_[id] = NewestSample();
  }
  if (topics_.size() < source_->topic_limit()) {
    topics_.resize(source_->topic_limit());
    newest_.resize(topics_.size());
  }
  for (const uint32_t id : changes_.described) {
    const TopicDescription& d = *source_->topic(id);
    Topic& t = topics_[id];
    newest_[id] = NewestSample();
    t.kept = t.copying = false;
    t.variable = d.value_bytes == 0;
    t.max_bytes = d.max_bytes;
    const bool fits =
        d.name.size() <= kMaxNameBytes && d.schema != nullptr && d.schema->size() <= kMaxSchemaBytes;
    if (!fits) ++counters_->too_large;
    t.fits = fits;
  }
  for (const uint32_t id : changes_.updated) {
    Topic& t = topics_[id];
    if (!t.kept && !t.copying) continue;
    newest_[id].value.block = {};
    newest_[id].copying.reset();
    t.kept = t.copying = false;
  }
  counters_->slot_reads = source_->slot_reads();
  return changes_;
}

SampleRead Outbound::sample(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) {
  Topic& t = topics_[id];
  if (t.kept) {
    const NewestSample& k = newest_[id];
    const std::span<const std::byte> value = k.value.bytes();
    *head = k.head;
    *bytes = value.size();
    if (!value.empty()) memcpy(room, value.data(), value.size());
    return SampleRead::kOk;
  }
  const SampleRead read = source_->read_newest(id, head, room, bytes);
  if (read == SampleRead::kOk && t.wanted_by > 1) {
    t.kept = true;
    newest_[id].head = *head;
    newest_[id].value.buffer.assign(room, room + *bytes);
    newest_[id].value.block = {};
  }
  return read;
}

const Outbound::NewestSample* Outbound::newest(uint32_t id, SampleRead* read) {
  Topic& t = topics_[id];
  NewestSample& k = newest_[id];
  *read = SampleRead::kOk;
  if (t.kept) return &k;
  std::vector<std::byte>& value = k.value.buffer;
  value.resize(t.max_bytes);
  k.value.block = {};
  uint64_t bytes = 0;
  *read = source_->read_newest(id, &k.head, value.data(), &bytes);
  if (*read != SampleRead::kOk) return nullptr;
  value.resize(bytes);
  t.kept = true;
  return &k;
}

SampleRead Outbound::sample_whole(uint32_t id, std::optional<uint64_t> after,
                                  std::shared_ptr<WholeSample>* whole) {
  Topic& t = topics_[id];
  NewestSample& k = newest_[id];
  if (*whole == nullptr && !after) *whole = k.copying.lock();
  if (*whole == nullptr) {
    *whole = std::make_shared<WholeSample>();
    if (!after && t.kept) {
      (*whole)->head = k.head;
      (*whole)->value = k.value.share();
    } else if (!after) {
      k.copying = *whole;
      t.copying = true;
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
  if (read == SampleRead::kOk && t.wanted_by > 1 && k.copying.lock() == *whole) {
    k.head = w.head;
    k.value = {{}, w.value};
    t.kept = true;
  }
  return read;
}

void Outbound::add_row(const Row& row, const SampleHead& head, uint64_t bytes, int64_t now_ns,
                       EncodeResult* done) {
  const uint64_t base = done->samples == 0 ? row.base : done->last;
  rows_.push_back({row.id, head.sequence - base, head.stamp_ns, age_at(now_ns, head.born_ns),
                   source_->provenance(row.id, head.sequence).age_error_ns});
  if (topics_[row.id].variable) batch_.add_size(bytes);
  ++done->samples;
  done->bytes += bytes;
  done->last = head.sequence;
}

void Outbound::encode_newest(const Row& row, int64_t now_ns, std::byte* room, EncodeResult* done) {
  SampleHead head;
  uint64_t bytes = 0;
  const SampleRead read = sample(row.id, &head, room, &bytes);
  done->busy = read == SampleRead::kBusy;
  if (read != SampleRead::kOk || (head.sequence == row.base && !row.again)) return;
  if (row.max_age_ns != 0 && !row.again && age_at(now_ns, head.born_ns) > row.max_age_ns) {
    done->looked_at = head.sequence;
    done->too_old = 1;
    return;
  }
  add_row(row, head, bytes, now_ns, done);
}

void Outbound::encode_next(const Row& row, int64_t now_ns, std::byte* room, EncodeResult* done) {
  uint64_t after = row.after;
  for (uint32_t i = 0; i < row.max_samples; ++i) {
    SampleHead head;
    uint64_t bytes = 0;
    const SampleRead read = source_->read_after(row.id, after, &head, room + done->bytes, &bytes);
    done->busy = read == SampleRead::kBusy;
    if (read != SampleRead::kOk) return;
    if (after != 0) done->overwritten += head.sequence - after - 1;
    after = head.sequence;
    if (row.max_age_ns != 0 && age_at(now_ns, head.born_ns) > row.max_age_ns) {
      ++done->too_old;
      done->looked_at = head.sequence;
      continue;
    }
    add_row(row, head, bytes, now_ns, done);
  }
}

Outbound::Encoded& Outbound::encode(const std::vector<Row>& asked, int64_t now_ns) {
  if (encoded_valid_ && encoded_.asked == asked) return encoded_;
  Encoded& e = encoded_;
  e.asked = asked;
  e.done.assign(e.asked.size(), EncodeResult());
  e.tried_packed = e.packed = false;
  size_t max = 0;
  for (const Row& row : e.asked) max += topics_[row.id].max_bytes * std::max(1u, row.max_samples);
  std::shared_ptr<std::byte[]> room = Frame::room(max);
  size_t at = 0;
  rows_.clear();
  batch_.Clear();
  for (size_t i = 0; i < e.asked.size(); ++i) {
    const Row& row = e.asked[i];
    if (row.max_samples == 0) {
      encode_newest(row, now_ns, room.get() + at, &e.done[i]);
    } else {
      encode_next(row, now_ns, room.get() + at, &e.done[i]);
    }
    at += e.done[i].bytes;
  }
  e.samples = rows_.size();
  if (e.samples != 0) {
    proto::append_rows(rows_, &batch_);
    batch_.set_sent_ns(static_cast<uint64_t>(now_ns));
    batch_.SerializeToString(&e.body);
    e.payload.bytes = {room.get(), at};
    e.payload.block = std::move(room);
    e.payload_hash = proto::payload_hash(e.payload.bytes);
  }
  encoded_valid_ = true;
  return e;
}

bool Outbound::pack(Encoded* e) {
  if (e->tried_packed) return e->packed;
  e->tried_packed = true;
  std::optional<Frame> packed = batches_.shrink(e->payload.bytes);
  if (!packed) return false;
  batch_.set_raw_bytes(static_cast<uint32_t>(e->payload.bytes.size()));
  batch_.SerializeToString(&e->packed_body);
  e->packed_payload = std::move(*packed);
  e->packed_hash = proto::payload_hash(e->packed_payload.bytes);
  return e->packed = true;
}

}  // namespace smt::relay
