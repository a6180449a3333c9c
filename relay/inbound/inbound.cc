#include "relay/inbound/inbound.h"

#include <algorithm>

#include "relay/message/wire.h"
#include "shm/domain.h"
#include "shm/layout.h"
#include "shm/schema.h"

namespace smt::relay {

namespace {

constexpr size_t kMaxSchemas = 65536;
constexpr size_t kMaxText = 64;  // host, domain and node names

}  // namespace

PeerReceiver::~PeerReceiver() {
  inbound_->counters().dropped_held += backlog_.take().size();
  for (const auto& t : topics_) {
    if (t == nullptr || !is_mine(*t)) continue;
    inbound_->sink().abandon(t->handle);
    inbound_->sink().report_state(t->handle, State::kLinkDown);
    inbound_->sink().set_current(t->handle, true);  // there is nothing better now
    inbound_->release(&t->claim);
  }
}

// The topic is no longer taken under its name.
void PeerReceiver::close_topic(Topic* t) {
  if (is_mine(*t)) {
    inbound_->sink().remove(t->handle);
    inbound_->free(t->claim);
    inbound_->release(&t->claim);
  }
  t->plain_bytes = 0;
  t->handle = kNone;
  t->claim = {};
  if (t->arriving != nullptr) t->arriving->room = {};
}

bool PeerReceiver::is_taken_as_before(const Topic& t) const {
  const Inbound::Acceptance now = inbound_->acceptance(t.name(), peer_);
  return now.name == t.description->name && *now.terms == *t.terms &&
         (!now.name.empty() || now.error == t.why_words());
}

std::vector<std::string> PeerReceiver::reconsider() {
  std::vector<std::string> again;
  for (const auto& t : topics_) {
    if (t == nullptr) continue;
    // What waits for a name may have it now.
    if (t->refusal != Refusal::kConflict && is_taken_as_before(*t)) continue;
    close_topic(t.get());
    t->refusal = Refusal::kDenied;  // until it is announced anew
    again.push_back(t->name());
  }
  return again;
}

void PeerReceiver::want(SubscriptionSet subscriptions) {
  subscriptions_ = std::move(subscriptions);
  for (const auto& t : topics_) {
    if (t != nullptr) judge(t.get());
  }
}

// Nobody keeps current what is not wanted; what is wanted is current from its next sample on.
void PeerReceiver::judge(Topic* t) {
  t->plain_bytes = 0;
  t->wanted = subscriptions_.matches(t->name());
  if (!t->wanted && is_mine(*t)) inbound_->sink().set_current(t->handle, false);
}

PeerReceiver::Topic* PeerReceiver::find_topic(uint32_t id) {
  Topic* t = id < topics_.size() ? topics_[id].get() : nullptr;
  if (t != nullptr) t->plain_bytes = 0;
  return t;
}

bool PeerReceiver::describe(const proto::Topic& m, TopicDescription* d) {
  auto schema = schemas_.find(m.schema_hash());
  if (schema == schemas_.end()) {
    if (schemas_.size() == kMaxSchemas) return false;
    const Result<Schema> parsed = Schema::from_text(m.schema());
    if (!parsed.ok() || parsed->hash() != m.schema_hash()) return false;
    bytes_ += m.schema().size() + sizeof(Text);
    schema =
        schemas_.emplace(m.schema_hash(), Text{std::make_shared<const std::string>(m.schema()), parsed->size})
            .first;
  }
  d->schema_hash = m.schema_hash();
  d->schema = schema->second.text;
  d->value_bytes = schema->second.value_bytes;
  d->max_bytes = d->value_bytes != 0 ? d->value_bytes : m.max_bytes();
  d->history = std::clamp<uint32_t>(m.history(), layout::kMinSlots, layout::kMaxSlots);
  d->generation = m.generation();
  d->hops = m.hops() + 1;
  d->max_age_ns = std::max<int64_t>(0, m.max_age_ns());
  d->first_sequence = m.first_sequence();
  d->every = m.every();
  const proto::Origin& o = m.origin();
  TopicOrigin origin;
  if (!from_wire(o.id(), &origin.origin_id) || !from_wire(o.segment_id(), &origin.segment_id)) return false;
  origin.host = o.host().substr(0, kMaxText);
  origin.domain = o.domain().substr(0, kMaxText);
  origin.node = o.node().substr(0, kMaxText);
  d->origin = origins_.share(std::move(origin));
  return check_topic_name(m.name()).ok() && m.hops() < 1000 && d->max_bytes <= uint64_t{1} << 40;
}

// What the rules make of it.
void PeerReceiver::take_topic(const std::string& sender_name, Topic* t, TopicDescription* d) {
  Inbound::Acceptance acceptance = inbound_->acceptance(sender_name, peer_);
  t->terms = std::move(acceptance.terms);
  d->name = std::move(acceptance.name);
  if (d->name != sender_name) t->sender_name = std::make_unique<const std::string>(sender_name);
  if (d->name.empty()) t->explain(proto::VERDICT_BAD_NAME, std::move(acceptance.error));
  if (t->terms->max_age_ns) d->max_age_ns = *t->terms->max_age_ns;
  d->on_stale = t->terms->on_stale;
  d->fail_safe = t->terms->fail_safe;
}

PeerReceiver::Refusal PeerReceiver::refuse(Topic* t, Refusal refusal, proto::Verdict why,
                                           const std::string& key, std::string text) {
  // Tried again with each sample: what is refused as before is not told again.
  if (t->refusal != refusal) warn_(key, text);
  t->explain(why, std::move(text));
  return refusal;
}

PeerReceiver::Refusal PeerReceiver::open_topic(Topic* t, bool announced) {
  const TopicDescription& d = *t->description;
  if (t->arriving != nullptr) t->arriving->room = {};  // it was lent by what the store had for it before
  t->why = proto::VERDICT_PASSES;
  if (t->terms->denied) return Refusal::kDenied;
  if (d.origin->origin_id == inbound_->origin_id()) {
    t->explain(proto::VERDICT_LOOP, "it is this host's own, which comes back");
    return Refusal::kDenied;
  }
  if (d.hops > proto::kMaxHops) {
    return refuse(t, Refusal::kHops, proto::VERDICT_LOOP, "hops " + d.name,
                  "topic " + d.name + " has come over " + std::to_string(d.hops - 1) +
                      " relays and is not taken: do relays stand in a ring?");
  }
  if (d.name.empty())
    return refuse(t, Refusal::kDenied, proto::VERDICT_BAD_NAME, "name " + t->name(), t->why_words());
  t->claim = inbound_->claim(t->description, announced);
  if (t->claim.number == 0 && inbound_->is_longer_way(d)) {
    t->explain(proto::VERDICT_LOOP, "relays stand in a ring: topic " + d.name + " of " + d.origin->host +
                                        " comes over " + std::to_string(d.hops) +
                                        " relays and a shorter way too; the shortest is taken");
    // Once for all topics: it says something of the relays, not of a topic.
    if (inbound_->first_report_of_ring()) warn_("ring", t->why_words());
    return Refusal::kConflict;
  }
  if (t->claim.number == 0) {
    return refuse(t, Refusal::kConflict, proto::VERDICT_CONFLICT, "conflict " + d.name,
                  "topic " + d.name + " comes from two hosts; that of " + d.origin->host +
                      " is not taken: give each sender a --prefix");
  }
  if (!inbound_->reserve(t->claim, peer_)) {
    inbound_->release(&t->claim);
    return refuse(t, Refusal::kNoRoom, proto::VERDICT_NO_ROOM, "room " + peer_,
                  "topic " + d.name + " is not taken: the topics of " + peer_ +
                      " take three quarters of the memory of this relay, which is what one peer may; take "
                      "fewer of them "
                      "(--topic), or give a mirror more (--segment-size)");
  }
  Result<uint32_t> handle = inbound_->sink().open(t->description, key_);
  if (!handle.ok()) {
    inbound_->free(t->claim);
    inbound_->release(&t->claim);
    const Code code = handle.status().code();
    const bool other_layout = code == Code::kInvalid || code == Code::kMismatch;
    return refuse(t, code == Code::kInUse ? Refusal::kConflict : Refusal::kNoRoom,
                  code == Code::kInUse ? proto::VERDICT_CONFLICT
                  : other_layout       ? proto::VERDICT_MISMATCH
                                       : proto::VERDICT_NO_ROOM,
                  "open " + d.name, handle.status().message());
  }
  t->handle = *handle;
  return Refusal::kNone;
}

// Where the sender of a topic whose samples come each in order is to begin; the greatest number: nowhere.
uint64_t PeerReceiver::resume_after(const Topic& t) const {
  if (t.handle != kNone) return inbound_->sink().held(t.handle).sequence;
  return t.refusal == Refusal::kConflict ? 0 : UINT64_MAX;
}

std::vector<std::pair<uint32_t, uint64_t>>& PeerReceiver::resumes() {
  std::erase_if(unready_, [this](uint32_t id) {
    const Topic* t = find_topic(id);
    if (t != nullptr && t->handle != kNone && !inbound_->sink().is_ready(t->handle)) return false;
    resumes_.emplace_back(id, t != nullptr ? resume_after(*t) : UINT64_MAX);
    return true;
  });
  return resumes_;
}

bool PeerReceiver::announce(const proto::Announce& message, const SentAt& sent, int64_t now_ns) {
  if (static_cast<size_t>(message.topic_size()) > proto::kMaxTopics) return false;
  for (const proto::Topic& m : message.topic()) {
    if (m.id() >= kMaxIds) return false;
    auto description = std::make_shared<TopicDescription>();
    if (!describe(m, description.get())) return false;
    if (m.id() >= topics_.size()) topics_.resize(m.id() + 1);
    std::unique_ptr<Topic>& at = topics_[m.id()];
    if (at == nullptr) at = std::make_unique<Topic>();
    Topic& t = *at;
    const bool known = t.description != nullptr;
    if (known && t.name() != m.name()) return false;
    inbound_->counters().superseded += backlog_.drop(m.id());
    const bool seen = t.seen, mine = is_mine(t);
    const uint32_t handle = t.handle;
    if (known) {
      inbound_->release(&t.claim);
      bytes_ -= bytes_of(t);
    }
    t = Topic();
    take_topic(m.name(), &t, description.get());
    t.description = std::move(description);
    bytes_ += bytes_of(t);
    t.told = from_wire(m.state());
    t.refusal = open_topic(&t, true);
    if (m.every()) unready_.push_back(m.id());
    if (t.handle == kNone) {
      if (mine) inbound_->sink().report_state(handle, State::kLinkDown);  // it was taken as it was before
      continue;
    }
    judge(&t);
    // What it was like is still true until a sample says that the source has it.
    inbound_->sink().report_state(t.handle, t.told != State::kEmpty ? t.told
                                            : seen                  ? State::kEmpty
                                                                    : State::kLinkDown);
    if (m.sequence() == 0) continue;
    inbound_->sink().report_state(t.handle, t.told);
    inbound_->sink().put_metadata(t.handle, arrived(m.sequence(), m.stamp_ns(), m.age_ns(), sent, now_ns),
                                  provenance_of(m.age_error_ns(), sent, now_ns));
  }
  return true;
}

bool PeerReceiver::forget(const proto::Forget& message) {
  for (const uint32_t id : message.id()) {
    Topic* t = find_topic(id);
    if (t == nullptr) return false;
    inbound_->counters().superseded += backlog_.drop(id);
    close_topic(t);
    bytes_ -= bytes_of(*t);
    topics_[id].reset();
  }
  return true;
}

bool PeerReceiver::state(const proto::StateChange& message) {
  if (message.id_size() != message.state_size()) return false;
  for (int i = 0; i < message.id_size(); ++i) {
    Topic* t = find_topic(message.id(i));
    if (t == nullptr) return false;
    t->told = from_wire(static_cast<proto::State>(message.state(i)));
    if (!is_mine(*t)) continue;
    if (t->seen || t->told != State::kEmpty) inbound_->sink().report_state(t->handle, t->told);
  }
  return true;
}

}  // namespace smt::relay
