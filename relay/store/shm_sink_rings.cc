// The rings of topics in a ShmSink: memory for a large one is taken in pieces, and its newest sample is kept
// meanwhile.
#include <algorithm>

#include "relay/store/shm_sink.h"
#include "shm/layout.h"

namespace smt::relay {

// Most topics of a peer share a schema with the one before.
Result<Schema> ShmSink::schema_of(const TopicDescription& topic) {
  if (topic.schema == schema_text_) return schema_;
  Result<Schema> schema = Schema::from_text(*topic.schema);
  if (!schema.ok()) return schema;
  schema_text_ = topic.schema;
  schema_ = *schema;
  return schema;
}

Result<TopicOptions> ShmSink::options_of(const Topic& t) {
  if (t.description == nullptr) return Status(Code::kNotFound, "no topic is open here");
  const TopicDescription& d = *t.description;
  Result<Schema> schema = schema_of(d);
  if (!schema.ok()) return schema.status();
  TopicOptions o;
  o.name = d.name;
  o.schema = std::move(*schema);
  o.max_bytes = o.schema.size != 0 ? o.schema.size : d.max_bytes;
  o.history = t.history;
  o.max_age_ns = d.max_age_ns;
  if (mirror_) o.origin = *d.origin;
  o.hops = d.hops;
  o.first_sequence = d.first_sequence;
  o.keep_bytes = 8 * kPieceOfWork;
  return o;
}

// Takes memory for the topic's ring, a piece in each step. True: advertise() takes no longer than for a small
// topic.
Result<bool> ShmSink::prepare(Topic* t, TopicOptions* options) {
  constexpr uint64_t kSmall = 4096;
  if (options->max_bytes * options->history <= kSmall) return true;
  const uint64_t before = node_->reserved_bytes();
  Result<bool> ready = node_->prepare(*options, may_grow_);
  if (!ready.ok() && ready.status().code() == Code::kNoSpace && t->history > layout::kMinSlots) {
    options->history = t->history = layout::kMinSlots;  // as in advertise()
    ready = node_->prepare(*options, may_grow_);
  }
  may_grow_ -= std::min(may_grow_, node_->reserved_bytes() - before);
  return ready;
}

Status ShmSink::advertise(Topic* t, TopicOptions* options) {
  Result<Publisher> publisher = node_->advertise(*options);
  if (!publisher.ok() && publisher.status().code() == Code::kNoSpace && t->history > layout::kMinSlots) {
    // The source has more memory: its latest values are worth more than none.
    options->history = t->history = layout::kMinSlots;
    publisher = node_->advertise(*options);
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
  Result<TopicOptions> options = options_of(t);
  if (!options.ok()) return options.status();
  const Result<bool> ready = prepare(&t, &*options);
  if (!ready.ok()) return ready.status();
  if (*ready) return advertise(&t, &*options);
  t.in_pieces().awaited = std::make_unique<Awaited>();
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
    Result<TopicOptions> options = options_of(t);
    const Result<bool> ready = options.ok() ? prepare(&t, &*options) : options.status();
    if (ready.ok() && !*ready) return true;
    if (!ready.ok() || !advertise(&t, &*options).ok())
      return t.end_awaited(), false;  // put() tries again, and says so
    begin(&t);
  }
  if (t.awaited()->head.sequence != 0 && !copy_awaited(handle)) return true;
  if (!t.has_lent()) t.end_awaited();
  return false;
}

// A piece of the sample that came first. True: it is in the ring.
bool ShmSink::copy_awaited(uint32_t handle) {
  Topic& t = topics_[handle];
  Pieces& pieces = *t.pieces;
  Awaited& a = *pieces.awaited;
  const std::span<const std::byte> value = a.value.bytes();
  if (!pieces.loan) {
    Result<Loan> loan = t.publisher->loan(value.size());
    if (!loan.ok()) return true;
    pieces.loan.emplace(std::move(*loan));
  }
  const size_t bytes = std::min<size_t>(value.size() - a.copied, kPieceOfWork);
  std::copy_n(value.data() + a.copied, bytes, pieces.loan->bytes().data() + a.copied);
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
  *topics_[handle].awaited() = {head, provenance, std::move(value)};
  topics_[handle].pieces->loan.reset();
  if (std::find(awaited_.begin(), awaited_.end(), handle) == awaited_.end()) awaited_.push_back(handle);
  return PutResult::kTaken;
}

SampleHead ShmSink::held(uint32_t handle) const {
  const Topic& t = topics_[handle];
  const Awaited* const awaited = t.awaited();
  return awaited != nullptr && awaited->head.sequence > t.newest.sequence ? awaited->head : t.newest;
}

}  // namespace smt::relay
