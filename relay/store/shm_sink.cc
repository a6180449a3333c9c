#include "relay/store/shm_sink.h"

#include <algorithm>

#include "relay/store/node_names.h"
#include "shm/clock.h"
#include "shm/layout.h"

namespace smt::relay {

namespace {

// How long readers believe the mirror without hearing of this process.
constexpr int64_t kAliveNs = 600'000'000;
constexpr int64_t kLookForMirrorsNs = 100'000'000;
// How often that is done for the sake of topics that are left over.
constexpr int64_t kLookForLeftOverNs = 1'000'000'000;
// How often a topic's delay is told at most: readers have the line of memory that it is in.
constexpr int64_t kTellDelayNs = 100'000'000;

// An error or a delay as the mirror has it: 0 is what is not known.
int64_t known(int64_t ns) { return ns == Provenance::kUnknown ? 0 : std::max<int64_t>(1, ns); }

}  // namespace

ShmSink::ShmSink(const Domain& domain, bool mirror, std::unique_ptr<Node> node)
    : domain_(domain), mirror_(mirror), node_(std::move(node)) {}

Result<std::unique_ptr<ShmSink>> ShmSink::open(const Domain& domain, const NodeOptions& options) {
  Result<std::unique_ptr<Node>> opened = Node::open(domain, options);
  if (!opened.ok()) return opened.status();
  std::unique_ptr<ShmSink> sink(new ShmSink(domain, options.mirror, std::move(*opened)));
  if (options.mirror) {
    for (std::string& topic : sink->node_->topics()) sink->left_over_.insert(std::move(topic));
  }
  return sink;
}

void ShmSink::remove_others(const LocalNames& names) {
  std::erase_if(left_over_, [&](const std::string& topic) {
    return !names.may_have(topic) && node_->remove(topic).ok();
  });
}

// Its process receives the topic, or has it from a time when it did.
bool ShmSink::OtherMirror::keeps(const std::string& topic) const {
  const auto [begin, end] = topics.equal_range(topic);
  return std::any_of(begin, end, [this](const auto& at) {
    const std::optional<TopicView> there = view->topic(at.second);
    return there && !view->is_left_over(*there);
  });
}

// What is left over here and another relay has taken on is that relay's.
void ShmSink::follow_other_mirror(OtherMirror* other) {
  while (std::optional<DirectoryCursor::Change> change = other->directory.next(*other->view)) {
    if (other->names.size() <= change->index) other->names.resize(other->directory.limit());
    std::string& at = other->names[change->index];
    const auto [begin, end] = other->topics.equal_range(at);
    const auto old = std::find_if(begin, end, [&](const auto& t) { return t.second == change->index; });
    if (old != end) other->topics.erase(old);
    at.clear();
    if (!change->topic) continue;
    at = std::move(change->topic->name);
    other->topics.emplace(at, change->index);
    const bool taken = left_over_.contains(at) && other->keeps(at) && other->view->owner_alive();
    if (taken && node_->remove(at).ok()) left_over_.erase(at);
  }
}

void ShmSink::look_for_other_mirrors() {
  const int64_t now = domain_.clock().boottime_ns();
  if (others_seen_ns_ != 0 && now - others_seen_ns_ < kLookForMirrorsNs) return;
  others_seen_ns_ = now;
  const Result<std::vector<std::string>> nodes = domain_.nodes();
  if (!nodes.ok()) return;
  std::erase_if(others_, [&](const auto& other) {
    return other.second.view->retired() || !std::binary_search(nodes->begin(), nodes->end(), other.first);
  });
  for (const std::string& name : *nodes) {
    if (!name.starts_with(kMirrorPrefix) || name == node_->name() || others_.count(name) != 0) continue;
    Result<std::shared_ptr<SegmentView>> view = SegmentView::open(domain_, name);
    if (view.ok()) others_[name].view = std::move(*view);
  }
  for (auto& [name, other] : others_) follow_other_mirror(&other);
}

Status ShmSink::check_other_mirrors(const std::string& topic) {
  look_for_other_mirrors();
  for (const auto& [name, other] : others_) {
    if (!other.keeps(topic) || !other.view->owner_alive()) continue;
    return Status(Code::kInUse, "topic " + topic + " is mirrored by node " + name + " (pid " +
                                    std::to_string(other.view->pid()) + " on " + other.view->host() +
                                    ") already: give one of the two relays a --prefix");
  }
  return Status();
}

// What stands in is a value of the topic.
Status ShmSink::check_fail_safe(const TopicDescription& topic) {
  const uint64_t bytes = topic.fail_safe.size();
  if (topic.on_stale != OnStale::kBytes || (topic.value_bytes == 0 && bytes <= topic.max_bytes) ||
      bytes == topic.value_bytes)
    return Status();
  return Status(Code::kInvalid, "topic " + topic.name + ": its fail-safe value has " + std::to_string(bytes) +
                                    " bytes, its values have " + std::to_string(topic.max_bytes));
}

uint64_t ShmSink::bytes_of(const TopicDescription& topic, uint64_t segment_bytes) {
  return std::min<uint64_t>(topic.history, layout::kMaxSlots) * std::min(topic.max_bytes, segment_bytes) +
         topic.name.size() + topic.schema->size();
}

Result<uint32_t> ShmSink::open(std::shared_ptr<const TopicDescription> topic, uint64_t) {
  if (mirror_) {
    if (Status other = check_other_mirrors(topic->name); !other.ok()) return other;
  }
  if (Result<Schema> schema = schema_of(*topic); !schema.ok()) return schema.status();

  const std::optional<uint32_t> known = find(topic->name);
  uint32_t handle;
  if (known) {
    handle = *known;
    topics_[handle].end_loan();
    topics_[handle].publisher.reset();
  } else if (!free_.empty()) {
    handle = free_.back();
  } else {
    handle = static_cast<uint32_t>(topics_.size());
    topics_.emplace_back();
    free_.push_back(handle);
  }
  Topic& t = touch(handle);
  t.description = std::move(topic);
  t.history = t.description->history;
  Status s = check_fail_safe(*t.description);
  t.end_awaited();
  if (t.has_lent()) t.pieces->lent.reset();
  std::erase(awaited_, handle);
  if (s.ok()) s = make_ring(handle);
  if (!s.ok()) {
    if (known) {
      remove(handle);
    } else {
      t.description.reset();
    }
    return s;
  }
  left_over_.erase(t.name());
  if (!known) {
    free_.pop_back();
    by_name_.insert(t.name(), handle);
  }
  t.confirmed = false;
  t.told = State::kEmpty;
  if (t.publisher) begin(&t);
  return handle;
}

// The value first, then the state: no reader takes what stands in for a value for a fresh one.
void ShmSink::show(Topic* t) {
  const State state = t->substituted ? State::kSubstituted : t->told;
  if (!t->publisher || t->shown == state) return;
  t->shown = state;
  t->publisher->set_state(state);
}

// REQUIRES: it has its publisher. Of the sample that is written next, see known().
void ShmSink::report_provenance(Topic* t, int64_t age_error_ns, int64_t delay_ns, int64_t now_ns) {
  if (age_error_ns != t->age_error_ns) {
    t->age_error_ns = age_error_ns;
    t->publisher->set_age_error(age_error_ns);
  }
  if (now_ns < t->delay_due_ns || delay_ns == t->delay_ns) return;
  t->delay_ns = delay_ns;
  t->delay_due_ns = delay_ns > 0 ? now_ns + kTellDelayNs : INT64_MIN;
  t->publisher->set_delay(delay_ns);
}

bool ShmSink::is_too_old(const Topic& t, const SampleHead& head) const {
  return ages(t) && age_at(head.written_ns, head.born_ns) > t.description->max_age_ns;
}

// Under the number and the age of the sample that it stands in for. False: not now, a newer one is coming in.
bool ShmSink::substitute(Topic* t, const SampleHead& head) {
  if (t->has_loan() || t->awaited() != nullptr) return false;
  // There was no room for its ring.
  if (!t->publisher && t->description->on_stale != OnStale::kTombstone) return false;
  burst_.reset();
  t->newest = head;
  t->substituted = true;
  const TopicDescription& d = *t->description;
  if (d.on_stale == OnStale::kTombstone) {
    t->publisher.reset();
    (void)node_->remove(d.name);  // kNotFound: it has its tombstone already
    return true;
  }
  const std::vector<std::byte> zeros(d.on_stale == OnStale::kZero ? d.value_bytes : 0);
  (void)t->publisher->publish(d.on_stale == OnStale::kZero ? zeros : d.fail_safe,
                              head);  // see check_fail_safe
  t->confirmed = true;
  show(t);
  return true;
}

void ShmSink::expire(int64_t now_ns) {
  constexpr int64_t kAgainNs = 10'000'000;
  while (due_ns() <= now_ns) {
    const uint32_t handle = expiries_.top().second;
    expiries_.pop();
    Topic& t = touch(handle);
    t.expires = false;
    // Without a birth it has not been followed since it was opened.
    if (t.description == nullptr || t.substituted || t.newest.born_ns == 0) continue;
    if (t.description->max_age_ns == 0) continue;
    int64_t next = t.newest.born_ns + t.description->max_age_ns + 1;
    if (next <= now_ns) {
      if (substitute(&t, {t.newest.sequence, t.newest.stamp_ns, t.newest.born_ns, now_ns})) continue;
      next = now_ns + kAgainNs;
    }
    t.expires = true;
    expiries_.emplace(next, handle);
  }
}

// Its maximum age is watched from here on.
void ShmSink::follow(uint32_t handle, const SampleHead& head) {
  Topic& t = topics_[handle];
  t.newest = head;
  t.confirmed = true;
  const TopicDescription& d = *t.description;
  if (d.on_stale == OnStale::kHold || d.max_age_ns == 0 || t.expires) return;
  t.expires = true;
  expiries_.emplace(head.born_ns + d.max_age_ns + 1, handle);
}

ShmSink::Topic& ShmSink::touch(uint32_t handle) {
  topics_[handle].plain_bytes = 0;
  return topics_[handle];
}

PutResult ShmSink::finish_put(uint32_t handle, const SampleHead& head) {
  Topic& t = topics_[handle];
  t.substituted = false;
  follow(handle, head);
  show(&t);
  t.plain_bytes = plain_bytes_of(t);
  return PutResult::kTaken;
}

uint32_t ShmSink::plain_bytes_of(const Topic& t) {
  const uint64_t bytes = t.description->value_bytes;
  const bool plain = t.publisher && t.awaited() == nullptr && !t.has_loan() && !ages(t) &&
                     bytes <= UINT32_MAX && Burst::is_known(*t.publisher, bytes);
  return plain ? static_cast<uint32_t>(bytes) : 0;
}

// The sample's value goes into the ring.
bool ShmSink::is_writing(const Topic& t, const SampleHead& head) const {
  if (head.sequence < t.newest.sequence || is_too_old(t, head)) return false;
  return head.sequence > t.newest.sequence || t.substituted;
}

// What becomes of one whose value does not. REQUIRES: no loan
PutResult ShmSink::settle(uint32_t handle, const SampleHead& head) {
  Topic& t = topics_[handle];
  if (head.sequence < t.newest.sequence) return PutResult::kOld;
  const bool same = head.sequence == t.newest.sequence, too_old = is_too_old(t, head);
  if (too_old && !(same && t.substituted)) substitute(&t, head);
  if (!same) return PutResult::kTooOld;
  if (!t.confirmed && t.publisher) t.publisher->confirm();
  if (!too_old) follow(handle, head);
  t.confirmed = true;
  return PutResult::kConfirmed;
}

PutResult ShmSink::put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value,
                       const Provenance& provenance) {
  Topic& t = touch(handle);
  if (t.description == nullptr) return PutResult::kRefused;
  if (t.awaited() != nullptr) return await_ring(handle, head, {{value.begin(), value.end()}, {}}, provenance);
  t.end_loan();
  if (!is_writing(t, head)) return settle(handle, head);
  if (!t.publisher && !make_ring(handle).ok()) return PutResult::kRefused;
  if (t.awaited() != nullptr) return await_ring(handle, head, {{value.begin(), value.end()}, {}}, provenance);
  report_provenance(&t, known(provenance.age_error_ns), known(provenance.delay_ns), head.written_ns);
  if (!burst_) burst_.emplace();
  return burst_->publish(*t.publisher, value, head).ok() ? finish_put(handle, head) : PutResult::kRefused;
}

size_t ShmSink::put_plain(std::span<const PlainSample> samples, const std::byte* values, int64_t written_ns,
                          const Provenance& provenance) {
  const int64_t age_error_ns = known(provenance.age_error_ns), delay_ns = known(provenance.delay_ns);
  const std::span<Topic> topics = topics_;
  if (!burst_) burst_.emplace();
  Burst& burst = *burst_;
  const PlainSample* s = samples.data();
  const PlainSample* const end = s + samples.size();
  for (; s != end; ++s) {
    if (s->handle >= topics.size()) break;
    Topic& t = topics[s->handle];
    const SampleHead head{s->sequence, s->stamp_ns, s->born_ns, written_ns};
    if (s->bytes != t.plain_bytes || s->bytes == 0 || head.sequence <= t.newest.sequence) break;
    if (age_error_ns != t.age_error_ns || (written_ns >= t.delay_due_ns && delay_ns != t.delay_ns))
      report_provenance(&t, age_error_ns, delay_ns, written_ns);
    if (!burst.publish_known(*t.publisher, {values, s->bytes}, head)) break;
    t.newest = head;
    values += s->bytes;
  }
  return static_cast<size_t>(s - samples.data());
}

std::span<std::byte> ShmSink::loan(uint32_t handle, uint64_t bytes) {
  Topic& t = touch(handle);
  if (t.awaited() == nullptr) t.end_loan();
  if (!t.publisher && t.awaited() == nullptr && !make_ring(handle).ok()) return {};
  Pieces& pieces = t.in_pieces();
  if (pieces.awaited) {
    pieces.lent = Frame::room(bytes);
    pieces.lent_bytes = bytes;
    return {pieces.lent.get(), bytes};
  }
  Result<Loan> loan = t.publisher->loan(bytes);
  if (!loan.ok()) return {};
  pieces.loan.emplace(std::move(*loan));
  return pieces.loan->bytes();
}

PutResult ShmSink::commit(uint32_t handle, const SampleHead& head, const Provenance& provenance) {
  Topic& t = touch(handle);
  if (t.has_lent()) {
    const std::shared_ptr<std::byte[]> lent = std::move(t.pieces->lent);
    if (t.awaited() == nullptr) return PutResult::kRefused;
    return await_ring(handle, head, {{}, {lent, {lent.get(), t.pieces->lent_bytes}}}, provenance);
  }
  return finish_loan(handle, head, provenance);
}

PutResult ShmSink::finish_loan(uint32_t handle, const SampleHead& head, const Provenance& provenance) {
  Topic& t = topics_[handle];
  if (!t.has_loan()) return PutResult::kRefused;
  Pieces& pieces = *t.pieces;
  if (pieces.former) {  // it lies where no reader finds it
    const std::shared_ptr<const void> former = std::move(pieces.former);
    Loan loan = std::move(*pieces.loan);
    return put(handle, head, loan.bytes(), provenance);
  }
  const bool writes = is_writing(t, head);
  if (writes)
    report_provenance(&t, known(provenance.age_error_ns), known(provenance.delay_ns), head.written_ns);
  if (writes) pieces.loan->commit(head, pieces.loan->bytes().size());
  pieces.loan.reset();
  return writes ? finish_put(handle, head) : settle(handle, head);
}

void ShmSink::abandon(uint32_t handle) {
  Topic& t = touch(handle);
  if (!t.has_lent()) return t.end_loan();
  t.pieces->lent.reset();
  if (t.awaited() != nullptr && t.publisher && t.awaited()->head.sequence == 0) t.end_awaited();
}

void ShmSink::report_state(uint32_t handle, State state) {
  touch(handle).told = state;
  show(&topics_[handle]);
}

void ShmSink::remove(uint32_t handle) {
  Topic& t = topics_[handle];
  if (t.description == nullptr) return;
  std::erase(awaited_, handle);
  by_name_.erase(t.name(), handle);
  const std::shared_ptr<const TopicDescription> removed = std::move(t.description);
  const bool expires = t.expires;
  t = Topic();
  t.expires = expires;
  (void)node_->remove(removed->name);  // kNotFound: it could not be advertised
  free_.push_back(handle);
}

Status ShmSink::remake() {
  burst_.reset();
  std::shared_ptr<const void> former;
  if (Status s = node_->remake(&former); !s.ok()) return s;
  for (Topic& t : topics_) {
    t.plain_bytes = 0;
    if (t.awaited() != nullptr) {
      t.pieces->loan.reset();
      t.awaited()->copied = 0;
    } else if (t.has_loan()) {
      t.pieces->former = former;
    }
  }
  return Status();
}

void ShmSink::flush(int64_t now_ns) {
  expire(now_ns);
  burst_.reset();
  if (!mirror_) return;
  node_->keep_alive(now_ns + kAliveNs);
  if (!left_over_.empty() && now_ns - others_seen_ns_ >= kLookForLeftOverNs) look_for_other_mirrors();
}

}  // namespace smt::relay
