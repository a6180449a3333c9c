// Topics that wait for a time each, the next one first.
#ifndef SMT_RELAY_OUTBOUND_WAIT_LIST_H_
#define SMT_RELAY_OUTBOUND_WAIT_LIST_H_

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace smt::relay {

class WaitList {
 public:
  // A topic that waits already does so until the earlier of the two times. REQUIRES: until_ns != 0
  void wait_until(uint32_t id, int64_t until_ns) {
    if (is_waiting(id) && until_ns_[id] <= until_ns) return;
    stop(id);
    if (id >= until_ns_.size()) until_ns_.resize(id + 1, 0);
    until_ns_[id] = until_ns;
    waits_.emplace(until_ns, id);
  }
  void stop(uint32_t id) {
    if (!is_waiting(id)) return;
    waits_.erase({until_ns_[id], id});
    until_ns_[id] = 0;
  }
  bool is_waiting(uint32_t id) const { return id < until_ns_.size() && until_ns_[id] != 0; }
  // The time of the next topic; INT64_MAX: none waits.
  int64_t due_ns() const { return waits_.empty() ? INT64_MAX : waits_.begin()->first; }
  // A topic whose time has come, which then waits no more; nothing: there is none.
  std::optional<uint32_t> take_due(int64_t now_ns) {
    if (waits_.empty() || due_ns() > now_ns) return std::nullopt;
    const uint32_t id = waits_.begin()->second;
    stop(id);
    return id;
  }

 private:
  std::set<std::pair<int64_t, uint32_t>> waits_;
  std::vector<int64_t> until_ns_;  // by id; 0: the topic does not wait
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_WAIT_LIST_H_
