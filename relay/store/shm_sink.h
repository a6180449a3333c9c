// The TopicSink over shared memory: one node, which mirrors topics of other hosts or holds what peers set
// here, and which a relay that starts again adopts.
#ifndef SMT_RELAY_STORE_SHM_SINK_H_
#define SMT_RELAY_STORE_SHM_SINK_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "relay/frame/frame.h"
#include "relay/rules/local_names.h"
#include "relay/store/topic_sink.h"
#include "shm/directory_cursor.h"
#include "shm/domain.h"
#include "shm/name_index.h"
#include "shm/node.h"
#include "shm/publisher.h"
#include "shm/segment_view.h"

namespace smt::relay {

class ShmSink final : public TopicSink {
 public:
  // As Node::open. Topics of a node that is no mirror are this host's own: it is their origin.
  static Result<std::unique_ptr<ShmSink>> open(const Domain& domain, const NodeOptions& options);

  // Removes the topics that an earlier process left in the node and that are called otherwise than these
  // rules call topics.
  void remove_others(const LocalNames& names);

  // A domain knows no sessions: a ShmSource says that the topic is of this host.
  using TopicSink::open;
  Result<uint32_t> open(std::shared_ptr<const TopicDescription> topic, uint64_t session_key) override;
  uint64_t room_bytes() const override { return node_->segment_bytes(); }
  uint64_t bytes_of(const TopicDescription& topic) const override { return bytes_of(topic, room_bytes()); }
  // In a segment of so many bytes.
  static uint64_t bytes_of(const TopicDescription& topic, uint64_t segment_bytes);
  SampleHead held(uint32_t handle) const override;
  PutResult put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value,
                const Provenance& provenance = {}) override;
  size_t put_plain(std::span<const PlainSample> samples, const std::byte* values, int64_t written_ns,
                   const Provenance& provenance) override;
  bool is_ready(uint32_t handle) const override { return topics_[handle].awaited() == nullptr; }
  std::span<std::byte> loan(uint32_t handle, uint64_t bytes) override;
  PutResult commit(uint32_t handle, const SampleHead& head, const Provenance& provenance = {}) override;
  void abandon(uint32_t handle) override;
  void report_state(uint32_t handle, State state) override;
  void remove(uint32_t handle) override;
  void flush(int64_t now_ns) override;
  bool healthy() const { return node_->healthy(); }
  // As Node::remake. Values that arrive in pieces go on arriving.
  Status remake();
  bool advance() override;
  int64_t due_ns() const override { return expiries_.empty() ? INT64_MAX : expiries_.top().first; }

 private:
  // A topic whose ring takes long to come into being: its memory is taken in pieces, and then it is
  // advertised. The newest sample that comes meanwhile is kept in plain memory and copied, in pieces too if
  // it is large.
  struct Awaited {
    SampleHead head{};  // sequence 0: no sample has come
    Provenance provenance;
    KeptValue value;
    uint64_t copied = 0;  // of it, into the loan
  };
  // What is under way in pieces: a large value, or a ring.
  struct Pieces {
    std::optional<Loan> loan;
    std::shared_ptr<const void> former;  // keeps the memory of a loan that was made before a remake()
    std::unique_ptr<Awaited> awaited;    // null: the ring is there
    std::shared_ptr<std::byte[]> lent;   // while it was not, for a value of `lent_bytes`
    uint64_t lent_bytes = 0;
  };
  struct Topic {
    // What a plain sample needs, together.
    uint32_t plain_bytes = 0;                  // a newer value of so many is copied, no more; 0: see touch()
    uint32_t history = 0;                      // of the ring: less than described where there is no memory
    std::optional<Publisher> publisher;        // none: the handle is free, or the topic has a tombstone
    SampleHead newest{};                       // sample; sequence 0: none yet
    int64_t age_error_ns = -1, delay_ns = -1;  // as the mirror has them; -1: not written by this process
    int64_t delay_due_ns = INT64_MIN;          // before that another delay is not told

    std::shared_ptr<const TopicDescription> description;  // null: the handle is free
    std::unique_ptr<Pieces> pieces;                       // null: nothing of it ever came in pieces
    State told = State::kEmpty, shown = State::kEmpty;
    bool confirmed = false;    // published or confirmed since this process opened it
    bool substituted = false;  // something else stands in for the newest sample
    bool expires = false;      // is in expiries_

    const std::string& name() const { return description->name; }
    Awaited* awaited() const { return pieces != nullptr ? pieces->awaited.get() : nullptr; }
    bool has_loan() const { return pieces != nullptr && pieces->loan; }
    bool has_lent() const { return pieces != nullptr && pieces->lent != nullptr; }
    Pieces& in_pieces() {
      if (pieces == nullptr) pieces = std::make_unique<Pieces>();
      return *pieces;
    }
    void end_loan() {
      if (pieces == nullptr) return;
      pieces->loan.reset();
      pieces->former.reset();
    }
    void end_awaited() {
      if (pieces != nullptr) pieces->awaited.reset();
    }
  };
  // Another relay's mirror in this domain, and what it has.
  struct OtherMirror {
    std::shared_ptr<SegmentView> view;
    DirectoryCursor directory;
    std::vector<std::string> names;  // by index
    std::unordered_multimap<std::string, uint32_t>
        topics;  // index by name; a damaged directory may have one twice

    bool keeps(const std::string& topic) const;
  };

  ShmSink(const Domain& domain, bool mirror, std::unique_ptr<Node> node);
  // The topic, for anything but put_plain(): what is done to it may give its next sample more to ask. It is
  // plain again after finish_put().
  Topic& touch(uint32_t handle);
  static uint32_t plain_bytes_of(const Topic& t);
  static bool ages(const Topic& t) {
    return t.description->on_stale != OnStale::kHold && t.description->max_age_ns > 0;
  }
  Status check_other_mirrors(const std::string& topic);
  void look_for_other_mirrors();
  void follow_other_mirror(OtherMirror* other);
  static Status check_fail_safe(const TopicDescription& topic);
  std::optional<uint32_t> find(const std::string& name) const {
    return by_name_.find(name,
                         [this](uint32_t handle) -> std::string_view { return topics_[handle].name(); });
  }
  Result<Schema> schema_of(const TopicDescription& topic);
  Result<TopicOptions> options_of(const Topic& t);
  Result<bool> prepare(Topic* t, TopicOptions* options);
  Status advertise(Topic* t, TopicOptions* options);
  Status make_ring(uint32_t handle);
  void begin(Topic* t);
  bool advance(uint32_t handle);
  bool copy_awaited(uint32_t handle);
  PutResult await_ring(uint32_t handle, const SampleHead& head, KeptValue value,
                       const Provenance& provenance);
  PutResult finish_loan(uint32_t handle, const SampleHead& head, const Provenance& provenance);
  PutResult finish_put(uint32_t handle, const SampleHead& head);
  void follow(uint32_t handle, const SampleHead& head);
  void show(Topic* t);
  void report_provenance(Topic* t, int64_t age_error_ns, int64_t delay_ns, int64_t now_ns);
  bool is_too_old(const Topic& t, const SampleHead& head) const;
  bool is_writing(const Topic& t, const SampleHead& head) const;
  PutResult settle(uint32_t handle, const SampleHead& head);
  bool substitute(Topic* t, const SampleHead& head);
  void expire(int64_t now_ns);

  Domain domain_;
  const bool mirror_;
  std::unique_ptr<Node> node_;
  std::optional<Burst> burst_;  // of this step
  std::vector<Topic> topics_;   // after node_: the publishers go before it
  std::vector<uint32_t> free_;
  std::vector<uint32_t> awaited_;     // topics with something to do for them, the first one next
  uint64_t may_grow_ = kPieceOfWork;  // the segment, until the next advance()
  NameIndex by_name_;                 // handles
  std::map<std::string, OtherMirror> others_;
  std::shared_ptr<const std::string> schema_text_;  // of the topic opened last,
  Schema schema_;                                   // and what it says
  // Topics of a mirror that an earlier process left and this one has not opened.
  std::unordered_set<std::string> left_over_;
  // When to look at a topic's age, the next one first; not with OnStale::kHold.
  using Expiry = std::pair<int64_t, uint32_t>;
  std::priority_queue<Expiry, std::vector<Expiry>, std::greater<Expiry>> expiries_;
  int64_t others_seen_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_SHM_SINK_H_
