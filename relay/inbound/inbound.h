// Writes what peers send into the store. Inbound is what all peers have in common: which session a name
// belongs to. An PeerReceiver is one session's topics. Everything that arrives is hostile until checked.
#ifndef SMT_RELAY_INBOUND_INBOUND_H_
#define SMT_RELAY_INBOUND_INBOUND_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proto/batch_reader.h"
#include "proto/codec.h"
#include "relay/counters/counters.h"
#include "relay/inbound/backlog.h"
#include "relay/rules/naming.h"
#include "relay/rules/rule_set.h"
#include "relay/rules/rules.h"
#include "relay/rules/subscription.h"
#include "relay/store/shared_origin.h"
#include "relay/store/topic_sink.h"
#include "shm/name_index.h"

namespace smt::relay {

class Inbound {
 public:
  // `origin_id`: samples of it are this host's own. Without rules everything is taken as it is called.
  Inbound(TopicSink* sink, const Id128& origin_id, InboundCounters* counters)
      : sink_(sink), origin_id_(origin_id), counters_(counters) {}

  // What is taken, and what it is called here. kInvalid, and nothing has changed. Each PeerReceiver is to be
  // told: see PeerReceiver::reconsider.
  Status configure(std::vector<ReceiveRule> rules);
  // What the rules ask this peer for.
  std::vector<Subscription> subscriptions(std::string_view peer) const;

  const std::vector<ReceiveRule>& rules() const { return rules_; }
  // Which rule decides about a topic that a peer calls so, and why.
  RuleSet::Decision explain(std::string_view topic, std::string_view peer) const {
    return rule_set_.explain(topic, peer);
  }
  // What a peer would have to call a topic so that it is called `local` here; nothing where that cannot be
  // told.
  std::optional<std::string> original(const std::string& local, std::string_view peer) const;

  TopicSink& sink() { return *sink_; }
  const Id128& origin_id() const { return origin_id_; }
  InboundCounters& counters() { return *counters_; }

  // A rule gives all topics that it names the same terms.
  struct Terms {
    bool denied = false;  // no rule names it
    std::optional<int64_t> max_age_ns;
    OnStale on_stale = OnStale::kHold;
    std::vector<std::byte> fail_safe;
    int64_t drop_older_ns = 0;
    bool operator==(const Terms&) const = default;
  };
  // The rules give a topic of a peer its terms and its name here.
  struct Acceptance {
    std::shared_ptr<const Terms> terms;
    std::string name;  // here; empty: it cannot be called so, and `error` says why
    std::string error;
  };
  Acceptance acceptance(const std::string& topic, std::string_view peer) const;

  // The right to write the topic of a name, while it is_valid(). First come, first served, until it is
  // released. Of one origin the shorter way has it, and of ways as long the one announced last (`announced`),
  // as its predecessor is a connection not missed yet.
  struct Claim {
    uint32_t name = ~uint32_t{0};  // of names_
    uint64_t number = 0;           // 0: none
  };
  bool is_valid(const Claim& claim) const {
    return claim.number != 0 && names_[claim.name].claim == claim.number;
  }
  // Number 0: somebody else has it.
  Claim claim(const std::shared_ptr<const TopicDescription>& topic, bool announced);
  // The name is taken, and by the same origin: this topic comes the longer way round.
  bool is_longer_way(const TopicDescription& topic) const;
  void release(Claim* claim);
  // Counts the claims that were lost to another session.
  uint64_t lost_claims() const { return lost_claims_; }
  // Room for the topic at the expense of this peer, until free(). False: one peer may take three quarters of
  // the store, and this one has. REQUIRES: is_valid(claim), as of free()
  bool reserve(const Claim& claim, const std::string& peer);
  void free(const Claim& claim);
  // Rows of a batch whose samples are plain, side by side.
  struct Run {
    static constexpr size_t kMax = 256;
    size_t rows = 0;
    size_t bytes = 0;  // of all values
    std::array<PlainSample, kMax> samples;
  };
  // Of the batch that is being taken, of whichever session.
  Run& run() { return run_; }
  // That relays stand in a ring is to be told now: true the first time.
  bool first_report_of_ring() { return !std::exchange(ring_named_, true); }

 private:
  TopicSink* sink_;
  const Id128 origin_id_;
  InboundCounters* counters_;
  std::vector<ReceiveRule> rules_;
  RuleSet rule_set_;
  std::vector<Naming> namings_;                      // as rules_
  std::vector<std::shared_ptr<const Terms>> terms_;  // as rules_
  using PeerBytes = std::unordered_map<std::string, uint64_t>::value_type;
  // A name that somebody may write, or that a topic in the store has.
  struct Name {
    std::shared_ptr<const TopicDescription> topic;  // that was claimed last; null: the place is free
    uint64_t claim = 0;                             // who may write it; 0: nobody
    PeerBytes* reserved_by = nullptr;  // at whose expense there is room for it; null: there is none
    uint64_t reserved = 0;
  };
  std::optional<uint32_t> find_name(const std::string& name) const {
    return by_name_.find(name, [this](uint32_t i) -> std::string_view { return names_[i].topic->name; });
  }
  void drop_reservation(Name* name);
  void drop_if_unused(uint32_t name);
  std::vector<Name> names_;
  std::vector<uint32_t> free_names_;
  NameIndex by_name_;    // of names_
  uint64_t claims_ = 0;  // so far
  uint64_t lost_claims_ = 0;
  bool ring_named_ = false;
  Run run_;
  std::unordered_map<std::string, uint64_t> reserved_bytes_;  // by peer
};

class PeerReceiver {
 public:
  using Warn = std::function<void(const std::string& key, const std::string& text)>;
  // `key`: of the session, see TopicSource::session_key; `peer`: its name, for the rules.
  PeerReceiver(Inbound* inbound, uint64_t key, std::string peer, Warn warn)
      : inbound_(inbound), key_(key), peer_(std::move(peer)), warn_(std::move(warn)) {}
  ~PeerReceiver();  // the session has ended: its topics are link-down
  PeerReceiver(const PeerReceiver&) = delete;
  PeerReceiver& operator=(const PeerReceiver&) = delete;

  // What the sender is asked to keep current from here on.
  void want(SubscriptionSet subscriptions);
  // The rules of the Inbound are other ones now. Topics, as the sender names them, that are to be announced
  // anew, since they are taken otherwise than before.
  std::vector<std::string> reconsider();
  // Of topics whose samples come each in order: what to tell the sender, see the message Resume.
  std::vector<std::pair<uint32_t, uint64_t>>& resumes();
  // There are some, or will be when the store is ready for them.
  bool has_resumes() const { return !resumes_.empty() || !unready_.empty(); }

  // When a message was sent, in this host's time, and how wrong that may be.
  struct SentAt {
    int64_t ns = 0;  // 0: not known yet
    int64_t error_ns = Provenance::kUnknown;
  };
  // `now_ns` is the time of arrival. False: no sender of this version says so, the session is to be ended.
  bool announce(const proto::Announce& message, const SentAt& sent, int64_t now_ns);
  bool forget(const proto::Forget& message);

  // What has become of a topic that was announced under this name, for people; nothing: none was.
  struct TopicStatus {
    std::string name;  // here
    proto::Verdict verdict = proto::VERDICT_PASSES;
    std::string text;                        // why it is not taken
    PutResult last_put = PutResult::kTaken;  // what became of its last sample
  };
  std::optional<TopicStatus> status(std::string_view sender_name) const;
  // One of the topics that the peer has announced, as it calls them, is such a one.
  bool any_topic(const std::function<bool(const std::string& name)>& is_such) const;
  // What the sender calls a topic that it has announced; nothing: none is called so here.
  std::optional<std::string> sender_name(std::string_view local) const;

  // Memory that the peer's topics take here beside the store, about.
  uint64_t bytes() const { return bytes_ + origins_.bytes() + topics_.capacity() * sizeof(topics_[0]); }

  bool state(const proto::StateChange& message);
  // `columns`: of this Batch, see proto::open_message.
  bool batch(const proto::Batch& message, const proto::BatchColumns& columns,
             std::span<const std::byte> payload, const SentAt& sent, int64_t now_ns);
  bool chunk(const proto::Chunk& message, std::span<const std::byte> payload, const SentAt& sent,
             int64_t now_ns);
  // Any other message that says when it was sent has come.
  void on_clock_sample(const SentAt& sent, int64_t now_ns);
  // Writes what is held back while the link catches up: nothing follows, the peer said goodbye or is silent.
  // What is held back when the session ends otherwise is dropped, as the next one has newer values.
  void settle(int64_t now_ns);
  bool holds_back() const { return !backlog_.empty(); }
  size_t held() const { return backlog_.size(); }

 private:
  static constexpr uint32_t kMaxIds = 1 << 18;
  static constexpr uint32_t kNone = ~uint32_t{0};
  enum class Refusal : uint8_t { kNone, kDenied, kHops, kConflict, kNoRoom };
  // A value in pieces.
  struct Arriving {
    uint64_t sequence, bytes, arrived = 0;
    std::span<std::byte> room;  // for all of it in the store; empty: it is not kept
  };
  struct Topic {
    // What a plain sample needs, together: one that is copied into the store and counted, and that is all.
    uint32_t plain_bytes = 0;  // of its value; 0: there is something to ask, see take_row() and find_topic()
    uint32_t handle = kNone;
    uint64_t sequence = 0;  // of the sample that came last; 0: none since it was announced

    Inbound::Claim claim;                                 // with a handle; it may have been lost
    std::shared_ptr<const TopicDescription> description;  // its name is that here
    std::shared_ptr<const Inbound::Terms> terms;
    std::unique_ptr<const std::string> sender_name;  // null: as here
    std::unique_ptr<const std::string> why_text;     // null: ""
    std::unique_ptr<Arriving> arriving;              // null: no value in pieces is
    proto::Verdict why = proto::VERDICT_PASSES;      // it was refused, in words that people are told
    State told = State::kEmpty;
    PutResult last_put = PutResult::kTaken;
    Refusal refusal = Refusal::kNone;
    bool seen = false;  // a sample has come in this session
    bool wanted = false;

    const std::string& name() const { return sender_name != nullptr ? *sender_name : description->name; }
    std::string why_words() const { return why_text != nullptr ? *why_text : std::string(); }
    void explain(proto::Verdict verdict, std::string text) {
      why = verdict;
      why_text = std::make_unique<const std::string>(std::move(text));
    }
  };

  // A Batch, and how far its rows are taken.
  struct BatchProgress {
    const proto::Batch& message;
    const proto::BatchColumns& columns;
    std::span<const std::byte> payload;
    const SentAt& sent;
    int64_t now_ns;
    bool late;
    size_t row = 0;         // the next one
    size_t payload_at = 0;  // where its value begins
    int sizes = 0;          // that are taken of message.size()
  };
  // In this host's time: the age when it was sent and the time on the way, as far as that is known. A peer
  // may say any age.
  static int64_t born_ns(int64_t age_ns, int64_t travelled_ns, int64_t now_ns) {
    return now_ns - std::max<int64_t>(0, std::min(age_ns, INT64_MAX / 4) + travelled_ns);
  }
  static int64_t travelled_ns(const SentAt& sent, int64_t now_ns);
  static SampleHead arrived(uint64_t sequence, int64_t stamp_ns, int64_t age_ns, const SentAt& sent,
                            int64_t now_ns);
  // What the sender may be wrong by and what this link's clocks may add; unknown if one of them is.
  static Provenance provenance_of(int64_t age_error_ns, const SentAt& sent, int64_t now_ns);
  bool holds_late(const SentAt& sent, int64_t now_ns);
  bool take_row(BatchProgress* b);
  size_t take_run(BatchProgress* b);
  void collect_run(const BatchProgress& b);
  // For whatever may change it: the topic is not plain until account() finds it so again.
  Topic* find_topic(uint32_t id);
  static uint32_t plain_bytes_of(const Topic& t);
  void ask_of_each_again();
  static uint64_t bytes_of(const Topic& t) {
    constexpr uint64_t kTogether = sizeof(Topic) + sizeof(TopicDescription) + 192;  // with the claim
    return kTogether + 2 * t.name().size() + t.description->name.size() + t.description->fail_safe.size();
  }
  bool is_mine(const Topic& t) const { return inbound_->is_valid(t.claim); }
  bool describe(const proto::Topic& message, TopicDescription* d);
  void take_topic(const std::string& sender_name, Topic* t, TopicDescription* d);
  bool is_taken_as_before(const Topic& t) const;
  uint64_t resume_after(const Topic& t) const;
  static bool is_too_old(const Topic& t, const SampleHead& head);
  Refusal open_topic(Topic* t, bool announced);
  Refusal refuse(Topic* t, Refusal refusal, proto::Verdict why, const std::string& key, std::string text);
  void close_topic(Topic* t);
  void count_drop(Refusal why);
  bool take_over(Topic* t);
  bool writable(Topic* t);
  void judge(Topic* t);
  void write_sample(Topic* t, const SampleHead& head, const Provenance& provenance,
                    std::span<const std::byte> value);
  void account(Topic* t, PutResult put, uint64_t bytes);
  bool disproves(const Topic& t, const SampleHead& head, const Provenance& provenance) const;
  bool reopen_topic(Topic* t);

  Inbound* inbound_;
  const uint64_t key_;
  const std::string peer_;
  Warn warn_;
  SubscriptionSet subscriptions_;
  // By the sender's id; null: none is announced. A sender may choose the greatest id for its only topic.
  std::vector<std::unique_ptr<Topic>> topics_;
  struct Text {
    std::shared_ptr<const std::string> text;
    uint64_t value_bytes;
  };
  std::unordered_map<uint64_t, Text> schemas_;  // of this session, by hash
  OriginPool origins_;
  uint64_t bytes_ = 0;        // of topics and schemas
  uint64_t lost_claims_ = 0;  // of the Inbound, when topics were found plain
  Backlog backlog_;
  std::vector<std::pair<uint32_t, uint64_t>> resumes_;
  std::vector<uint32_t> unready_;  // what is to be resumed when the store is ready for it
};

}  // namespace smt::relay

#endif  // SMT_RELAY_INBOUND_INBOUND_H_
