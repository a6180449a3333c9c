#include "relay/outbound/request_queue.h"

#include <algorithm>

namespace smt::relay {

RequestQueue::Request* RequestQueue::begin_new() {
  const auto next =
      std::find_if(requests_.begin(), requests_.end(), [](const Request& r) { return !r.begun; });
  if (next == requests_.end()) return nullptr;
  next->begun = true;
  return &*next;
}

}  // namespace smt::relay
