// The guard of values that peers set in this relay's memory: every such value passes it, and nothing else
// judges it.
//
// Whether the asking peer has the right to write a topic of this name (relay/rules/access.h) is asked first,
// before anything tells whether it is there. Then the first rule that names the topic for the peer decides;
// without one nothing is written. One holder at a time has a topic's lease: from its first value until it
// lets it go, or has set nothing for the lease's time. When nobody has set the topic for the dead man's time,
// the fail-safe value is written, whoever had the lease. What a program of this host publishes is never
// written over. Each act is told to the audit before it is done; what cannot be audited is not done.
#ifndef SMT_RELAY_WRITES_WRITES_H_
#define SMT_RELAY_WRITES_WRITES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/smtrelay.pb.h"
#include "relay/counters/counters.h"
#include "relay/rules/access.h"
#include "relay/rules/rule_set.h"
#include "relay/rules/rules.h"
#include "relay/store/store.h"
#include "shm/schema.h"
#include "shm/status.h"

namespace smt::relay {

enum class WriteAct {
  kLease,      // taken
  kSet,        // a value
  kRefused,    // `text` says why
  kDenied,     // the same, for want of the right
  kReleased,   // the lease, by its holder
  kExpired,    // the lease, or the dead man's time, by silence
  kWithdrawn,  // the lease, as the rules are other ones or the relay ends
};

// One line of the audit. Valid during the call.
struct WriteEvent {
  WriteAct act = WriteAct::kSet;
  const std::string& topic;
  std::string holder, peer, endpoint;  // who, and where it came in
  std::string rule;                    // WriteRule::origin, or where the rule of access stands; "": none
  std::string text;                    // why, what follows
  const Schema* schema = nullptr;      // of `value`; null: there is none
  std::span<const std::byte> value = {};
};
// False: it could not be written down.
using Audit = std::function<bool(const WriteEvent&)>;

struct WriteRequest {
  proto::SetKind kind = proto::SET_PROBE;
  std::string topic;
  uint64_t schema_hash = 0;
  int64_t stamp_ns = 0;
  std::span<const std::byte> value;
  uint64_t holder = 0;  // who asks: not 0
  std::string holder_name, peer, endpoint;
};

class Writes {
 public:
  // `node`: of this host, by which `store` writes; `origin_id`: of the domain. The store's open(topic, 0)
  // writes as this node.
  Writes(Store* store, const Access* access, std::string node, const Id128& origin_id, Audit audit,
         WriteCounters* counters);

  // kInvalid, and nothing has changed. Leases whose rule or right is gone end in the next update().
  Status configure(std::vector<WriteRule> rules);
  bool any_rules() const { return !rules_.empty(); }

  // REQUIRES: the store was collected in this step; check_topic_name(topic) is OK.
  proto::SetAnswer take(const WriteRequest& request, int64_t now_ns);
  // What a peer is told that has no right: the same whether there is such a topic or not.
  static std::string denied_text(const std::string& peer, const std::string& topic);
  // What is due. REQUIRES: as above.
  void update(int64_t now_ns);
  // When update() is due; INT64_MAX: it is not.
  int64_t due_ns() const;
  // All leases end now, with their fail-safe values: nobody will keep watch.
  void end(int64_t now_ns);

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  struct Topic {
    uint32_t handle = kNone;  // of the store
    TopicDescription description;
    Schema schema;
    uint64_t sequence = 0;
    // The lease; holder 0: nobody has it, and the names are of who had it last.
    uint64_t holder = 0;
    std::string holder_name, peer, endpoint;
    int64_t until_ns = 0;
    int64_t dead_man_at_ns = INT64_MAX;
    int64_t stamp_ns = 0;
    WriteRule rule;          // by which it was set last
    int64_t paced_ns = 0;    // when the values so far are paid for, at the rule's rate
    bool withdrawn = false;  // there is no such rule any more
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
  Subject put_value(const WriteRequest& request, const WriteRule& rule, Topic* t, Subject subject,
                    int64_t now_ns);
  Subject release_lease(const WriteRequest& request, Topic* t, int64_t now_ns);
  Status open_topic(const std::string& topic, const WriteRule& rule, const Schema& schema, uint64_t bytes,
                    Topic* t);
  proto::SetAnswer deny(const WriteRequest& request, const Access::Decision& denied);
  void count_outcome(proto::SetOutcome outcome);
  bool audit(WriteAct act, const std::string& topic, const Topic& t, std::string text,
             std::optional<std::span<const std::byte>> value = {});
  // Its fail-safe value, at once; the words for it.
  std::string fail_safe(const std::string& topic, Topic* t, int64_t now_ns);
  void expire_lease(const std::string& topic, Topic* t, int64_t now_ns);
  void withdraw_lease(const std::string& topic, Topic* t, const char* why, int64_t now_ns);

  Store* store_;
  const Access* access_;
  const std::string node_;
  const Id128 origin_id_;
  const Audit audit_;
  WriteCounters* counters_;
  std::vector<WriteRule> rules_;
  RuleSet rule_set_;
  Topics topics_;                        // that were set
  std::map<std::string, uint32_t> ids_;  // where they were found last
};

}  // namespace smt::relay

#endif  // SMT_RELAY_WRITES_WRITES_H_
