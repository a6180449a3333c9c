// Messages that wait for the link to take them, in order.
#ifndef SMT_RELAY_SESSION_OUTBOX_H_
#define SMT_RELAY_SESSION_OUTBOX_H_

#include <cstddef>
#include <list>
#include <string>

#include "proto/codec.h"
#include "relay/frame/frame.h"

namespace smt::relay {

class Outbox {
 public:
  struct Message {
    int field;  // of proto::Envelope
    std::string body;
    Frame payload;
  };

  template <class Body>
  void add(const Body& body, const Frame& payload = Frame()) {
    messages_.push_back({proto::kFieldOf<Body>, body.SerializeAsString(), payload});
  }
  size_t size() const { return messages_.size(); }

  // Calls `send(message)` for each, until it returns false. The number of those sent.
  template <class Send>
  size_t send(const Send& send) {
    size_t sent = 0;
    for (; !messages_.empty() && send(messages_.front()); messages_.pop_front()) ++sent;
    return sent;
  }

 private:
  std::list<Message> messages_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_OUTBOX_H_
