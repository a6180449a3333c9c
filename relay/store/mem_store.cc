#include "relay/store/mem_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace smt::relay {

namespace {

void copy_value(const KeptValue& value, std::byte* room, uint64_t* bytes) {
  const std::span<const std::byte> from = value.bytes();
  *bytes = from.size();
  if (!from.empty()) memcpy(room, from.data(), from.size());
}

}  // namespace

MemStore::MemStore(uint64_t max_bytes) : max_bytes_(max_bytes) {}

void MemStore::mark(uint32_t id, bool Topic::*flag) {
  Topic& t = topics_[id];
  if (!t.described && !t.updated && !t.state_changed) changed_ids_.push_back(id);
  t.*flag = true;
  changed_ = true;
}

void MemStore::collect(int64_t, Changes* changes) {
  changed_ = false;
  for (const uint32_t id : changed_ids_) {
    Topic& t = topics_[id];
    if (t.live && t.described) changes->described.push_back(id);
    if (t.live && t.updated) changes->updated.set(id);
    if (t.live && t.state_changed) changes->state.push_back(id);
    t.described = t.updated = t.state_changed = false;
  }
  changed_ids_.clear();
  changes->removed.insert(changes->removed.end(), removed_.begin(), removed_.end());
  free_.insert(free_.end(), removed_.begin(), removed_.end());
  removed_.clear();
}

const TopicDescription* MemStore::topic(uint32_t id) const {
  return id < topics_.size() && topics_[id].live ? &topics_[id].description : nullptr;
}

SampleRead MemStore::read_newest(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) {
  const Topic& t = topics_[id];
  if (t.head.sequence == 0) return SampleRead::kEmpty;
  ++reads_;
  *head = t.head;
  copy_value(t.value, room, bytes);
  return SampleRead::kOk;
}

size_t MemStore::read_newest(std::span<const uint32_t> ids, std::span<const uint64_t> sent, int64_t now_ns,
                             std::byte* room, SampleRows* out, std::vector<uint32_t>*) {
  SampleRow* const begin = out->places(ids.size());
  SampleRow* end = begin;
  std::byte* value = room;
  int64_t errors_ns = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const Topic& t = topics_[ids[i]];
    if (t.head.sequence == 0 || !t.current) continue;
    ++reads_;
    if (t.head.sequence == sent[i]) continue;
    uint64_t bytes;
    copy_value(t.value, value, &bytes);
    value += bytes;
    errors_ns |= t.provenance.age_error_ns;
    end->head = t.head;
    (end++)->complete(ids[i], sent[i], now_ns, t.provenance.age_error_ns, bytes);
  }
  out->grow(static_cast<size_t>(end - begin), errors_ns);
  return static_cast<size_t>(value - room);
}

// Null: none of them is.
const MemStore::Topic::Past* MemStore::first_after(const Topic& t, uint64_t sequence) {
  size_t from = 0, to = t.past.size();
  while (from < to) {
    const size_t middle = from + (to - from) / 2;
    if (t.past[middle].head.sequence > sequence) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  return to < t.past.size() ? &t.past[to] : nullptr;
}

Provenance MemStore::provenance(uint32_t id, uint64_t sequence) const {
  const Topic& t = topics_[id];
  if (sequence == t.head.sequence) return t.provenance;
  const Topic::Past* const past = sequence == 0 ? nullptr : first_after(t, sequence - 1);
  return past != nullptr && past->head.sequence == sequence ? past->provenance : t.metadata_provenance;
}

SampleRead MemStore::read_after(uint32_t id, uint64_t after, SampleHead* head, std::byte* room,
                                uint64_t* bytes) {
  const Topic& t = topics_[id];
  if (t.head.sequence <= after) return SampleRead::kEmpty;
  const Topic::Past* const next = first_after(t, after);
  if (next == nullptr) return read_newest(id, head, room, bytes);
  ++reads_;
  *head = next->head;
  copy_value(next->value, room, bytes);
  return SampleRead::kOk;
}

size_t MemStore::read_after(std::span<const uint32_t> ids, std::span<const uint64_t> after,
                            std::span<const uint32_t> max_samples, int64_t now_ns, std::byte* room,
                            SampleRows* out, std::vector<uint32_t>*) {
  std::byte* value = room;
  for (size_t i = 0; i < ids.size(); ++i) {
    uint64_t last = after[i], bytes;
    for (uint32_t n = 0; n < max_samples[i] && topics_[ids[i]].current; ++n) {
      SampleRow* const row = out->places(1);
      if (MemStore::read_after(ids[i], last, &row->head, value, &bytes) != SampleRead::kOk) break;
      value += bytes;
      row->complete(ids[i], last, now_ns, MemStore::provenance(ids[i], row->head.sequence).age_error_ns,
                    bytes);
      out->grow(1, row->age_error_ns);
      last = row->head.sequence;
    }
  }
  return static_cast<size_t>(value - room);
}

SampleRead MemStore::read_whole(uint32_t id, std::optional<uint64_t> after, uint64_t, WholeSample* whole) {
  const Topic& t = topics_[id];
  if (t.head.sequence <= after.value_or(0)) return SampleRead::kEmpty;
  const Topic::Past* const next = after ? first_after(t, *after) : nullptr;
  ++reads_;
  whole->head = next != nullptr ? next->head : t.head;
  whole->value = next != nullptr ? next->value.share() : t.value.share();
  return SampleRead::kOk;
}

// Of the past only the last `most` stay.
void MemStore::drop_past(Topic* t, size_t max) {
  for (; t->past.size() > max; t->past.pop_front()) {
    bytes_ -= t->past.front().value.bytes().size();
    past_bytes_ -= t->past.front().value.bytes().size();
  }
}

// For so many bytes more; what is past makes way, this topic's first. False: there is none.
bool MemStore::make_room(Topic* t, uint64_t bytes) {
  if (bytes_ - past_bytes_ + bytes > max_bytes_) return false;
  const auto forget = [&](Topic* of) {
    while (bytes_ + bytes > max_bytes_ && !of->past.empty()) drop_past(of, of->past.size() - 1);
  };
  forget(t);
  for (size_t i = 0; i < topics_.size() && bytes_ + bytes > max_bytes_; ++i) forget(&topics_[i]);
  return true;
}

uint64_t MemStore::bytes_of(const TopicDescription& topic) const {
  return topic.name.size() + std::min(topic.max_bytes, max_bytes_);
}

Result<uint32_t> MemStore::open(std::shared_ptr<const TopicDescription> described, uint64_t session_key) {
  const TopicDescription& topic = *described;
  const auto known = by_name_.find(topic.name);
  if (bytes_ - past_bytes_ + topic.name.size() + topic.max_bytes > max_bytes_) {
    return Status(Code::kNoSpace, "no room for topic " + topic.name + ": the values of this relay take " +
                                      std::to_string(bytes_ - past_bytes_) + " of " +
                                      std::to_string(max_bytes_) + " bytes");
  }
  uint32_t id;
  if (known != by_name_.end()) {
    id = known->second;
  } else {
    if (free_.empty()) {
      id = static_cast<uint32_t>(topics_.size());
      topics_.emplace_back();
    } else {
      id = free_.back();
      free_.pop_back();
      topics_[id] = Topic();
    }
    topics_[id].live = true;
    by_name_[topic.name] = id;
    bytes_ += topic.name.size();
  }
  Topic& t = topics_[id];
  const bool goes_on = t.description.origin == topic.origin && t.description.schema_hash == topic.schema_hash;
  if (!goes_on || !topic.every) drop_past(&t, 0);
  if (!goes_on) {
    bytes_ -= t.value.bytes().size();
    t.value = {};
    t.head = t.metadata = {};
  }
  stop_arriving(&t);
  t.description = topic;
  t.description.max_bytes = std::max<uint64_t>(topic.max_bytes, t.value.bytes().size());
  for (size_t i = 0; i < t.past.size(); ++i) {
    t.description.max_bytes = std::max<uint64_t>(t.description.max_bytes, t.past[i].value.bytes().size());
  }
  t.session_key = session_key;
  mark(id, &Topic::described);
  if (goes_on && t.head.sequence != 0) mark(id, &Topic::updated);
  return id;
}

// What becomes of a sample that is not newer than what is here. Nothing: it is newer.
std::optional<PutResult> MemStore::settle(uint32_t handle, const SampleHead& head) {
  const uint64_t newest = topics_[handle].head.sequence;
  if (head.sequence < newest) return PutResult::kOld;
  if (head.sequence > newest) return std::nullopt;
  if (on_sample) on_sample(handle);
  return PutResult::kConfirmed;
}

// The value makes way for one of `bytes`, which are counted. False: there is no room, and nothing has
// changed.
bool MemStore::replace(Topic* t, uint64_t bytes) {
  const uint64_t before = t->value.bytes().size();
  const bool keeps = t->description.every && t->head.sequence != 0;
  bytes_ -= before;
  const bool fits = make_room(t, bytes);
  bytes_ += before;
  if (!fits) return false;
  if (keeps && make_room(t, bytes)) {
    past_bytes_ += before;
    t->past.push_back({t->head, t->provenance, std::move(t->value)});
    drop_past(t, t->description.history - 1);
  } else {
    bytes_ -= before;
    if (keeps) drop_past(t, 0);  // without a gap up to the newest, or not at all
  }
  bytes_ += bytes;
  t->value.block = {};
  return true;
}

PutResult MemStore::put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value,
                        const Provenance& provenance) {
  if (const std::optional<PutResult> known = settle(handle, head)) return *known;
  Topic& t = topics_[handle];
  if (!replace(&t, value.size())) return PutResult::kRefused;
  t.value.buffer.assign(value.begin(), value.end());
  return finish_put(handle, head, provenance);
}

size_t MemStore::put_plain(std::span<const PlainSample> samples, const std::byte* values, int64_t written_ns,
                           const Provenance& provenance) {
  size_t taken = 0;
  for (const PlainSample& s : samples) {
    if (s.sequence <= topics_[s.handle].head.sequence) break;
    const SampleHead head{s.sequence, s.stamp_ns, s.born_ns, written_ns};
    if (MemStore::put(s.handle, head, {values, s.bytes}, provenance) != PutResult::kTaken) break;
    values += s.bytes;
    ++taken;
  }
  return taken;
}

PutResult MemStore::finish_put(uint32_t handle, const SampleHead& head, const Provenance& provenance) {
  Topic& t = topics_[handle];
  if (const uint64_t bytes = t.value.bytes().size(); t.description.max_bytes < bytes) {
    t.description.max_bytes = bytes;
    mark(handle, &Topic::described);
  }
  t.head = head;
  t.provenance = provenance;
  mark(handle, &Topic::updated);
  if (on_sample) on_sample(handle);
  return PutResult::kTaken;
}

std::span<std::byte> MemStore::loan(uint32_t handle, uint64_t bytes) {
  Topic& t = topics_[handle];
  stop_arriving(&t);
  if (!make_room(&t, bytes)) return {};
  t.arriving = Frame::room(bytes);
  t.arriving_bytes = bytes;
  bytes_ += bytes;
  return {t.arriving.get(), bytes};
}

PutResult MemStore::commit(uint32_t handle, const SampleHead& head, const Provenance& provenance) {
  Topic& t = topics_[handle];
  Frame value;
  value.bytes = {t.arriving.get(), t.arriving_bytes};
  value.block = t.arriving;
  stop_arriving(&t);
  if (const std::optional<PutResult> known = settle(handle, head)) return *known;
  if (!replace(&t, value.bytes.size())) return PutResult::kRefused;
  t.value.buffer = {};
  t.value.block = std::move(value);
  return finish_put(handle, head, provenance);
}

void MemStore::abandon(uint32_t handle) { stop_arriving(&topics_[handle]); }

void MemStore::stop_arriving(Topic* t) {
  bytes_ -= t->arriving_bytes;
  t->arriving.reset();
  t->arriving_bytes = 0;
}

void MemStore::put_metadata(uint32_t handle, const SampleHead& head, const Provenance& provenance) {
  topics_[handle].metadata = head;
  topics_[handle].metadata_provenance = provenance;
  if (on_sample) on_sample(handle);
}

void MemStore::report_state(uint32_t handle, State state) {
  if (topics_[handle].state == state) return;
  topics_[handle].state = state;
  mark(handle, &Topic::state_changed);
}

void MemStore::set_current(uint32_t handle, bool current) {
  Topic& t = topics_[handle];
  if (t.current == current) return;
  t.current = current;
  if (current && t.head.sequence != 0) mark(handle, &Topic::updated);
}

void MemStore::remove(uint32_t handle) {
  Topic& t = topics_[handle];
  if (!t.live) return;
  stop_arriving(&t);
  drop_past(&t, 0);
  bytes_ -= t.description.name.size() + t.value.bytes().size();
  by_name_.erase(t.description.name);
  t.live = false;
  t.value = {};
  removed_.push_back(handle);
  changed_ = true;
}

void MemStore::flush(int64_t) {}

std::optional<uint32_t> MemStore::find(std::string_view name) const {
  const auto it = by_name_.find(std::string(name));
  if (it == by_name_.end()) return std::nullopt;
  return it->second;
}

}  // namespace smt::relay
