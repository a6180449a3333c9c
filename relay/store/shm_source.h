// The TopicSource over shared memory: every topic of a domain, whichever node publishes it.
#ifndef SMT_RELAY_STORE_SHM_SOURCE_H_
#define SMT_RELAY_STORE_SHM_SOURCE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay/store/topic_source.h"
#include "shm/directory_cursor.h"
#include "shm/domain.h"
#include "shm/name_index.h"
#include "shm/segment_view.h"
#include "shm/waiter.h"

namespace smt::relay {

class ShmSource final : public TopicSource {
 public:
  static Result<std::unique_ptr<ShmSource>> open(const Domain& domain);

  void collect(int64_t now_ns, Changes* changes) override;
  uint32_t topic_limit() const override { return static_cast<uint32_t>(topics_.size()); }
  const TopicDescription* topic(uint32_t id) const override;
  State reported_state(uint32_t id) const override { return topics_[id].told; }
  SampleRead read_newest(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) override;
  size_t read_newest(std::span<const uint32_t> ids, std::span<const uint64_t> sent, int64_t now_ns,
                     std::byte* room, SampleRows* out, std::vector<uint32_t>* busy) override;
  SampleRead read_after(uint32_t id, uint64_t after, SampleHead* head, std::byte* room,
                        uint64_t* bytes) override;
  size_t read_after(std::span<const uint32_t> ids, std::span<const uint64_t> after,
                    std::span<const uint32_t> max_samples, int64_t now_ns, std::byte* room, SampleRows* out,
                    std::vector<uint32_t>* busy) override;
  SampleRead read_whole(uint32_t id, std::optional<uint64_t> after, uint64_t max_bytes,
                        WholeSample* whole) override;
  std::optional<SampleHead> newest_head(uint32_t id) const override;
  uint64_t newest_sequence(uint32_t id) const override;
  void newest_sequences(std::span<const uint32_t> ids, uint64_t* sequences) const override;
  Provenance provenance(uint32_t id, uint64_t sequence) const override;
  std::vector<WriterInfo> writers(uint32_t id) const override;
  uint64_t slot_reads() const override { return slot_reads_; }
  int fd() const override { return waiter_.fd(); }
  bool arm() override { return waiter_.arm(); }
  // Deaths may be seen later than by a Reader: the mirror is told of them within 1 s.
  std::chrono::milliseconds poll_limit() const override {
    constexpr std::chrono::milliseconds kLimit(100), kNoBell(10);
    return waiter_.poll_limit() > kNoBell ? kLimit : kNoBell;
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr int kTries = 8;  // to read what is written over meanwhile

  // A node as it was seen last.
  struct NodeState {
    std::shared_ptr<SegmentView> view;
    bool alive = true, closed = false;
    bool sets = false;  // what peers set is here: fail-safe values come and go
    uint64_t epoch = 0;
    std::optional<uint32_t> bell_word;  // see SegmentView::word, when its counters were compared last
    std::string host;                   // as its topics are described
    DirectoryCursor directory;
    std::vector<uint64_t> counters;  // for SegmentView::scan_words
    std::vector<uint32_t> ids;       // by index; kNone: no topic of ours
    uint32_t shift = 0;              // mostly ids are indexes and this,
    Bits shifted;                    // of these indexes
  };
  struct Topic {
    TopicDescription description;
    // The writer that is followed, of those in several_ if it is there; null: the topic is gone. What else
    // its TopicView would say is in the description and in the Ring: few topics have several writers, and a
    // view takes more than all that is kept of a topic here.
    const SegmentView* segment = nullptr;  // of a node in nodes_
    const layout::Record* record = nullptr;
    uint32_t index = 0;  // in its directory
    State told = State::kEmpty;
  };
  // What sampling needs of the writer that is followed, in one cache line: there may be many thousand topics.
  struct alignas(64) Ring {
    const layout::Word* counter = nullptr;
    const layout::Entry* entry = nullptr;
    const std::byte* slots = nullptr;
    uint64_t mask = 0, stride = 0, first_position = 0, generation = 0, max_bytes = 0;
    const layout::Slot* slot(uint64_t position) const {
      return reinterpret_cast<const layout::Slot*>(slots + (position & mask) * stride);
    }
  };
  // Of a topic: the first two in this collect().
  enum Flag : uint8_t {
    kDescribed = 1,
    kRestated = 2,
    kMirrored = 4,  // from another host: its age may be wrong
  };
  static constexpr uint8_t kMarks = kDescribed | kRestated;

  ShmSource(const Domain& domain, Waiter waiter, Id128 origin_id)
      : domain_(domain), waiter_(std::move(waiter)), origin_id_(origin_id) {}

  static bool read_at_once(const Ring& ring, SampleHead* head, std::byte* room, uint64_t* bytes);
  static bool find_next_at_once(const Ring& ring, uint64_t after, uint32_t samples, uint64_t* position,
                                SampleHead* head, std::byte* room, uint64_t* bytes);
  static bool sequence_at(const Ring& ring, uint64_t position, uint64_t* sequence);
  static uint64_t position_after(const Ring& ring, uint64_t sequence);
  SampleRead find_after(uint32_t id, uint64_t after, uint64_t* position, SampleHead* head, std::byte* room,
                        uint64_t* bytes);
  SampleRead begin_whole(uint32_t id, std::optional<uint64_t> after, WholeSample* whole);
  void follow_nodes();
  const NodeState& node_of(const SegmentView& segment) const;
  void index(NodeState* node);
  void add_writer(NodeState* node, TopicView view);
  void drop_writer(NodeState* node, uint32_t index);
  static const TopicView& newest_of(const std::vector<TopicView>& writers);
  void choose_writer(uint32_t id);
  void describe(uint32_t id, const TopicView& view);
  State mirrored_state(const NodeState& node, uint32_t id, int64_t now_ns) const;
  void look(NodeState* node, int64_t now_ns, bool all_topics, bool all_states);
  void on_moved(const NodeState& node, uint32_t id, int64_t now_ns);
  void judge_state(const NodeState& node, uint32_t id, int64_t now_ns);
  uint32_t id_for(const std::string& name);
  std::shared_ptr<const std::string> schema_text(const TopicView& view, uint64_t* value_bytes);
  void mark(uint32_t id, Flag flag) {
    if ((flags_[id] & kMarks) == 0) marked_.push_back(id);
    flags_[id] |= flag;
  }
  void set_special(uint32_t id);

  Domain domain_;
  Waiter waiter_;
  Id128 origin_id_;
  std::vector<NodeState> nodes_;  // as waiter_.nodes(): by name
  std::vector<Topic> topics_;
  std::unordered_map<uint32_t, std::vector<TopicView>> several_;  // all writers, where there is more than one
  mutable TopicView asked_;             // what a SegmentView needs of the topic that it is asked about
  std::vector<Ring> rings_;             // as long as topics_
  std::vector<uint8_t> flags_;          // as long as topics_
  NameIndex by_name_;                   // ids
  std::vector<uint32_t> free_, freed_;  // ids; freed_ become free_ with the next collect()
  std::vector<uint32_t> marked_;
  Bits special_;                       // topics: several writers, or reported_state() is something
  Bits updated_;                       // in this collect()
  std::vector<uint64_t> moved_words_;  // a bit for each index
  struct Text {
    std::shared_ptr<const std::string> text;
    uint64_t value_bytes;
  };
  std::unordered_map<uint64_t, Text> schemas_;  // by hash
  OriginPool origins_;
  int64_t judge_due_ns_ = 0;
  uint64_t slot_reads_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_SHM_SOURCE_H_
