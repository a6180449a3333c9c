// The owner's side of a segment's directory: which topic is where, and what memory is in use.
// Internal to libsmt. Not thread-safe: Node serialises.
#ifndef SMT_SHM_TOPIC_TABLE_H_
#define SMT_SHM_TOPIC_TABLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "shm/heap.h"
#include "shm/layout.h"
#include "shm/node_options.h"
#include "shm/publisher.h"
#include "shm/status.h"

namespace smt {

class TopicTable {
 public:
  // A topic that is live in the directory.
  struct Entry {
    uint32_t index = 0;
    std::string name;
    uint64_t generation = 0;
    uint64_t record_offset = 0, block_bytes = 0;
    uint64_t slot_count = 0, slot_stride = 0, max_bytes = 0;
    uint64_t first_position = 0, first_sequence = 0;
    uint64_t schema_offset = 0, schema_hash = 0, origin_offset = 0;
    bool variable = false;
    uint32_t hops = 0;
    std::unique_ptr<internal::TopicWriter> writer;  // made by Node when first advertised
  };

  // `grow` as Heap's.
  void start(std::byte* base, Heap::Grow grow);

  // An empty segment, backed up to `end`.
  void clear(uint64_t end);
  // Believes nothing: false with the reason if anything in the directory cannot be true. Repairs half-written
  // slots; returns how many there were in `half_written`.
  bool rebuild(uint64_t backed, std::string* why, uint32_t* half_written);

  // Null if there is no such topic.
  Entry* find(std::string_view name);
  // A new topic, or an existing one under its next generation. `keep_history` copies the samples of its ring
  // (the schema must be the same). On error everything is as before.
  Result<Entry*> put(const TopicOptions& options, const Schema& schema, uint64_t max_bytes,
                     bool keep_history);
  void remove(Entry* entry);

  uint32_t size() const { return static_cast<uint32_t>(by_name_.size()); }
  layout::Word* counter(uint32_t index) const;
  layout::Record* record(const Entry& e) const {
    return reinterpret_cast<layout::Record*>(base_ + e.record_offset);
  }
  std::byte* ring(const Entry& e) const {
    return base_ + e.record_offset + layout::RingOffset(e.name.size());
  }
  bool same_origin(const Entry& e, const TopicOptions& options) const;

 private:
  struct Shared {  // an immutable block that several topics point at
    uint64_t offset = 0, block_bytes = 0;
    uint32_t uses = 0;
  };
  layout::Header* header() const { return reinterpret_cast<layout::Header*>(base_); }
  layout::Entry* entry(uint32_t index) const;
  Status AddBlock(const std::string& what);
  Result<uint32_t> FreeIndex(const std::string& what);
  Result<uint64_t> Share(const std::string& bytes, const std::string& what);
  void Unshare(uint64_t offset);
  void CopyHistory(const Entry& from, std::byte* ring, uint64_t slot_count, uint64_t slot_stride);

  std::byte* base_ = nullptr;
  std::unique_ptr<Heap> heap_;
  std::map<std::string, Entry, std::less<>> by_name_;  // stable addresses
  std::vector<uint32_t> free_indexes_;
  std::unordered_map<std::string, Shared> shared_;       // by the block's bytes
  std::unordered_map<uint64_t, std::string> shared_at_;  // offset -> key in shared_
};

}  // namespace smt

#endif  // SMT_SHM_TOPIC_TABLE_H_
