#include "relay/requests/questions.h"

#include <algorithm>

namespace smt::relay {

namespace {

constexpr size_t kMostRequests = 1024;  // of one peer
constexpr int64_t kPassOnNs = 1'000'000'000;
constexpr int64_t kKeepAnswerNs = 1'000'000'000;

std::vector<Selection> OneHopFurther(const std::vector<Selection>& selections) {
  std::vector<Selection> out;
  Unite(selections, 1, &out);
  return out;
}

}  // namespace

bool Questions::from_peer(Session* asker, const proto::Get& get, bool serves, bool pass_on, int64_t now_ns) {
  const auto waiting = std::count_if(questions_.begin(), questions_.end(),
                                     [&](const auto& q) { return q.second.asker == asker->key(); });
  if (static_cast<size_t>(waiting) + asker->feed().requests() >= kMostRequests) return false;
  Result<Demand> demand = DemandFromWire(get.selection());
  if (!demand.ok() || !serves) {
    asker->feed().get(get.request(), Demand(), get.list(), demand.ok());
    return true;
  }
  Question q;
  q.asker = asker->key();
  q.request = get.request();
  q.demand = std::move(*demand);
  q.list = get.list();
  q.deadline_ns = now_ns + kPassOnNs;
  if (pass_on) {
    const std::vector<Selection> further = OneHopFurther(q.demand.selections());
    for (const auto& [key, other] : *sessions_) {
      if (key == asker->key() || !other->serves() || further.empty()) continue;
      other->ask(next_, further, q.list);
      q.waiting.insert(key);
    }
  }
  questions_[next_++] = std::move(q);
  return true;
}

uint64_t Questions::ask(Demand demand, bool list, int64_t now_ns, int64_t timeout_ns) {
  Question q;
  q.demand = std::move(demand);
  q.list = list;
  q.deadline_ns = now_ns + timeout_ns;
  questions_[next_] = std::move(q);
  return next_++;
}

void Questions::answered(Session* by, const proto::Reply& reply) {
  const auto it = questions_.find(reply.request());
  if (it == questions_.end() || it->second.waiting.erase(by->key()) == 0) return;
  Relay::Answer& a = it->second.answer;
  ++a.peers;
  a.topics += reply.topics();
  a.complete = a.complete && reply.complete();
}

void Questions::ended(uint64_t session_key) {
  for (auto it = questions_.begin(); it != questions_.end();) {
    Question& q = it->second;
    // A question of this process alone is asked again when somebody comes.
    if (q.waiting.erase(session_key) != 0 && (q.asker != 0 || q.answer.peers != 0 || !q.waiting.empty()))
      q.answer.complete = false;
    it = q.asker == session_key ? questions_.erase(it) : std::next(it);
  }
}

void Questions::update(int64_t now_ns) {
  for (auto it = questions_.begin(); it != questions_.end();) {
    Question& q = it->second;
    const bool late = now_ns >= q.deadline_ns;
    if (q.asker != 0) {
      if (!q.waiting.empty() && !late) {
        ++it;
        continue;
      }
      const auto asker = sessions_->find(q.asker);
      if (asker != sessions_->end()) {
        asker->second->feed().get(q.request, std::move(q.demand), q.list,
                                  q.waiting.empty() && q.answer.complete);
      }
      it = questions_.erase(it);
      continue;
    }
    if (!q.answer.done) {
      if (q.answer.peers == 0 && q.waiting.empty()) {
        for (const auto& [key, s] : *sessions_) {
          if (!s->serves()) continue;
          s->ask(it->first, q.demand.selections(), q.list);
          q.waiting.insert(key);
        }
      }
      if (late) q.answer.complete = q.answer.complete && q.waiting.empty() && q.answer.peers != 0;
      q.answer.done = late || (q.answer.peers != 0 && q.waiting.empty());
    }
    it = q.answer.done && now_ns > q.deadline_ns + kKeepAnswerNs ? questions_.erase(it) : std::next(it);
  }
}

Relay::Answer Questions::answer(uint64_t number) const {
  const auto it = questions_.find(number);
  return it == questions_.end() ? Relay::Answer{.done = true, .complete = false, .topics = 0, .peers = 0}
                                : it->second.answer;
}

size_t Questions::open() const {
  return static_cast<size_t>(std::count_if(questions_.begin(), questions_.end(),
                                           [](const auto& q) { return !q.second.answer.done; }));
}

}  // namespace smt::relay
