// All topics of a domain at a glance, for tools.
#ifndef SMT_SHM_LIST_H_
#define SMT_SHM_LIST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shm/domain.h"
#include "shm/freshness.h"
#include "shm/schema.h"
#include "shm/segment_view.h"
#include "shm/status.h"

namespace smt {

struct TopicWriterInfo {
  std::string node;
  uint64_t pid = 0;
  bool live = false;
};

// One topic, described by the writer that a Reader would follow; with several, by the one with the later
// sample.
struct TopicInfo {
  std::string name;
  Schema schema;
  uint64_t max_bytes = 0;
  uint64_t history = 0;     // slots of the ring
  uint64_t generation = 0;  // 1, and one more each time it was advertised anew
  uint64_t sequence = 0;    // of the newest sample; 0: none
  int64_t stamp_ns = 0;
  Freshness freshness;
  std::vector<TopicWriterInfo> writers;
};

struct DomainListing {
  std::vector<TopicInfo> topics;      // by name
  std::vector<std::string> problems;  // "node: why it cannot be read", for each segment left out
};

// Opens each segment of the domain and asks for the lives of their owners.
Result<DomainListing> list_topics(const Domain& domain);

}  // namespace smt

#endif  // SMT_SHM_LIST_H_
