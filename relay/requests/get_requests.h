// Questions that wait for the answers of peers: those that this process asks, and those of a peer that a
// proxy passes on.
#ifndef SMT_RELAY_REQUESTS_GET_REQUESTS_H_
#define SMT_RELAY_REQUESTS_GET_REQUESTS_H_

#include <cstddef>
#include <cstdint>

#include "proto/codec.h"
#include "relay/explain/explain.h"
#include "relay/requests/pending_requests.h"
#include "relay/requests/results.h"
#include "relay/rules/subscription.h"
#include "relay/session/session.h"

namespace smt::relay {

class GetRequests {
 public:
  explicit GetRequests(Sessions* sessions) : sessions_(sessions) {}

  // A Get of `asker`, which update() answers. `pass_on`: all other peers that serve are asked first.
  // False: more questions at once than a peer may have.
  bool from_peer(Session* asker, const proto::Get& get, bool serves, bool pass_on, int64_t now_ns);
  // See Relay::get.
  uint64_t ask(SubscriptionSet subscriptions, bool list, int64_t now_ns, int64_t timeout_ns);

  void on_reply(Session* by, const proto::Reply& reply);
  void on_session_ended(uint64_t session_key);
  // Answers what is answered or late; asks those that have come meanwhile.
  void update(int64_t now_ns);

  // See Relay.
  GetResult get_result(uint64_t number) const { return pending_.result(number); }
  size_t open() const { return pending_.unanswered(); }
  // update() has something to do, or will have.
  bool any() const { return !pending_.empty(); }

 private:
  struct Content {
    uint64_t request = 0;  // as the asker numbers it
    SubscriptionSet subscriptions;
    bool list = false;
  };
  using Pending = PendingRequests<Content, GetResult>;
  static constexpr RequestLimits kLimits = {.max_unanswered = 1024};

  void answer_peer(Pending::Request* q, bool late);
  void ask_peers(uint64_t number, Pending::Request* q, bool late);

  Sessions* sessions_;
  Pending pending_{kLimits};
  uint64_t next_ = 1;  // number, on the wire, of the next request
};

}  // namespace smt::relay

#endif  // SMT_RELAY_REQUESTS_GET_REQUESTS_H_
