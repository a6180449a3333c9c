// Sends what peers want. Outbound is what all peers have in common: the look at the store, the samples taken,
// the batch encoded last. A Feed is what one peer has got and has not.
#ifndef SMT_RELAY_OUTBOUND_H_
#define SMT_RELAY_OUTBOUND_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "proto/codec.h"
#include "relay/bits.h"
#include "relay/counters.h"
#include "relay/credit.h"
#include "relay/frame.h"
#include "relay/pace.h"
#include "relay/pattern.h"
#include "relay/selection.h"
#include "relay/store.h"

namespace smt::relay {

// Where a Feed's messages go: the session.
class Outlet {
 public:
  virtual ~Outlet() = default;
  // A message that the peer acknowledges. False: refused, nothing was sent.
  virtual bool send(int field, std::string_view body, const Frame& payload, uint64_t payload_hash) = 0;
};

class Feed;

class Outbound {
 public:
  // To no peer more than one sample of a topic in `period_ns`; 0: no such limit.
  Outbound(Store* store, PatternSet rules, int64_t period_ns, OutboundCounters* counters);

  // Looks at the store, and tells every feed what changed.
  void collect(int64_t now_ns, const std::vector<Feed*>& feeds);

  Store& store() { return *store_; }
  OutboundCounters& counters() { return *counters_; }
  int64_t period_ns() const { return period_ns_; }
  // The rules let peers have it, and a message can hold its description.
  bool allowed(uint32_t id) const { return id < topics_.size() && topics_[id].allowed; }
  void wanted(uint32_t id, int more) { topics_[id].wanted_by += more; }
  // Largest value; 0: no such topic, or its values are empty.
  uint64_t max_bytes(uint32_t id) const { return topics_[id].max_bytes; }

  // As Store::sample; a sample that several peers want is read from its slot once.
  SampleRead sample(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes);
  // The same for a value that is sent in pieces.
  SampleRead sample_whole(uint32_t id, SampleHead* head, Frame* value);

  struct Row {
    uint32_t id;
    uint64_t base;  // the sequence sent last
    bool again;     // send it even if it is that one
    bool operator==(const Row&) const = default;
  };
  struct Encoded {
    std::vector<Row> asked;
    std::vector<uint64_t> sequences;  // as sent, in order of `asked`; 0: left out, there is none
    std::vector<bool> busy;           // left out, to be tried again
    size_t samples = 0;
    std::string body;
    Frame payload;
    uint64_t payload_hash = 0;
  };
  // One sample of each topic as a Batch. Peers that ask for the same in one step share the bytes.
  const Encoded& encode(const std::vector<Row>& rows, int64_t now_ns);

 private:
  struct Topic {
    bool allowed = false;
    bool variable = false;  // the size of its values
    bool kept = false;      // in kept_ is what the store has
    int wanted_by = 0;
    uint64_t max_bytes = 0;  // of its values
  };
  // A sample that several peers want.
  struct Kept {
    SampleHead head;
    std::vector<std::byte> value;
    Frame whole;
  };
  Store* store_;
  PatternSet rules_;
  int64_t period_ns_;
  OutboundCounters* counters_;
  std::vector<Topic> topics_;
  std::vector<Kept> kept_;  // as long as topics_
  Changes changes_;
  Encoded encoded_;
  bool encoded_valid_ = false;
  std::vector<proto::BatchRow> rows_;
  proto::Batch batch_;
};

class Feed {
 public:
  // `key`: of the session, see Store::from; `origin`: of the peer, which gets nothing of its own.
  Feed(Outbound* outbound, Outlet* outlet, Credit* credit, uint64_t key, const Id128& origin);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void want(Demand demand);
  // After the next collect(). Answered when all of it has left. `complete`: see Reply.
  void get(uint64_t request, Demand demand, bool list, bool complete);

  // From Outbound::collect.
  void described(uint32_t id);
  void moved(uint32_t id, int64_t now_ns);
  void restated(uint32_t id);
  void gone(uint32_t id);

  // Sends while there is credit; the number of messages.
  size_t send(int64_t now_ns);
  // When send() is due because of a topic that is sent at a limited rate; INT64_MAX: none waits.
  int64_t due_ns() const { return waits_.empty() ? INT64_MAX : waits_.top().first; }
  bool has_demand() const {
    return !demand_.empty() || !requests_.empty() || dirty_.any() || !large_.empty();
  }
  const Demand& demand() const { return demand_; }
  size_t requests() const { return requests_.size(); }

 private:
  struct Topic {
    bool wanted = false, announced = false, force = false;
    bool known = false;  // the peer has been told of this id, and not that it is gone
    bool queued_large = false;
    bool moved_meanwhile = false;  // while its value was under way
    uint64_t sequence = 0;         // sent last since it was announced; 0: none
    Pace pace;
    int64_t waits_until_ns = 0;  // its newest sample, for the pace; 0: it does not
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
    bool active() const { return value.block != nullptr; }
  };
  enum class Step { kNothing, kSent, kRefused };

  Topic& At(uint32_t id);
  bool MayHave(uint32_t id) const;
  void Begin(Request* request);
  bool Pending(uint32_t id) const;
  void Leave(uint32_t id);
  void StopLarge(uint32_t id);
  void FillAnnounce(uint32_t id, bool with_head, int64_t now_ns, proto::Announce* out,
                    std::vector<uint64_t>* schemas);
  // Describes as many of `ids` as one message holds, and sends that.
  Step SendTopics(Bits* ids, bool with_head, int64_t now_ns);
  Step Emit(int field, const google::protobuf::MessageLite& body);
  Step SendForgets();
  Step SendStates();
  Step SendBatch(int64_t now_ns);
  Step SendChunk(int64_t now_ns);
  Step SendReplies();
  void SentSample(uint32_t id, uint64_t sequence, int64_t now_ns);
  int64_t PeriodOf(uint32_t id) const;

  Outbound* outbound_;
  Outlet* outlet_;
  Credit* credit_;
  const uint64_t key_;
  const Id128 origin_;
  Demand demand_;
  std::vector<Topic> topics_;
  Bits dirty_;     // a sample to send
  Bits unknown_;   // to be announced first
  Bits listed_;    // to be described in answer to a request
  Bits restated_;  // announced; its state is another one now
  std::vector<uint32_t> forgets_;
  std::deque<uint32_t> large_;
  Transfer transfer_;
  bool chunk_next_ = false;
  std::deque<Request> requests_;
  std::unordered_set<uint64_t> schemas_sent_;
  std::vector<Outbound::Row> rows_;
  // Times and topics, the next one first; one whose topic does not wait until then any more is void.
  using Wait = std::pair<int64_t, uint32_t>;
  std::priority_queue<Wait, std::vector<Wait>, std::greater<Wait>> waits_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_H_
