// The rings of topics in a ShmSink: memory for a large one is taken in pieces, and its newest sample is kept
// meanwhile.
#include <algorithm>

#include "relay/store/shm_sink.h"
#include "shm/layout.h"

namespace smt::relay {

// Takes memory for the topic's ring, a piece in each step. True: advertise() takes no longer than for a small
// topic.
Result<bool> ShmSink::prepare(Topic* t) {
  constexpr uint64_t kSmall = 4096;
  if (t->options.max_bytes * t->options.history <= kSmall) return true;
  const uint64_t before = node_->reserved_bytes();
  Result<bool> ready = node_->prepare(t->options, may_grow_);
  if (!ready.ok() && ready.status().code() == Code::kNoSpace && t->options.history > layout::kMinSlots) {
    t->options.history = layout::kMinSlots;  // as in advertise()
    ready = node_->prepare(t->options, may_grow_);
  }
  may_grow_ -= std::min(may_grow_, node_->reserved_bytes() - before);
  return ready;
}

Status ShmSink::advertise(Topic* t) {
  Result<Publisher> publisher = node_->advertise(t->options);
  if (!publisher.ok() && publisher.status().code() == Code::kNoSpace && t->options.history > 4) {
    t->options.history = 4;  // the source has more memory: its latest values are worth more than none
    publisher = node_->advertise(t->options);
  }
  if (!publisher.ok()) return publisher.status();
  t->publisher.emplace(std::move(*publisher));
  t->shown = t->publisher->state();
  t->age_error_ns = t->delay_ns = -1;
  t->delay_due_ns = INT64_MIN;
  return Status();
}

// The topic has its ring then, or it is awaited.
Status ShmSink::make_ring(uint32_t handle) {
  Topic& t = topics_[handle];
  const Result<bool> ready = prepare(&t);
  if (!ready.ok()) return ready.status();
  if (*ready) return advertise(&t);
  t.awaited = std::make_unique<Awaited>();
  awaited_.push_back(handle);
  return Status();
}

// Its ring is there. Described anew, it is still as old as it was.
void ShmSink::begin(Topic* t) {
  if (t->newest.sequence != t->publisher->sequence()) t->newest = {t->publisher->sequence(), 0, 0, 0};
  t->substituted = t->newest.sequence != 0 && t->shown == State::kSubstituted;
  show(t);
}

// A piece of what an awaited topic needs: memory, its ring, its sample. False: nothing more can be done in
// this step.
bool ShmSink::advance(uint32_t handle) {
  Topic& t = touch(handle);
  if (!t.publisher) {
    const Result<bool> ready = prepare(&t);
    if (ready.ok() && !*ready) return true;
    if (!ready.ok() || !advertise(&t).ok())
      return t.awaited.reset(), false;  // put() tries again, and says so
    begin(&t);
  }
  if (t.awaited->head.sequence != 0 && !copy_awaited(handle)) return true;
  if (t.lent == nullptr) t.awaited.reset();
  return false;
}

// A piece of the sample that came first. True: it is in the ring.
bool ShmSink::copy_awaited(uint32_t handle) {
  Topic& t = topics_[handle];
  Awaited& a = *t.awaited;
  const std::span<const std::byte> value = a.value.bytes();
  if (!t.loan) {
    Result<Loan> loan = t.publisher->loan(value.size());
    if (!loan.ok()) return true;
    t.loan.emplace(std::move(*loan));
  }
  const size_t bytes = std::min<size_t>(value.size() - a.copied, kPieceOfWork);
  std::copy_n(value.data() + a.copied, bytes, t.loan->bytes().data() + a.copied);
  a.copied += bytes;
  if (a.copied < value.size()) return false;
  (void)finish_loan(handle, a.head, a.provenance);
  a = {};
  return true;
}

bool ShmSink::advance() {
  may_grow_ = kPieceOfWork;
  if (awaited_.empty()) return false;
  const uint32_t handle = awaited_.front();
  awaited_.erase(awaited_.begin());
  // The others have their turn.
  if (advance(handle)) awaited_.push_back(handle);
  return !awaited_.empty();
}

PutResult ShmSink::await_ring(uint32_t handle, const SampleHead& head, KeptValue value,
                              const Provenance& provenance) {
  const uint64_t there = held(handle).sequence;
  if (head.sequence <= there) return head.sequence < there ? PutResult::kOld : PutResult::kConfirmed;
  *topics_[handle].awaited = {head, provenance, std::move(value)};
  topics_[handle].loan.reset();
  if (std::find(awaited_.begin(), awaited_.end(), handle) == awaited_.end()) awaited_.push_back(handle);
  return PutResult::kTaken;
}

SampleHead ShmSink::held(uint32_t handle) const {
  const Topic& t = topics_[handle];
  return t.awaited && t.awaited->head.sequence > t.newest.sequence ? t.awaited->head : t.newest;
}

}  // namespace smt::relay
