// Topics as a peer announces them.
#ifndef SMT_TESTS_RELAY_WIRE_TOPIC_H_
#define SMT_TESTS_RELAY_WIRE_TOPIC_H_

#include <string>
#include <vector>

#include "proto/smtrelay.pb.h"
#include "shm/schema.h"

namespace smt::relay {

// Each with its schema; of the origin "oooooooooooooooo".
inline proto::Topic wire_topic(uint32_t id, const std::string& name, uint64_t max_bytes = 100,
                               const Schema& schema = Schema::bytes()) {
  proto::Topic t;
  t.set_id(id);
  t.set_name(name);
  t.set_schema_hash(schema.hash());
  t.set_schema(schema.text());
  t.set_max_bytes(max_bytes);
  t.mutable_origin()->set_id(std::string(16, 'o'));
  t.mutable_origin()->set_segment_id(std::string(16, 's'));
  return t;
}
inline proto::Announce wire_announce(const std::vector<proto::Topic>& topics) {
  proto::Announce a;
  for (const proto::Topic& t : topics) *a.add_topic() = t;
  return a;
}

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_WIRE_TOPIC_H_
