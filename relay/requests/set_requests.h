// Sets on their way: those that this process asks, and those of its peers, which it answers by its own
// Writes, or, a proxy, passes on.
#ifndef SMT_RELAY_REQUESTS_SET_REQUESTS_H_
#define SMT_RELAY_REQUESTS_SET_REQUESTS_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "relay/explain/explain.h"
#include "relay/requests/pending_requests.h"
#include "relay/requests/results.h"
#include "relay/writes/writes.h"

namespace smt::relay {

class SetRequests {
 public:
  // `writes`: null where nothing is written. Both outlive this.
  SetRequests(Sessions* sessions, Writes* writes) : sessions_(sessions), writes_(writes) {}

  // False: no peer of this version says so, or has so many unanswered. The payload is copied.
  bool from_peer(Session* asker, const proto::Set& set, std::span<const std::byte> payload, int64_t now_ns);
  bool on_reply(Session* by, const proto::SetReply& reply);
  void on_session_ended(uint64_t session_key);
  // See Relay::set. `set`: but for `hops`.
  void ask(const proto::Set& set, std::span<const std::byte> value, int64_t now_ns, int64_t timeout_ns);

  // Some are to be looked at: the next update() needs a store that is collected.
  bool look_due() const { return pending_.look_due(); }
  int64_t due_ns() const { return pending_.due_ns(); }
  bool any() const { return !pending_.empty() || (writes_ != nullptr && writes_->any_answers()); }
  void update(const Viewpoint& at, int64_t now_ns);

  // See Relay.
  SetResult result(uint64_t request) const { return pending_.result(request); }

 private:
  struct Content {
    proto::Set set;
    Frame value;
  };
  using Pending = PendingRequests<Content, SetResult>;
  // A peer's request that Writes has not answered.
  struct Here {
    uint64_t request, asker;
  };
  static constexpr uint64_t kHere = 0;  // among the session keys that a request waits for: Writes
  static constexpr RequestLimits kLimits = {.max_unanswered = 64, .max_answered = 64, .max_kept = 4096};

  static Frame copy_value(std::span<const std::byte> value);
  static void add_answer(const proto::SetAnswer& answer, SetResult* result);
  static proto::SetAnswer answer_of(const Viewpoint& at, proto::SetOutcome outcome, std::string text);
  Session* route_to(uint64_t target) const;
  void look(Pending::Request* q, const Viewpoint& at, int64_t now_ns);
  void write_here(Pending::Request* q, const Viewpoint& at, int64_t now_ns);
  void collect_answers(const Viewpoint& at);
  void pass_on_probe(Pending::Request* q, const Viewpoint& at);
  void pass_on_to_target(Pending::Request* q, Session* to, const Viewpoint& at);
  bool forward(Pending::Request* q, Session* to, const Viewpoint& at);
  void send_answer(Pending::Request* q, const Viewpoint& at, int64_t now_ns);

  Sessions* sessions_;
  Writes* writes_;
  Pending pending_{kLimits};
  std::map<uint64_t, Here> here_;        // by WriteRequest::number
  uint64_t last_write_ = 0;              // of these numbers
  std::map<uint64_t, uint64_t> routes_;  // relays behind peers: instance to session key
};

}  // namespace smt::relay

#endif  // SMT_RELAY_REQUESTS_SET_REQUESTS_H_
