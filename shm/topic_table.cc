#include "shm/topic_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "shm/memory_text.h"
#include "shm/ordering.h"
#include "shm/record.h"

namespace smt {

namespace {

layout::Word* words_at(std::byte* at) { return reinterpret_cast<layout::Word*>(at); }

// The bytes of a Blob holding `text`.
std::string blob_bytes(const std::string& text) {
  layout::Blob head{layout::align_up(sizeof(layout::Blob) + text.size()), text.size()};
  std::string bytes(head.block_bytes, '\0');
  memcpy(bytes.data(), &head, sizeof head);
  memcpy(bytes.data() + sizeof head, text.data(), text.size());
  return bytes;
}

std::string origin_bytes(const TopicOrigin& origin) {
  layout::Origin o{};
  o.block_bytes = sizeof o;
  memcpy(o.origin_id, origin.origin_id.data(), sizeof o.origin_id);
  memcpy(o.segment_id, origin.segment_id.data(), sizeof o.segment_id);
  const auto put = [](char* to, const std::string& text) {
    memcpy(to, text.data(), std::min<size_t>(text.size(), layout::kNameBytes));
  };
  put(o.host, origin.host);
  put(o.domain, origin.domain);
  put(o.node, origin.node);
  return std::string(reinterpret_cast<const char*>(&o), sizeof o);
}

}  // namespace

void TopicTable::start(std::byte* base, Heap::Grow grow) {
  base_ = base;
  heap_ = std::make_unique<Heap>(std::move(grow));
  topics_.clear();
  by_name_ = NameIndex();
  free_indexes_.clear();
  shared_.clear();
  shared_at_.clear();
}

void TopicTable::clear(uint64_t end) { heap_->rebuild(layout::kHeaderBytes, end, {}); }

layout::Word* TopicTable::counter(uint32_t index) const {
  const uint32_t block = layout::block_of(index);
  return words_at(base_ + header()->block[block].load(std::memory_order_relaxed)) + layout::place_of(index);
}

layout::Entry* TopicTable::entry(uint32_t index) const {
  const uint32_t block = layout::block_of(index);
  return reinterpret_cast<layout::Entry*>(base_ + header()->block[block].load(std::memory_order_relaxed) +
                                          layout::block_topics(block) * sizeof(layout::Word)) +
         layout::place_of(index);
}

uint64_t TopicTable::directory_room() const {
  const uint64_t blocks = header()->block_count.load(std::memory_order_relaxed);
  return layout::kFirstBlockTopics * ((uint64_t{1} << std::min<uint64_t>(blocks, layout::kBlocks)) - 1);
}

bool TopicTable::claim_directory(uint64_t backed, Spans* used, std::string* why) const {
  const uint64_t blocks = header()->block_count.load(std::memory_order_relaxed);
  if (blocks > layout::kBlocks || header()->topic_limit.load(std::memory_order_relaxed) > directory_room()) {
    *why = "its directory is damaged";
    return false;
  }
  for (uint32_t b = 0; b < blocks; ++b) {
    const uint64_t offset = header()->block[b].load(std::memory_order_relaxed);
    const uint64_t bytes = layout::bytes_of_block(b);
    if (offset < layout::kHeaderBytes || offset % layout::kAlign != 0 || bytes > backed ||
        offset > backed - bytes) {
      *why = "directory block " + std::to_string(b) + " lies outside";
      return false;
    }
    used->emplace_back(offset, bytes);
  }
  return true;
}

// An immutable block that a record points at: claimed once, counted for each use.
bool TopicTable::claim_shared(uint64_t offset, uint64_t at_least, uint64_t backed, Spans* used) {
  if (const auto at = shared_at_.find(offset); at != shared_at_.end()) {
    ++shared_[at->second].uses;
    return true;
  }
  if (offset % layout::kAlign != 0 || offset < layout::kHeaderBytes || offset > backed ||
      backed - offset < at_least) {
    return false;
  }
  uint64_t bytes = 0;
  load_words(&bytes, words_at(base_ + offset), sizeof bytes);
  if (bytes < at_least || bytes % layout::kAlign != 0 || bytes > backed - offset ||
      bytes > layout::kMaxSchemaBytes + layout::kAlign) {
    return false;
  }
  std::string key(bytes, '\0');
  load_words(key.data(), words_at(base_ + offset), bytes);
  if (shared_.count(key) != 0) return false;  // stored twice: not by us
  used->emplace_back(offset, bytes);
  shared_at_[offset] = key;
  shared_[key] = {offset, bytes, 1};
  return true;
}

bool TopicTable::claim_topic(uint32_t index, uint64_t backed, Spans* used, std::string* why) {
  TopicFields r;
  const RecordRead read = read_record(base_, backed, entry(index), index, &r);
  const uint64_t head = counter(index)->load(std::memory_order_relaxed);
  if (head > layout::kMaxPosition) {
    *why = "the counter of topic " + std::to_string(index) + " is damaged";
    return false;
  }
  if (read == RecordRead::kDead) {
    free_indexes_.push_back(index);
    return true;
  }
  const bool good =
      read == RecordRead::kLive && r.first_position <= head + 1 &&
      claim_shared(r.schema_offset, sizeof(layout::Blob), backed, used) &&
      (r.origin_offset == 0 || claim_shared(r.origin_offset, sizeof(layout::Origin), backed, used));
  if (!good || find(r.name) != nullptr) {
    *why = "the directory entry of topic " + std::to_string(index) + " is damaged";
    return false;
  }
  used->emplace_back(r.record_offset, r.block_bytes);
  Entry e;
  static_cast<TopicFields&>(e) = std::move(r);
  add(std::move(e));
  return true;
}

// Beyond the limit nothing has ever been: what lies there would come to light when the limit grows.
bool TopicTable::nothing_beyond(uint64_t limit, std::string* why) const {
  for (uint64_t i = limit; i < directory_room(); ++i) {
    const auto index = static_cast<uint32_t>(i);
    if (entry(index)->generation.load(std::memory_order_relaxed) != 0 ||
        counter(index)->load(std::memory_order_relaxed) != 0) {
      *why = "it has topics beyond its limit";
      return false;
    }
  }
  return true;
}

// A lock that is odd, or of a position that was never announced, is what a killed publish() leaves.
uint32_t TopicTable::repair_slots() {
  uint32_t repaired = 0;
  for_each([&](const Entry& e) {
    const uint64_t head = counter(e.index)->load(std::memory_order_relaxed);
    for (uint64_t s = 0; s < e.slot_count; ++s) {
      auto* slot = reinterpret_cast<layout::Slot*>(ring(e) + s * e.slot_stride);
      const uint64_t lock = slot->lock.load(std::memory_order_relaxed);
      if (lock == 0 || (lock % 2 == 0 && lock / 2 <= head && lock / 2 % e.slot_count == s)) continue;
      slot->lock.store(0, std::memory_order_relaxed);  // vouches for nothing: no order
      ++repaired;
    }
  });
  return repaired;
}

bool TopicTable::rebuild(uint64_t backed, std::string* why, uint32_t* half_written) {
  Spans used;
  if (!claim_directory(backed, &used, why)) return false;
  const auto limit = static_cast<uint32_t>(header()->topic_limit.load(std::memory_order_relaxed));
  for (uint32_t i = 0; i < limit; ++i) {
    if (!claim_topic(i, backed, &used, why)) return false;
  }
  if (!nothing_beyond(limit, why)) return false;
  if (!heap_->rebuild(layout::kHeaderBytes, backed, std::move(used))) {
    *why = "topics overlap";
    return false;
  }
  std::reverse(free_indexes_.begin(), free_indexes_.end());  // lowest first
  *half_written += repair_slots();
  // Whoever was killed between a generation and the version that tells of it has told nobody.
  publish_directory_version(header());
  return true;
}

void TopicTable::set_link_down() {
  for_each([this](const Entry& e) {
    layout::Half& state = record(e)->state;
    if (state.load(std::memory_order_relaxed) == static_cast<uint32_t>(State::kSubstituted)) return;
    state.store(static_cast<uint32_t>(State::kLinkDown), std::memory_order_relaxed);
  });
}

std::vector<std::string> TopicTable::names() const {
  std::vector<std::string> names;
  for_each([&](const Entry& e) { names.push_back(e.name); });
  std::sort(names.begin(), names.end());
  return names;
}

TopicTable::Entry* TopicTable::find(std::string_view name) const {
  const std::optional<uint32_t> index =
      by_name_.find(name, [this](uint32_t i) -> std::string_view { return topics_[i]->name; });
  return index ? topics_[*index].get() : nullptr;
}

TopicTable::Entry* TopicTable::add(Entry e) {
  if (e.index >= topics_.size()) topics_.resize(e.index + 1);
  by_name_.insert(e.name, e.index);
  return (topics_[e.index] = std::make_unique<Entry>(std::move(e))).get();
}

std::string TopicTable::type_name(const Entry& e) const {
  const std::string& text = shared_at_.at(e.schema_offset);  // begins with it, see Schema::text()
  return text.substr(sizeof(layout::Blob), text.find(' ', sizeof(layout::Blob)) - sizeof(layout::Blob));
}

bool TopicTable::same_origin(const Entry& e, const TopicOptions& options) const {
  if (e.hops != options.hops || (e.origin_offset != 0) != options.origin.has_value()) return false;
  return !options.origin || shared_at_.at(e.origin_offset) == origin_bytes(*options.origin);
}

Status TopicTable::add_block(const std::string& what) {
  const auto block = static_cast<uint32_t>(header()->block_count.load(std::memory_order_relaxed));
  if (block >= layout::kBlocks) {
    return Status(Code::kNoSpace, "the directory is full (" + std::to_string(layout::kMaxTopics) +
                                      " topics): no room for " + what);
  }
  const uint64_t bytes = layout::bytes_of_block(block);
  Result<uint64_t> offset = heap_->allocate(bytes, what);
  if (!offset.ok()) return offset.status();
  for (uint64_t at = 0; at < bytes; at += sizeof(layout::Word)) {
    words_at(base_ + *offset + at)->store(0, std::memory_order_relaxed);
  }
  publish_block(header(), block, *offset);
  return Status();
}

Result<uint32_t> TopicTable::free_index(const std::string& what) {
  if (!free_indexes_.empty()) {
    const uint32_t index = free_indexes_.back();
    free_indexes_.pop_back();
    return index;
  }
  const auto index = static_cast<uint32_t>(header()->topic_limit.load(std::memory_order_relaxed));
  if (index == layout::kMaxTopics ||
      layout::block_of(index) >= header()->block_count.load(std::memory_order_relaxed)) {
    if (Status s = add_block(what); !s.ok()) return s;
  }
  publish_topic_limit(header(), index + 1);
  return index;
}

Result<uint64_t> TopicTable::share(const std::string& bytes, const std::string& what) {
  if (const auto it = shared_.find(bytes); it != shared_.end()) {
    ++it->second.uses;
    return it->second.offset;
  }
  Result<uint64_t> offset = heap_->allocate(bytes.size(), what);
  if (!offset.ok()) return offset;
  store_words(words_at(base_ + *offset), bytes.data(), bytes.size());
  shared_[bytes] = {*offset, bytes.size(), 1};
  shared_at_[*offset] = bytes;
  return offset;
}

void TopicTable::unshare(uint64_t offset) {
  const auto at = shared_at_.find(offset);
  if (at == shared_at_.end()) return;
  const auto it = shared_.find(at->second);
  if (--it->second.uses > 0) return;
  heap_->free(offset, it->second.block_bytes);
  shared_.erase(it);
  shared_at_.erase(at);
}

void TopicTable::copy_history(const Entry& from, const Entry& to, std::byte* to_ring,
                              uint64_t keep_bytes) const {
  const uint64_t head = counter(from.index)->load(std::memory_order_relaxed);
  const uint64_t many = std::min({to.slot_count, from.slot_count, keep_bytes / from.slot_stride});
  const uint64_t oldest = std::max(from.first_position, head >= many ? head - many + 1 : 1);
  for (uint64_t p = oldest; p <= head; ++p) {
    const std::byte* old = ring(from) + (p & (from.slot_count - 1)) * from.slot_stride;
    const auto* slot = reinterpret_cast<const layout::Slot*>(old);
    if (slot->lock.load(std::memory_order_relaxed) != 2 * p) continue;
    const uint64_t words =
        (sizeof(layout::Slot) +
         layout::align_up(std::min(from.slot_stride, to.slot_stride) - sizeof(layout::Slot), 8)) /
        8;
    layout::Word* out = words_at(to_ring + (p & (to.slot_count - 1)) * to.slot_stride);
    for (uint64_t w = 0; w < words; ++w) {
      write_word(&out[w], read_word(reinterpret_cast<const layout::Word*>(old) + w));
    }
  }
}

Status TopicTable::allocate(const std::string& schema, const std::string& origin, Entry* e) {
  const std::string what = "topic " + e->name;
  Result<uint64_t> at_schema = share(schema, what);
  if (!at_schema.ok()) return at_schema.status();
  Result<uint64_t> at_origin = !origin.empty() ? share(origin, what) : Result<uint64_t>(uint64_t{0});
  Result<uint64_t> at = at_origin.ok() ? heap_->allocate(e->block_bytes, what) : at_origin;
  if (!at.ok()) {
    unshare(*at_schema);
    if (at_origin.ok() && *at_origin != 0) unshare(*at_origin);
    return at.status();
  }
  e->record_offset = *at;
  e->schema_offset = *at_schema;
  e->origin_offset = *at_origin;
  return Status();
}

// Word by word, since a late reader of what was here before may still be looking.
void TopicTable::write(const Entry& e, int64_t max_age_ns, const TopicTable& from, const Entry* before,
                       uint64_t keep_bytes) {
  layout::Record r{};
  r.block_bytes = e.block_bytes;
  r.generation = e.generation;
  r.topic_index = e.index;
  r.slot_count = static_cast<uint32_t>(e.slot_count);
  r.slot_stride = e.slot_stride;
  r.max_bytes = e.max_bytes;
  r.first_position = e.first_position;
  r.first_sequence = e.first_sequence;
  r.schema_offset = e.schema_offset;
  r.schema_hash = e.schema_hash;
  r.origin_offset = e.origin_offset;
  r.name_bytes = static_cast<uint32_t>(e.name.size());
  r.variable = e.variable ? 1 : 0;
  r.hops = e.hops;
  r.max_age_ns.store(static_cast<uint64_t>(max_age_ns), std::memory_order_relaxed);
  if (before != nullptr) {
    const layout::Record& b = *from.record(*before);
    r.epoch.store(b.epoch.load(std::memory_order_relaxed), std::memory_order_relaxed);
    r.state.store(b.state.load(std::memory_order_relaxed), std::memory_order_relaxed);
    r.delay_ns.store(b.delay_ns.load(std::memory_order_relaxed), std::memory_order_relaxed);
    r.age_error_ns.store(b.age_error_ns.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  std::byte* at = base_ + e.record_offset;
  store_words(words_at(at), &r, sizeof r);
  store_words(words_at(at + sizeof r), e.name.data(), e.name.size());
  for (uint64_t s = 0; s < e.slot_count; ++s) {
    // No lock that another ring left here may look like one of ours.
    write_word(&reinterpret_cast<layout::Slot*>(ring(e) + s * e.slot_stride)->lock, 0);
  }
  if (before != nullptr) from.copy_history(*before, e, ring(e), keep_bytes);
}

// Readers find it from here on.
void TopicTable::enter(const Entry& e) {
  layout::Entry* in_directory = entry(e.index);
  write_word(&in_directory->record[e.generation / 2 % 2], e.record_offset);
  replace_entry(in_directory, e.generation);
  publish_directory_version(header());
}

Status TopicTable::copy_topic(const TopicTable& from, const Entry& before) {
  Entry e;
  static_cast<TopicFields&>(e) = before;
  if (Status s = allocate(from.shared_at_.at(before.schema_offset), from.origin_block(before), &e); !s.ok())
    return s;
  write(e, from.max_age_ns(before), from, &before, UINT64_MAX);
  enter(e);
  add(std::move(e));
  return Status();
}

Status TopicTable::copy(const TopicTable& from) {
  std::vector<const Entry*> topics(from.header()->topic_limit.load(std::memory_order_relaxed));
  from.for_each([&](const Entry& e) { topics[e.index] = &e; });
  std::vector<uint32_t> unused;
  for (uint32_t i = 0; i < topics.size(); ++i) {
    Result<uint32_t> index = free_index("a directory");  // i: none is free
    if (!index.ok()) return index.status();
    counter(i)->store(from.counter(i)->load(std::memory_order_relaxed), std::memory_order_relaxed);
    if (topics[i] == nullptr) {
      unused.push_back(i);
    } else if (Status s = copy_topic(from, *topics[i]); !s.ok()) {
      return s;
    }
  }
  free_indexes_.assign(unused.rbegin(), unused.rend());  // lowest first
  return Status();
}

void TopicTable::take_writers(TopicTable* from, const std::function<void(Entry* e)>& bind) {
  for_each([&](Entry& e) {
    e.writer = std::move(from->topics_[e.index]->writer);
    if (e.writer != nullptr) bind(&e);
  });
}

Status TopicTable::measure(uint64_t max_bytes, uint32_t history, Entry* e) const {
  e->slot_count = std::bit_ceil(std::max<uint64_t>(history, layout::kMinSlots));
  e->slot_stride = layout::slot_stride(max_bytes);
  e->max_bytes = max_bytes;
  const uint64_t size = header()->size;
  if (e->slot_count > layout::kMaxSlots || max_bytes > size || e->slot_stride > size / e->slot_count) {
    return Status(Code::kNoSpace, "topic " + e->name + " of " + memory_text(max_bytes) +
                                      " with a history of " + std::to_string(e->slot_count) +
                                      " does not fit a segment of " + memory_text(size) +
                                      "; use a larger --segment-size or a shorter history");
  }
  e->block_bytes = layout::ring_offset(e->name.size()) + e->slot_count * e->slot_stride;
  return Status();
}

Result<bool> TopicTable::prepare(const std::string& topic, uint64_t max_bytes, uint32_t history,
                                 uint64_t max_growth) {
  Entry e;
  e.name = topic;
  if (Status s = measure(max_bytes, history, &e); !s.ok()) return s;
  return heap_->prepare(e.block_bytes, max_growth, "topic " + topic);
}

Result<TopicTable::Entry*> TopicTable::put(const TopicOptions& options, const Schema& schema,
                                           uint64_t max_bytes, bool keep_history) {
  Entry e;
  e.name = options.name;
  if (Status s = measure(max_bytes, options.history, &e); !s.ok()) return s;

  // The index first: a new directory block goes before the topic and not into the space that follows it.
  Entry* old = find(e.name);
  Result<uint32_t> index = old != nullptr ? Result<uint32_t>(old->index) : free_index("topic " + e.name);
  if (!index.ok()) return index.status();
  e.index = *index;
  const std::string origin = options.origin ? origin_bytes(*options.origin) : std::string();
  if (Status s = allocate(blob_bytes(schema.text()), origin, &e); !s.ok()) {
    if (old == nullptr) free_indexes_.push_back(e.index);
    return s;
  }
  e.generation = entry(e.index)->generation.load(std::memory_order_relaxed) + (old != nullptr ? 2 : 1);
  e.first_position =
      keep_history ? old->first_position : counter(e.index)->load(std::memory_order_relaxed) + 1;
  e.first_sequence = keep_history                  ? old->first_sequence
                     : options.first_sequence != 0 ? options.first_sequence
                                                   : e.first_position;
  e.schema_hash = schema.hash();
  e.variable = schema.size == 0;
  e.hops = options.hops;

  write(e, options.max_age_ns, *this, keep_history ? old : nullptr, options.keep_bytes);
  enter(e);
  if (old == nullptr) return add(std::move(e));
  replace(old, std::move(e));
  return old;
}

void TopicTable::replace(Entry* old, Entry e) {
  free(*old);
  e.writer = std::move(old->writer);
  *old = std::move(e);
}

Status TopicTable::grow(Entry* entry, uint64_t max_bytes, uint64_t keep_bytes) {
  Entry e;
  static_cast<TopicFields&>(e) = *entry;
  if (Status s = measure(max_bytes, static_cast<uint32_t>(e.slot_count), &e); !s.ok()) return s;
  if (Status s = allocate(shared_at_.at(entry->schema_offset), origin_block(*entry), &e); !s.ok()) return s;
  e.generation += 2;
  write(e, max_age_ns(*entry), *this, entry, keep_bytes);
  enter(e);
  replace(entry, std::move(e));
  return Status();
}

// Nothing in the directory points at its memory any more.
void TopicTable::free(const Entry& e) {
  heap_->free(e.record_offset, e.block_bytes);
  unshare(e.schema_offset);
  if (e.origin_offset != 0) unshare(e.origin_offset);
}

void TopicTable::remove(Entry* e) {
  retire_entry(entry(e->index), e->generation + 1);
  publish_directory_version(header());
  free(*e);
  free_indexes_.push_back(e->index);
  by_name_.erase(e->name, e->index);
  topics_[e->index].reset();
}

}  // namespace smt
