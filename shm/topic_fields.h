// The fields of a topic in its directory record that do not change within one generation.
#ifndef SMT_SHM_TOPIC_FIELDS_H_
#define SMT_SHM_TOPIC_FIELDS_H_

#include <cstdint>
#include <string>

namespace smt {

// A private copy of the constant part of a layout::Record, which explains each field. The owner's table,
// readers and whoever checks a record have the same one.
struct TopicFields {
  uint32_t index = 0;  // in the directory
  uint64_t generation = 0;
  std::string name;
  uint64_t record_offset = 0, block_bytes = 0;
  uint64_t slot_count = 0, slot_stride = 0, max_bytes = 0;
  uint64_t first_position = 0, first_sequence = 0;
  uint64_t schema_offset = 0, schema_hash = 0, origin_offset = 0;
  bool variable = false;
  uint32_t hops = 0;
};

}  // namespace smt

#endif  // SMT_SHM_TOPIC_FIELDS_H_
