// The description of a topic and of its samples beside their values; both halves of a store use it.
#ifndef SMT_RELAY_STORE_TOPIC_DESCRIPTION_H_
#define SMT_RELAY_STORE_TOPIC_DESCRIPTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "relay/rules/rules.h"
#include "relay/store/shared_origin.h"
#include "shm/freshness.h"

namespace smt::relay {

// Everything about a topic but its values.
struct TopicDescription {
  std::string name;
  std::shared_ptr<const std::string> schema;  // Schema::text()
  uint64_t schema_hash = 0;
  uint64_t value_bytes = 0;  // of every value; 0: they differ
  uint64_t max_bytes = 0;
  uint64_t generation = 0;
  SharedOrigin origin;
  int64_t max_age_ns = 0;
  uint64_t first_sequence = 0;
  uint32_t history = 0;
  uint32_t hops = 0;  // relays between the first publisher and this store
  // Where it is written: its samples come each in order, and what becomes of it when its age is over.
  bool every = false;
  OnStale on_stale = OnStale::kHold;
  std::vector<std::byte> fail_safe;  // with kBytes
};

// How a sample came here.
struct Provenance {
  static constexpr int64_t kUnknown = -1;
  // How wrong its age may be, either way; kUnknown: it may be older than it says. 0: born on this host.
  int64_t age_error_ns = 0;
  int64_t delay_ns = kUnknown;  // one way, from the relay before
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_TOPIC_DESCRIPTION_H_
