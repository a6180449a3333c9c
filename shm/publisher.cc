#include "shm/publisher.h"

#include "shm/ordering.h"

namespace smt {

constinit thread_local TickClock internal::tick_clock{Clock{}, processor_ticks};

Loan::Loan(internal::TopicWriter* topic, uint64_t size)
    : topic_(topic), slot_(topic->slot(topic->position + 1)) {
  begin_sample(slot_, topic->position + 1);
  if constexpr (kThreadSanitizer) {
    copy_.resize(size);
    bytes_ = copy_;
  } else {
    bytes_ = {reinterpret_cast<std::byte*>(payload_of(slot_)), static_cast<size_t>(size)};
  }
}

void Loan::commit() {
  const Times now = topic_->node->now();
  commit({0, now.realtime_ns, now.boottime_ns, now.boottime_ns}, bytes_.size());
}

void Loan::commit(const SampleHead& head, size_t size) {
  if (size > bytes_.size()) size = bytes_.size();
  if constexpr (kThreadSanitizer) store_words(payload_of(slot_), copy_.data(), size);
  const bool announced = topic_->quick;
  topic_->finish(slot_, topic_->position + 1, head, size);
  if (!announced) topic_->announce();
  topic_->node->ring();
}

Result<Loan> Publisher::loan(uint64_t bytes) {
  if (!topic_->fits(bytes)) {
    if (Status s = topic_->prepare(bytes); !s.ok()) return s;
  }
  return Loan(topic_, bytes);
}

uint64_t Publisher::sequence() const {
  const layout::Slot* slot = topic_->slot(topic_->position);
  if (topic_->position == 0 || slot->lock.load(std::memory_order_relaxed) != 2 * topic_->position) return 0;
  return slot->sequence.load(std::memory_order_relaxed);
}

void Publisher::set_state(State state) {
  topic_->record->state.store(static_cast<uint32_t>(state), std::memory_order_relaxed);
  topic_->node->ring();
}

State Publisher::state() const {
  return static_cast<State>(topic_->record->state.load(std::memory_order_relaxed));
}

void Publisher::set_age_error(int64_t age_error_ns) {
  topic_->record->age_error_ns.store(static_cast<uint64_t>(age_error_ns), std::memory_order_relaxed);
}

void Publisher::set_delay(int64_t delay_ns) {
  topic_->record->delay_ns.store(static_cast<uint64_t>(delay_ns), std::memory_order_relaxed);
}

void Publisher::set_max_age(int64_t max_age_ns) {
  topic_->record->max_age_ns.store(static_cast<uint64_t>(max_age_ns), std::memory_order_relaxed);
}

}  // namespace smt
