// What a Store is told of a topic, for tests.
#ifndef SMT_TESTS_RELAY_STORE_RELAY_DESCRIPTION_H_
#define SMT_TESTS_RELAY_STORE_RELAY_DESCRIPTION_H_

#include <memory>
#include <string>
#include <utility>

#include "relay/store/store.h"
#include "shm/schema.h"

namespace smt::relay {

// `max_bytes` counts only where the schema has no size.
inline TopicDescription describe(const std::string& name, const Schema& schema, uint64_t max_bytes,
                                 TopicOrigin origin) {
  TopicDescription d;
  d.name = name;
  d.schema = std::make_shared<const std::string>(schema.text());
  d.schema_hash = schema.hash();
  d.value_bytes = schema.size;
  d.max_bytes = schema.size != 0 ? schema.size : max_bytes;
  d.history = 4;
  d.origin = std::move(origin);
  return d;
}

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_STORE_RELAY_DESCRIPTION_H_
