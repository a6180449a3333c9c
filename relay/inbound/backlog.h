// A link that stood still for a moment, too short to end the session, then delivers what was under way, in
// order: the past. Of that only the newest value of each topic is of use, and it is told when nothing newer
// can be on its way any more: when a message is on time again, or the link turns out to be slower for good.
#ifndef SMT_RELAY_INBOUND_BACKLOG_H_
#define SMT_RELAY_INBOUND_BACKLOG_H_

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "relay/store/topic_description.h"
#include "shm/seqlock.h"

namespace smt::relay {

class Backlog {
 public:
  struct DeferredSample {
    SampleHead head;
    Provenance provenance;
    std::vector<std::byte> value;
  };

  // A message that was on its way for `travelled_ns`, or for as much longer or shorter as `error_ns`, which
  // is half of a good round trip, has come; each one is told here. Whether its values are to be held; if not,
  // those held before are due when its own are written.
  bool late(int64_t travelled_ns, int64_t error_ns, int64_t now_ns);
  // Of the topic with this id of the sender. False: in place of an older one, which is gone.
  bool hold(uint32_t id, const SampleHead& head, const Provenance& provenance,
            std::span<const std::byte> value) {
    return deferred_.insert_or_assign(id, DeferredSample{head, provenance, {value.begin(), value.end()}})
        .second;
  }
  // False: nothing was held of it.
  bool drop(uint32_t id) { return !deferred_.empty() && deferred_.erase(id) != 0; }
  bool empty() const { return deferred_.empty(); }
  size_t size() const { return deferred_.size(); }
  std::unordered_map<uint32_t, DeferredSample> take() {
    until_ns_ = 0;
    return std::exchange(deferred_, {});
  }

 private:
  std::unordered_map<uint32_t, DeferredSample> deferred_;
  int64_t until_ns_ = 0;  // 0: the link is on time, or no faster than this
  int64_t since_ns_ = 0;  // while until_ns_ is not 0
  int64_t last_travelled_ns_ = -1;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_INBOUND_BACKLOG_H_
