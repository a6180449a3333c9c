// The owner's side of a segment's directory: which topic is where, and what memory is in use.
// Internal to libsmt. Not thread-safe: Node serialises.
#ifndef SMT_SHM_TOPIC_TABLE_H_
#define SMT_SHM_TOPIC_TABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "shm/heap.h"
#include "shm/layout.h"
#include "shm/name_index.h"
#include "shm/node_options.h"
#include "shm/publisher.h"
#include "shm/status.h"
#include "shm/topic_fields.h"

namespace smt {

class TopicTable {
 public:
  // A topic that is live in the directory.
  struct Entry : TopicFields {
    std::unique_ptr<internal::TopicWriter> writer;  // made by Node when first advertised
  };

  // `grow` as Heap's.
  void start(std::byte* base, Heap::Grow grow);

  // An empty segment, backed up to `end`.
  void clear(uint64_t end);
  // After clear(): the topics of `from` at the same indexes, generations and positions, with all that their
  // rings hold. Writers stay with `from`, see take_writers. kNoSpace.
  Status copy(const TopicTable& from);
  // After copy(): each topic's writer goes from `from` to this table, which calls `bind` for it.
  void take_writers(TopicTable* from, const std::function<void(Entry* e)>& bind);
  // Believes nothing: false with the reason if anything in the directory cannot be true. Repairs half-written
  // slots; returns how many there were in `half_written`.
  bool rebuild(uint64_t backed, std::string* why, uint32_t* half_written);

  // Null if there is no such topic. Valid until remove().
  Entry* find(std::string_view name) const;
  // Of the topic's schema: the name of its type.
  std::string type_name(const Entry& e) const;
  // A new topic, or an existing one under its next generation. `keep_history` copies the samples of its ring
  // (the schema must be the same). On error everything is as before.
  Result<Entry*> put(const TopicOptions& options, const Schema& schema, uint64_t max_bytes,
                     bool keep_history);
  // The topic under its next generation, otherwise as it is, with room for larger values. Of the newest
  // samples `keep_bytes` at most are copied. On error everything is as before.
  Status grow(Entry* entry, uint64_t max_bytes, uint64_t keep_bytes);
  // As Heap::prepare, of the memory that put() takes.
  Result<bool> prepare(const std::string& topic, uint64_t max_bytes, uint32_t history, uint64_t max_growth);
  void remove(Entry* entry);

  // Of a mirror that is adopted: each topic is link-down until it is advertised again, but for one that a
  // fail-safe value stands in for.
  void set_link_down();

  uint32_t size() const { return static_cast<uint32_t>(by_name_.size()); }
  std::vector<std::string> names() const;  // sorted
  layout::Word* counter(uint32_t index) const;
  layout::Record* record(const Entry& e) const {
    return reinterpret_cast<layout::Record*>(base_ + e.record_offset);
  }
  std::byte* ring(const Entry& e) const {
    return base_ + e.record_offset + layout::ring_offset(e.name.size());
  }
  bool same_origin(const Entry& e, const TopicOptions& options) const;

 private:
  struct Shared {  // an immutable block that several topics point at
    uint64_t offset = 0, block_bytes = 0;
    uint32_t uses = 0;
  };
  layout::Header* header() const { return reinterpret_cast<layout::Header*>(base_); }
  layout::Entry* entry(uint32_t index) const;
  // Blocks of the segment that are in use: (offset, bytes), as Heap::rebuild takes them.
  using Spans = std::vector<std::pair<uint64_t, uint64_t>>;
  // Parts of rebuild(). False with `*why`: it cannot be true. Each adds what it finds to `used`.
  bool claim_directory(uint64_t backed, Spans* used, std::string* why) const;
  bool claim_topic(uint32_t index, uint64_t backed, Spans* used, std::string* why);
  bool claim_shared(uint64_t offset, uint64_t at_least, uint64_t backed, Spans* used);
  bool nothing_beyond(uint64_t limit, std::string* why) const;
  uint32_t repair_slots();
  uint64_t directory_room() const;  // topics that the directory's blocks hold
  Status add_block(const std::string& what);
  Result<uint32_t> free_index(const std::string& what);
  Result<uint64_t> share(const std::string& bytes, const std::string& what);
  void unshare(uint64_t offset);
  void free(const Entry& e);
  void enter(const Entry& e);
  Status copy_topic(const TopicTable& from, const Entry& before);
  // What the ring of `e`, a topic of this table, holds, into that of `to`, of this or another one.
  void copy_history(const Entry& e, const Entry& to, std::byte* ring, uint64_t keep_bytes) const;
  // Parts of put(). How large it is, but for what else is there.
  Status measure(uint64_t max_bytes, uint32_t history, Entry* e) const;
  // The memory that topic `e` needs: its record with ring, schema and origin. On error
  // nothing is taken.
  // `schema` and `origin` are the blocks of them; no origin: "".
  Status allocate(const std::string& schema, const std::string& origin, Entry* e);
  // Fills in the record, the name and the ring of `e`. `before`: the topic of `from` whose history goes on in
  // it, or null.
  void write(const Entry& e, int64_t max_age_ns, const TopicTable& from, const Entry* before,
             uint64_t keep_bytes);
  // Takes the topic in, at an index where none is.
  Entry* add(Entry e);
  // The next generation of a topic that is here is in the directory: its former memory is free.
  void replace(Entry* old, Entry e);
  std::string origin_block(const Entry& e) const {
    return e.origin_offset == 0 ? std::string() : shared_at_.at(e.origin_offset);
  }
  int64_t max_age_ns(const Entry& e) const {
    return static_cast<int64_t>(record(e)->max_age_ns.load(std::memory_order_relaxed));
  }
  // Calls `f(entry)` with each topic.
  template <class F>
  void for_each(F f) const {
    for (const std::unique_ptr<Entry>& e : topics_) {
      if (e != nullptr) f(*e);
    }
  }

  std::byte* base_ = nullptr;
  std::unique_ptr<Heap> heap_;
  std::vector<std::unique_ptr<Entry>> topics_;  // by index; null: there is none
  NameIndex by_name_;                           // indexes
  std::vector<uint32_t> free_indexes_;
  std::unordered_map<std::string, Shared> shared_;       // by the block's bytes
  std::unordered_map<uint64_t, std::string> shared_at_;  // offset -> key in shared_
};

}  // namespace smt

#endif  // SMT_SHM_TOPIC_TABLE_H_
