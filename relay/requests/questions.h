// Questions that wait for the answers of peers: those that this process asks, and those of a peer that a
// proxy passes on.
#ifndef SMT_RELAY_REQUESTS_QUESTIONS_H_
#define SMT_RELAY_REQUESTS_QUESTIONS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "proto/codec.h"
#include "relay/explain/explain.h"
#include "relay/relay.h"
#include "relay/rules/selection.h"
#include "relay/session/session.h"

namespace smt::relay {

class Questions {
 public:
  explicit Questions(Sessions* sessions) : sessions_(sessions) {}

  // A Get of `asker`, which update() answers. `pass_on`: all other peers that serve are asked first.
  // False: more questions at once than a peer may have.
  bool from_peer(Session* asker, const proto::Get& get, bool serves, bool pass_on, int64_t now_ns);
  // See Relay::get.
  uint64_t ask(Demand demand, bool list, int64_t now_ns, int64_t timeout_ns);

  void answered(Session* by, const proto::Reply& reply);
  void ended(uint64_t session_key);
  // Answers what is answered or late; asks those that have come meanwhile.
  void update(int64_t now_ns);

  // See Relay.
  Relay::Answer answer(uint64_t number) const;
  size_t open() const;

 private:
  struct Question {
    uint64_t asker = 0;  // session key; 0: this process
    uint64_t request = 0;
    Demand demand;
    bool list = false;
    int64_t deadline_ns = 0;
    std::set<uint64_t> waiting;  // session keys
    Relay::Answer answer{.done = false, .complete = true, .topics = 0, .peers = 0};
  };

  Sessions* sessions_;
  std::map<uint64_t, Question> questions_;  // by number
  uint64_t next_ = 1;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_REQUESTS_QUESTIONS_H_
