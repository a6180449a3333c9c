// Wants and Gets of one peer that wait for its turn, within bounds of number and size.
#ifndef SMT_RELAY_SESSION_DEFERRED_REQUESTS_H_
#define SMT_RELAY_SESSION_DEFERRED_REQUESTS_H_

#include <cstddef>
#include <list>

#include "proto/smtrelay.pb.h"

namespace smt::relay {

class DeferredRequests {
 public:
  static constexpr size_t kMaxRequests = 1024, kMaxBytes = 2 << 20;

  // `*message` is scratch then. False: more than a peer may have waiting.
  bool add(proto::Envelope* message) {
    const size_t bytes = message->ByteSizeLong();
    if (messages_.size() >= kMaxRequests || bytes_ + bytes > kMaxBytes) return false;
    bytes_ += bytes;
    messages_.emplace_back().Swap(message);
    return true;
  }
  bool empty() const { return messages_.empty(); }
  size_t bytes() const { return bytes_; }
  // The first one. REQUIRES: !empty()
  proto::Envelope take() {
    proto::Envelope first;
    first.Swap(&messages_.front());
    messages_.pop_front();
    bytes_ -= first.ByteSizeLong();
    return first;
  }

 private:
  std::list<proto::Envelope> messages_;
  size_t bytes_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_DEFERRED_REQUESTS_H_
