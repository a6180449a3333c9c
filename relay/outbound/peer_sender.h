// Tracks which samples one peer already has, and sends what it lacks within its rules, its subscriptions and
// its credit. The state of a topic is a TopicState, what waits stands in SendQueues and in the RequestQueue,
// a large value under way is a LargeTransfer; peer_sender.cc says what is to be sent, peer_sender_plan.cc
// which of it goes next, peer_sender_topics.cc and peer_sender_values.cc send it, peer_sender_record.cc notes
// what has left.
#ifndef SMT_RELAY_OUTBOUND_PEER_SENDER_H_
#define SMT_RELAY_OUTBOUND_PEER_SENDER_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "relay/outbound/batch_plan.h"
#include "relay/outbound/change.h"
#include "relay/outbound/congestion_window.h"
#include "relay/outbound/outbound.h"
#include "relay/outbound/request_queue.h"
#include "relay/outbound/send_queue.h"
#include "relay/outbound/sent_sequences.h"
#include "relay/outbound/topic_state.h"
#include "relay/outbound/wait_list.h"
#include "relay/rules/subscription.h"
#include "relay/store/bits.h"
#include "relay/store/paged.h"

namespace smt::relay {

// Where a PeerSender's messages go: the session.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // A message that the peer acknowledges. False: refused, nothing was sent.
  virtual bool send(int field, std::string_view body, const Frame& payload, uint64_t payload_hash) = 0;
};

class PeerSender {
 public:
  struct Peer {
    std::string name;  // for the rules
    Id128 origin{};    // gets nothing of its own
    uint64_t key = 0;  // of the session, see TopicSource::session_key
  };
  PeerSender(Outbound* outbound, FrameSink* sink, CongestionWindow* congestion_window, Peer peer,
             bool compress);
  ~PeerSender();
  PeerSender(const PeerSender&) = delete;
  PeerSender& operator=(const PeerSender&) = delete;

  void want(SubscriptionSet subscriptions);
  // After the next collect(). Answered when all of it has left. `complete`: see Reply.
  void get(uint64_t request, SubscriptionSet subscriptions, bool list, bool complete);
  // The peer has what is up to `sequence` of a topic whose samples come each in order.
  void resume(uint32_t id, uint64_t sequence);
  // The rules of the Outbound are other ones now.
  void reconsider();
  void set_compress(bool compress) { compress_ = compress; }

  // To be called with all that each Outbound::collect() returns while it follows().
  void on_changes(const Changes& changes, int64_t now_ns);

  // Sends while there is credit; the number of messages.
  size_t send(int64_t now_ns);
  // When send() is due because of a topic or a rule of limited rate; INT64_MAX: none waits.
  int64_t due_ns() const;
  bool has_demand() const;
  // The peer wants something, asks for something, or has been told of topics: it is to be told of changes.
  bool follows() const { return !subscriptions_.empty() || !requests_.is_empty() || !topics_.is_empty(); }
  // send() is to be called in the next step even if nothing happens: the last one has not come to an end.
  bool has_more() const { return !settled_; }
  const SubscriptionSet& subscriptions() const { return subscriptions_; }
  size_t requests() const { return requests_.size(); }
  // A request that has come with get() waits for begin_new_request(), which looks at all topics.
  bool has_new_request() const { return requests_.has_new(); }
  void begin_new_request();
  // Where a topic stands, for people.
  struct TopicStatus {
    bool waits = false;       // a sample of it is to be sent
    uint64_t sequence = 0;    // sent last since it was announced; 0: none
    int64_t cap_open_ns = 0;  // when the cap of bytes of its rule lets the next message go
  };
  TopicStatus status(uint32_t id) const;

 private:
  // What the rules and the peer's subscriptions say of a topic.
  struct SendDecision {
    bool offered = false;             // by the rules to send
    bool list = false, read = false;  // and access gives these rights
    bool want = false;
    size_t rule = 0;
    Pacing pacing;
  };
  enum class Step { kNothing, kSent, kRefused };

  void on_described(uint32_t id);
  void on_updated(uint32_t id, int64_t now_ns);
  void on_state_changed(uint32_t id);
  void on_removed(uint32_t id);

  TopicState& topic_at(uint32_t id);
  void set_wanted(uint32_t id, bool wanted);
  Bits& dirty_topics(uint32_t id) { return queues_[topics_[id].queue].dirty; }
  Bits& unknown_topics(uint32_t id) { return queues_[topics_[id].queue].unknown; }
  SendDecision decide(uint32_t id, bool is_request = false);
  void report_denied(uint32_t id, Right right);
  void apply(uint32_t id, const SendDecision& decision);
  void reconsider(uint32_t id);
  void reconsider_all();
  void begin_topic(uint32_t id, const SendDecision& decision);
  void begin_request(RequestQueue::Request* request);
  bool pending(uint32_t id) const;
  void leave(uint32_t id);
  void make_plain(uint32_t id);
  void make_special(uint32_t id);
  bool is_steady(uint32_t id) const { return sequences_.at(id) != 0; }
  void settle(uint32_t id);
  void stop_large(uint32_t id);

  Step emit(int field, const google::protobuf::MessageLite& body);
  void fill_announce(uint32_t id, bool with_head, int64_t now_ns, proto::Announce* out,
                     std::vector<uint64_t>* schemas);
  // Describes as many of `ids` as one message holds, and sends that. REQUIRES: there is one.
  Step send_topics(Bits* ids, bool with_head, int64_t now_ns);
  Step send_forgets();  // REQUIRES: !forgets_.empty()
  Step send_states();   // REQUIRES: restated_.any()
  Step send_replies();
  Step send_of_priority(size_t priority, int64_t now_ns);

  // Values of this priority, and of lower ones down to `min_priority` as far as there is room.
  Step send_batch(size_t priority, size_t min_priority, int64_t now_ns);
  struct Fill {
    size_t max_bytes, bytes = 0, samples = 0;
    bool full = false;
  };
  bool fill_rows(size_t queue, Fill* fill, int64_t now_ns);
  enum class Kind { kSteady, kNewest, kInOrder };
  template <Kind kKind>
  uint64_t fill_plain(size_t queue, size_t word, uint64_t topics, const uint64_t* ahead, Fill* fill);
  uint64_t fill_steady(size_t queue, size_t word, uint64_t topics, Fill* fill);
  bool fill_as_before(size_t queue, const Outbound::SteadyStep& step, Fill* fill);
  uint64_t fill_in_order(size_t queue, size_t word, uint64_t topics, Fill* fill);
  uint64_t fill_asked(size_t queue, size_t word, uint64_t topics, Fill* fill, int64_t now_ns);
  struct QueueRoom {
    size_t max_bytes, bytes = 0;
    int64_t max_age_ns;
  };
  bool fill_special(uint32_t id, Fill* fill, QueueRoom* room, int64_t now_ns);
  static size_t room_in(const Fill& fill, const QueueRoom& queue);
  uint32_t next_in_order(uint32_t id, size_t room) const;
  bool is_current(uint32_t id);
  bool passes(uint32_t id, int64_t now_ns);
  bool has_changed(uint32_t id);
  bool is_next(uint32_t id, uint64_t sequence);
  ChangeFilter& filter_of(uint32_t id);
  ChangeFilter* known_filter(uint32_t id) { return filters_.has(id) ? filters_[id].get() : nullptr; }
  void drop_filter(uint32_t id);
  bool waits_unchanged(uint32_t id, uint64_t sequence, int64_t now_ns);
  void pass_over(uint32_t id, uint64_t sequence, uint64_t OutboundCounters::*reason);
  void record_sent(uint32_t id, const Outbound::EncodeResult& done, int64_t now_ns);
  void record_plain(Outbound::Encoded* sent, int64_t now_ns);
  bool record_as_before(const Outbound::Encoded& sent);
  void record_rows(Outbound::Encoded* sent, bool with_steady, int64_t now_ns);
  size_t rows_of(bool steady, std::span<const SampleRow> rows) const;
  uint64_t record_steady(std::span<const SampleRow> rows);
  void count_steady(uint64_t samples, uint64_t publications);
  void begin_steps(Outbound::Encoded* sent);
  void end_steps(Outbound::Encoded* sent, uint64_t samples, uint64_t publications);
  void share_steps(const Outbound::Encoded& sent);
  void record_newest(std::span<const SampleRow> rows, const std::byte* values, int64_t now_ns);
  void record_in_order(std::span<const SampleRow> rows);
  void record_special(const Outbound::Encoded& sent, int64_t now_ns);
  Step send_chunk(size_t priority, bool in_turn, int64_t now_ns);
  bool begin_transfer(size_t queue, int64_t now_ns);
  bool take_copied(SendQueue* queue, uint32_t id, const WholeSample& sample, bool superseded, int64_t now_ns);
  void finish_transfer(SendQueue* queue, int64_t now_ns);

  Outbound* outbound_;
  FrameSink* sink_;
  CongestionWindow* congestion_window_;
  const Peer peer_;
  bool compress_;
  SubscriptionSet subscriptions_;
  std::shared_ptr<const Pacing> pacing_;  // that was decided on last: topics share it
  Paged<TopicState> topics_;              // by id; none: the peer knows nothing of it and does not want it
  SendQueues queues_;
  RequestQueue requests_;
  WaitList waits_;                      // topics whose newest sample waits for their pace, or for a heartbeat
  int64_t sent_ns_ = 0;                 // send() was called last
  int64_t gather_until_ns_ = 0;         // what is published until then goes together
  Bits listed_;                         // to be described in answer to a request
  Bits restated_;                       // announced; its state is another one now
  Bits denied_;                         // the peer wants it and may not read it
  std::set<const Access::Rule*> told_;  // that deny something, since the last Want, Get or reload
  std::vector<uint32_t> forgets_;
  bool settled_ = false;  // there was credit after all that was to be sent, and nothing has happened since
  bool copying_ = false;  // a large value was not whole yet when its turn came
  bool again_ = false;    // a batch that was not sent has put large values in line, or passed old ones over
  std::unordered_set<uint64_t> schemas_sent_;
  Paged<std::unique_ptr<ChangeFilter>> filters_;  // by id; null: the topic is not sent on change
  Bits asked_;  // topics that are wanted and not prompt: something is asked when they have a newer sample
  BatchPlan plan_;
  struct Planned {
    size_t queue, word;
    uint64_t topics;
    uint64_t more;  // of these, there is more of them than plan_ has
  };
  std::vector<Planned> planned_;  // dirty topics of plan_ that are plain
  SentSequences sequences_;  // of the steady topics, for which that and the count in topics_ hold no more
  std::vector<Outbound::SteadyRows> steady_;  // rows of plan_
  size_t steps_as_before_ = 0;                // so many of them are those of the batch that was encoded last
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_PEER_SENDER_H_
