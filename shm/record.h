// Reading a topic's record out of a mapped segment. Internal to libsmt; used by readers and by adoption
// alike, so that both believe the same things.
#ifndef SMT_SHM_RECORD_H_
#define SMT_SHM_RECORD_H_

#include <cstdint>

#include "shm/layout.h"
#include "shm/topic_fields.h"

namespace smt {

enum class RecordRead {
  kLive,
  kDead,      // no topic at this index
  kChanging,  // the owner was changing it, all the time
  kDamaged,   // cannot be true
};

// Reads entry `index` of a segment of which the first `backed` bytes may be touched. Bounded in time.
RecordRead read_record(const std::byte* base, uint64_t backed, const layout::Entry* entry, uint32_t index,
                       TopicFields* out);

}  // namespace smt

#endif  // SMT_SHM_RECORD_H_
