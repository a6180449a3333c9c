// Topics as the relay sees them: shared memory (ShmStore) or plain memory (MemStore). Outbound reads through
// the first half of the interface, Inbound writes through the second. One thread.
#ifndef SMT_RELAY_STORE_STORE_H_
#define SMT_RELAY_STORE_STORE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "relay/rules/rules.h"
#include "shm/freshness.h"
#include "shm/seqlock.h"
#include "shm/status.h"

namespace smt::relay {

// Everything about a topic but its values.
struct TopicDescription {
  std::string name;
  std::shared_ptr<const std::string> schema;  // Schema::text()
  uint64_t schema_hash = 0;
  uint64_t value_bytes = 0;  // of every value; 0: they differ
  uint64_t max_bytes = 0;
  uint32_t history = 0;
  uint64_t generation = 0;
  TopicOrigin origin;
  uint32_t hops = 0;  // relays between the first publisher and this store
  int64_t max_age_ns = 0;
  uint64_t first_sequence = 0;
  // Where it is written: its samples come each in order, and what becomes of it when its age is over.
  bool every = false;
  OnStale on_stale = OnStale::kHold;
  std::vector<std::byte> fail_safe;  // with kBytes
};

// How a sample came here.
struct Way {
  static constexpr int64_t kUnknown = -1;
  // How wrong its age may be, either way; kUnknown: it may be older than it says. 0: born on this host.
  int64_t age_error_ns = 0;
  int64_t delay_ns = kUnknown;  // one way, from the relay before
};

// Who publishes a topic here, for people.
struct WriterInfo {
  std::string node, host;
  uint64_t pid = 0;
  bool live = false;
  uint64_t schema_hash = 0;
};

// Since the collect() before; each list without repeats.
struct Changes {
  std::vector<uint32_t> described;  // new, or described otherwise than before
  std::vector<uint32_t> moved;      // have a sample that is newer
  std::vector<uint32_t> state;      // told_state() changed
  std::vector<uint32_t> gone;       // their ids may name other topics in the next Changes

  void clear() {
    described.clear();
    moved.clear();
    state.clear();
    gone.clear();
  }
};

enum class SampleRead {
  kOk,
  kEmpty,  // there is none
  kBusy,   // written over while it was read: try again
};

enum class Put {
  kTaken,
  kConfirmed,  // the sample is there already
  kOld,        // a newer one is there
  kRefused,    // the topic could not be written, see Store::open
  kTooOld,     // its maximum age is over already: see OnStale
};

class Store {
 public:
  virtual ~Store() = default;

  // --- reading. Ids count from 0 and stay with a topic until Changes says that it is gone.

  // Appends what changed. In the first call all topics that are there are described and moved.
  virtual void collect(int64_t now_ns, Changes* changes) = 0;
  virtual uint32_t topic_limit() const = 0;
  // Null: no topic has this id.
  virtual const TopicDescription* topic(uint32_t id) const = 0;
  // kEmpty: nothing special. kSourceDead, kLinkDown, kSubstituted: what no reader of a mirror can see by
  // itself.
  virtual State told_state(uint32_t id) const = 0;
  // What Inbound gave to open(): the session that the topic comes from. 0: from this host.
  virtual uint64_t from(uint32_t id) const = 0;
  // Copies the newest sample; `room` has topic(id)->max_bytes bytes.
  virtual SampleRead sample(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) = 0;
  // The sequence of the newest sample; 0: there is none.
  virtual uint64_t newest(uint32_t id) const = 0;
  // As sample(), the oldest one whose sequence is greater than `after`. kEmpty: there is none.
  virtual SampleRead sample_after(uint32_t id, uint64_t after, SampleHead* head, std::byte* room,
                                  uint64_t* bytes) = 0;
  // How the sample of this sequence came, if it is the newest one.
  virtual Way way(uint32_t, uint64_t) const { return {}; }
  // The newest sample's head, where it is known without its value.
  virtual const SampleHead* noted(uint32_t) const { return nullptr; }
  // False: nobody keeps the newest sample current, though somebody could. It is for who asks for it once.
  virtual bool current(uint32_t) const { return true; }
  // The one that is followed stands first. Empty: not known, or no process of this host.
  virtual std::vector<WriterInfo> writers(uint32_t) const { return {}; }
  // Samples read from slots since the beginning.
  virtual uint64_t slot_reads() const = 0;

  // A descriptor that is readable after a change, once arm() said true; -1: changes come only through the
  // second half.
  virtual int fd() const = 0;
  // False: there is a change already, do not sleep.
  virtual bool arm() = 0;
  // How long a sleep after arm() may last.
  virtual std::chrono::milliseconds poll_limit() const = 0;

  // --- writing. Handles count from 0 and are no ids.

  // Opens the topic for samples of this origin; one that is there goes on if schema and origin are the same.
  // kInvalid, kNoSpace; kInUse: another relay mirrors onto this name.
  virtual Result<uint32_t> open(const TopicDescription& topic, uint64_t from) = 0;
  // Of all topics together, and what one takes of it, about.
  virtual uint64_t room_bytes() const = 0;
  virtual uint64_t bytes_of(const TopicDescription& topic) const = 0;
  // The newest sample of the topic's source that is here; sequence 0: there is none, born_ns 0: its age is
  // not known.
  virtual SampleHead held(uint32_t handle) const = 0;
  // The (segment id, sequence) rule: takes a sample only if it is newer.
  virtual Put put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value,
                  const Way& way = {}) = 0;
  // Room for a value of `bytes` that arrives in pieces; then commit() or abandon(), and no put() before.
  // Empty: no room.
  virtual std::span<std::byte> loan(uint32_t handle, uint64_t bytes) = 0;
  virtual Put commit(uint32_t handle, const SampleHead& head, const Way& way = {}) = 0;
  virtual void abandon(uint32_t handle) = 0;
  // What a list says of the newest sample, whose value is not here.
  virtual void note(uint32_t, const SampleHead&, const Way& = {}) {}
  // See told_state().
  virtual void tell_state(uint32_t handle, State state) = 0;
  // See current().
  virtual void set_current(uint32_t, bool) {}
  // Gone at its source. The handle is free.
  virtual void remove(uint32_t handle) = 0;
  // Readers are woken and told that this store is alive: at the end of each step.
  virtual void flush(int64_t now_ns) = 0;
  // When flush() is due even if nothing else happens; INT64_MAX: it is not.
  virtual int64_t due_ns() const { return INT64_MAX; }
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_STORE_H_
