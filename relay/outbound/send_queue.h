// Topics that wait to be sent to one peer, in a queue for each rule and each priority.
#ifndef SMT_RELAY_OUTBOUND_SEND_QUEUE_H_
#define SMT_RELAY_OUTBOUND_SEND_QUEUE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "relay/outbound/large_transfer.h"
#include "relay/outbound/rate_limiter.h"
#include "relay/rules/rules.h"
#include "relay/store/bits.h"
#include "relay/store/topic_source.h"

namespace smt::relay {

// Topics of one rule and one priority.
struct SendQueue {
  Bits dirty;                            // a sample to send
  Bits unknown;                          // to be announced first
  Bits plain;                            // sent as their pacing says, see TopicState::is_plain: ...
  Bits in_order;                         // ... each sample of these,
  Bits asked;                            // of these the newest if it passes, of the others in any case
  Bits prompt;                           // of plain: they have no pace, a newer sample waits for its turn
  std::list<uint32_t> large;             // a sample to send in pieces, after `transfer`
  std::shared_ptr<WholeSample> copying;  // of the first of `large`; null: not begun
  size_t compared = 0;                   // so much of it, with the value sent before
  LargeTransfer transfer;
  bool piece_next = false;  // a batch has gone since its last piece

  // The plain ones whose newest sample goes in any case, and as soon as there is one.
  uint64_t steady(size_t w) const { return prompt.word(w) & ~in_order.word(w) & ~asked.word(w); }
  bool has_large() const { return transfer.is_active() || !large.empty(); }
  bool has_samples() const { return dirty.any() || has_large(); }
  bool is_empty() const { return !has_samples() && !unknown.any(); }
};

// Queues are numbered by priority, the greatest first, and by rule within a priority. Queues of one rule
// share its cap of bytes: they are open when it is. What looks at all of them looks at those that are in use:
// mostly that is one, and a step that has one topic to send would spend a tenth of its time on the others.
class SendQueues {
 public:
  // No queues in place of all that there were, until begin(). Without rules there is one for each priority,
  // that of rule 0. To be called before anything else.
  void rebuild(const std::vector<SendRule>& rules);
  // Makes the queues, empty, if that has not been done. REQUIRES: so, of all that names one.
  void begin() {
    if (queues_.empty()) queues_.resize(caps_.size() * kPriorities);
  }

  size_t index(size_t rule, size_t priority) const {
    return (kPriorities - 1 - priority) * caps_.size() + rule;
  }
  // A topic has this queue from here on. REQUIRES: so, of each queue that a topic is put into.
  void use(size_t queue) {
    const auto number = static_cast<uint32_t>(queue);
    const auto at = std::lower_bound(used_.begin(), used_.end(), number);
    if (at != used_.end() && *at == number) return;
    used_.insert(at, number);
    for (size_t next = queue / caps_.size() + 1; next < first_.size(); ++next) ++first_[next];
  }
  SendQueue& operator[](size_t queue) { return queues_[queue]; }
  const SendQueue& operator[](size_t queue) const { return queues_[queue]; }
  ByteCap& cap(size_t queue) { return caps_[queue % caps_.size()]; }
  const ByteCap& cap(size_t queue) const { return caps_[queue % caps_.size()]; }
  // Samples of a greater age are not sent; 0: of any age are.
  int64_t drop_older_ns(size_t queue) const { return drop_older_ns_[queue % caps_.size()]; }
  // Samples of any age go, and as many bytes as the link takes.
  bool is_unlimited(size_t queue) const { return !cap(queue).is_limited() && drop_older_ns(queue) == 0; }

  // Topics without a pace that have a newer sample wait for their turn. True: there are some that do.
  bool on_updated(const Bits& updated) {
    bool any = false;
    for (const uint32_t q : used_) {
      SendQueue& queue = queues_[q];
      if (!queue.prompt.any()) continue;
      queue.dirty.add_common(updated, queue.prompt);
      any = any || queue.dirty.any();
    }
    return any;
  }

  // Calls `f` with each open queue of this priority, until it returns false; false then. The rule whose turn
  // it is comes first.
  template <class F>
  bool for_each_open(size_t priority, int64_t now_ns, F f) const {
    const std::span<const uint32_t> used = used_of(priority);
    const auto first = index(0, priority), turn = first + turn_;
    const auto ask = [&](size_t queue) { return now_ns < caps_[queue - first].open_ns() || f(queue); };
    for (const uint32_t queue : used) {
      if (queue >= turn && !ask(queue)) return false;
    }
    for (const uint32_t queue : used) {
      if (queue < turn && !ask(queue)) return false;
    }
    return true;
  }
  void next_turn() { turn_ = (turn_ + 1) % caps_.size(); }
  // A batch has gone: pieces of this priority are next.
  void on_batch_sent(size_t priority);

  // In an open queue of this priority.
  bool has_large(size_t priority, int64_t now_ns) const;
  bool has_unknown(size_t priority, int64_t now_ns) const;
  // In any queue.
  bool has_samples() const;
  bool is_empty() const;
  // When the first queue that is not empty opens, but not before `not_before_ns`, where that is later than
  // `sent_ns`: for a queue that was open then, something else happens first. INT64_MAX: no queue is so.
  int64_t due_ns(int64_t sent_ns, int64_t not_before_ns) const;

 private:
  std::span<const uint32_t> used_of(size_t priority) const {
    const size_t first = first_[kPriorities - 1 - priority], end = first_[kPriorities - priority];
    return std::span(used_).subspan(first, end - first);
  }

  std::vector<SendQueue> queues_;
  std::vector<uint32_t> used_;                     // queues, rising, ...
  std::array<uint32_t, kPriorities + 1> first_{};  // ... of each priority from here on, the greatest first
  std::vector<ByteCap> caps_;                      // by rule
  std::vector<int64_t> drop_older_ns_;             // by rule
  size_t turn_ = 0;                                // the rule that is asked first, of one priority
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_SEND_QUEUE_H_
