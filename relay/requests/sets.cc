#include "relay/requests/sets.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "shm/domain.h"

namespace smt::relay {

namespace {

constexpr size_t kMostUnanswered = 64, kMostAnswered = 64;  // of one peer
// Of all askers, to one peer: so that it stays within its bound.
constexpr size_t kMostPassedOn = 48;
constexpr size_t kMostKept = 4096, kMostRoutes = 4096;  // of all
constexpr int kMostAnswers = 16;
constexpr size_t kMostSchemaBytes = 400'000;  // of all answers to one request
constexpr size_t kMostSchema = 256 * 1024, kMostHolderName = 64;
constexpr int64_t kKeepNs = 2'000'000'000;
constexpr int64_t WaitNs(uint32_t hops) { return 1'000'000'000 - int64_t{hops} * 100'000'000; }

bool IsPrintable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// What no relay of this version says.
bool Proper(const proto::SetAnswer& a) {
  return a.relay().size() <= kMostFindingName && a.text().size() <= kMostFindingText &&
         a.schema().size() <= kMostSchema && a.holder_name().size() <= kMostHolderName &&
         a.lease_ns() <= INT64_MAX && a.dead_man_ns() <= INT64_MAX;
}

bool Proper(const proto::Set& m, std::span<const std::byte> payload) {
  const bool probe = m.kind() == proto::SET_PROBE;
  return m.request() != 0 && proto::SetKind_IsValid(m.kind()) && CheckTopicName(m.topic()).ok() &&
         (probe || m.target() != 0) && m.holder() != 0 && !m.holder_name().empty() &&
         m.holder_name().size() <= kMostHolderName && IsPrintable(m.holder_name()) &&
         m.hops() <= proto::kMostHops && (m.kind() == proto::SET_VALUE || payload.empty());
}

proto::SetReply Tell(uint64_t request, const Relay::SetResult& result) {
  proto::SetReply reply;
  reply.set_request(request);
  for (const proto::SetAnswer& a : result.answers) *reply.add_answer() = a;
  reply.set_complete(result.complete);
  return reply;
}

}  // namespace

Frame Sets::Copy(std::span<const std::byte> value) {
  Frame frame;
  if (value.empty()) return frame;
  const std::shared_ptr<std::byte[]> room = Frame::room(value.size());
  memcpy(room.get(), value.data(), value.size());
  frame.bytes = {room.get(), value.size()};
  frame.block = room;
  return frame;
}

bool Sets::from_peer(Session* asker, const proto::Set& m, std::span<const std::byte> payload,
                     int64_t now_ns) {
  if (!Proper(m, payload)) return false;
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
  if (questions_.count(m.request()) != 0 || questions_.size() >= kMostKept) {
    Relay::SetResult nothing;
    nothing.complete = questions_.size() < kMostKept;
    asker->tell(Tell(m.request(), nothing));
    return true;
  }
  Question& q = questions_[m.request()];
  q.asker = asker->key();
  q.set = m;
  q.value = Copy(payload);
  q.deadline_ns = now_ns + WaitNs(m.hops());
  looks_.push_back(m.request());
  return true;
}

void Sets::ask(const proto::Set& set, std::span<const std::byte> value, int64_t now_ns, int64_t timeout_ns) {
  Question& q = questions_[set.request()];
  q.set = set;
  q.value = Copy(value);
  q.deadline_ns = now_ns + timeout_ns;
  looks_.push_back(set.request());
}

// Of one relay that was asked over two ways the first answer counts.
void Sets::Add(const proto::SetAnswer& answer, Relay::SetResult* result) {
  size_t bytes = answer.schema().size();
  for (const proto::SetAnswer& a : result->answers) {
    if (a.instance() == answer.instance()) return;
    bytes += a.schema().size();
  }
  if (result->answers.size() < kMostAnswers && bytes <= kMostSchemaBytes) {
    result->answers.push_back(answer);
  } else {
    result->complete = false;
  }
}

bool Sets::answered(Session* by, const proto::SetReply& m) {
  if (m.answer_size() > kMostAnswers ||
      !std::all_of(m.answer().begin(), m.answer().end(), [](const auto& a) { return Proper(a); }))
    return false;
  const auto it = questions_.find(m.request());
  if (it == questions_.end() || it->second.waiting.erase(by->key()) == 0) return true;  // too late
  Relay::SetResult& result = it->second.result;
  ++result.peers;
  for (const proto::SetAnswer& a : m.answer()) {
    Add(a, &result);
    // The first that has answered for a relay stays the way there, until it ends or the relay itself comes.
    if (it->second.set.kind() == proto::SET_PROBE && routes_.size() < kMostRoutes)
      routes_.emplace(a.instance(), by->key());
  }
  result.complete = result.complete && m.complete();
  return true;
}

void Sets::ended(uint64_t session_key) {
  std::erase_if(routes_, [&](const auto& route) { return route.second == session_key; });
  for (auto it = questions_.begin(); it != questions_.end();) {
    Question& q = it->second;
    if (q.waiting.erase(session_key) != 0) q.result.complete = false;
    const bool askers = q.asker == session_key && !q.answered;
    if (askers) std::erase(looks_, it->first);
    it = askers ? questions_.erase(it) : std::next(it);
  }
}

proto::SetAnswer Sets::AnswerOf(const Viewpoint& at, proto::SetOutcome outcome, std::string text) {
  proto::SetAnswer a;
  a.set_outcome(outcome);
  a.set_relay(at.name.substr(0, kMostFindingName));
  a.set_instance(at.instance);
  a.set_text(text.substr(0, kMostFindingText));
  return a;
}

// Who leads to the relay; null: not known.
Session* Sets::Route(uint64_t target) const {
  for (const auto& [key, s] : *sessions_) {
    if (s->peer().instance == target && !s->stands_by()) return s.get();
  }
  const auto route = routes_.find(target);
  return route == routes_.end() ? nullptr : sessions_->at(route->second).get();
}

// In the words of who is asked. False: it has enough to answer.
bool Sets::PassOn(Question* q, Session* to, const Viewpoint& at) {
  const auto waiting = std::count_if(questions_.begin(), questions_.end(), [&](const auto& other) {
    return other.second.waiting.count(to->key()) != 0;
  });
  if (static_cast<size_t>(waiting) >= kMostPassedOn) return false;
  proto::Set m = q->set;
  if (q->asker != 0) {
    m.set_topic(NameThere(at, to, q->set.topic()));
    m.set_hops(q->set.hops() + 1);
  }
  to->tell(m, q->value);
  q->waiting.insert(to->key());
  return true;
}

void Sets::Look(Question* q, const Viewpoint& at, int64_t now_ns) {
  q->looked_at = true;
  const proto::Set& m = q->set;
  const bool probe = m.kind() == proto::SET_PROBE, mine = q->asker == 0;
  // Writes asks for the right itself; where there is none, it is asked for before anything is passed on.
  if (!mine && writes_ == nullptr && !at.allows(*sessions_->at(q->asker), m.topic(), Right::kWrite)) {
    return Add(
        AnswerOf(at, proto::SET_DENIED, Writes::DeniedText(sessions_->at(q->asker)->peer().name, m.topic())),
        &q->result);
  }
  if (!mine && writes_ != nullptr && (m.target() == 0 || m.target() == at.instance)) {
    const Session& asker = *sessions_->at(q->asker);
    proto::SetAnswer a =
        writes_->take({m.kind(), m.topic(), m.schema_hash(), m.stamp_ns(), q->value.bytes, m.holder(),
                       m.holder_name(), asker.peer().name, asker.link()->endpoint()},
                      now_ns);
    proto::SetAnswer whole = AnswerOf(at, a.outcome(), a.text());
    whole.set_schema(a.schema());
    whole.set_lease_ns(a.lease_ns());
    whole.set_dead_man_ns(a.dead_man_ns());
    whole.set_holder_name(a.holder_name());
    whole.set_sequence(a.sequence());
    Add(whole, &q->result);
    if (!probe) return;
  }
  const bool further = mine || (at.proxy && m.hops() + 1 <= proto::kMostHops);
  if (probe && further) {
    for (const auto& [key, s] : *sessions_) {
      if (key == q->asker || s->stands_by() || (!mine && !s->peer().serves)) continue;
      q->result.complete = PassOn(q, s.get(), at) && q->result.complete;
    }
  } else if (!probe) {
    Session* to = further ? Route(m.target()) : nullptr;
    if (to == nullptr || to->key() == q->asker) {
      Add(AnswerOf(at, proto::SET_NO_ROUTE, at.name + " knows no way to the relay that is to write"),
          &q->result);
    } else if (!PassOn(q, to, at)) {
      Add(AnswerOf(at, proto::SET_NO_ANSWER, "the relay that is to write has too much to answer"),
          &q->result);
    }
  }
  if (mine && q->waiting.empty()) q->result.complete = false;
  // Nobody is left to ask: of what nobody here has a rule for, that is said.
  if (!mine && q->waiting.empty() && q->result.answers.empty())
    Add(AnswerOf(at, proto::SET_NO_RULE, at.name + " has no [[write]] rule"), &q->result);
}

void Sets::Answer(Question* q, const Viewpoint& at, int64_t now_ns) {
  q->answered = q->result.done = true;
  q->forget_ns = now_ns + kKeepNs;
  if (!q->waiting.empty()) q->result.complete = false;
  if (q->asker == 0) return;
  if (q->result.answers.empty() && q->set.kind() != proto::SET_PROBE)
    Add(AnswerOf(at, proto::SET_NO_ANSWER,
                 "the relay that is to write has not answered " + at.name + " in time"),
        &q->result);
  q->waiting.clear();
  sessions_->at(q->asker)->tell(Tell(q->set.request(), q->result));
  q->result.answers.clear();
  q->value = Frame();
}

void Sets::update(const Viewpoint& at, int64_t now_ns) {
  // The order of their arrival is that of their effect.
  for (std::deque<uint64_t> looks = std::exchange(looks_, {}); !looks.empty(); looks.pop_front())
    Look(&questions_.at(looks.front()), at, now_ns);
  for (auto it = questions_.begin(); it != questions_.end();) {
    Question& q = it->second;
    const bool heard = q.waiting.empty() && (q.asker != 0 || q.result.peers != 0 || !q.result.complete);
    if (!q.answered && (heard || now_ns >= q.deadline_ns)) Answer(&q, at, now_ns);
    it = q.answered && now_ns > q.forget_ns ? questions_.erase(it) : std::next(it);
  }
}

int64_t Sets::due_ns() const {
  int64_t due = INT64_MAX;
  for (const auto& [request, q] : questions_) {
    if (!q.answered) due = std::min(due, q.deadline_ns);
  }
  return due;
}

Relay::SetResult Sets::result(uint64_t request) const {
  const auto it = questions_.find(request);
  if (it != questions_.end()) return it->second.result;
  Relay::SetResult none;
  none.done = true;
  none.complete = false;
  return none;
}

}  // namespace smt::relay
