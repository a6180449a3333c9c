#include "relay/outbound/send_queue.h"

#include <algorithm>

namespace smt::relay {

void SendQueues::rebuild(const std::vector<SendRule>& rules) {
  caps_.clear();
  drop_older_ns_.clear();
  for (const SendRule& rule : rules) {
    caps_.emplace_back(rule.bytes_per_s);
    drop_older_ns_.push_back(rule.drop_older_ns);
  }
  if (rules.empty()) {
    caps_.emplace_back();
    drop_older_ns_.push_back(0);
  }
  queues_ = {};
  used_.clear();
  first_ = {};
}

void SendQueues::on_batch_sent(size_t priority) {
  for (const uint32_t queue : used_of(priority)) queues_[queue].piece_next = true;
}

bool SendQueues::has_large(size_t priority, int64_t now_ns) const {
  for (const uint32_t queue : used_of(priority)) {
    if (queues_[queue].has_large() && now_ns >= cap(queue).open_ns()) return true;
  }
  return false;
}

bool SendQueues::has_unknown(size_t priority, int64_t now_ns) const {
  for (const uint32_t queue : used_of(priority)) {
    if (queues_[queue].unknown.any() && now_ns >= cap(queue).open_ns()) return true;
  }
  return false;
}

bool SendQueues::has_samples() const {
  for (const uint32_t queue : used_) {
    if (queues_[queue].has_samples()) return true;
  }
  return false;
}

bool SendQueues::is_empty() const {
  for (const uint32_t queue : used_) {
    if (!queues_[queue].is_empty()) return false;
  }
  return true;
}

int64_t SendQueues::due_ns(int64_t sent_ns, int64_t not_before_ns) const {
  int64_t due = INT64_MAX;
  for (const uint32_t queue : used_) {
    if (queues_[queue].is_empty()) continue;
    const int64_t open = std::max(cap(queue).open_ns(), not_before_ns);
    if (open > sent_ns) due = std::min(due, open);
  }
  return due;
}

}  // namespace smt::relay
