// The writing side: a node owns one segment and publishes topics into it.
#ifndef SMT_SHM_NODE_H_
#define SMT_SHM_NODE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shm/domain.h"
#include "shm/freshness.h"
#include "shm/node_options.h"
#include "shm/publisher.h"
#include "shm/status.h"

namespace smt {

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
  // Takes from the system a piece of the memory that advertise() would take, of about `max_bytes`, which may
  // take long where a ring is large. True: advertise() needs no more than a piece. Errors as advertise().
  Result<bool> prepare(const TopicOptions& options, uint64_t max_bytes);

  // The name is free at once and its memory is kept for reuse. kNotFound: this node has no such topic.
  // kInUse: a Publisher of the topic exists.
  Status remove(std::string_view topic);

  // Mirror: readers believe the mirrored states up to this BOOTTIME. Cheap: one store.
  void keep_alive(int64_t until_boottime_ns);

  // False: programs that start from now on do not find this node, as its segment, its bell or the folder was
  // removed while it runs (RemoveIPC of logind, rm -rf). A few system calls; nothing on the data path asks.
  // FIFOs of waiters that were removed and made again are opened anew.
  bool healthy() const;
  // Makes segment and bell again under their names, with all topics and what their rings hold, and the folder
  // where that is gone too (see Domain::rejoin). Publishers stay as they are, and readers go over. It does so
  // for a healthy node as well.
  // REQUIRES: no other thread publishes meanwhile. A Loan made before may be written but not committed any
  // more, and only as long as the caller keeps `former`, which keeps its memory.
  // kInUse: another live process has the name now. kNoSpace. Else as Domain::rejoin.
  Status remake(std::shared_ptr<const void>* former = nullptr);

  // As NodeOptions::remove_on_exit, from now on.
  void remove_on_exit();

  const std::string& name() const;
  const Id128& segment_id() const;
  const Birth& birth() const;
  uint32_t topic_count() const;
  // Their names, sorted; of an adopted segment also those that this process has not advertised.
  std::vector<std::string> topics() const;
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
Status remove_dead_topic(const Domain& domain, std::string_view topic);

// Removes the segment and the bell of a node that nobody owns, of whatever version, boot or state. A program
// that starts as this node meanwhile waits for it. kInUse: with the owner's pid and host. kNotFound. kDenied:
// it belongs to another user.
Status remove_dead_node(const Domain& domain, const std::string& node);

// Keeps this process' memory from being paged out once it is touched, without making sparse segments real
// (mlockall with MCL_ONFAULT; plain mlockall would take each segment's whole virtual size). For real-time
// programs.
Status lock_memory();

}  // namespace smt

#endif  // SMT_SHM_NODE_H_
