// Whose request is answered next, and at whose expense: one of each session after another, and no peer may
// take more of the relay's time than its allowance while others wait.
#ifndef SMT_RELAY_REQUEST_TURNS_H_
#define SMT_RELAY_REQUEST_TURNS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "relay/session/allowance.h"
#include "relay/session/session.h"

namespace smt::relay {

class RequestTurns {
 public:
  explicit RequestTurns(const Sessions* sessions) : sessions_(sessions) {}

  // The session has a request.
  void add(const Session& s) { asking_.insert(s.key()); }

  // No session has one.
  bool is_empty() const { return asking_.empty(); }

  // A peer that keeps no other waiting may take what time it likes.
  bool may_ask(const Session& s, int64_t now_ns) const;
  // The session whose turn it is, after the one that next() returned last; null: none may ask.
  Session* next(int64_t now_ns);
  // What this session asked for was done from `begun_ns` to `ended_ns`. REQUIRES: may_ask().
  void charge(const Session& s, int64_t begun_ns, int64_t ended_ns);
  // When it may ask although others wait.
  int64_t open_ns(const Session& s) const { return of(s).open_ns(); }
  // A session has ended.
  void forget_paid(int64_t now_ns);

 private:
  Allowance of(const Session& s) const;

  const Sessions* const sessions_;
  std::set<uint64_t> asking_;                    // keys of sessions that may have a request
  std::map<std::string, Allowance> allowances_;  // by peer
  uint64_t last_ = 0;                            // key of a session
};

}  // namespace smt::relay

#endif  // SMT_RELAY_REQUEST_TURNS_H_
