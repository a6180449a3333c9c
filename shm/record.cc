#include "shm/record.h"

#include "shm/name.h"
#include "shm/ordering.h"
#include "shm/seqlock.h"

namespace smt {

namespace {

// Copies and checks one record. The caller finds out afterwards whether the generation still stands.
bool parse(const std::byte* base, uint64_t backed, uint64_t generation, uint32_t index, TopicFields* r) {
  using layout::Record;
  if (r->record_offset % layout::kAlign != 0 || r->record_offset < layout::kHeaderBytes ||
      r->record_offset > backed || backed - r->record_offset < sizeof(Record)) {
    return false;
  }
  alignas(8) std::byte copy[sizeof(Record)];
  load_words(copy, reinterpret_cast<const layout::Word*>(base + r->record_offset), sizeof copy);
  const auto u64 = [&](size_t at) {
    uint64_t v;
    memcpy(&v, copy + at, sizeof v);
    return v;
  };
  const auto u32 = [&](size_t at) {
    uint32_t v;
    memcpy(&v, copy + at, sizeof v);
    return v;
  };
  r->block_bytes = u64(offsetof(Record, block_bytes));
  r->generation = u64(offsetof(Record, generation));
  r->index = u32(offsetof(Record, topic_index));
  r->slot_count = u32(offsetof(Record, slot_count));
  r->slot_stride = u64(offsetof(Record, slot_stride));
  r->max_bytes = u64(offsetof(Record, max_bytes));
  r->first_position = u64(offsetof(Record, first_position));
  r->first_sequence = u64(offsetof(Record, first_sequence));
  r->schema_offset = u64(offsetof(Record, schema_offset));
  r->schema_hash = u64(offsetof(Record, schema_hash));
  r->origin_offset = u64(offsetof(Record, origin_offset));
  const uint32_t name_bytes = u32(offsetof(Record, name_bytes)), variable = u32(offsetof(Record, variable));
  r->variable = variable != 0;
  r->hops = u32(offsetof(Record, hops));

  const uint64_t room = backed - r->record_offset;
  if (r->generation != generation || r->index != index) return false;
  if (r->slot_count < layout::kMinSlots || r->slot_count > layout::kMaxSlots ||
      (r->slot_count & (r->slot_count - 1)) != 0) {
    return false;
  }
  if (r->max_bytes > room || r->slot_stride != layout::slot_stride(r->max_bytes)) return false;
  if (r->slot_stride > room / r->slot_count) return false;
  if (name_bytes == 0 || name_bytes > layout::kTopicNameBytes || variable > 1) return false;
  if (r->first_position == 0) return false;
  if (r->block_bytes != layout::ring_offset(name_bytes) + r->slot_count * r->slot_stride) return false;
  if (r->block_bytes > room) return false;
  char name[layout::align_up(layout::kTopicNameBytes, 8)];
  load_words(name, reinterpret_cast<const layout::Word*>(base + r->record_offset + sizeof(Record)),
             name_bytes);
  r->name.assign(name, name_bytes);
  return check_topic_name(r->name).ok();
}

}  // namespace

RecordRead read_record(const std::byte* base, uint64_t backed, const layout::Entry* entry, uint32_t index,
                       TopicFields* out) {
  for (int attempt = 0; attempt < 16; ++attempt) {
    const uint64_t generation = read_generation(entry);
    if (generation % 2 == 0) return RecordRead::kDead;
    out->record_offset = read_word(&entry->record[generation / 2 % 2]);
    const bool good = parse(base, backed, generation, index, out);
    if (still_generation(entry, generation)) return good ? RecordRead::kLive : RecordRead::kDamaged;
  }
  return RecordRead::kChanging;
}

}  // namespace smt
