// Sets on their way: those that this process asks, and those of its peers, which it answers by its own
// Writes, or, a proxy, passes on.
#ifndef SMT_RELAY_REQUESTS_SETS_H_
#define SMT_RELAY_REQUESTS_SETS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "relay/explain/explain.h"
#include "relay/relay.h"
#include "relay/writes/writes.h"

namespace smt::relay {

class Sets {
 public:
  // `writes`: null where nothing is written. Both outlive this.
  Sets(Sessions* sessions, Writes* writes) : sessions_(sessions), writes_(writes) {}

  // False: no peer of this version says so, or has so many unanswered. The payload is copied.
  bool from_peer(Session* asker, const proto::Set& set, std::span<const std::byte> payload, int64_t now_ns);
  bool answered(Session* by, const proto::SetReply& reply);
  void ended(uint64_t session_key);
  // See Relay::set. `set`: but for `hops`.
  void ask(const proto::Set& set, std::span<const std::byte> value, int64_t now_ns, int64_t timeout_ns);

  // Some are to be looked at: the next update() needs a store that is collected.
  bool look_due() const { return !looks_.empty(); }
  int64_t due_ns() const;
  bool any() const { return !questions_.empty(); }
  void update(const Viewpoint& at, int64_t now_ns);

  // See Relay.
  Relay::SetResult result(uint64_t request) const;

 private:
  struct Question {
    uint64_t asker = 0;  // session key; 0: this process
    proto::Set set;
    Frame value;
    bool looked_at = false, answered = false;
    int64_t deadline_ns = 0;
    int64_t forget_ns = 0;       // answered; known until then, so that rings end
    std::set<uint64_t> waiting;  // session keys
    Relay::SetResult result;
  };

  static Frame Copy(std::span<const std::byte> value);
  static void Add(const proto::SetAnswer& answer, Relay::SetResult* result);
  static proto::SetAnswer AnswerOf(const Viewpoint& at, proto::SetOutcome outcome, std::string text);
  Session* Route(uint64_t target) const;
  void Look(Question* q, const Viewpoint& at, int64_t now_ns);
  bool PassOn(Question* q, Session* to, const Viewpoint& at);
  void Answer(Question* q, const Viewpoint& at, int64_t now_ns);

  Sessions* sessions_;
  Writes* writes_;
  std::map<uint64_t, Question> questions_;  // by request
  std::deque<uint64_t> looks_;              // requests that are to be looked at, in order
  std::map<uint64_t, uint64_t> routes_;     // relays behind peers: instance to session key
};

}  // namespace smt::relay

#endif  // SMT_RELAY_REQUESTS_SETS_H_
