#include "relay/outbound/peer_sender.h"

#include <algorithm>

#include "relay/rules/pacing.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

// On a way that is long anyhow, what is published within a part of it goes in one message: fewer packets can
// be lost, and with each one all that come after it wait.
int64_t gather_ns(int64_t rtt_ns) {
  constexpr int64_t kLongNs = 10'000'000;
  return rtt_ns < kLongNs ? 0 : rtt_ns / 16;
}

}  // namespace

PeerSender::PeerSender(Outbound* outbound, FrameSink* sink, CongestionWindow* congestion_window, Peer peer,
                       bool compress)
    : outbound_(outbound),
      sink_(sink),
      congestion_window_(congestion_window),
      peer_(std::move(peer)),
      compress_(compress) {
  queues_.rebuild(outbound_->rules());
}

PeerSender::~PeerSender() {
  topics_.for_each([this](uint32_t id, const TopicState& t) {
    if (t.wanted) outbound_->add_wanted(id, -1);
  });
}

TopicState& PeerSender::topic_at(uint32_t id) {
  queues_.begin();
  return topics_.at(id);
}

void PeerSender::set_wanted(uint32_t id, bool wanted) {
  TopicState& t = topics_[id];
  if (wanted != t.wanted) outbound_->add_wanted(id, wanted ? 1 : -1);
  t.wanted = wanted;
  if (wanted) {
    asked_.set(id);
  } else {
    asked_.clear(id);
  }
}

// What the rules say of a topic that the peer neither has nor wants is not asked, unless it is for a request.
PeerSender::SendDecision PeerSender::decide(uint32_t id, bool is_request) {
  SendDecision decision;
  const bool was_denied = denied_.test(id);
  denied_.clear(id);
  const TopicSource& source = outbound_->source();
  const TopicDescription* d = source.topic(id);
  if (d == nullptr) return decision;
  const std::optional<Pacing> requested = subscriptions_.pacing_for(d->name);
  if (!requested && !is_request && !topics_.has(id)) return decision;
  // Not back to where it came from, nor in a ring.
  if (source.session_key(id) == peer_.key || d->origin->origin_id == peer_.origin) return decision;
  const std::optional<size_t> rule = outbound_->rule(id, peer_.name);
  if (!rule) return decision;
  if (d->hops >= proto::kMaxHops) {
    ++outbound_->counters().too_many_hops;
    return decision;
  }
  decision.offered = true;
  decision.rule = *rule;
  decision.read = outbound_->access().allows(peer_.name, d->name, Right::kRead);
  decision.list = decision.read || outbound_->access().allows(peer_.name, d->name, Right::kList);
  decision.want = requested && decision.read;
  if (decision.want) decision.pacing = less_of(outbound_->rules()[*rule].pacing, *requested);
  if (requested && !decision.read) {
    denied_.set(id);
    if (!was_denied) report_denied(id, Right::kRead);
  }
  return decision;
}

// What the peer asks for and may not have: each topic is counted, each rule told once.
void PeerSender::report_denied(uint32_t id, Right right) {
  ++outbound_->counters().denied;
  const std::string& topic = outbound_->source().topic(id)->name;
  const Access::Decision denied = outbound_->access().decide(peer_.name, topic, right);
  if (told_.insert(denied.rule).second) outbound_->access().tell(peer_.name, topic, denied);
}

// How its samples go from here on; what waits of it moves to its queue.
void PeerSender::apply(uint32_t id, const SendDecision& decision) {
  TopicState& t = topics_[id];
  make_special(id);  // until a sample of it has gone by the new decision
  if (t.pacing() != decision.pacing) {
    drop_filter(id);
    if (pacing_ == nullptr || *pacing_ != decision.pacing)
      pacing_ = std::make_shared<const Pacing>(decision.pacing);
    t.set_pacing(pacing_);
    t.thins = thins(decision.pacing);
    if (t.wanted) dirty_topics(id).set(id);  // what was passed over may be sent now
  }
  const size_t queue = queues_.index(decision.rule, static_cast<size_t>(decision.pacing.priority));
  queues_.use(queue);
  if (queue == t.queue) return;
  const bool dirty = dirty_topics(id).test(id) || t.has_large(), unknown = unknown_topics(id).test(id);
  stop_large(id);
  dirty_topics(id).clear(id);
  unknown_topics(id).clear(id);
  t.queue = static_cast<uint32_t>(queue);
  if (dirty) dirty_topics(id).set(id);
  if (unknown) unknown_topics(id).set(id);
}

void PeerSender::want(SubscriptionSet subscriptions) {
  subscriptions_ = std::move(subscriptions);
  settled_ = false;
  told_.clear();
  reconsider_all();
}

void PeerSender::reconsider_all() {
  if (subscriptions_.empty() && topics_.is_empty() && !denied_.any()) return;
  for (uint32_t id = 0; id < outbound_->source().topic_limit(); ++id) reconsider(id);
}

void PeerSender::reconsider() {
  std::vector<uint32_t> dirty, unknown;
  topics_.for_each([&](uint32_t id, TopicState& t) {
    if (t.has_large()) {
      stop_large(id);
      dirty.push_back(id);
    }
    if (dirty_topics(id).test(id)) dirty.push_back(id);
    if (unknown_topics(id).test(id)) unknown.push_back(id);
    t.queue = 0;
  });
  queues_.rebuild(outbound_->rules());
  if (!topics_.is_empty()) {
    queues_.begin();
    queues_.use(0);
  }
  settled_ = false;
  told_.clear();
  for (const uint32_t id : dirty) queues_[0].dirty.set(id);
  for (const uint32_t id : unknown) queues_[0].unknown.set(id);
  reconsider_all();
}

// What is wanted of it, or what the peer may have, is something else now.
void PeerSender::reconsider(uint32_t id) {
  const SendDecision decision = decide(id);
  if (!decision.want && !topics_.has(id)) return;
  TopicState& t = topic_at(id);
  // Who loses the values of a topic is told to forget it, though it may be listed yet: it would wait for
  // them.
  if (!decision.list || (!decision.read && (t.wanted || t.force))) {
    return leave(id);
  }
  // Announced anew, and its value sent again: the peer has not kept it current meanwhile, or is to say what
  // it has.
  if (decision.want && (!t.wanted || t.every != decision.pacing.every)) return begin_topic(id, decision);
  if (t.wanted && !decision.want) {
    set_wanted(id, false);
    waits_.stop(id);
    if (!t.force) {
      dirty_topics(id).clear(id);
      stop_large(id);
    }
  }
  if (t.wanted || t.is_known()) apply(id, decision);
}

void PeerSender::on_described(uint32_t id) {
  const SendDecision decision = decide(id);
  if (decision.want || topics_.has(id)) begin_topic(id, decision);
}

// From its announcement on, as if nothing of it had been sent.
void PeerSender::begin_topic(uint32_t id, const SendDecision& decision) {
  TopicState& t = topic_at(id);
  set_wanted(id, decision.want);
  if (!decision.list) return leave(id);
  stop_large(id);
  settle(id);
  t.restart();
  waits_.stop(id);
  apply(id, decision);
  drop_filter(id);
  if (t.is_known() || decision.want) unknown_topics(id).set(id);
  restated_.clear(id);
  if (decision.want) dirty_topics(id).set(id);
}

void PeerSender::on_changes(const Changes& changes, int64_t now_ns) {
  if (!changes.removed.empty() || !changes.described.empty() || !changes.state.empty()) settled_ = false;
  for (const uint32_t id : changes.removed) on_removed(id);
  for (const uint32_t id : changes.described) on_described(id);
  if (queues_.on_updated(changes.updated)) settled_ = false;
  changes.updated.for_each_common(asked_, [&](uint32_t id) { on_updated(id, now_ns); });
  for (const uint32_t id : changes.state) on_state_changed(id);
}

void PeerSender::on_updated(uint32_t id, int64_t now_ns) {
  settled_ = false;
  TopicState& t = topics_[id];
  if (t.has_large()) {
    if (t.large == LargeValue::kUnderWay) t.large = LargeValue::kSuperseded;
    return;
  }
  const int64_t until = t.every ? 0 : t.limiter.on_updated(now_ns);
  if (until == 0) return dirty_topics(id).set(id);
  waits_.wait_until(id, until);
}

void PeerSender::on_state_changed(uint32_t id) {
  if (topics_.has(id) && topics_[id].is_announced()) restated_.set(id);
}

void PeerSender::on_removed(uint32_t id) {
  denied_.clear(id);
  if (topics_.has(id)) leave(id);
}

// The peer is to have nothing of it any more.
void PeerSender::leave(uint32_t id) {
  if (topics_[id].is_known()) forgets_.push_back(id);
  make_special(id);
  set_wanted(id, false);
  waits_.stop(id);
  dirty_topics(id).clear(id);
  unknown_topics(id).clear(id);
  listed_.clear(id);
  restated_.clear(id);
  stop_large(id);
  drop_filter(id);
  topics_[id].forget();
}

// A sample of it has been sent, so that its pacing alone says what goes next: from now on that is done for
// many topics at once.
void PeerSender::make_plain(uint32_t id) {
  const TopicState& t = topics_[id];
  if (!t.is_plain() || !queues_.is_unlimited(t.queue)) return;
  queues_[t.queue].plain.set(id);
  if (t.every) queues_[t.queue].in_order.set(id);
  if (t.is_asked()) queues_[t.queue].asked.set(id);
  if (t.pacing().period_ns != 0) return;
  asked_.clear(id);
  queues_[t.queue].prompt.set(id);
  if (!t.pacing().every && !t.is_asked()) sequences_.put(id, t.sequence);
}

// Whatever may be special about it from now on is asked before its next sample goes.
void PeerSender::make_special(uint32_t id) {
  if (topics_[id].wanted) asked_.set(id);
  SendQueue& queue = queues_[topics_[id].queue];
  for (Bits* of : {&queue.plain, &queue.in_order, &queue.asked, &queue.prompt}) of->clear(id);
  settle(id);
}

void PeerSender::drop_filter(uint32_t id) {
  if (filters_.has(id)) filters_[id].reset();
}

void PeerSender::stop_large(uint32_t id) {
  TopicState& t = topics_[id];
  t.large = LargeValue::kNone;
  SendQueue& queue = queues_[t.queue];
  if (!queue.large.empty() && queue.large.front() == id) {
    queue.copying.reset();
    queue.compared = 0;
  }
  std::erase(queue.large, id);
  if (!queue.transfer.is_of(id)) return;
  if (queue.transfer.has_begun()) t.torn = true;
  queue.transfer = LargeTransfer();
}

void PeerSender::resume(uint32_t id, uint64_t sequence) {
  if (!topics_.has(id) || topics_[id].resumes_due == 0) return;
  settled_ = false;
  TopicState& t = topics_[id];
  // Only the last announcement's answer counts: an earlier one may be of another source.
  if (--t.resumes_due != 0 || !t.is_announced()) return;
  // Where nothing is new the newest one is sent again: the peer is to know that its source is there.
  const uint64_t newest = outbound_->source().newest_sequence(id);
  t.after = sequence != 0 && sequence == newest ? sequence - 1 : sequence;
  if (t.wanted) dirty_topics(id).set(id);
}

void PeerSender::get(uint64_t request, SubscriptionSet subscriptions, bool list, bool complete) {
  settled_ = false;
  told_.clear();
  requests_.push(request, std::move(subscriptions), list, complete);
}

void PeerSender::begin_new_request() {
  if (RequestQueue::Request* next = requests_.begin_new()) begin_request(next);
}

void PeerSender::begin_request(RequestQueue::Request* r) {
  for (uint32_t id = 0; id < outbound_->source().topic_limit(); ++id) {
    const SendDecision decision = decide(id, true);
    if (!decision.offered || !r->subscriptions.matches(outbound_->source().topic(id)->name)) continue;
    if (!(r->list ? decision.list : decision.read)) {
      report_denied(id, r->list ? Right::kList : Right::kRead);
      continue;
    }
    ++r->topics;
    TopicState& t = topic_at(id);
    if (!t.wanted) apply(id, decision);
    // Whether the peer has its newest value, or gets it anyway.
    const bool follows = t.wanted && (t.every || (t.is_announced() && !waits_.is_waiting(id) && !t.thins &&
                                                  outbound_->source().is_current(id)));
    if (r->list) {
      listed_.set(id);
    } else if (!follows) {
      if (!t.is_announced()) unknown_topics(id).set(id);
      make_special(id);
      t.force = true;
      dirty_topics(id).set(id);
    } else {
      continue;
    }
    r->ids.push_back(id);
  }
}

bool PeerSender::pending(uint32_t id) const {
  if (listed_.test(id)) return true;
  if (!topics_.has(id)) return false;
  const TopicState& t = topics_[id];
  const SendQueue& queue = queues_[t.queue];
  return queue.dirty.test(id) || queue.unknown.test(id) || t.has_large();
}

bool PeerSender::has_demand() const {
  return !subscriptions_.empty() || !requests_.is_empty() || queues_.has_samples();
}

int64_t PeerSender::due_ns() const {
  const int64_t open_ns = std::max(congestion_window_->open_ns(), gather_until_ns_);
  return std::min({waits_.due_ns(), queues_.due_ns(sent_ns_, open_ns), copying_ ? open_ns : INT64_MAX});
}

PeerSender::TopicStatus PeerSender::status(uint32_t id) const {
  if (!topics_.has(id)) return {};
  const TopicState& t = topics_[id];
  const uint64_t steady = sequences_.at(id);
  return {queues_[t.queue].dirty.test(id) || t.has_large(), steady != 0 ? steady : t.sequence,
          queues_.cap(t.queue).open_ns()};
}

size_t PeerSender::send(int64_t now_ns) {
  sent_ns_ = now_ns;
  waits_.take_due(now_ns, [this](uint32_t id) { dirty_topics(id).set(id); });
  copying_ = settled_ = false;
  if (now_ns < gather_until_ns_) return 0;
  size_t messages = 0;
  while (congestion_window_->open(now_ns)) {
    const size_t before = messages;
    again_ = false;
    const auto run = [&](Step step) {
      messages += step == Step::kSent;
      return step != Step::kRefused;
    };
    if (!forgets_.empty() && !run(send_forgets())) return messages;
    if (!forgets_.empty()) continue;  // their ids may name other topics now
    if (restated_.any() && !run(send_states())) return messages;
    if (listed_.any() && !run(send_topics(&listed_, true, now_ns))) return messages;
    const size_t told = messages;
    const bool is_empty = queues_.is_empty();
    for (size_t p = is_empty ? 0 : kPriorities; p-- > 0 && messages == told && !again_;) {
      if (!run(send_of_priority(p, now_ns))) return messages;
    }
    if (!requests_.is_empty() && !run(send_replies())) return messages;
    if (messages == before && !again_) {
      if (copying_) break;  // there is something to send, the next step has it
      congestion_window_->on_idle();
      settled_ = is_empty && requests_.is_empty();
      if (messages > 0) gather_until_ns_ = now_ns + gather_ns(congestion_window_->min_rtt_ns());
      break;
    }
  }
  return messages;
}

PeerSender::Step PeerSender::send_replies() {
  const RequestQueue::Request* const r = requests_.answered([this](uint32_t id) { return pending(id); });
  if (r == nullptr) return Step::kNothing;
  proto::Reply reply;
  reply.set_request(r->number);
  reply.set_topics(r->topics);
  reply.set_complete(r->complete);
  const Step step = emit(proto::Envelope::kReplyFieldNumber, reply);
  if (step == Step::kSent) requests_.on_reply_sent();
  return step;
}

}  // namespace smt::relay
