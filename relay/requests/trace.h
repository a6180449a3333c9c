// Why does a topic not come? Questions of this process and of its peers, which each relay answers with what
// it finds itself and what those behind it have found.
#ifndef SMT_RELAY_REQUESTS_TRACE_H_
#define SMT_RELAY_REQUESTS_TRACE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "relay/explain/explain.h"
#include "relay/relay.h"

namespace smt::relay {

class Traces {
 public:
  explicit Traces(Sessions* sessions) : sessions_(sessions) {}

  // False: no peer of this version says so, or has so many unanswered.
  bool from_peer(Session* asker, const proto::Trace& trace, int64_t now_ns);
  bool answered(Session* by, const proto::Traced& traced);
  void ended(uint64_t session_key);
  // See Relay::trace. `request`: random, not 0.
  void ask(uint64_t request, const std::string& topic, int64_t now_ns, int64_t timeout_ns);

  // Some are to be looked at: the next update() needs a store that is collected.
  bool look_due() const { return looks_due_ != 0; }
  // When update() is due because time is up; INT64_MAX: it is not.
  int64_t due_ns() const;
  // False: there is nothing to update.
  bool any() const { return !questions_.empty(); }
  void update(const Viewpoint& at, int64_t now_ns);

  // See Relay.
  Relay::Trail trail(uint64_t request) const;

 private:
  struct Question {
    uint64_t asker = 0;         // session key; 0: this process
    std::string topic, theirs;  // as here, as there; `theirs` "": the asker has no topics
    uint32_t hops = 0;
    bool look_due = true, answered = false;
    int64_t deadline_ns = 0;
    int64_t forget_ns = 0;            // answered; known until then, so that rings end
    std::set<uint64_t> waiting;       // session keys
    std::vector<Session::Peer> lost;  // who ended instead of answering
    Relay::Trail trail;
  };

  static void Add(const proto::Finding& finding, Relay::Trail* trail);
  void Look(uint64_t request, Question* q, const Viewpoint& at, int64_t now_ns);
  void PassOn(uint64_t request, Question* q, const Viewpoint& at);
  void Answer(uint64_t request, Question* q, const Viewpoint& at, int64_t now_ns);

  Sessions* sessions_;
  std::map<uint64_t, Question> questions_;  // by request
  size_t looks_due_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_REQUESTS_TRACE_H_
