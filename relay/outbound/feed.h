// What one peer has got of the topics and has not, and what is due to it: sends that, as far as rules, wishes
// and the link let it.
#ifndef SMT_RELAY_OUTBOUND_FEED_H_
#define SMT_RELAY_OUTBOUND_FEED_H_

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "relay/outbound/bits.h"
#include "relay/outbound/change.h"
#include "relay/outbound/credit.h"
#include "relay/outbound/outbound.h"
#include "relay/outbound/pace.h"
#include "relay/rules/selection.h"

namespace smt::relay {

// Where a Feed's messages go: the session.
class Outlet {
 public:
  virtual ~Outlet() = default;
  // A message that the peer acknowledges. False: refused, nothing was sent.
  virtual bool send(int field, std::string_view body, const Frame& payload, uint64_t payload_hash) = 0;
};

class Feed {
 public:
  struct Peer {
    std::string name;  // for the rules
    Id128 origin{};    // gets nothing of its own
    uint64_t key = 0;  // of the session, see Store::from
  };
  Feed(Outbound* outbound, Outlet* outlet, Credit* credit, Peer peer, bool compress);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void want(Demand demand);
  // After the next collect(). Answered when all of it has left. `complete`: see Reply.
  void get(uint64_t request, Demand demand, bool list, bool complete);
  // The peer has what is up to `sequence` of a topic whose samples come each in order.
  void resume(uint32_t id, uint64_t sequence);
  // The rules of the Outbound are other ones now.
  void reconsider();
  void set_compress(bool compress) { compress_ = compress; }

  // From Outbound::collect.
  void described(uint32_t id);
  void moved(uint32_t id, int64_t now_ns);
  void restated(uint32_t id);
  void gone(uint32_t id);

  // Sends while there is credit; the number of messages.
  size_t send(int64_t now_ns);
  // When send() is due because of a topic or a rule of limited rate; INT64_MAX: none waits.
  int64_t due_ns() const;
  bool has_demand() const;
  const Demand& demand() const { return demand_; }
  size_t requests() const { return requests_.size(); }
  // A request that has come with get() waits for begin_next(), which looks at all topics.
  bool begins() const;
  void begin_next();
  // Where a topic stands, for people.
  struct Standing {
    bool waits = false;       // a sample of it is to be sent
    uint64_t sequence = 0;    // sent last since it was announced; 0: none
    int64_t cap_open_ns = 0;  // when the cap of bytes of its rule lets the next message go
  };
  Standing standing(uint32_t id) const;

 private:
  struct Topic {
    bool wanted = false, announced = false, force = false;
    bool known = false;  // the peer has been told of this id, and not that it is gone
    bool queued_large = false;
    bool moved_meanwhile = false;  // while its value was under way
    bool torn = false;  // of a value given up the first pieces have left: the next one begins as pieces too
    uint8_t resumes_due = 0;  // with pacing.every: announced so often, and not answered yet by a Resume
    uint32_t lane = 0;
    Pacing pacing;
    uint64_t sequence = 0;                            // sent last since it was announced; 0: none
    uint64_t after = 0;                               // with pacing.every: samples after this are to come
    uint64_t accounted = 0;                           // publications up to this are counted
    uint64_t OutboundCounters::*passed_as = nullptr;  // the last of them, which may be sent yet
    Pace pace;
    int64_t waits_until_ns = 0;  // its newest sample, for the pace; 0: it does not
  };
  // What the rules and the peer's wishes say of a topic.
  struct Terms {
    bool offered = false;             // by the rules to send
    bool list = false, read = false;  // and access gives these rights
    bool want = false;
    size_t rule = 0;
    Pacing pacing;
  };
  struct Request {
    uint64_t number;
    Demand demand;
    bool list, complete, begun = false;
    uint32_t topics = 0;
    std::vector<uint32_t> ids;  // not sent yet
  };
  // A large value under way.
  struct Transfer {
    uint32_t id = 0;
    SampleHead head{};
    int64_t age_error_ns = 0;
    Frame value;
    size_t offset = 0;
    uint64_t overwritten = 0;  // see Outbound::Done
    bool active() const { return value.block != nullptr; }
  };
  // What waits of one rule and one priority. Lanes stand by priority, the greatest first.
  struct Lane {
    Bits dirty;    // a sample to send
    Bits unknown;  // to be announced first
    std::deque<uint32_t> large;
    Transfer transfer;
    bool piece_next = false;  // a batch has gone since its last piece
    bool has_large() const { return transfer.active() || !large.empty(); }
  };
  enum class Step { kNothing, kSent, kRefused };

  Topic& At(uint32_t id);
  Lane& LaneOf(const Topic& t) { return lanes_[t.lane]; }
  Bits& Dirty(uint32_t id) { return lanes_[topics_[id].lane].dirty; }
  Terms TermsOf(uint32_t id);
  void Denied(uint32_t id, Right right);
  void Apply(uint32_t id, const Terms& terms);
  void Reconsider(uint32_t id);
  void BeginTopic(uint32_t id, const Terms& terms);
  void LayLanes();
  void Begin(Request* request);
  bool Pending(uint32_t id) const;
  void Leave(uint32_t id);
  void StopLarge(uint32_t id);
  void WaitUntil(uint32_t id, int64_t until_ns);
  void StopWaiting(uint32_t id);
  void FillAnnounce(uint32_t id, bool with_head, int64_t now_ns, proto::Announce* out,
                    std::vector<uint64_t>* schemas);
  // Describes as many of `ids` as one message holds, and sends that.
  Step SendTopics(Bits* ids, bool with_head, int64_t now_ns);
  Step Emit(int field, const google::protobuf::MessageLite& body);
  Step SendForgets();
  Step SendStates();
  Step SendOfPriority(size_t priority, int64_t now_ns);
  // Values of this priority, and of lower ones down to `least` as far as there is room.
  Step SendBatch(size_t priority, size_t least, int64_t now_ns);
  struct Fill {
    size_t most_bytes, bytes = 0, samples = 0;
  };
  bool FillRows(size_t lane, Fill* fill, int64_t now_ns);
  static size_t Room(const Fill& fill, size_t lane_most, size_t lane_bytes);
  uint32_t NextInOrder(uint32_t id, size_t room) const;
  Step SendChunk(size_t priority, bool in_turn, int64_t now_ns);
  bool BeginTransfer(size_t lane, int64_t now_ns);
  void Finish(Lane* lane, int64_t now_ns);
  Step SendReplies();
  bool Passes(uint32_t id, int64_t now_ns);
  bool Count(Topic* t, uint64_t sequence, uint64_t told);
  void Sent(uint32_t id, const Outbound::Done& done, int64_t now_ns);
  size_t LaneIndex(size_t rule, size_t priority) const {
    return (kPriorities - 1 - priority) * caps_.size() + rule;
  }
  const ByteCap& CapOf(size_t lane) const { return caps_[lane % caps_.size()]; }
  int64_t DropOlderNs(size_t lane) const;
  // In a lane whose cap is open.
  bool HasLarge(size_t priority, int64_t now_ns) const;
  bool HasUnknown(size_t priority, int64_t now_ns);
  // Calls `f` with each lane of this priority whose cap is open, until it returns false; false then.
  template <class F>
  bool EachOpenLane(size_t priority, int64_t now_ns, F f);

  Outbound* outbound_;
  Outlet* outlet_;
  Credit* credit_;
  const Peer peer_;
  bool compress_;
  Demand demand_;
  std::vector<Topic> topics_;
  std::vector<Lane> lanes_;             // of rule r and priority p: lanes_[(kPriorities - 1 - p) * rules + r]
  std::vector<ByteCap> caps_;           // by rule
  size_t turn_ = 0;                     // the rule that is asked first, of one priority
  int64_t sent_ns_ = 0;                 // send() was called last
  int64_t gather_until_ns_ = 0;         // what is published until then goes together
  Bits listed_;                         // to be described in answer to a request
  Bits restated_;                       // announced; its state is another one now
  Bits denied_;                         // the peer wants it and may not read it
  std::set<const Access::Rule*> told_;  // that deny something, since the last Want, Get or reload
  std::vector<uint32_t> forgets_;
  bool again_ = false;  // a batch that was not sent has put large values in line, or passed old ones over
  std::deque<Request> requests_;
  std::unordered_set<uint64_t> schemas_sent_;
  std::unordered_map<uint32_t, ChangeFilter> filters_;  // of topics sent on change
  std::vector<Outbound::Row> rows_;
  // Topics that wait, with their waits_until_ns, the next one first.
  std::set<std::pair<int64_t, uint32_t>> waits_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_FEED_H_
