// The half of a store that Inbound and Writes write: topics of other hosts, and what peers set. ShmSink
// writes one node of shared memory, MemStore plain memory. One thread.
#ifndef SMT_RELAY_STORE_TOPIC_SINK_H_
#define SMT_RELAY_STORE_TOPIC_SINK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "relay/store/topic_description.h"
#include "shm/freshness.h"
#include "shm/seqlock.h"
#include "shm/status.h"

namespace smt::relay {

enum class PutResult {
  kTaken,
  kConfirmed,  // the sample is there already
  kOld,        // a newer one is there
  kRefused,    // the topic could not be written, see TopicSink::open
  kTooOld,     // its maximum age is over already: see OnStale
};

// One of many samples that are put at once.
struct PlainSample {
  uint32_t handle;
  uint32_t bytes;  // of its value
  uint64_t sequence;
  int64_t stamp_ns, born_ns;
};

// A topic that is opened has a handle. Handles count from 0, are free again after remove(), and are no ids of
// a TopicSource.
class TopicSink {
 public:
  virtual ~TopicSink() = default;

  // Opens the topic for samples of this origin; one that is there goes on if schema and origin are the same.
  // `session_key`: see TopicSource::session_key.
  // kInvalid, kNoSpace; kInUse: another relay mirrors onto this name.
  virtual Result<uint32_t> open(std::shared_ptr<const TopicDescription> topic, uint64_t session_key) = 0;
  Result<uint32_t> open(TopicDescription topic, uint64_t session_key) {
    return open(std::make_shared<const TopicDescription>(std::move(topic)), session_key);
  }
  // Of all topics together, and what one takes of it, about.
  virtual uint64_t room_bytes() const = 0;
  virtual uint64_t bytes_of(const TopicDescription& topic) const = 0;
  // The newest sample of the topic's source that is here; sequence 0: there is none, born_ns 0: its age is
  // not known.
  virtual SampleHead held(uint32_t handle) const = 0;
  // The (segment id, sequence) rule: takes a sample only if it is newer.
  virtual PutResult put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value,
                        const Provenance& provenance = {}) = 0;
  // Puts samples in their order, whose `values` stand back to back, up to the first that needs more than to
  // be copied, and returns how many those are: all of them are kTaken. put() decides about the next one. A
  // topic may have several samples.
  virtual size_t put_plain(std::span<const PlainSample> samples, const std::byte* values, int64_t written_ns,
                           const Provenance& provenance) = 0;
  // False: memory for it is still being prepared. What is put meanwhile is kept, the newest sample alone.
  virtual bool is_ready(uint32_t) const { return true; }
  // Room for a value of `bytes` that arrives in pieces; then commit() or abandon(), and no put() before.
  // Empty: no room.
  virtual std::span<std::byte> loan(uint32_t handle, uint64_t bytes) = 0;
  virtual PutResult commit(uint32_t handle, const SampleHead& head, const Provenance& provenance = {}) = 0;
  virtual void abandon(uint32_t handle) = 0;
  // What a list says of the newest sample, whose value is not here.
  virtual void put_metadata(uint32_t, const SampleHead&, const Provenance& = {}) {}
  // See TopicSource::reported_state.
  virtual void report_state(uint32_t handle, State state) = 0;
  // See TopicSource::is_current.
  virtual void set_current(uint32_t, bool) {}
  // Gone at its source. The handle is free.
  virtual void remove(uint32_t handle) = 0;
  // Readers are woken and told that this sink is alive: at the end of each step.
  virtual void flush(int64_t now_ns) = 0;
  // Once in each step: does a piece of what takes long. True: there is more.
  virtual bool advance() { return false; }
  // When flush() is due even if nothing else happens; INT64_MAX: it is not.
  virtual int64_t due_ns() const { return INT64_MAX; }
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_TOPIC_SINK_H_
