#include "relay/requests/trace_requests.h"

#include <algorithm>

#include "shm/domain.h"

namespace smt::relay {

namespace {

// In one step, so that topics get their turn: each goes through all of them.
constexpr size_t kMaxLooks = 4;
constexpr int64_t kKeepTraceNs = 2'000'000'000;  // so that rings end

bool is_topic(const std::string& name) { return check_topic_name(name).ok(); }

// What no relay of this version says.
bool proper(const proto::Finding& f) {
  const auto short_enough = [](const std::string& name) { return name.size() <= kMaxFindingName; };
  return short_enough(f.relay()) && short_enough(f.role()) && short_enough(f.topic()) &&
         short_enough(f.peer()) && f.text().size() <= kMaxFindingText &&
         static_cast<size_t>(f.other_name_size()) <= kMaxOtherNames &&
         std::all_of(f.other_name().begin(), f.other_name().end(), short_enough);
}

proto::Traced reply_of(uint64_t request, const TraceResult& result) {
  proto::Traced traced;
  traced.set_request(request);
  for (const proto::Finding& f : result.findings) *traced.add_finding() = f;
  traced.set_complete(result.complete);
  return traced;
}

}  // namespace

bool TraceRequests::from_peer(Session* asker, const proto::Trace& m, int64_t now_ns) {
  if (m.request() == 0 || m.hops() > proto::kMaxHops || !is_topic(m.topic()) ||
      (!m.here().empty() && !is_topic(m.here())))
    return false;
  const Admission admission = pending_.admit(m.request(), asker->key(), asker->queued());
  if (admission == Admission::kTooMany) return false;
  if (admission != Admission::kNew) {
    TraceResult nothing;
    nothing.complete = admission == Admission::kKnown;
    asker->enqueue(reply_of(m.request(), nothing));
    return true;
  }
  pending_.add(m.request(), asker->key(), {m.topic(), m.here(), m.hops()}, now_ns + wait_ns(m.hops()));
  pending_.look_later(m.request());
  return true;
}

void TraceRequests::ask(uint64_t request, const std::string& topic, int64_t now_ns, int64_t timeout_ns) {
  pending_.add(request, 0, {topic, "", 0}, now_ns + timeout_ns);
  pending_.look_later(request);
}

void TraceRequests::add_finding(const proto::Finding& finding, TraceResult* result) {
  if (result->findings.size() < kMaxFindings) {
    result->findings.push_back(finding);
  } else {
    result->complete = false;
  }
}

bool TraceRequests::on_reply(Session* by, const proto::Traced& m) {
  if (static_cast<size_t>(m.finding_size()) > kMaxFindings ||
      !std::all_of(m.finding().begin(), m.finding().end(), [](const auto& f) { return proper(f); }))
    return false;
  Pending::Request* q = pending_.on_reply(m.request(), by->key(), m.complete());
  if (q == nullptr) return true;  // too late
  for (const proto::Finding& f : m.finding()) add_finding(f, &q->result);
  return true;
}

void TraceRequests::on_session_ended(uint64_t session_key) {
  pending_.on_session_ended(session_key, [&](Pending::Request* q) {
    q->content.lost.push_back(sessions_->at(session_key)->peer());
  });
}

// To all but the asker, each in its own words.
void TraceRequests::forward(uint64_t number, Pending::Request* q, const Viewpoint& at) {
  if (q->asker != 0 && q->content.hops + 1 > proto::kMaxHops) return;
  for (const auto& [key, s] : *sessions_) {
    if (key == q->asker || s->queued() >= kLimits.max_unanswered) continue;
    // Who only takes topics, and may not know of this one, has nothing to tell of it.
    if (!s->peer().serves && !at.access->allows(s->peer().name, q->content.topic, Right::kList)) continue;
    proto::Trace m;
    m.set_request(number);
    m.set_topic(q->asker == 0 ? q->content.topic : name_there(at, s.get(), q->content.topic));
    if (q->asker != 0) m.set_here(q->content.topic);
    m.set_hops(q->asker == 0 ? 0 : q->content.hops + 1);
    s->enqueue(m);
    q->waiting.insert(key);
  }
}

void TraceRequests::look(uint64_t number, Pending::Request* q, const Viewpoint& at, int64_t now_ns) {
  if (q->asker != 0) {
    Session* asker = sessions_->at(q->asker).get();  // see on_session_ended()
    const std::string name = name_here(at, asker, q->content.theirs, q->content.topic);
    if (!at.allows(*asker, name, Right::kList)) {
      add_finding(denied_finding(at, *asker, q->content.topic), &q->result);
      return;
    }
    q->content.topic = name;
    for (const proto::Finding& f : explain(at, q->content.topic, asker, q->content.hops == 0, now_ns))
      add_finding(f, &q->result);
  }
  forward(number, q, at);
}

void TraceRequests::send_answer(uint64_t number, Pending::Request* q, const Viewpoint& at, int64_t now_ns) {
  pending_.finish(q, now_ns + kKeepTraceNs);
  const auto silent = [&](const Session::Peer& peer, const char* what) {
    q->result.complete = false;
    proto::Finding f = finding_of(at, proto::SIDE_LINK, q->content.topic);
    f.set_peer(peer.name.substr(0, kMaxFindingName));
    f.set_peer_instance(peer.instance);
    f.set_verdict(proto::VERDICT_NO_ANSWER);
    f.set_text("peer " + f.peer() + what);
    add_finding(f, &q->result);
  };
  for (const uint64_t key : q->waiting) silent(sessions_->at(key)->peer(), " has not answered in time");
  for (const Session::Peer& peer : q->content.lost) silent(peer, " was lost while it was asked");
  q->waiting.clear();
  if (q->asker == 0) return;
  Session* asker = sessions_->at(q->asker).get();
  for (proto::Finding& f : q->result.findings) {
    if (f.instance() != at.instance && !at.access->may_list_all(asker->peer().name))
      leave_out_other_topics(&f);
  }
  asker->enqueue(reply_of(number, q->result));
  q->result.findings.clear();
}

void TraceRequests::update(const Viewpoint& at, int64_t now_ns) {
  for (size_t looks = 0; pending_.look_due() && looks < kMaxLooks; ++looks) {
    const auto [number, q] = pending_.take_look();
    look(number, q, at, now_ns);
  }
  pending_.update(now_ns, [&](uint64_t number, Pending::Request* q, bool late) {
    const bool heard = q->has_all_replies() || (q->waiting.empty() && !q->content.lost.empty());
    if (q->look_due || !(late || heard)) return;
    if (q->asker == 0 && q->result.peers == 0 && q->waiting.empty()) q->result.complete = false;
    send_answer(number, q, at, now_ns);
  });
}

}  // namespace smt::relay
