// The writing side: a node owns one segment and publishes topics into it.
#ifndef SMT_SHM_NODE_H_
#define SMT_SHM_NODE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shm/domain.h"
#include "shm/freshness.h"
#include "shm/publisher.h"
#include "shm/schema.h"
#include "shm/status.h"

namespace smt {

struct NodeOptions {
  // Unique in the domain; see CheckName.
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
  std::string name = {};  // see CheckTopicName
  Schema schema = Schema::Bytes();
  // Largest value in bytes to begin with; 0: the schema's size, or 64 where that is variable. A variable
  // topic grows by itself when a bigger value is published.
  uint64_t max_bytes = 0;
  // Samples kept in the ring: rounded up to a power of two, at least 4.
  uint32_t history = 4;
  // A sample older than this is stale. 0: never.
  int64_t max_age_ns = 0;

  // Only for a mirror: where the samples come from, over how many relays, and the sequence of the source's
  // first sample (a reader counts what it missed from there).
  std::optional<TopicOrigin> origin = {};
  uint32_t hops = 0;
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

// advertise() and remove() may be called from any thread. Different topics may be published from different
// threads, one topic from one thread at a time. The Publishers must be gone before the Node is.
class Node {
 public:
  // kInUse: another process is this node; the message has its pid and host. kNoSpace: with the figures.
  static Result<std::unique_ptr<Node>> open(const Domain& domain, const NodeOptions& options);
  ~Node();  // clean end: the segment is marked closed, or unlinked

  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // A topic that this node has already, of the same schema, goes on: sequence and ring stay. Of another
  // schema, size or history it is advertised anew under the next generation. kInUse: a Publisher of this
  // topic exists.
  Result<Publisher> advertise(const TopicOptions& options);

  // The name is free at once and its memory is kept for reuse. kNotFound: this node has no such topic.
  // kInUse: a Publisher of the topic exists.
  Status remove(std::string_view topic);

  // Mirror: readers believe the mirrored states up to this BOOTTIME. Cheap: one store.
  void keep_alive(int64_t until_boottime_ns);

  // As NodeOptions::remove_on_exit, from now on.
  void remove_on_exit();

  const std::string& name() const;
  const Id128& segment_id() const;
  const Birth& birth() const;
  uint32_t topic_count() const;
  // Of all its topics together, and how much of that is backed by memory, in bytes.
  uint64_t segment_bytes() const;
  uint64_t reserved_bytes() const;

  class Impl;

 private:
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Removes a topic from the segment of each dead node that has it, and the segments that hold no topic then.
// kInUse: a live node publishes it. kNotFound: nobody has it.
Status RemoveDeadTopic(const Domain& domain, std::string_view topic);

// Removes the segment and the bell of a node that nobody owns, of whatever version, boot or state. A program
// that starts as this node meanwhile waits for it. kInUse: with the owner's pid and host. kNotFound. kDenied:
// it belongs to another user.
Status RemoveDeadNode(const Domain& domain, const std::string& node);

// Keeps this process' memory from being paged out once it is touched, without making sparse segments real
// (mlockall with MCL_ONFAULT; plain mlockall would take each segment's whole virtual size). For real-time
// programs.
Status lock_memory();

}  // namespace smt

#endif  // SMT_SHM_NODE_H_
