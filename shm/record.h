// Reading a topic's record out of a mapped segment. Internal to libsmt; used by readers and by adoption
// alike, so that both believe the same things.
#ifndef SMT_SHM_RECORD_H_
#define SMT_SHM_RECORD_H_

#include <cstdint>
#include <string>

#include "shm/layout.h"
#include "shm/seqlock.h"

namespace smt {

// A private copy of the constant part of a layout::Record.
struct RecordCopy {
  uint64_t offset = 0;
  uint64_t block_bytes = 0, generation = 0, slot_stride = 0, max_bytes = 0, first_position = 0,
           first_sequence = 0, schema_offset = 0, schema_hash = 0, origin_offset = 0;
  uint32_t topic_index = 0, slot_count = 0, name_bytes = 0, variable = 0, hops = 0;
  std::string name;
};

enum class RecordRead {
  kLive,
  kDead,      // no topic at this index
  kChanging,  // the owner was changing it, all the time
  kDamaged,   // cannot be true
};

// Reads entry `index` of a segment of which the first `backed` bytes may be touched. Bounded in time.
RecordRead ReadRecord(const std::byte* base, uint64_t backed, const layout::Entry* entry, uint32_t index,
                      RecordCopy* out);

}  // namespace smt

#endif  // SMT_SHM_RECORD_H_
