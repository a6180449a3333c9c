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
}

void SendQueues::on_batch_sent(size_t priority) {
  for (size_t rule = 0; rule < caps_.size(); ++rule) queues_[index(rule, priority)].piece_next = true;
}

bool SendQueues::has_large(size_t priority, int64_t now_ns) const {
  for (size_t rule = 0; rule < caps_.size(); ++rule) {
    if (queues_[index(rule, priority)].has_large() && now_ns >= caps_[rule].open_ns()) return true;
  }
  return false;
}

bool SendQueues::has_unknown(size_t priority, int64_t now_ns) const {
  for (size_t rule = 0; rule < caps_.size(); ++rule) {
    if (queues_[index(rule, priority)].unknown.any() && now_ns >= caps_[rule].open_ns()) return true;
  }
  return false;
}

bool SendQueues::has_samples() const {
  return std::any_of(queues_.begin(), queues_.end(),
                     [](const SendQueue& queue) { return queue.has_samples(); });
}

bool SendQueues::is_empty() const {
  return std::all_of(queues_.begin(), queues_.end(), [](const SendQueue& queue) { return queue.is_empty(); });
}

int64_t SendQueues::due_ns(int64_t sent_ns, int64_t not_before_ns) const {
  int64_t due = INT64_MAX;
  for (size_t i = 0; i < queues_.size(); ++i) {
    if (queues_[i].is_empty()) continue;
    const int64_t open = std::max(cap(i).open_ns(), not_before_ns);
    if (open > sent_ns) due = std::min(due, open);
  }
  return due;
}

}  // namespace smt::relay
