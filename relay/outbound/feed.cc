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
  LayLanes();
}

Feed::~Feed() {
  for (uint32_t id = 0; id < topics_.size(); ++id) {
    if (topics_[id].wanted) outbound_->wanted(id, -1);
  }
}

void Feed::LayLanes() {
  caps_.clear();
  for (const SendRule& rule : outbound_->rules()) caps_.emplace_back(rule.bytes_per_s);
  if (caps_.empty()) caps_.emplace_back();
  lanes_.assign(caps_.size() * kPriorities, Lane());
}

Feed::Topic& Feed::At(uint32_t id) {
  if (id >= topics_.size()) topics_.resize(std::max<size_t>(id + 1, outbound_->store().topic_limit()));
  return topics_[id];
}

Feed::Terms Feed::TermsOf(uint32_t id) {
  Terms terms;
  const bool was_denied = denied_.test(id);
  denied_.clear(id);
  const Store& store = outbound_->store();
  const TopicDescription* d = store.topic(id);
  if (d == nullptr) return terms;
  // Not back to where it came from, nor in a ring.
  if (store.from(id) == peer_.key || d->origin.origin_id == peer_.origin) return terms;
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
  const std::string& topic = outbound_->store().topic(id)->name;
  const Access::Decision denied = outbound_->access().decide(peer_.name, topic, right);
  if (told_.insert(denied.rule).second) outbound_->access().tell(peer_.name, topic, denied);
}

// How its samples go from here on; what waits of it moves to its lane.
void Feed::Apply(uint32_t id, const Terms& terms) {
  Topic& t = topics_[id];
  if (t.pacing != terms.pacing) {
    filters_.erase(id);
    t.pacing = terms.pacing;
    t.pace.set(terms.pacing.period_ns, terms.pacing.tick);
    if (t.wanted) Dirty(id).set(id);  // what was passed over may be sent now
  }
  const size_t lane = LaneIndex(terms.rule, static_cast<size_t>(terms.pacing.priority));
  if (lane == t.lane) return;
  const bool dirty = Dirty(id).test(id) || t.queued_large, unknown = LaneOf(t).unknown.test(id);
  StopLarge(id);
  Dirty(id).clear(id);
  LaneOf(t).unknown.clear(id);
  t.lane = static_cast<uint32_t>(lane);
  if (dirty) Dirty(id).set(id);
  if (unknown) LaneOf(t).unknown.set(id);
}

void Feed::want(Demand demand) {
  demand_ = std::move(demand);
  told_.clear();
  for (uint32_t id = 0; id < outbound_->store().topic_limit(); ++id) Reconsider(id);
}

void Feed::reconsider() {
  std::vector<uint32_t> dirty, unknown;
  for (uint32_t id = 0; id < topics_.size(); ++id) {
    if (topics_[id].queued_large) {
      StopLarge(id);
      dirty.push_back(id);
    }
    if (Dirty(id).test(id)) dirty.push_back(id);
    if (LaneOf(topics_[id]).unknown.test(id)) unknown.push_back(id);
    topics_[id].lane = 0;
  }
  LayLanes();
  told_.clear();
  for (const uint32_t id : dirty) lanes_[0].dirty.set(id);
  for (const uint32_t id : unknown) lanes_[0].unknown.set(id);
  for (uint32_t id = 0; id < outbound_->store().topic_limit(); ++id) Reconsider(id);
}

// What is wanted of it, or what the peer may have, is something else now.
void Feed::Reconsider(uint32_t id) {
  Topic& t = At(id);
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
    StopWaiting(id);
    outbound_->wanted(id, -1);
    if (!t.force) {
      Dirty(id).clear(id);
      StopLarge(id);
    }
  }
  if (t.wanted || t.known) Apply(id, terms);
}

void Feed::described(uint32_t id) { BeginTopic(id, TermsOf(id)); }

// From its announcement on, as if nothing of it had been sent.
void Feed::BeginTopic(uint32_t id, const Terms& terms) {
  Topic& t = At(id);
  if (terms.want != t.wanted) outbound_->wanted(id, terms.want ? 1 : -1);
  t.wanted = terms.want;
  if (!terms.list) return Leave(id);
  StopLarge(id);
  t.announced = false;
  t.sequence = t.after = 0;
  StopWaiting(id);
  Apply(id, terms);
  filters_.erase(id);
  if (t.known || terms.want) LaneOf(t).unknown.set(id);
  restated_.clear(id);
  if (terms.want) Dirty(id).set(id);
}

void Feed::WaitUntil(uint32_t id, int64_t until_ns) {
  Topic& t = topics_[id];
  if (t.waits_until_ns != 0 && t.waits_until_ns <= until_ns) return;
  StopWaiting(id);
  t.waits_until_ns = until_ns;
  waits_.emplace(until_ns, id);
}

void Feed::StopWaiting(uint32_t id) {
  Topic& t = topics_[id];
  if (t.waits_until_ns == 0) return;
  waits_.erase({t.waits_until_ns, id});
  t.waits_until_ns = 0;
}

void Feed::moved(uint32_t id, int64_t now_ns) {
  if (id >= topics_.size() || !topics_[id].wanted) return;
  Topic& t = topics_[id];
  if (t.queued_large) {
    t.moved_meanwhile = true;
    return;
  }
  const int64_t until = t.pacing.every ? 0 : t.pace.moved(now_ns);
  if (until == 0) return Dirty(id).set(id);
  WaitUntil(id, until);
}

void Feed::restated(uint32_t id) {
  if (id < topics_.size() && topics_[id].announced) restated_.set(id);
}

void Feed::gone(uint32_t id) {
  denied_.clear(id);
  if (id >= topics_.size()) return;
  if (topics_[id].wanted) outbound_->wanted(id, -1);
  Leave(id);
}

// The peer is to have nothing of it any more.
void Feed::Leave(uint32_t id) {
  if (At(id).known) forgets_.push_back(id);
  StopWaiting(id);
  Dirty(id).clear(id);
  LaneOf(topics_[id]).unknown.clear(id);
  listed_.clear(id);
  restated_.clear(id);
  StopLarge(id);
  filters_.erase(id);
  const uint8_t resumes_due = topics_[id].resumes_due;  // they come yet, whatever the id names then
  topics_[id] = Topic();
  topics_[id].resumes_due = resumes_due;
}

void Feed::StopLarge(uint32_t id) {
  topics_[id].queued_large = false;
  Lane& lane = LaneOf(topics_[id]);
  std::erase(lane.large, id);
  if (!lane.transfer.active() || lane.transfer.id != id) return;
  if (lane.transfer.offset != 0) topics_[id].torn = true;
  lane.transfer = Transfer();
}

void Feed::resume(uint32_t id, uint64_t sequence) {
  if (id >= topics_.size() || topics_[id].resumes_due == 0) return;
  Topic& t = topics_[id];
  // Only the last announcement's answer counts: an earlier one may be of another source.
  if (--t.resumes_due != 0 || !t.announced) return;
  // Where nothing is new the newest one is sent again: the peer is to know that its source is there.
  const uint64_t newest = outbound_->store().newest(id);
  t.after = sequence != 0 && sequence == newest ? sequence - 1 : sequence;
  if (t.wanted) Dirty(id).set(id);
}

void Feed::get(uint64_t request, Demand demand, bool list, bool complete) {
  told_.clear();
  requests_.push_back({request, std::move(demand), list, complete, false, 0, {}});
}

bool Feed::begins() const { return !requests_.empty() && !requests_.back().begun; }

void Feed::begin_next() {
  const auto next =
      std::find_if(requests_.begin(), requests_.end(), [](const Request& r) { return !r.begun; });
  if (next != requests_.end()) Begin(&*next);
}

void Feed::Begin(Request* r) {
  r->begun = true;
  for (uint32_t id = 0; id < outbound_->store().topic_limit(); ++id) {
    const Terms terms = TermsOf(id);
    if (!terms.offered || !r->demand.matches(outbound_->store().topic(id)->name)) continue;
    if (!(r->list ? terms.list : terms.read)) {
      Denied(id, r->list ? Right::kList : Right::kRead);
      continue;
    }
    ++r->topics;
    Topic& t = At(id);
    if (!t.wanted) Apply(id, terms);
    // Whether the peer has its newest value, or gets it anyway.
    const bool follows = t.wanted && (t.pacing.every || (t.announced && t.waits_until_ns == 0 &&
                                                         !Thins(t.pacing) && outbound_->store().current(id)));
    if (r->list) {
      listed_.set(id);
    } else if (!follows) {
      if (!t.announced) LaneOf(t).unknown.set(id);
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
  const Lane& lane = lanes_[topics_[id].lane];
  return lane.dirty.test(id) || lane.unknown.test(id) || topics_[id].queued_large;
}

bool Feed::has_demand() const {
  return !demand_.empty() || !requests_.empty() ||
         std::any_of(lanes_.begin(), lanes_.end(),
                     [](const Lane& lane) { return lane.dirty.any() || lane.has_large(); });
}

int64_t Feed::due_ns() const {
  int64_t due = waits_.empty() ? INT64_MAX : waits_.begin()->first;
  // Only a cap that was closed at the last send(): for all else something happens first.
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (!lanes_[i].dirty.any() && !lanes_[i].unknown.any() && !lanes_[i].has_large()) continue;
    const int64_t open = std::max({CapOf(i).open_ns(), credit_->open_ns(), gather_until_ns_});
    if (open > sent_ns_) due = std::min(due, open);
  }
  return due;
}

Feed::Standing Feed::standing(uint32_t id) const {
  if (id >= topics_.size()) return {};
  const Topic& t = topics_[id];
  return {lanes_[t.lane].dirty.test(id) || t.queued_large, t.sequence, CapOf(t.lane).open_ns()};
}

size_t Feed::send(int64_t now_ns) {
  sent_ns_ = now_ns;
  while (!waits_.empty() && waits_.begin()->first <= now_ns) {
    const uint32_t id = waits_.begin()->second;
    StopWaiting(id);
    Dirty(id).set(id);
  }
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
  if (requests_.empty()) return Step::kNothing;
  Request& r = requests_.front();
  while (!r.ids.empty() && !Pending(r.ids.back())) r.ids.pop_back();
  if (!r.begun || !r.ids.empty()) return Step::kNothing;
  proto::Reply reply;
  reply.set_request(r.number);
  reply.set_topics(r.topics);
  reply.set_complete(r.complete);
  const Step step = Emit(proto::Envelope::kReplyFieldNumber, reply);
  if (step == Step::kSent) requests_.pop_front();
  return step;
}

}  // namespace smt::relay
