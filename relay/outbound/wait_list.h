// Topics that wait for a time each, the next one first.
#ifndef SMT_RELAY_OUTBOUND_WAIT_LIST_H_
#define SMT_RELAY_OUTBOUND_WAIT_LIST_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <vector>

#include "relay/store/paged.h"

namespace smt::relay {

// Topics of one pace that were sent together wait for the same time: they are one entry.
class WaitList {
 public:
  // A topic that waits already does so until the earlier of the two times. REQUIRES: until_ns != 0
  void wait_until(uint32_t id, int64_t until_ns) {
    int64_t& until = until_ns_.at(id);
    if (until != 0 && until <= until_ns) return;
    if (until != 0) leave_turn(until);
    until = until_ns;
    Turn& turn = turn_at(until_ns);
    turn.ids.push_back(id);
    ++turn.waiting;
  }
  void stop(uint32_t id) {
    if (!is_waiting(id)) return;
    leave_turn(until_ns_[id]);
    until_ns_[id] = 0;
  }
  bool is_waiting(uint32_t id) const { return until_ns_.has(id) && until_ns_[id] != 0; }
  // The time of the next topic; INT64_MAX: none waits.
  int64_t due_ns() const { return turns_.empty() ? INT64_MAX : turns_.begin()->first; }
  // Calls `f` with each topic whose time has come, which waits no more.
  template <class F>
  void take_due(int64_t now_ns, F f) {
    while (due_ns() <= now_ns) {
      const auto turn = turns_.extract(turns_.begin());
      for (const uint32_t id : turn.mapped().ids) {
        if (until_ns_[id] != turn.key()) continue;
        until_ns_[id] = 0;
        f(id);
      }
    }
  }

 private:
  struct Turn {
    std::vector<uint32_t> ids;  // those that have stopped, or wait for another time, too
    size_t waiting = 0;         // without them
  };
  void leave_turn(int64_t until_ns) {
    const auto turn = turns_.find(until_ns);
    if (--turn->second.waiting == 0) turns_.erase(turn);
  }
  // Mostly the last one.
  Turn& turn_at(int64_t until_ns) {
    if (!turns_.empty()) {
      if (const auto last = std::prev(turns_.end()); last->first == until_ns) return last->second;
    }
    return turns_[until_ns];
  }

  std::map<int64_t, Turn> turns_;
  Paged<int64_t> until_ns_;  // by id; 0: the topic does not wait
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_WAIT_LIST_H_
