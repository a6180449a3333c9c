// One peer's requests for topics (Get), answered in the order in which they came.
#ifndef SMT_RELAY_OUTBOUND_REQUEST_QUEUE_H_
#define SMT_RELAY_OUTBOUND_REQUEST_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>
#include <vector>

#include "relay/rules/subscription.h"

namespace smt::relay {

// A request is new until it begins: then its topics are known. It is answered by a Reply once all of them,
// and all requests before it, have left.
class RequestQueue {
 public:
  struct Request {
    uint64_t number;
    SubscriptionSet subscriptions;
    bool list;      // descriptions alone are asked for
    bool complete;  // see the message Reply
    bool begun = false;
    uint32_t topics = 0;             // that it is answered with
    std::vector<uint32_t> ids = {};  // of them, not sent yet
  };

  void push(uint64_t number, SubscriptionSet subscriptions, bool list, bool complete) {
    requests_.push_back({number, std::move(subscriptions), list, complete});
  }
  bool is_empty() const { return requests_.empty(); }
  size_t size() const { return requests_.size(); }
  bool has_new() const { return !requests_.empty() && !requests_.back().begun; }
  // The first new one, which begins: its topics are for the caller to fill in. Null: there is none. Valid
  // until the next call.
  Request* begin_new();
  // The first request if all of its topics have left; null: there is none such. `is_pending(id)`: what is
  // asked for of this topic is still to be sent.
  template <class F>
  const Request* answered(F is_pending) {
    if (requests_.empty() || !requests_.front().begun) return nullptr;
    Request& first = requests_.front();
    while (!first.ids.empty() && !is_pending(first.ids.back())) first.ids.pop_back();
    return first.ids.empty() ? &first : nullptr;
  }
  // The first one's Reply has left. REQUIRES: there is one.
  void on_reply_sent() { requests_.pop_front(); }

 private:
  std::list<Request> requests_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_REQUEST_QUEUE_H_
