#include "relay/requests/set_requests.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "shm/domain.h"

namespace smt::relay {

namespace {

// Of all askers, to one peer: so that it stays within its bound.
constexpr size_t kMaxPassedOn = 48;
constexpr size_t kMaxRoutes = 4096;  // of all
constexpr int kMaxAnswers = 16;
constexpr size_t kMaxSchemaBytes = 400'000;  // of all answers to one request
constexpr size_t kMaxSchema = 256 * 1024, kMaxHolderName = 64;
constexpr int64_t kKeepSetNs = 2'000'000'000;  // so that rings end

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// What no relay of this version says.
bool proper(const proto::SetAnswer& a) {
  return a.relay().size() <= kMaxFindingName && a.text().size() <= kMaxFindingText &&
         a.schema().size() <= kMaxSchema && a.holder_name().size() <= kMaxHolderName &&
         a.lease_ns() <= INT64_MAX && a.dead_man_ns() <= INT64_MAX;
}

bool proper(const proto::Set& m, std::span<const std::byte> payload) {
  const bool probe = m.kind() == proto::SET_PROBE;
  return m.request() != 0 && proto::SetKind_IsValid(m.kind()) && check_topic_name(m.topic()).ok() &&
         (probe || m.target() != 0) && m.holder() != 0 && !m.holder_name().empty() &&
         m.holder_name().size() <= kMaxHolderName && is_printable(m.holder_name()) &&
         m.hops() <= proto::kMaxHops && (m.kind() == proto::SET_VALUE || payload.empty());
}

proto::SetReply reply_of(uint64_t request, const SetResult& result) {
  proto::SetReply reply;
  reply.set_request(request);
  for (const proto::SetAnswer& a : result.answers) *reply.add_answer() = a;
  reply.set_complete(result.complete);
  return reply;
}

}  // namespace

Frame SetRequests::copy_value(std::span<const std::byte> value) {
  Frame frame;
  if (value.empty()) return frame;
  const std::shared_ptr<std::byte[]> room = Frame::room(value.size());
  memcpy(room.get(), value.data(), value.size());
  frame.bytes = {room.get(), value.size()};
  frame.block = room;
  return frame;
}

bool SetRequests::from_peer(Session* asker, const proto::Set& m, std::span<const std::byte> payload,
                            int64_t now_ns) {
  if (!proper(m, payload)) return false;
  const Admission admission = pending_.admit(m.request(), asker->key(), asker->queued());
  if (admission == Admission::kTooMany) return false;
  if (admission != Admission::kNew) {
    SetResult nothing;
    nothing.complete = admission == Admission::kKnown;
    asker->enqueue(reply_of(m.request(), nothing));
    return true;
  }
  pending_.add(m.request(), asker->key(), {m, copy_value(payload)}, now_ns + wait_ns(m.hops()));
  pending_.look_later(m.request());
  return true;
}

void SetRequests::ask(const proto::Set& set, std::span<const std::byte> value, int64_t now_ns,
                      int64_t timeout_ns) {
  pending_.add(set.request(), 0, {set, copy_value(value)}, now_ns + timeout_ns);
  pending_.look_later(set.request());
}

// Of one relay that was asked over two ways the first answer counts.
void SetRequests::add_answer(const proto::SetAnswer& answer, SetResult* result) {
  size_t bytes = answer.schema().size();
  for (const proto::SetAnswer& a : result->answers) {
    if (a.instance() == answer.instance()) return;
    bytes += a.schema().size();
  }
  if (result->answers.size() < kMaxAnswers && bytes <= kMaxSchemaBytes) {
    result->answers.push_back(answer);
  } else {
    result->complete = false;
  }
}

bool SetRequests::on_reply(Session* by, const proto::SetReply& m) {
  if (m.answer_size() > kMaxAnswers ||
      !std::all_of(m.answer().begin(), m.answer().end(), [](const auto& a) { return proper(a); }))
    return false;
  Pending::Request* q = pending_.on_reply(m.request(), by->key(), m.complete());
  if (q == nullptr) return true;  // too late
  for (const proto::SetAnswer& a : m.answer()) {
    add_answer(a, &q->result);
    // The first that has answered for a relay stays the way there, until it ends or the relay itself comes.
    if (q->content.set.kind() == proto::SET_PROBE && routes_.size() < kMaxRoutes)
      routes_.emplace(a.instance(), by->key());
  }
  return true;
}

void SetRequests::on_session_ended(uint64_t session_key) {
  std::erase_if(routes_, [&](const auto& route) { return route.second == session_key; });
  std::erase_if(here_, [&](const auto& entry) { return entry.second.asker == session_key; });
  pending_.on_session_ended(session_key, [](Pending::Request* q) { q->result.complete = false; });
}

proto::SetAnswer SetRequests::answer_of(const Viewpoint& at, proto::SetOutcome outcome, std::string text) {
  proto::SetAnswer a;
  a.set_outcome(outcome);
  a.set_relay(at.name.substr(0, kMaxFindingName));
  a.set_instance(at.instance);
  a.set_text(text.substr(0, kMaxFindingText));
  return a;
}

// Who leads to the relay; null: not known.
Session* SetRequests::route_to(uint64_t target) const {
  for (const auto& [key, s] : *sessions_) {
    if (s->peer().instance == target && !s->is_standby()) return s.get();
  }
  const auto route = routes_.find(target);
  return route == routes_.end() ? nullptr : sessions_->at(route->second).get();
}

// In the words of who is asked. False: it has enough to answer.
bool SetRequests::forward(Pending::Request* q, Session* to, const Viewpoint& at) {
  if (pending_.waiting_for(to->key()) >= kMaxPassedOn) return false;
  proto::Set m = q->content.set;
  if (q->asker != 0) {
    m.set_topic(name_there(at, to, m.topic()));
    m.set_hops(m.hops() + 1);
  }
  to->enqueue(m, q->content.value);
  q->waiting.insert(to->key());
  return true;
}

// A peer's request, by this relay's own rules.
void SetRequests::write_here(Pending::Request* q, const Viewpoint& at, int64_t now_ns) {
  const proto::Set& m = q->content.set;
  const Session& asker = *sessions_->at(q->asker);
  here_[++last_write_] = {m.request(), q->asker};
  q->waiting.insert(kHere);
  writes_->take({last_write_, m.kind(), m.topic(), m.schema_hash(), m.stamp_ns(), q->content.value.bytes,
                 m.holder(), m.holder_name(), asker.peer().name, asker.link()->endpoint(), q->deadline_ns},
                now_ns);
  collect_answers(at);
}

// Of Writes, of whose requests some wait for the audit.
void SetRequests::collect_answers(const Viewpoint& at) {
  for (const WriteAnswer& w : writes_->take_answers()) {
    const auto here = here_.find(w.number);
    if (here == here_.end()) continue;  // who asked is gone
    Pending::Request* const q = pending_.on_reply(here->second.request, kHere, true);
    here_.erase(here);
    if (q == nullptr) continue;
    proto::SetAnswer whole = answer_of(at, w.answer.outcome(), w.answer.text());
    whole.set_schema(w.answer.schema());
    whole.set_lease_ns(w.answer.lease_ns());
    whole.set_dead_man_ns(w.answer.dead_man_ns());
    whole.set_holder_name(w.answer.holder_name());
    whole.set_sequence(w.answer.sequence());
    add_answer(whole, &q->result);
  }
}

// A probe goes to all peers that may know the topic.
void SetRequests::pass_on_probe(Pending::Request* q, const Viewpoint& at) {
  for (const auto& [key, s] : *sessions_) {
    if (key == q->asker || s->is_standby() || (q->asker != 0 && !s->peer().serves)) continue;
    q->result.complete = forward(q, s.get(), at) && q->result.complete;
  }
}

// Any other request goes towards its target. `to`: null where no way is known.
void SetRequests::pass_on_to_target(Pending::Request* q, Session* to, const Viewpoint& at) {
  if (to == nullptr || to->key() == q->asker) {
    add_answer(answer_of(at, proto::SET_NO_ROUTE, at.name + " knows no way to the relay that is to write"),
               &q->result);
  } else if (!forward(q, to, at)) {
    add_answer(answer_of(at, proto::SET_NO_ANSWER, "the relay that is to write has too much to answer"),
               &q->result);
  }
}

void SetRequests::look(Pending::Request* q, const Viewpoint& at, int64_t now_ns) {
  const proto::Set& m = q->content.set;
  const bool probe = m.kind() == proto::SET_PROBE, mine = q->asker == 0;
  // Writes asks for the right itself; where there is none, it is asked for before anything is passed on.
  if (!mine && writes_ == nullptr && !at.allows(*sessions_->at(q->asker), m.topic(), Right::kWrite)) {
    return add_answer(answer_of(at, proto::SET_DENIED,
                                Writes::denied_text(sessions_->at(q->asker)->peer().name, m.topic())),
                      &q->result);
  }
  if (!mine && writes_ != nullptr && (m.target() == 0 || m.target() == at.instance)) {
    write_here(q, at, now_ns);
    if (!probe) return;
  }
  const bool further = mine || (at.proxy && m.hops() + 1 <= proto::kMaxHops);
  if (!probe) {
    pass_on_to_target(q, further ? route_to(m.target()) : nullptr, at);
  } else if (further) {
    pass_on_probe(q, at);
  }
  if (mine && q->waiting.empty()) q->result.complete = false;
  // Nobody is left to ask: of what nobody here has a rule for, that is said.
  if (!mine && q->waiting.empty() && q->result.answers.empty())
    add_answer(answer_of(at, proto::SET_NO_RULE, at.name + " has no [[write]] rule"), &q->result);
}

void SetRequests::send_answer(Pending::Request* q, const Viewpoint& at, int64_t now_ns) {
  pending_.finish(q, now_ns + kKeepSetNs);
  if (!q->waiting.empty()) q->result.complete = false;
  if (q->asker == 0) return;
  if (q->result.answers.empty() && q->content.set.kind() != proto::SET_PROBE)
    add_answer(answer_of(at, proto::SET_NO_ANSWER,
                         "the relay that is to write has not answered " + at.name + " in time"),
               &q->result);
  q->waiting.clear();
  sessions_->at(q->asker)->enqueue(reply_of(q->content.set.request(), q->result));
  q->result.answers.clear();
  q->content.value = Frame();
}

void SetRequests::update(const Viewpoint& at, int64_t now_ns) {
  if (writes_ != nullptr) collect_answers(at);
  // The order of their arrival is that of their effect.
  while (pending_.look_due()) look(pending_.take_look().second, at, now_ns);
  pending_.update(now_ns, [&](uint64_t, Pending::Request* q, bool late) {
    const bool heard = q->has_all_replies() || (q->waiting.empty() && !q->result.complete);
    if (heard || late) send_answer(q, at, now_ns);
  });
}

}  // namespace smt::relay
