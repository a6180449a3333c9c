#include "relay/store/mem_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace smt::relay {

MemStore::MemStore(uint64_t most_bytes) : most_bytes_(most_bytes) {}

void MemStore::Mark(uint32_t id, bool Topic::*flag) {
  Topic& t = topics_[id];
  if (!t.described && !t.moved && !t.state_changed) changed_ids_.push_back(id);
  t.*flag = true;
  changed_ = true;
}

void MemStore::collect(int64_t, Changes* changes) {
  changed_ = false;
  for (const uint32_t id : changed_ids_) {
    Topic& t = topics_[id];
    if (t.live && t.described) changes->described.push_back(id);
    if (t.live && t.moved) changes->moved.push_back(id);
    if (t.live && t.state_changed) changes->state.push_back(id);
    t.described = t.moved = t.state_changed = false;
  }
  changed_ids_.clear();
  changes->gone.insert(changes->gone.end(), gone_.begin(), gone_.end());
  free_.insert(free_.end(), gone_.begin(), gone_.end());
  gone_.clear();
}

const TopicDescription* MemStore::topic(uint32_t id) const {
  return id < topics_.size() && topics_[id].live ? &topics_[id].description : nullptr;
}

SampleRead MemStore::read_newest(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) {
  const Topic& t = topics_[id];
  if (t.head.sequence == 0) return SampleRead::kEmpty;
  ++reads_;
  *head = t.head;
  *bytes = t.value.size();
  if (!t.value.empty()) memcpy(room, t.value.data(), t.value.size());
  return SampleRead::kOk;
}

MemStore::Past MemStore::FirstAfter(const Topic& t, uint64_t sequence) {
  return std::upper_bound(t.past.begin(), t.past.end(), sequence,
                          [](uint64_t after, const Topic::Past& p) { return after < p.head.sequence; });
}

Way MemStore::way(uint32_t id, uint64_t sequence) const {
  const Topic& t = topics_[id];
  if (sequence == t.head.sequence) return t.way;
  const Past past = sequence == 0 ? t.past.end() : FirstAfter(t, sequence - 1);
  return past != t.past.end() && past->head.sequence == sequence ? past->way : t.noted_way;
}

SampleRead MemStore::read_after(uint32_t id, uint64_t after, SampleHead* head, std::byte* room,
                                uint64_t* bytes) {
  const Topic& t = topics_[id];
  if (t.head.sequence <= after) return SampleRead::kEmpty;
  const Past next = FirstAfter(t, after);
  if (next == t.past.end()) return read_newest(id, head, room, bytes);
  ++reads_;
  *head = next->head;
  *bytes = next->value.size();
  if (!next->value.empty()) memcpy(room, next->value.data(), next->value.size());
  return SampleRead::kOk;
}

// Of the past only the last `most` stay.
void MemStore::Forget(Topic* t, size_t most) {
  for (; t->past.size() > most; t->past.pop_front()) {
    bytes_ -= t->past.front().value.size();
    past_bytes_ -= t->past.front().value.size();
  }
}

// For so many bytes more; what is past makes way, this topic's first. False: there is none.
bool MemStore::MakeRoom(Topic* t, uint64_t bytes) {
  if (bytes_ - past_bytes_ + bytes > most_bytes_) return false;
  const auto forget = [&](Topic* of) {
    while (bytes_ + bytes > most_bytes_ && !of->past.empty()) Forget(of, of->past.size() - 1);
  };
  forget(t);
  for (size_t i = 0; i < topics_.size() && bytes_ + bytes > most_bytes_; ++i) forget(&topics_[i]);
  return true;
}

uint64_t MemStore::bytes_of(const TopicDescription& topic) const {
  return topic.name.size() + std::min(topic.max_bytes, most_bytes_);
}

Result<uint32_t> MemStore::open(const TopicDescription& topic, uint64_t session_key) {
  const auto known = by_name_.find(topic.name);
  if (bytes_ - past_bytes_ + topic.name.size() + topic.max_bytes > most_bytes_) {
    return Status(Code::kNoSpace, "no room for topic " + topic.name + ": the values of this relay take " +
                                      std::to_string(bytes_ - past_bytes_) + " of " +
                                      std::to_string(most_bytes_) + " bytes");
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
  if (!goes_on || !topic.every) Forget(&t, 0);
  if (!goes_on) {
    bytes_ -= t.value.size();
    t.value = {};
    t.head = t.noted = {};
  }
  StopArriving(&t);
  t.description = topic;
  t.description.max_bytes = std::max<uint64_t>(topic.max_bytes, t.value.size());
  for (const Topic::Past& p : t.past) {
    t.description.max_bytes = std::max<uint64_t>(t.description.max_bytes, p.value.size());
  }
  t.session_key = session_key;
  Mark(id, &Topic::described);
  if (goes_on && t.head.sequence != 0) Mark(id, &Topic::moved);
  return id;
}

Put MemStore::put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value, const Way& way) {
  Topic& t = topics_[handle];
  if (head.sequence < t.head.sequence) return Put::kOld;
  if (head.sequence == t.head.sequence) {
    if (on_sample) on_sample(handle);
    return Put::kConfirmed;
  }
  const bool keeps = t.description.every && t.head.sequence != 0;
  bytes_ -= t.value.size();
  const bool fits = MakeRoom(&t, value.size());
  bytes_ += t.value.size();
  if (!fits) return Put::kRefused;
  if (keeps && MakeRoom(&t, value.size())) {
    past_bytes_ += t.value.size();
    t.past.push_back({t.head, t.way, std::move(t.value)});
    Forget(&t, t.description.history - 1);
  } else {
    bytes_ -= t.value.size();
    if (keeps) Forget(&t, 0);  // without a gap up to the newest, or not at all
  }
  bytes_ += value.size();
  t.value.assign(value.begin(), value.end());
  if (t.description.max_bytes < value.size()) {
    t.description.max_bytes = value.size();
    Mark(handle, &Topic::described);
  }
  t.head = head;
  t.way = way;
  Mark(handle, &Topic::moved);
  if (on_sample) on_sample(handle);
  return Put::kTaken;
}

std::span<std::byte> MemStore::loan(uint32_t handle, uint64_t bytes) {
  Topic& t = topics_[handle];
  StopArriving(&t);
  if (!MakeRoom(&t, bytes)) return {};
  t.arriving.resize(bytes);
  bytes_ += bytes;
  return t.arriving;
}

Put MemStore::commit(uint32_t handle, const SampleHead& head, const Way& way) {
  Topic& t = topics_[handle];
  bytes_ -= t.arriving.size();
  const std::vector<std::byte> value = std::exchange(t.arriving, {});
  return put(handle, head, value, way);
}

void MemStore::abandon(uint32_t handle) { StopArriving(&topics_[handle]); }

void MemStore::StopArriving(Topic* t) {
  bytes_ -= t->arriving.size();
  t->arriving = {};
}

void MemStore::note(uint32_t handle, const SampleHead& head, const Way& way) {
  topics_[handle].noted = head;
  topics_[handle].noted_way = way;
  if (on_sample) on_sample(handle);
}

void MemStore::tell_state(uint32_t handle, State state) {
  if (topics_[handle].state == state) return;
  topics_[handle].state = state;
  Mark(handle, &Topic::state_changed);
}

void MemStore::set_current(uint32_t handle, bool current) {
  Topic& t = topics_[handle];
  if (t.current == current) return;
  t.current = current;
  if (current && t.head.sequence != 0) Mark(handle, &Topic::moved);
}

void MemStore::remove(uint32_t handle) {
  Topic& t = topics_[handle];
  if (!t.live) return;
  StopArriving(&t);
  Forget(&t, 0);
  bytes_ -= t.description.name.size() + t.value.size();
  by_name_.erase(t.description.name);
  t.live = false;
  t.value = {};
  gone_.push_back(handle);
  changed_ = true;
}

void MemStore::flush(int64_t) {}

std::optional<uint32_t> MemStore::find(std::string_view name) const {
  const auto it = by_name_.find(std::string(name));
  if (it == by_name_.end()) return std::nullopt;
  return it->second;
}

}  // namespace smt::relay
