#include "relay/outbound/outbound.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "shm/clock.h"

namespace smt::relay {

namespace {

constexpr size_t kMaxNameBytes = 255;
constexpr size_t kMaxSchemaBytes = proto::kMaxFrame / 2;
// Of a value that look_at() reads.
constexpr uint64_t kMaxLookedAt = 1024;
const std::array<uint64_t, 64> kNeverSent{};

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
  keep_looked();
  changes_.clear();
  encoded_valid_ = false;
  encoded_.steady.clear();
  may_work_ = kPieceOfWork;
  source_->collect(now_ns, &changes_);
  for (const uint32_t id : changes_.removed) {
    if (id >= topics_.size()) continue;
    topics_[id] = {.wanted_by = topics_[id].wanted_by};  // until each PeerSender has been told
    if (newest_.has(id)) newest_[id] = NewestSample();
    for (Bits* of : {&variable_, &kept_, &copying_}) of->clear(id);
    outdated_.set(id);
  }
  if (topics_.size() < source_->topic_limit()) topics_.resize(source_->topic_limit());
  for (const uint32_t id : changes_.described) {
    const TopicDescription& d = *source_->topic(id);
    Topic& t = topics_[id];
    if (newest_.has(id)) newest_[id] = NewestSample();
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
  NewestSample& k = newest_.at(id);
  k.head = head;
  k.value.buffer.assign(value.begin(), value.end());
  k.value.block = {};
}

SampleRead Outbound::sample(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) {
  if (is_at_hand(id)) {
    const Newest newest = at_hand(id);
    *head = *newest.head;
    *bytes = newest.value.size();
    if (!newest.value.empty()) memcpy(room, newest.value.data(), newest.value.size());
    return SampleRead::kOk;
  }
  const SampleRead read = source_->read_newest(id, head, room, bytes);
  if (read == SampleRead::kOk && shared_.test(id)) keep(id, *head, {room, *bytes});
  return read;
}

Outbound::Newest Outbound::read_to_keep(uint32_t id, SampleRead* read) {
  NewestSample& k = newest_.at(id);
  std::vector<std::byte>& value = k.value.buffer;
  value.resize(topics_[id].max_bytes);
  k.value.block = {};
  uint64_t bytes = 0;
  *read = source_->read_newest(id, &k.head, value.data(), &bytes);
  if (*read != SampleRead::kOk) return {};
  value.resize(bytes);
  kept_.set(id);
  return {&k.head, value};
}

void Outbound::look_at(size_t word, uint64_t topics, int64_t now_ns) {
  std::array<uint32_t, 64> ids;
  size_t n = 0, max_bytes = 0;
  for (uint64_t t = topics & ~kept_.word(word) & ~looked_.topics.word(word); t != 0; t &= t - 1) {
    const uint32_t id = Bits::number(word, t);
    if (topics_[id].max_bytes > kMaxLookedAt) continue;
    ids[n++] = id;
    max_bytes += topics_[id].max_bytes;
  }
  if (n == 0) return;
  Looked& l = looked_;
  if (l.place.size() < topics_.size()) l.place.resize(topics_.size());
  if (l.values.size() < l.bytes + max_bytes) l.values.resize(2 * (l.bytes + max_bytes));
  size_t row = l.rows.count();
  l.busy.clear();
  source_->read_newest({ids.data(), n}, {kNeverSent.data(), n}, now_ns, l.values.data() + l.bytes, &l.rows,
                       &l.busy);
  uint64_t read = 0;
  for (const SampleRow& r : l.rows.all().subspan(row)) {
    l.place[r.id] = {static_cast<uint32_t>(row++), l.bytes};
    l.bytes += r.bytes;
    read |= uint64_t{1} << r.id % 64;
  }
  l.topics.add_word(word, read);
}

// What several peers want is read once.
void Outbound::keep_looked() {
  if (shared_.any()) {
    looked_.topics.for_each_common(shared_, [this](uint32_t id) {
      if (!kept_.test(id)) keep(id, *at_hand(id).head, at_hand(id).value);
    });
  }
  looked_.topics.clear();
  looked_.rows.clear();
  looked_.bytes = 0;
}

SampleRead Outbound::sample_whole(uint32_t id, std::optional<uint64_t> after,
                                  std::shared_ptr<WholeSample>* whole) {
  NewestSample& k = newest_.at(id);
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

}  // namespace smt::relay
