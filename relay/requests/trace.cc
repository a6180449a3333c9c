#include "relay/requests/trace.h"

#include <algorithm>

#include "shm/domain.h"

namespace smt::relay {

namespace {

constexpr size_t kMostUnanswered = 64, kMostAnswered = 64;  // of one peer
constexpr size_t kMostKept = 4096;                          // of all
// In one step, so that topics get their turn: each goes through all of them.
constexpr size_t kMostLooks = 4;
constexpr int64_t kKeepNs = 2'000'000'000;
// How long those behind have: less the further away they are, so that what is known is told in time.
constexpr int64_t WaitNs(uint32_t hops) { return 1'000'000'000 - int64_t{hops} * 100'000'000; }

bool IsTopic(const std::string& name) { return CheckTopicName(name).ok(); }

// What no relay of this version says.
bool Proper(const proto::Finding& f) {
  const auto short_enough = [](const std::string& name) { return name.size() <= kMostFindingName; };
  return short_enough(f.relay()) && short_enough(f.role()) && short_enough(f.topic()) &&
         short_enough(f.peer()) && f.text().size() <= kMostFindingText &&
         static_cast<size_t>(f.other_name_size()) <= kMostOtherNames &&
         std::all_of(f.other_name().begin(), f.other_name().end(), short_enough);
}

proto::Traced Tell(uint64_t request, const Relay::Trail& trail) {
  proto::Traced traced;
  traced.set_request(request);
  for (const proto::Finding& f : trail.findings) *traced.add_finding() = f;
  traced.set_complete(trail.complete);
  return traced;
}

}  // namespace

bool Traces::from_peer(Session* asker, const proto::Trace& m, int64_t now_ns) {
  if (m.request() == 0 || m.hops() > proto::kMostHops || !IsTopic(m.topic()) ||
      (!m.here().empty() && !IsTopic(m.here())))
    return false;
  size_t unanswered = 0, answered = 0;
  auto oldest = questions_.end();
  for (auto it = questions_.begin(); it != questions_.end(); ++it) {
    const Question& q = it->second;
    if (q.asker != asker->key()) continue;
    ++(q.answered ? answered : unanswered);
    if (q.answered && (oldest == questions_.end() || q.forget_ns < oldest->second.forget_ns)) oldest = it;
  }
  if (unanswered + asker->untold() >= kMostUnanswered) return false;
  if (answered >= kMostAnswered) questions_.erase(oldest);
  Relay::Trail nothing{.done = true, .complete = true, .peers = 0, .findings = {}};
  if (questions_.count(m.request()) != 0 || questions_.size() >= kMostKept) {
    nothing.complete = questions_.size() < kMostKept;
    asker->tell(Tell(m.request(), nothing));
    return true;
  }
  Question q;
  q.asker = asker->key();
  q.topic = m.topic();
  q.theirs = m.here();
  q.hops = m.hops();
  q.deadline_ns = now_ns + WaitNs(m.hops());
  questions_[m.request()] = std::move(q);
  ++looks_due_;
  return true;
}

void Traces::ask(uint64_t request, const std::string& topic, int64_t now_ns, int64_t timeout_ns) {
  Question q;
  q.topic = topic;
  q.deadline_ns = now_ns + timeout_ns;
  questions_[request] = std::move(q);
  ++looks_due_;
}

void Traces::Add(const proto::Finding& finding, Relay::Trail* trail) {
  if (trail->findings.size() < kMostFindings) {
    trail->findings.push_back(finding);
  } else {
    trail->complete = false;
  }
}

bool Traces::answered(Session* by, const proto::Traced& m) {
  if (static_cast<size_t>(m.finding_size()) > kMostFindings ||
      !std::all_of(m.finding().begin(), m.finding().end(), Proper))
    return false;
  const auto it = questions_.find(m.request());
  if (it == questions_.end() || it->second.waiting.erase(by->key()) == 0) return true;  // too late
  Relay::Trail& trail = it->second.trail;
  ++trail.peers;
  for (const proto::Finding& f : m.finding()) Add(f, &trail);
  trail.complete = trail.complete && m.complete();
  return true;
}

void Traces::ended(uint64_t session_key) {
  for (auto it = questions_.begin(); it != questions_.end();) {
    Question& q = it->second;
    if (q.waiting.erase(session_key) != 0) q.lost.push_back(sessions_->at(session_key)->peer());
    const bool askers = q.asker == session_key && !q.answered;
    if (askers) looks_due_ -= q.look_due;
    it = askers ? questions_.erase(it) : std::next(it);
  }
}

// To all but the asker, each in its own words.
void Traces::PassOn(uint64_t request, Question* q, const Viewpoint& at) {
  if (q->asker != 0 && q->hops + 1 > proto::kMostHops) return;
  for (const auto& [key, s] : *sessions_) {
    if (key == q->asker || s->untold() >= kMostUnanswered) continue;
    // Who only takes topics, and may not know of this one, has nothing to tell of it.
    if (!s->peer().serves && !at.access->allows(s->peer().name, q->topic, Right::kList)) continue;
    proto::Trace m;
    m.set_request(request);
    m.set_topic(q->asker == 0 ? q->topic : NameThere(at, s.get(), q->topic));
    if (q->asker != 0) m.set_here(q->topic);
    m.set_hops(q->asker == 0 ? 0 : q->hops + 1);
    s->tell(m);
    q->waiting.insert(key);
  }
}

void Traces::Look(uint64_t request, Question* q, const Viewpoint& at, int64_t now_ns) {
  q->look_due = false;
  --looks_due_;
  if (q->asker != 0) {
    Session* asker = sessions_->at(q->asker).get();  // see ended()
    const std::string name = NameHere(at, asker, q->theirs, q->topic);
    if (!at.allows(*asker, name, Right::kList)) {
      Add(DeniedFinding(at, *asker, q->topic), &q->trail);
      return;
    }
    q->topic = name;
    for (const proto::Finding& f : Explain(at, q->topic, asker, q->hops == 0, now_ns)) Add(f, &q->trail);
  }
  PassOn(request, q, at);
}

void Traces::Answer(uint64_t request, Question* q, const Viewpoint& at, int64_t now_ns) {
  q->answered = q->trail.done = true;
  q->forget_ns = now_ns + kKeepNs;
  const auto silent = [&](const Session::Peer& peer, const char* what) {
    q->trail.complete = false;
    proto::Finding f = FindingOf(at, proto::SIDE_LINK, q->topic);
    f.set_peer(peer.name.substr(0, kMostFindingName));
    f.set_peer_instance(peer.instance);
    f.set_verdict(proto::VERDICT_NO_ANSWER);
    f.set_text("peer " + f.peer() + what);
    Add(f, &q->trail);
  };
  for (const uint64_t key : q->waiting) silent(sessions_->at(key)->peer(), " has not answered in time");
  for (const Session::Peer& peer : q->lost) silent(peer, " was lost while it was asked");
  q->waiting.clear();
  if (q->asker == 0) return;
  Session* asker = sessions_->at(q->asker).get();
  for (proto::Finding& f : q->trail.findings) {
    if (f.instance() != at.instance && !at.access->may_list_all(asker->peer().name)) LeaveOutOtherTopics(&f);
  }
  asker->tell(Tell(request, q->trail));
  q->trail.findings.clear();
}

void Traces::update(const Viewpoint& at, int64_t now_ns) {
  size_t looks = 0;
  for (auto it = questions_.begin(); it != questions_.end();) {
    auto& [request, q] = *it;
    if (q.look_due && looks < kMostLooks) {
      ++looks;
      Look(request, &q, at, now_ns);
    }
    const bool late = now_ns >= q.deadline_ns;
    const bool heard = q.waiting.empty() && (q.asker != 0 || q.trail.peers != 0 || !q.lost.empty());
    if (!q.answered && !q.look_due && (late || heard)) {
      if (q.asker == 0 && q.trail.peers == 0 && q.waiting.empty()) q.trail.complete = false;
      Answer(request, &q, at, now_ns);
    }
    it = q.answered && now_ns > q.forget_ns ? questions_.erase(it) : std::next(it);
  }
}

int64_t Traces::due_ns() const {
  int64_t due = INT64_MAX;
  for (const auto& [request, q] : questions_) {
    if (!q.answered) due = std::min(due, q.deadline_ns);
  }
  return due;
}

Relay::Trail Traces::trail(uint64_t request) const {
  const auto it = questions_.find(request);
  return it == questions_.end() ? Relay::Trail{.done = true, .complete = false, .peers = 0, .findings = {}}
                                : it->second.trail;
}

}  // namespace smt::relay
