#include "relay/outbound/feed.h"

#include <algorithm>

#include "relay/rules/pacing.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

// On a way that is long anyhow, what is published within a part of it goes in one message: fewer packets can
// be lost, and with each one all that come after it wait.
int64_t GatherNs(int64_t rtt_ns) {
  constexpr int64_t kLongNs = 10'000'000;
  return rtt_ns < kLongNs ? 0 : rtt_ns / 16;
}

}  // namespace

Feed::Feed(Outbound* outbound, Outlet* outlet, Credit* credit, Peer peer, bool compress)
    : outbound_(outbound), outlet_(outlet), credit_(credit), peer_(std::move(peer)), compress_(compress) {
  queues_.rebuild(outbound_->rules());
}

Feed::~Feed() {
  for (uint32_t id = 0; id < topics_.size(); ++id) {
    if (topics_[id].wanted) outbound_->wanted(id, -1);
  }
}

TopicState& Feed::At(uint32_t id) {
  if (id >= topics_.size()) topics_.resize(std::max<size_t>(id + 1, outbound_->source().topic_limit()));
  return topics_[id];
}

Feed::Terms Feed::TermsOf(uint32_t id) {
  Terms terms;
  const bool was_denied = denied_.test(id);
  denied_.clear(id);
  const TopicSource& source = outbound_->source();
  const TopicDescription* d = source.topic(id);
  if (d == nullptr) return terms;
  // Not back to where it came from, nor in a ring.
  if (source.session_key(id) == peer_.key || d->origin.origin_id == peer_.origin) return terms;
  const std::optional<size_t> rule = outbound_->rule(id, peer_.name);
  if (!rule) return terms;
  if (d->hops >= proto::kMostHops) {
    ++outbound_->counters().too_many_hops;
    return terms;
  }
  terms.offered = true;
  terms.rule = *rule;
  terms.read = outbound_->access().allows(peer_.name, d->name, Right::kRead);
  terms.list = terms.read || outbound_->access().allows(peer_.name, d->name, Right::kList);
  const std::optional<Pacing> wish = demand_.wish(d->name);
  terms.want = wish && terms.read;
  if (terms.want) terms.pacing = LessOf(outbound_->rules()[*rule].pacing, *wish);
  if (wish && !terms.read) {
    denied_.set(id);
    if (!was_denied) Denied(id, Right::kRead);
  }
  return terms;
}

// What the peer asks for and may not have: each topic is counted, each rule told once.
void Feed::Denied(uint32_t id, Right right) {
  ++outbound_->counters().denied;
  const std::string& topic = outbound_->source().topic(id)->name;
  const Access::Decision denied = outbound_->access().decide(peer_.name, topic, right);
  if (told_.insert(denied.rule).second) outbound_->access().tell(peer_.name, topic, denied);
}

// How its samples go from here on; what waits of it moves to its queue.
void Feed::Apply(uint32_t id, const Terms& terms) {
  TopicState& t = topics_[id];
  if (t.pacing != terms.pacing) {
    filters_.erase(id);
    t.pacing = terms.pacing;
    t.pace.set(terms.pacing.period_ns, terms.pacing.tick);
    if (t.wanted) Dirty(id).set(id);  // what was passed over may be sent now
  }
  const size_t queue = queues_.index(terms.rule, static_cast<size_t>(terms.pacing.priority));
  if (queue == t.queue) return;
  const bool dirty = Dirty(id).test(id) || t.has_large(), unknown = unknown_topics(id).test(id);
  StopLarge(id);
  Dirty(id).clear(id);
  unknown_topics(id).clear(id);
  t.queue = static_cast<uint32_t>(queue);
  if (dirty) Dirty(id).set(id);
  if (unknown) unknown_topics(id).set(id);
}

void Feed::want(Demand demand) {
  demand_ = std::move(demand);
  told_.clear();
  for (uint32_t id = 0; id < outbound_->source().topic_limit(); ++id) Reconsider(id);
}

void Feed::reconsider() {
  std::vector<uint32_t> dirty, unknown;
  for (uint32_t id = 0; id < topics_.size(); ++id) {
    if (topics_[id].has_large()) {
      StopLarge(id);
      dirty.push_back(id);
    }
    if (Dirty(id).test(id)) dirty.push_back(id);
    if (unknown_topics(id).test(id)) unknown.push_back(id);
    topics_[id].queue = 0;
  }
  queues_.rebuild(outbound_->rules());
  told_.clear();
  for (const uint32_t id : dirty) queues_[0].dirty.set(id);
  for (const uint32_t id : unknown) queues_[0].unknown.set(id);
  for (uint32_t id = 0; id < outbound_->source().topic_limit(); ++id) Reconsider(id);
}

// What is wanted of it, or what the peer may have, is something else now.
void Feed::Reconsider(uint32_t id) {
  TopicState& t = At(id);
  const Terms terms = TermsOf(id);
  // Who loses the values of a topic is told to forget it, though it may be listed yet: it would wait for
  // them.
  if (!terms.list || (!terms.read && (t.wanted || t.force))) {
    if (t.wanted) outbound_->wanted(id, -1);
    return Leave(id);
  }
  // Announced anew, and its value sent again: the peer has not kept it current meanwhile, or is to say what
  // it has.
  if (terms.want && (!t.wanted || t.pacing.every != terms.pacing.every)) return BeginTopic(id, terms);
  if (t.wanted && !terms.want) {
    t.wanted = false;
    waits_.stop(id);
    outbound_->wanted(id, -1);
    if (!t.force) {
      Dirty(id).clear(id);
      StopLarge(id);
    }
  }
  if (t.wanted || t.is_known()) Apply(id, terms);
}

void Feed::described(uint32_t id) { BeginTopic(id, TermsOf(id)); }

// From its announcement on, as if nothing of it had been sent.
void Feed::BeginTopic(uint32_t id, const Terms& terms) {
  TopicState& t = At(id);
  if (terms.want != t.wanted) outbound_->wanted(id, terms.want ? 1 : -1);
  t.wanted = terms.want;
  if (!terms.list) return Leave(id);
  StopLarge(id);
  t.restart();
  waits_.stop(id);
  Apply(id, terms);
  filters_.erase(id);
  if (t.is_known() || terms.want) unknown_topics(id).set(id);
  restated_.clear(id);
  if (terms.want) Dirty(id).set(id);
}

void Feed::on_changes(const Changes& changes, int64_t now_ns) {
  for (const uint32_t id : changes.gone) gone(id);
  for (const uint32_t id : changes.described) described(id);
  for (const uint32_t id : changes.moved) moved(id, now_ns);
  for (const uint32_t id : changes.state) restated(id);
}

void Feed::moved(uint32_t id, int64_t now_ns) {
  if (id >= topics_.size() || !topics_[id].wanted) return;
  TopicState& t = topics_[id];
  if (t.has_large()) {
    if (t.large == LargeValue::kUnderWay) t.large = LargeValue::kSuperseded;
    return;
  }
  const int64_t until = t.pacing.every ? 0 : t.pace.moved(now_ns);
  if (until == 0) return Dirty(id).set(id);
  waits_.wait_until(id, until);
}

void Feed::restated(uint32_t id) {
  if (id < topics_.size() && topics_[id].is_announced()) restated_.set(id);
}

void Feed::gone(uint32_t id) {
  denied_.clear(id);
  if (id >= topics_.size()) return;
  if (topics_[id].wanted) outbound_->wanted(id, -1);
  Leave(id);
}

// The peer is to have nothing of it any more.
void Feed::Leave(uint32_t id) {
  if (At(id).is_known()) forgets_.push_back(id);
  waits_.stop(id);
  Dirty(id).clear(id);
  unknown_topics(id).clear(id);
  listed_.clear(id);
  restated_.clear(id);
  StopLarge(id);
  filters_.erase(id);
  topics_[id].forget();
}

void Feed::StopLarge(uint32_t id) {
  TopicState& t = topics_[id];
  t.large = LargeValue::kNone;
  SendQueue& queue = queues_[t.queue];
  std::erase(queue.large, id);
  if (!queue.transfer.is_of(id)) return;
  if (queue.transfer.has_begun()) t.torn = true;
  queue.transfer = LargeTransfer();
}

void Feed::resume(uint32_t id, uint64_t sequence) {
  if (id >= topics_.size() || topics_[id].resumes_due == 0) return;
  TopicState& t = topics_[id];
  // Only the last announcement's answer counts: an earlier one may be of another source.
  if (--t.resumes_due != 0 || !t.is_announced()) return;
  // Where nothing is new the newest one is sent again: the peer is to know that its source is there.
  const uint64_t newest = outbound_->source().newest_sequence(id);
  t.after = sequence != 0 && sequence == newest ? sequence - 1 : sequence;
  if (t.wanted) Dirty(id).set(id);
}

void Feed::get(uint64_t request, Demand demand, bool list, bool complete) {
  told_.clear();
  requests_.push(request, std::move(demand), list, complete);
}

void Feed::begin_next() {
  if (RequestQueue::Request* next = requests_.begin_new()) Begin(next);
}

void Feed::Begin(RequestQueue::Request* r) {
  for (uint32_t id = 0; id < outbound_->source().topic_limit(); ++id) {
    const Terms terms = TermsOf(id);
    if (!terms.offered || !r->demand.matches(outbound_->source().topic(id)->name)) continue;
    if (!(r->list ? terms.list : terms.read)) {
      Denied(id, r->list ? Right::kList : Right::kRead);
      continue;
    }
    ++r->topics;
    TopicState& t = At(id);
    if (!t.wanted) Apply(id, terms);
    // Whether the peer has its newest value, or gets it anyway.
    const bool follows =
        t.wanted && (t.pacing.every || (t.is_announced() && !waits_.is_waiting(id) && !Thins(t.pacing) &&
                                        outbound_->source().is_current(id)));
    if (r->list) {
      listed_.set(id);
    } else if (!follows) {
      if (!t.is_announced()) unknown_topics(id).set(id);
      t.force = true;
      Dirty(id).set(id);
    } else {
      continue;
    }
    r->ids.push_back(id);
  }
}

bool Feed::Pending(uint32_t id) const {
  if (listed_.test(id)) return true;
  if (id >= topics_.size()) return false;
  const TopicState& t = topics_[id];
  const SendQueue& queue = queues_[t.queue];
  return queue.dirty.test(id) || queue.unknown.test(id) || t.has_large();
}

bool Feed::has_demand() const { return !demand_.empty() || !requests_.is_empty() || queues_.has_samples(); }

int64_t Feed::due_ns() const {
  return std::min(waits_.due_ns(), queues_.due_ns(sent_ns_, std::max(credit_->open_ns(), gather_until_ns_)));
}

Feed::Standing Feed::standing(uint32_t id) const {
  if (id >= topics_.size()) return {};
  const TopicState& t = topics_[id];
  return {queues_[t.queue].dirty.test(id) || t.has_large(), t.sequence, queues_.cap(t.queue).open_ns()};
}

size_t Feed::send(int64_t now_ns) {
  sent_ns_ = now_ns;
  while (const std::optional<uint32_t> id = waits_.take_due(now_ns)) Dirty(*id).set(*id);
  if (now_ns < gather_until_ns_) return 0;
  size_t messages = 0;
  while (credit_->open(now_ns)) {
    const size_t before = messages;
    again_ = false;
    const auto run = [&](Step step) {
      messages += step == Step::kSent;
      return step != Step::kRefused;
    };
    if (!run(SendForgets())) return messages;
    if (!forgets_.empty()) continue;  // their ids may name other topics now
    if (!run(SendStates()) || !run(SendTopics(&listed_, true, now_ns))) return messages;
    const size_t told = messages;
    for (size_t p = kPriorities; p-- > 0 && messages == told && !again_;) {
      if (!run(SendOfPriority(p, now_ns))) return messages;
    }
    if (!run(SendReplies())) return messages;
    if (messages == before && !again_) {
      credit_->ran_dry();
      if (messages > 0) gather_until_ns_ = now_ns + GatherNs(credit_->least_rtt_ns());
      break;
    }
  }
  return messages;
}

Feed::Step Feed::SendReplies() {
  const RequestQueue::Request* const r = requests_.answered([this](uint32_t id) { return Pending(id); });
  if (r == nullptr) return Step::kNothing;
  proto::Reply reply;
  reply.set_request(r->number);
  reply.set_topics(r->topics);
  reply.set_complete(r->complete);
  const Step step = Emit(proto::Envelope::kReplyFieldNumber, reply);
  if (step == Step::kSent) requests_.on_reply_sent();
  return step;
}

}  // namespace smt::relay
