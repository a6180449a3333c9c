// The guard of values that peers set in this relay's memory: every such value passes it, and nothing else
// judges it.
//
// Whether the asking peer has the right to write a topic of this name (relay/rules/access.h) is asked first,
// before anything tells whether it is there. Then the first rule that names the topic for the peer decides;
// without one nothing is written. One holder at a time has a topic's lease: from its first value until it
// lets it go, or has set nothing for the lease's time. When nobody has set the topic for the dead man's time,
// the fail-safe value is written, whoever had the lease. What a program of this host publishes is never
// written over.
//
// A value waits until its line of the audit is written, in the order of arrival, and no longer than its
// answer may take, its lease lasts or its dead man's time is: else it is refused, and nothing is written.
// While it waits it has, or renews, the lease, but it does not put the dead man off. Fail-safe values wait
// for no line.
#ifndef SMT_RELAY_WRITES_WRITES_H_
#define SMT_RELAY_WRITES_WRITES_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "proto/smtrelay.pb.h"
#include "relay/counters/counters.h"
#include "relay/rules/access.h"
#include "relay/rules/rule_set.h"
#include "relay/rules/rules.h"
#include "relay/store/store.h"
#include "relay/writes/audit.h"
#include "shm/schema.h"
#include "shm/status.h"

namespace smt::relay {

struct WriteRequest {
  uint64_t number = 0;  // by which its answer is known
  proto::SetKind kind = proto::SET_PROBE;
  std::string topic;
  uint64_t schema_hash = 0;
  int64_t stamp_ns = 0;
  std::span<const std::byte> value;
  uint64_t holder = 0;  // who asks: not 0
  std::string holder_name, peer, endpoint;
  int64_t deadline_ns = INT64_MAX;  // of its answer
};

struct WriteAnswer {
  uint64_t number = 0;  // WriteRequest::number
  proto::SetAnswer answer;
};

class Writes {
 public:
  // `node`: of this host, by which `store` writes; `origin_id`: of the domain. The store's open(topic, 0)
  // writes as this node. `audit`: null: nothing is written down, and nothing waits for that.
  Writes(Store* store, const Access* access, std::string node, const Id128& origin_id, Audit* audit,
         WriteCounters* counters);

  // kInvalid, and nothing has changed. Leases whose rule or right is gone end in the next update().
  Status configure(std::vector<WriteRule> rules);
  bool any_rules() const { return !rules_.empty(); }

  // Its answer is among those of take_answers(): at once, or after an update(). REQUIRES: the store was
  // collected in this step, and what was due is updated; check_topic_name(topic) is OK.
  void take(const WriteRequest& request, int64_t now_ns);
  bool any_answers() const { return !answers_.empty(); }
  // Since the last call.
  std::vector<WriteAnswer> take_answers() { return std::exchange(answers_, {}); }
  // What a peer is told that has no right: the same whether there is such a topic or not.
  static std::string denied_text(const std::string& peer, const std::string& topic);
  // What is due. REQUIRES: the store was collected in this step.
  void update(int64_t now_ns);
  // When update() is due; INT64_MAX: it is not.
  int64_t due_ns() const;
  // All leases end now, with their fail-safe values: nobody will keep watch.
  void end(int64_t now_ns);

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  struct Lease {
    uint64_t holder = 0;  // 0: nobody has it, and the names are of who had it last
    std::string holder_name, peer, endpoint;
    int64_t until_ns = 0;
  };
  struct Topic {
    uint32_t handle = kNone;  // of the store
    TopicDescription description;
    Schema schema;
    uint64_t sequence = 0;
    Lease lease;
    // Who had it before, as long as no value of the present holder is written: if that fails, the lease was
    // not taken.
    std::optional<Lease> before;
    int64_t dead_man_at_ns = INT64_MAX;
    int64_t stamp_ns = 0;
    WriteRule rule;          // by which it was set last
    int64_t paced_ns = 0;    // when the values so far are paid for, at the rule's rate
    bool withdrawn = false;  // there is no such rule any more
  };
  // A value whose line is not written yet, or the release that came after it.
  struct Waiting {
    WriteRequest request;  // its value is the one below
    std::vector<std::byte> value;
    WriteRule rule;
    Schema schema;
    uint64_t ticket = 0;  // of the audit
    bool takes_lease = false;
    int64_t arrived_ns = 0;
  };
  using Topics = std::map<std::string, Topic>;
  // What a rule makes of a topic: `outcome` other than SET_DONE, and why, or its schema.
  struct Subject {
    proto::SetOutcome outcome = proto::SET_DONE;
    std::string why;
    Schema schema;
  };

  std::optional<uint32_t> find_topic(const std::string& topic);
  // The program of this host that publishes it, "node X (pid 1 on h)"; "": none does.
  std::string other_writer(const std::string& topic);
  Subject look(const std::string& topic, const WriteRule& rule);
  Subject judge(const WriteRequest& request, const WriteRule& rule, const Topic& t, Subject subject,
                int64_t now_ns) const;
  void take_probe(const WriteRequest& request, const WriteRule& rule, int64_t now_ns);
  void take_value(const WriteRequest& request, const WriteRule& rule, int64_t now_ns);
  void take_release(const WriteRequest& request, const WriteRule& rule, int64_t now_ns);
  // The value takes or renews the lease, its line is handed over, and it waits for that.
  void accept(const WriteRequest& request, const WriteRule& rule, Schema schema, int64_t now_ns);
  // Writes or refuses the values whose line is written or failed, and those whose time is up.
  void settle(int64_t now_ns);
  std::list<Waiting>::iterator next_settled(int64_t now_ns);
  LineFate fate_of(const Waiting& w) const;
  static std::string late_text(const Waiting& w);
  void settle_value(const Waiting& w, int64_t now_ns);
  Subject put_value(const Waiting& w, Topic* t, int64_t now_ns);
  void on_written(const Waiting& w, const Topic& t, int64_t now_ns);
  void release_lease(const WriteRequest& request, const WriteRule& rule, int64_t now_ns);
  // Refuses a value that waited, and ends the lease that it was to take.
  void give_up(const Waiting& w, Subject why, int64_t now_ns);
  // Does so with all values of the topic that wait.
  void give_up_all(const std::string& topic, const std::string& why, int64_t now_ns);
  Status open_topic(const std::string& topic, const WriteRule& rule, const Schema& schema, uint64_t bytes,
                    Topic* t);
  void deny(const WriteRequest& request, const Access::Decision& denied);
  // `takes_back`: see WriteEvent.
  void refuse(const WriteRequest& request, const std::string& rule, const Subject& why, bool takes_back,
              int64_t now_ns);
  proto::SetAnswer* add_answer(const WriteRequest& request, proto::SetOutcome outcome, std::string text);
  void count_outcome(proto::SetOutcome outcome);
  static WriteEvent event_of(const Waiting& w, WriteAct act);
  void tell(WriteAct act, const std::string& topic, const Topic& t, std::string text);
  // Its fail-safe value, at once; the words for it.
  std::string fail_safe(const std::string& topic, Topic* t, int64_t now_ns);
  void expire_lease(const std::string& topic, Topic* t, int64_t now_ns);
  void withdraw_lease(const std::string& topic, Topic* t, const char* why, int64_t now_ns);
  // Forgets topics whose first value was refused.
  void forget_topics();

  Store* store_;
  const Access* access_;
  const std::string node_;
  const Id128 origin_id_;
  Audit* const audit_;
  WriteCounters* counters_;
  std::vector<WriteRule> rules_;
  RuleSet rule_set_;
  Topics topics_;                        // that were set, or are to be
  std::map<std::string, uint32_t> ids_;  // where they were found last
  std::list<Waiting> waiting_;           // in the order of arrival
  std::vector<WriteAnswer> answers_;
  bool may_forget_ = false;  // a topic
};

}  // namespace smt::relay

#endif  // SMT_RELAY_WRITES_WRITES_H_
