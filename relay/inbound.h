// Writes what peers send into the store. Inbound is what all peers have in common: which session a name
// belongs to. An Intake is one session's topics. Everything that arrives is hostile until checked.
#ifndef SMT_RELAY_INBOUND_H_
#define SMT_RELAY_INBOUND_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/codec.h"
#include "relay/counters.h"
#include "relay/selection.h"
#include "relay/store.h"

namespace smt::relay {

struct InboundOptions {
  Demand receive;  // what is taken; of a proxy: everything
  bool takes_all = false;
  std::string prefix;
  Id128 origin_id{};  // samples of this origin are this host's own
};

class Inbound {
 public:
  Inbound(Store* store, InboundOptions options, InboundCounters* counters)
      : store_(store), options_(std::move(options)), counters_(counters) {}

  Store& store() { return *store_; }
  const InboundOptions& options() const { return options_; }
  InboundCounters& counters() { return *counters_; }

  // The right to write the topic of a name, while `valid`. First come, first served, until it is released. Of
  // one origin the shorter way has it, and of ways as long the one announced last (`announced`), as its
  // predecessor is a connection not missed yet.
  struct Claim {
    bool valid = true;
    Id128 origin{};
    uint32_t hops = 0;
  };
  // Null: somebody else has it.
  std::shared_ptr<const Claim> claim(const TopicDescription& topic, bool announced);
  void release(const std::string& name, std::shared_ptr<const Claim>* claim);

 private:
  Store* store_;
  InboundOptions options_;
  InboundCounters* counters_;
  std::unordered_map<std::string, std::shared_ptr<Claim>> claims_;
};

class Intake {
 public:
  using Warn = std::function<void(const std::string& key, const std::string& text)>;
  // `key`: of the session, see Store::from.
  Intake(Inbound* inbound, uint64_t key, Warn warn) : inbound_(inbound), key_(key), warn_(std::move(warn)) {}
  ~Intake();  // the session has ended: its topics are link-down
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // What the sender is asked to keep current from here on.
  void want(Demand demand);

  // When a message was sent, in this host's time, and how wrong that may be.
  struct SentAt {
    int64_t ns = 0;  // 0: not known yet
    int64_t error_ns = Way::kUnknown;
  };
  // `now_ns` is the time of arrival. False: no sender of this version says so, the session is to be ended.
  bool announce(const proto::Announce& message, const SentAt& sent, int64_t now_ns);
  bool forget(const proto::Forget& message);
  bool state(const proto::StateChange& message);
  bool batch(const proto::Batch& message, std::span<const std::byte> payload, const SentAt& sent,
             int64_t now_ns);
  bool chunk(const proto::Chunk& message, std::span<const std::byte> payload, const SentAt& sent,
             int64_t now_ns);

 private:
  static constexpr uint32_t kMostIds = 1 << 18;
  static constexpr uint32_t kNone = ~uint32_t{0};
  enum class Refusal { kNone, kDenied, kHops, kConflict, kNoRoom };
  struct Topic {
    bool known = false, seen = false;  // seen: a sample has come in this session
    bool wanted = false;
    Refusal refusal = Refusal::kNone;
    uint32_t handle = kNone;
    std::shared_ptr<const Inbound::Claim> claim;  // with a handle; it may have been lost
    uint64_t sequence = 0;  // of the sample that came last; 0: none since it was announced
    State told = State::kEmpty;
    std::shared_ptr<const TopicDescription> description;
    uint64_t arriving_bytes = 0, arrived_bytes = 0, arriving_sequence = 0;  // a value in pieces
    std::span<std::byte> arriving;
  };

  Topic* Find(uint32_t id);
  static bool Mine(const Topic& t) { return t.claim != nullptr && t.claim->valid; }
  bool Describe(const proto::Topic& message, TopicDescription* d);
  Refusal Open(Topic* t, bool announced);
  void CountDrop(Refusal why);
  bool Writable(Topic* t);
  void Judge(Topic* t);
  void Account(Topic* t, Put put, uint64_t bytes);

  Inbound* inbound_;
  const uint64_t key_;
  Warn warn_;
  Demand demand_;
  std::vector<Topic> topics_;  // by the sender's id
  struct Text {
    std::shared_ptr<const std::string> text;
    uint64_t value_bytes;
  };
  std::unordered_map<uint64_t, Text> schemas_;  // of this session, by hash
  std::vector<proto::BatchRow> rows_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_INBOUND_H_
