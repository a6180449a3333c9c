#include "relay/requests/questions.h"

#include <utility>
#include <vector>

namespace smt::relay {

namespace {

constexpr int64_t kKeepResultNs = 1'000'000'000;  // beyond its deadline

std::vector<Selection> OneHopFurther(const std::vector<Selection>& selections) {
  std::vector<Selection> out;
  Unite(selections, 1, &out);
  return out;
}

}  // namespace

bool Questions::from_peer(Session* asker, const proto::Get& get, bool serves, bool pass_on, int64_t now_ns) {
  if (pending_.admit(next_, asker->key(), asker->feed().requests()) != Admission::kNew) return false;
  Result<Demand> demand = DemandFromWire(get.selection());
  if (!demand.ok() || !serves) {
    asker->feed().get(get.request(), Demand(), get.list(), demand.ok());
    return true;
  }
  const uint64_t number = next_++;
  Pending::Request* q = pending_.add(number, asker->key(), {get.request(), std::move(*demand), get.list()},
                                     now_ns + wait_ns(0));
  if (!pass_on) return true;
  const std::vector<Selection> further = OneHopFurther(q->content.demand.selections());
  for (const auto& [key, other] : *sessions_) {
    if (key == asker->key() || !other->serves() || further.empty()) continue;
    other->ask(number, further, q->content.list);
    q->waiting.insert(key);
  }
  return true;
}

uint64_t Questions::ask(Demand demand, bool list, int64_t now_ns, int64_t timeout_ns) {
  pending_.add(next_, 0, {0, std::move(demand), list}, now_ns + timeout_ns);
  return next_++;
}

void Questions::answered(Session* by, const proto::Reply& reply) {
  if (Pending::Request* q = pending_.on_reply(reply.request(), by->key(), reply.complete()); q != nullptr)
    q->result.topics += reply.topics();
}

void Questions::ended(uint64_t session_key) {
  pending_.on_session_ended(session_key, [](Pending::Request* q) {
    // A request of this process alone is asked again when another peer comes.
    if (q->asker != 0 || q->result.peers != 0 || !q->waiting.empty()) q->result.complete = false;
  });
}

// The values follow the answer, so that nothing of it stays here.
void Questions::answer_peer(Pending::Request* q, bool late) {
  if (!q->has_all_replies() && !late) return;
  if (const auto asker = sessions_->find(q->asker); asker != sessions_->end()) {
    asker->second->feed().get(q->content.request, std::move(q->content.demand), q->content.list,
                              q->waiting.empty() && q->result.complete);
  }
  pending_.finish(q, INT64_MIN);
}

void Questions::ask_peers(uint64_t number, Pending::Request* q, bool late) {
  if (q->result.peers == 0 && q->waiting.empty()) {
    for (const auto& [key, s] : *sessions_) {
      if (!s->serves()) continue;
      s->ask(number, q->content.demand.selections(), q->content.list);
      q->waiting.insert(key);
    }
  }
  if (late) q->result.complete = q->result.complete && q->has_all_replies();
  if (late || q->has_all_replies()) pending_.finish(q, q->deadline_ns + kKeepResultNs);
}

void Questions::update(int64_t now_ns) {
  pending_.update(now_ns, [this](uint64_t number, Pending::Request* q, bool late) {
    if (q->asker != 0) {
      answer_peer(q, late);
    } else {
      ask_peers(number, q, late);
    }
  });
}

}  // namespace smt::relay
