// The options of a node and of each topic that it publishes.
#ifndef SMT_SHM_NODE_OPTIONS_H_
#define SMT_SHM_NODE_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "shm/freshness.h"
#include "shm/schema.h"

namespace smt {

struct NodeOptions {
  // Unique in the domain; see check_name.
  std::string name = {};
  // Virtual size of the segment, which is sparse: memory is taken as topics need it. 0: the size of the
  // segment that is there, else 1 GiB. Another size than the segment that is there replaces that one.
  uint64_t segment_bytes = 0;
  // Unlink segment and bell at the clean end, instead of leaving the last values readable.
  bool remove_on_exit = false;
  // Asks whoever removes what dead nodes left (smtcore) to leave this one: its last values stay until
  // somebody removes them by name.
  bool keep = false;
  // A relay's mirror: readers take topics for link-down unless keep_alive() is called in time.
  bool mirror = false;
  // False: kNotFound where no segment of this name is there, instead of making one.
  bool create = true;
};

struct TopicOptions {
  std::string name = {};  // see check_topic_name
  Schema schema = Schema::bytes();
  // Largest value in bytes to begin with; 0: the schema's size, or 64 where that is variable. A variable
  // topic grows by itself when a bigger value is published.
  uint64_t max_bytes = 0;
  // Samples kept in the ring: rounded up to a power of two, at least 4.
  uint32_t history = 4;
  // A sample older than this is stale. 0: never.
  int64_t max_age_ns = 0;

  // Only for a mirror: where the samples come from, over how many relays, and the sequence of the source's
  // first sample (a reader that was opened before counts what it missed from there).
  std::optional<TopicOrigin> origin = {};
  uint32_t hops = 0;
  // Of the samples that are there already, where the topic is advertised anew with another size or history:
  // so many bytes of the newest are copied at most; none if one slot has more.
  uint64_t keep_bytes = UINT64_MAX;
  uint64_t first_sequence = 0;  // 0: the position of the first sample here
};

// How a node came to its segment.
struct Birth {
  bool adopted = false;       // the segment of a dead or ended predecessor: same file, sequences go on
  bool replaced = false;      // a segment was there but could not be adopted
  std::string replaced_why;   // "" unless replaced
  uint64_t epoch = 1;         // 1 at birth, + 1 at each adoption
  uint32_t half_written = 0;  // slots that the predecessor was killed in
};

}  // namespace smt

#endif  // SMT_SHM_NODE_OPTIONS_H_
