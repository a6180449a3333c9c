// The half of a store that Outbound reads: which topics there are, what has changed, the samples. ShmSource
// reads a domain of shared memory, MemStore what its own TopicSink half has taken. One thread.
#ifndef SMT_RELAY_STORE_TOPIC_SOURCE_H_
#define SMT_RELAY_STORE_TOPIC_SOURCE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relay/frame/frame.h"
#include "relay/store/bits.h"
#include "relay/store/sample_rows.h"
#include "relay/store/topic_description.h"
#include "shm/freshness.h"
#include "shm/seqlock.h"

namespace smt::relay {

// A process or a node that publishes a topic here, for people.
struct WriterInfo {
  std::string node, host;
  uint64_t pid = 0;
  bool live = false;
  uint64_t schema_hash = 0;
};

// Since the collect() before; each list without repeats.
struct Changes {
  std::vector<uint32_t> described;  // new, or described otherwise than before
  Bits updated;                     // have a sample that is newer
  std::vector<uint32_t> state;      // reported_state() changed
  std::vector<uint32_t> removed;    // their ids may name other topics in the next Changes

  void clear() {
    described.clear();
    updated.clear();
    state.clear();
    removed.clear();
  }
};

enum class SampleRead {
  kOk,
  kEmpty,  // there is none
  kBusy,   // written over while it was read: try again
  kMore,   // a piece of it was copied: go on
};

// A large sample on its way out of a store: see TopicSource::read_whole. Empty at first.
struct WholeSample {
  SampleHead head{};
  Frame value;  // when it is complete
  // Of the sources that copy it.
  std::shared_ptr<std::byte[]> room;
  uint64_t bytes = 0, copied = 0, position = 0;
  std::shared_ptr<const void> segment;  // that `slot` is in
  const void* slot = nullptr;
};

// A topic has an id here. Ids count from 0 and stay with a topic until Changes says that it is gone. Methods
// that take an id require one below topic_limit(); all but topic() require that a topic has it.
class TopicSource {
 public:
  virtual ~TopicSource() = default;

  // Appends what changed. In the first call all topics that are there are described and moved.
  virtual void collect(int64_t now_ns, Changes* changes) = 0;
  virtual uint32_t topic_limit() const = 0;
  // Null: no topic has this id.
  virtual const TopicDescription* topic(uint32_t id) const = 0;
  // kEmpty: nothing special. kSourceDead, kLinkDown, kSubstituted: what no reader of a mirror can see by
  // itself.
  virtual State reported_state(uint32_t id) const = 0;
  // The key of the session that the topic comes from, as TopicSink::open was given it. 0: from this host.
  virtual uint64_t session_key(uint32_t) const { return 0; }

  // Copies the newest sample; `room` has topic(id)->max_bytes bytes.
  virtual SampleRead read_newest(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) = 0;
  // The newest samples of several topics: `out` grows by that of each topic which has one, is_current(), and
  // whose newest sample is not `sent[i]`. The values lie in `room` one after the other, and the bytes of all
  // are returned; it has topic(id)->max_bytes bytes for each topic. kBusy of topic i: i is appended to
  // `busy`. Ages are those of `now_ns`. REQUIRES: `sent` is as long as `ids`; values of no topic are larger
  // than 4 GiB.
  virtual size_t read_newest(std::span<const uint32_t> ids, std::span<const uint64_t> sent, int64_t now_ns,
                             std::byte* room, SampleRows* out, std::vector<uint32_t>* busy) = 0;
  // Copies the oldest sample whose sequence is greater than `after`. kEmpty: there is none.
  virtual SampleRead read_after(uint32_t id, uint64_t after, SampleHead* head, std::byte* room,
                                uint64_t* bytes) = 0;
  // Of several topics the oldest samples after `after[i]`, in order, `max_samples[i]` of each; otherwise as
  // read_newest() of several.
  virtual size_t read_after(std::span<const uint32_t> ids, std::span<const uint64_t> after,
                            std::span<const uint32_t> max_samples, int64_t now_ns, std::byte* room,
                            SampleRows* out, std::vector<uint32_t>* busy) = 0;
  // Copies at most `max_bytes` more (a multiple of 8) of one sample: the newest one when that begins, or with
  // `after` that of read_after(). kMore until it is complete. Otherwise than kMore and kOk: `whole` is empty
  // again.
  virtual SampleRead read_whole(uint32_t id, std::optional<uint64_t> after, uint64_t max_bytes,
                                WholeSample* whole) = 0;
  // The head of the newest sample, also where its value is not here. Nothing: there is none, or it is just
  // written.
  virtual std::optional<SampleHead> newest_head(uint32_t id) const = 0;
  // The sequence of the newest sample; 0: there is none.
  virtual uint64_t newest_sequence(uint32_t id) const = 0;
  // The same of several topics: `sequences[i]` of `ids[i]`.
  virtual void newest_sequences(std::span<const uint32_t> ids, uint64_t* sequences) const = 0;
  // How the sample of this sequence came, if it is the newest one.
  virtual Provenance provenance(uint32_t, uint64_t) const { return {}; }
  // False: no subscription refreshes the newest sample although one could; serve it only for a one-shot Get.
  virtual bool is_current(uint32_t) const { return true; }
  // The one that is followed stands first. Empty: not known, or no process of this host.
  virtual std::vector<WriterInfo> writers(uint32_t) const { return {}; }
  // Samples read from slots since the beginning.
  virtual uint64_t slot_reads() const = 0;

  // A descriptor that is readable after a change, once arm() said true; -1: changes come only through the
  // TopicSink of the same store.
  virtual int fd() const = 0;
  // False: there is a change already, do not sleep.
  virtual bool arm() = 0;
  // How long a sleep after arm() may last.
  virtual std::chrono::milliseconds poll_limit() const = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_TOPIC_SOURCE_H_
