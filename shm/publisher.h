// Publishing one topic. No blocking, no allocation and no system call, but for the one that wakes a sleeper.
#ifndef SMT_SHM_PUBLISHER_H_
#define SMT_SHM_PUBLISHER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "shm/clock.h"
#include "shm/freshness.h"
#include "shm/ordering.h"
#include "shm/seqlock.h"
#include "shm/status.h"
#include "shm/tick_clock.h"

namespace smt {

namespace internal {

extern std::atomic<uint64_t> fork_count;  // + 1 in every forked child

extern constinit thread_local TickClock tick_clock;  // of the system's clocks and the processor's ticks

// The part of a node that the data path needs.
struct NodeCore {
  layout::Half* word = nullptr;  // the futex word, in the segment
  layout::Half* bell = nullptr;
  uint64_t forks = 0;  // fork_count when the node was opened
  Clock clock;
  bool by_ticks = false;  // `clock` is the system's, and ticks are trusted

  virtual ~NodeCore() = default;
  virtual void wake() = 0;  // the bell is not zero: see shm/bell.h

  Times now() const {
    if (by_ticks) [[likely]]
      return tick_clock.at(processor_ticks());
    return {clock.realtime_ns(), clock.boottime_ns()};
  }

  void ring() {
    if (ring_bell(word, bell)) [[unlikely]]
      wake();
  }
};

// The part of a topic that the data path needs.
struct TopicWriter {
  layout::Word* counter = nullptr;
  std::byte* ring = nullptr;
  uint64_t mask = 0;
  uint64_t stride = 0;
  uint64_t position = 0;   // of the newest sample
  uint64_t min_bytes = 0;  // = max_bytes unless the topic is variable
  uint64_t max_bytes = 0;
  bool quick = false;  // published or confirmed in this epoch
  bool publisher_exists = false;
  layout::Record* record = nullptr;
  NodeCore* node = nullptr;

  virtual ~TopicWriter() = default;
  // Anything but the quick path: grows the ring, or says why this value cannot be published.
  virtual Status prepare(uint64_t bytes) = 0;
  // EPOCH-W: the topic lives in this epoch; after the counter, so that no old value is taken for a new one.
  virtual void announce() = 0;

  layout::Slot* slot(uint64_t at) const {
    return reinterpret_cast<layout::Slot*>(ring + (at & mask) * stride);
  }
  bool fits(uint64_t bytes) const {
    return quick && bytes - min_bytes <= max_bytes - min_bytes &&
           node->forks == fork_count.load(std::memory_order_relaxed);
  }
  // `at`: the position after the newest one.
  void finish(layout::Slot* s, uint64_t at, const SampleHead& head, uint64_t bytes) {
    end_sample(s, counter, at,
               {head.sequence != 0 ? head.sequence : at, head.stamp_ns, head.born_ns, head.written_ns},
               bytes);
    position = at;
  }
  void write(std::span<const std::byte> value, const SampleHead& head) {
    const uint64_t at = position + 1;
    layout::Slot* s = slot(at);
    begin_sample(s, at);
    store_words(payload_of(s), value.data(), value.size());
    finish(s, at, head, value.size());
  }
  Status put(std::span<const std::byte> value, const SampleHead& head) {
    const bool fit = fits(value.size());
    if (!fit) [[unlikely]] {
      if (Status s = prepare(value.size()); !s.ok()) return s;
    }
    write(value, head);
    if (!fit) [[unlikely]]
      announce();
    return Status();
  }
};

}  // namespace internal

// A place in the ring, to be filled in by the caller. Not committing it publishes nothing.
// One at a time per Publisher, and no publish() while it lives.
class Loan {
 public:
  // Of the size asked for; holds what an older sample left there.
  std::span<std::byte> bytes() { return bytes_; }
  // Publishes the first `size` bytes (default: all). Stamp and born are now, unless given.
  void commit();
  void commit(const SampleHead& head, size_t size);

 private:
  friend class Publisher;
  Loan(internal::TopicWriter* topic, uint64_t size);
  internal::TopicWriter* topic_;
  layout::Slot* slot_;
  std::span<std::byte> bytes_;
  std::vector<std::byte> copy_;  // only under ThreadSanitizer, see LAYOUT.md
};

// Made by Node::advertise. Movable; one thread at a time.
class Publisher {
 public:
  Publisher(Publisher&& o) noexcept : topic_(o.topic_) { o.topic_ = nullptr; }
  Publisher& operator=(Publisher&& o) noexcept {
    std::swap(topic_, o.topic_);
    return *this;
  }
  ~Publisher() {
    if (topic_ != nullptr) topic_->publisher_exists = false;
  }

  // stamp = REALTIME now, born = BOOTTIME now.
  // kInvalid: not the size of the schema. kNoSpace: a bigger value does not fit. kForked: in a forked child.
  // On error nothing is published and readers keep what they have.
  Status publish(std::span<const std::byte> value) {
    const Times now = topic_->node->now();
    return publish(value, now.realtime_ns, now.boottime_ns);
  }
  // Reads no clock.
  Status publish(std::span<const std::byte> value, int64_t stamp_ns, int64_t born_ns) {
    return publish(value, SampleHead{0, stamp_ns, born_ns, born_ns});
  }
  // For a mirror. sequence 0: this ring's own position.
  Status publish(std::span<const std::byte> value, const SampleHead& head) {
    Status s = topic_->put(value, head);
    if (s.ok()) [[likely]]
      topic_->node->ring();
    return s;
  }

  Result<Loan> loan(uint64_t bytes);

  // Mirror: the source still has the value that is here already, which ends the `link-down` after an
  // adoption.
  void confirm() {
    topic_->announce();
    topic_->node->ring();
  }
  // Mirror: what the source says of the topic. kEmpty = nothing special. kSubstituted: of any node, a
  // fail-safe value stands in.
  void set_state(State state);
  // What set_state() said last, in an earlier process too.
  State state() const;
  void set_max_age(int64_t max_age_ns);
  // Mirror: how wrong the age of the sample to be published next may be, and how long one took on its way
  // from the relay before. 0: not known. Told with the next ring.
  void set_age_error(int64_t age_error_ns);
  void set_delay(int64_t delay_ns);

  // Position of the newest sample; 0: none yet.
  uint64_t position() const { return topic_->position; }
  // Its sequence, also where a predecessor published it; 0: the ring holds none.
  uint64_t sequence() const;

 private:
  friend class Node;
  friend class Burst;
  explicit Publisher(internal::TopicWriter* topic) : topic_(topic) { topic->publisher_exists = true; }
  internal::TopicWriter* topic_;
};

// Many publications of one node, one ring at the end: readers are woken once. Lives on one thread's stack.
class Burst {
 public:
  Burst() = default;
  ~Burst() {
    if (node_ != nullptr) node_->ring();
  }
  Burst(const Burst&) = delete;
  Burst& operator=(const Burst&) = delete;

  // REQUIRES: all publishers of one Burst belong to one node.
  Status publish(Publisher& publisher, std::span<const std::byte> value, const SampleHead& head) {
    node_ = publisher.topic_->node;
    return publisher.topic_->put(value, head);
  }
  // Whether publish_known() takes values of so many bytes, until something but publishing is done with the
  // publisher or its node.
  static bool is_known(const Publisher& publisher, uint64_t bytes) { return publisher.topic_->fits(bytes); }
  // As publish(), where nothing is to be prepared. REQUIRES: is_known(). False: in a forked child.
  bool publish_known(Publisher& publisher, std::span<const std::byte> value, const SampleHead& head) {
    internal::TopicWriter* const topic = publisher.topic_;
    if (topic->node != node_ && !join(topic->node)) [[unlikely]]
      return false;
    topic->write(value, head);
    return true;
  }

 private:
  bool join(internal::NodeCore* node) {
    if (node->forks != internal::fork_count.load(std::memory_order_relaxed)) return false;
    node_ = node;
    return true;
  }

  internal::NodeCore* node_ = nullptr;
};

}  // namespace smt

#endif  // SMT_SHM_PUBLISHER_H_
