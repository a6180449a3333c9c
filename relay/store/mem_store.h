// Topics in plain memory: the last value of each, and where each sample is wanted the last ones. What a proxy
// and a client have.
#ifndef SMT_RELAY_STORE_MEM_STORE_H_
#define SMT_RELAY_STORE_MEM_STORE_H_

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "relay/store/ring_queue.h"
#include "relay/store/store.h"

namespace smt::relay {

// Handles and ids are the same numbers.
class MemStore : public Store {
 public:
  // At most `max_bytes` of values and names together; what is more is refused (kNoSpace).
  explicit MemStore(uint64_t max_bytes = uint64_t{1} << 30);

  void collect(int64_t now_ns, Changes* changes) override;
  uint32_t topic_limit() const override { return static_cast<uint32_t>(topics_.size()); }
  const TopicDescription* topic(uint32_t id) const override;
  State reported_state(uint32_t id) const override { return topics_[id].state; }
  uint64_t session_key(uint32_t id) const override { return topics_[id].session_key; }
  SampleRead read_newest(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) override;
  size_t read_newest(std::span<const uint32_t> ids, std::span<const uint64_t> sent, int64_t now_ns,
                     std::byte* room, SampleRows* out, std::vector<uint32_t>* busy) override;
  SampleRead read_after(uint32_t id, uint64_t after, SampleHead* head, std::byte* room,
                        uint64_t* bytes) override;
  size_t read_after(std::span<const uint32_t> ids, std::span<const uint64_t> after,
                    std::span<const uint32_t> max_samples, int64_t now_ns, std::byte* room, SampleRows* out,
                    std::vector<uint32_t>* busy) override;
  Provenance provenance(uint32_t id, uint64_t sequence) const override;
  // All of it at once: it is shared.
  SampleRead read_whole(uint32_t id, std::optional<uint64_t> after, uint64_t max_bytes,
                        WholeSample* whole) override;
  std::optional<SampleHead> newest_head(uint32_t id) const override {
    return head(id).sequence != 0 ? std::optional(head(id)) : std::nullopt;
  }
  bool is_current(uint32_t id) const override { return topics_[id].current; }
  uint64_t newest_sequence(uint32_t id) const override { return topics_[id].head.sequence; }
  void newest_sequences(std::span<const uint32_t> ids, uint64_t* sequences) const override {
    for (const uint32_t id : ids) *sequences++ = topics_[id].head.sequence;
  }
  uint64_t slot_reads() const override { return reads_; }
  int fd() const override { return -1; }
  bool arm() override { return !changed_; }
  std::chrono::milliseconds poll_limit() const override { return std::chrono::milliseconds(1000); }

  using TopicSink::open;
  Result<uint32_t> open(std::shared_ptr<const TopicDescription> described, uint64_t session_key) override;
  uint64_t room_bytes() const override { return max_bytes_; }
  uint64_t bytes_of(const TopicDescription& topic) const override;
  SampleHead held(uint32_t handle) const override { return topics_[handle].head; }
  PutResult put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value,
                const Provenance& provenance = {}) override;
  size_t put_plain(std::span<const PlainSample> samples, const std::byte* values, int64_t written_ns,
                   const Provenance& provenance) override;
  std::span<std::byte> loan(uint32_t handle, uint64_t bytes) override;
  PutResult commit(uint32_t handle, const SampleHead& head, const Provenance& provenance = {}) override;
  void abandon(uint32_t handle) override;
  void put_metadata(uint32_t handle, const SampleHead& head, const Provenance& provenance = {}) override;
  void report_state(uint32_t handle, State state) override;
  void set_current(uint32_t handle, bool current) override;
  void remove(uint32_t handle) override;
  void flush(int64_t now_ns) override;

  // Nothing if there is no such topic.
  std::optional<uint32_t> find(std::string_view name) const;
  // Of the newest sample that is known; sequence 0: none yet.
  const SampleHead& head(uint32_t id) const {
    const Topic& t = topics_[id];
    return t.metadata.sequence > t.head.sequence ? t.metadata : t.head;
  }
  // The newest value that is here where it lies, until the next call that writes.
  std::span<const std::byte> value(uint32_t id) const { return topics_[id].value.bytes(); }
  // Called at each sample taken or confirmed, if set.
  std::function<void(uint32_t id)> on_sample;

 private:
  struct Topic {
    bool live = false, current = true;
    bool described = false, updated = false, state_changed = false;  // since the last collect()
    TopicDescription description;
    uint64_t session_key = 0;
    State state = State::kEmpty;
    SampleHead head{};      // of `value`
    SampleHead metadata{};  // without a value
    Provenance provenance, metadata_provenance;
    KeptValue value;
    std::shared_ptr<std::byte[]> arriving;
    uint64_t arriving_bytes = 0;
    // With description.every the last samples before the newest, the oldest first: as many as the source has.
    struct Past {
      SampleHead head;
      Provenance provenance;
      KeptValue value;
    };
    RingQueue<Past> past;
  };
  static const Topic::Past* first_after(const Topic& t, uint64_t sequence);
  void drop_past(Topic* t, size_t max);
  bool make_room(Topic* t, uint64_t bytes);
  void stop_arriving(Topic* t);
  std::optional<PutResult> settle(uint32_t handle, const SampleHead& head);
  bool replace(Topic* t, uint64_t bytes);
  PutResult finish_put(uint32_t handle, const SampleHead& head, const Provenance& provenance);
  void mark(uint32_t id, bool Topic::*flag);

  uint64_t max_bytes_, bytes_ = 0, reads_ = 0;
  uint64_t past_bytes_ = 0;   // of bytes_
  std::deque<Topic> topics_;  // they stay where they are: loan() has given away room of theirs
  std::vector<uint32_t> changed_ids_, removed_, free_;
  bool changed_ = false;
  std::unordered_map<std::string, uint32_t> by_name_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_MEM_STORE_H_
