// Why does a topic not come? Questions of this process and of its peers, which each relay answers with what
// it finds itself and what those behind it have found.
#ifndef SMT_RELAY_REQUESTS_TRACE_REQUESTS_H_
#define SMT_RELAY_REQUESTS_TRACE_REQUESTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "relay/explain/explain.h"
#include "relay/requests/pending_requests.h"
#include "relay/requests/results.h"

namespace smt::relay {

class TraceRequests {
 public:
  explicit TraceRequests(Sessions* sessions) : sessions_(sessions) {}

  // False: no peer of this version says so, or has so many unanswered.
  bool from_peer(Session* asker, const proto::Trace& trace, int64_t now_ns);
  bool on_reply(Session* by, const proto::Traced& traced);
  void on_session_ended(uint64_t session_key);
  // See Relay::trace. `request`: random, not 0.
  void ask(uint64_t request, const std::string& topic, int64_t now_ns, int64_t timeout_ns);

  // Some are to be looked at: the next update() needs a store that is collected.
  bool look_due() const { return pending_.look_due(); }
  // When update() is due because time is up; INT64_MAX: it is not.
  int64_t due_ns() const { return pending_.due_ns(); }
  // False: there is nothing to update.
  bool any() const { return !pending_.empty(); }
  void update(const Viewpoint& at, int64_t now_ns);

  // See Relay.
  TraceResult trace_result(uint64_t request) const { return pending_.result(request); }

 private:
  struct Content {
    std::string topic, theirs;  // as here, as there; `theirs` "": the asker has no topics
    uint32_t hops = 0;
    std::vector<Session::Peer> lost = {};  // peers that ended instead of answering
  };
  using Pending = PendingRequests<Content, TraceResult>;
  static constexpr RequestLimits kLimits = {.max_unanswered = 64, .max_answered = 64, .max_kept = 4096};

  static void add_finding(const proto::Finding& finding, TraceResult* result);
  void look(uint64_t number, Pending::Request* q, const Viewpoint& at, int64_t now_ns);
  void forward(uint64_t number, Pending::Request* q, const Viewpoint& at);
  void send_answer(uint64_t number, Pending::Request* q, const Viewpoint& at, int64_t now_ns);

  Sessions* sessions_;
  Pending pending_{kLimits};
};

}  // namespace smt::relay

#endif  // SMT_RELAY_REQUESTS_TRACE_REQUESTS_H_
