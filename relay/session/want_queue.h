// The subscriptions of this side at a peer, and the Wants that are to be sent: each costs the peer a look at
// all its topics, so they are paced.
#ifndef SMT_RELAY_SESSION_WANT_QUEUE_H_
#define SMT_RELAY_SESSION_WANT_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>
#include <vector>

#include "relay/rules/subscription.h"

namespace smt::relay {

// Reads no clock.
class WantQueue {
 public:
  // In the long run one Want so often, and so many at once.
  static constexpr int64_t kWantNs = 100'000'000, kWantsAtOnce = 10;

  // False: this is wanted already. Of several that wait only the last is sent.
  bool set(std::vector<Subscription> subscriptions) {
    if (subscriptions == wanted_) return false;
    wanted_ = std::move(subscriptions);
    if (due_.empty()) due_.emplace_back();
    due_.back() = wanted_;
    return true;
  }
  // Sends `others` and then what is wanted: what `others` leaves out is announced anew.
  void set_again(std::vector<Subscription> others) {
    due_.push_back(std::move(others));
    due_.push_back(wanted_);
  }
  const std::vector<Subscription>& wanted() const { return wanted_; }
  bool empty() const { return due_.empty(); }

  // Calls `send(selections)` for each that waits, in order, until it returns false. The number of those sent.
  template <class Send>
  size_t send(int64_t now_ns, const Send& send) {
    if (now_ns < open_ns_) return 0;
    size_t sent = 0;
    for (; !due_.empty() && send(due_.front()); due_.pop_front(), ++sent)
      open_ns_ = std::max(open_ns_, now_ns - kWantNs * kWantsAtOnce) + kWantNs;
    return sent;
  }
  // When send() sends the next one; INT64_MAX: none waits.
  int64_t due_ns() const { return due_.empty() ? INT64_MAX : open_ns_; }

 private:
  std::vector<Subscription> wanted_;
  std::list<std::vector<Subscription>> due_;  // the last one is wanted_
  int64_t open_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_WANT_QUEUE_H_
