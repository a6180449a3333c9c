#include "relay/outbound.h"

#include <algorithm>
#include <cstring>

#include "shm/clock.h"

namespace smt::relay {

namespace {

// What the system tells about itself is served to whoever asks for it by name, unless a rule denies it.
bool Allowed(const PatternSet& rules, const std::string& name) {
  const PatternSet::Decision decision = rules.decide(name);
  return decision.allowed || (decision.pattern == nullptr && name.starts_with("smt/"));
}

constexpr size_t kMostNameBytes = 255;
constexpr size_t kMostSchemaBytes = proto::kLargestFrame / 2;

}  // namespace

Outbound::Outbound(Store* store, PatternSet rules, int64_t period_ns, OutboundCounters* counters)
    : store_(store), rules_(std::move(rules)), period_ns_(period_ns), counters_(counters) {}

void Outbound::collect(int64_t now_ns, const std::vector<Feed*>& feeds) {
  changes_.clear();
  encoded_valid_ = false;
  store_->collect(now_ns, &changes_);
  for (const uint32_t id : changes_.gone) {
    for (Feed* f : feeds) f->gone(id);
    if (id >= topics_.size()) continue;
    topics_[id] = Topic();
    kept_[id] = Kept();
  }
  if (topics_.size() < store_->topic_limit()) {
    topics_.resize(store_->topic_limit());
    kept_.resize(topics_.size());
  }
  for (const uint32_t id : changes_.described) {
    const TopicDescription& d = *store_->topic(id);
    Topic& t = topics_[id];
    t.kept = false;
    t.variable = d.value_bytes == 0;
    t.max_bytes = d.max_bytes;
    const bool fits =
        d.name.size() <= kMostNameBytes && d.schema != nullptr && d.schema->size() <= kMostSchemaBytes;
    if (!fits) ++counters_->too_large;
    t.allowed = fits && Allowed(rules_, d.name);
    for (Feed* f : feeds) f->described(id);
  }
  for (const uint32_t id : changes_.moved) {
    if (topics_[id].kept) kept_[id].whole = {};
    topics_[id].kept = false;
    for (Feed* f : feeds) f->moved(id, now_ns);
  }
  for (const uint32_t id : changes_.state) {
    for (Feed* f : feeds) f->restated(id);
  }
  counters_->slot_reads = store_->slot_reads();
}

SampleRead Outbound::sample(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) {
  Topic& t = topics_[id];
  if (t.kept) {
    const Kept& k = kept_[id];
    const std::span<const std::byte> value = k.whole.block != nullptr ? k.whole.bytes : k.value;
    *head = k.head;
    *bytes = value.size();
    if (!value.empty()) memcpy(room, value.data(), value.size());
    return SampleRead::kOk;
  }
  const SampleRead read = store_->sample(id, head, room, bytes);
  if (read == SampleRead::kOk && t.wanted_by > 1) {
    t.kept = true;
    kept_[id].head = *head;
    kept_[id].value.assign(room, room + *bytes);
    kept_[id].whole = {};
  }
  return read;
}

SampleRead Outbound::sample_whole(uint32_t id, SampleHead* head, Frame* value) {
  Topic& t = topics_[id];
  Kept& k = kept_[id];
  if (t.kept && k.whole.block != nullptr) {
    *head = k.head;
    *value = k.whole;
    return SampleRead::kOk;
  }
  std::shared_ptr<std::byte[]> room = Frame::room(t.max_bytes);
  uint64_t bytes = 0;
  const SampleRead read = sample(id, head, room.get(), &bytes);
  if (read != SampleRead::kOk) return read;
  value->bytes = {room.get(), bytes};
  value->block = std::move(room);
  if (t.kept) {
    k.whole = *value;
    k.value = {};
  }
  return read;
}

const Outbound::Encoded& Outbound::encode(const std::vector<Row>& asked, int64_t now_ns) {
  if (encoded_valid_ && encoded_.asked == asked) return encoded_;
  Encoded& e = encoded_;
  e.asked = asked;
  e.sequences.assign(e.asked.size(), 0);
  e.busy.assign(e.asked.size(), false);
  size_t most = 0;
  for (const Row& row : e.asked) most += topics_[row.id].max_bytes;
  std::shared_ptr<std::byte[]> room = Frame::room(most);
  size_t at = 0;
  rows_.clear();
  batch_.Clear();
  for (size_t i = 0; i < e.asked.size(); ++i) {
    const Row& row = e.asked[i];
    SampleHead head;
    uint64_t bytes = 0;
    const SampleRead read = sample(row.id, &head, room.get() + at, &bytes);
    e.busy[i] = read == SampleRead::kBusy;
    if (read != SampleRead::kOk || (head.sequence == row.base && !row.again)) continue;
    e.sequences[i] = head.sequence;
    rows_.push_back({row.id, head.sequence - row.base, head.stamp_ns,
                     std::max<int64_t>(0, AgeNs(now_ns, head.born_ns)),
                     store_->way(row.id, head.sequence).age_error_ns});
    if (topics_[row.id].variable) batch_.add_size(bytes);
    at += bytes;
  }
  e.samples = rows_.size();
  if (e.samples != 0) {
    proto::AppendRows(rows_, &batch_);
    batch_.set_sent_ns(static_cast<uint64_t>(now_ns));
    batch_.SerializeToString(&e.body);
    e.payload.bytes = {room.get(), at};
    e.payload.block = std::move(room);
    e.payload_hash = proto::PayloadHash(e.payload.bytes);
  }
  encoded_valid_ = true;
  return e;
}

}  // namespace smt::relay
