#include "relay/requests/get_requests.h"

#include <utility>
#include <vector>

namespace smt::relay {

namespace {

constexpr int64_t kKeepResultNs = 1'000'000'000;  // beyond its deadline

std::vector<Subscription> one_hop_further(const std::vector<Subscription>& subscriptions) {
  std::vector<Subscription> out;
  unite(subscriptions, 1, &out);
  return out;
}

}  // namespace

bool GetRequests::from_peer(Session* asker, const proto::Get& get, bool serves, bool pass_on,
                            int64_t now_ns) {
  if (pending_.admit(next_, asker->key(), asker->sender().requests()) != Admission::kNew) return false;
  Result<SubscriptionSet> subscriptions = subscriptions_from_wire(get.selection());
  if (!subscriptions.ok() || !serves) {
    asker->get(get.request(), SubscriptionSet(), get.list(), subscriptions.ok());
    return true;
  }
  const uint64_t number = next_++;
  Pending::Request* q = pending_.add(
      number, asker->key(), {get.request(), std::move(*subscriptions), get.list()}, now_ns + wait_ns(0));
  if (!pass_on) return true;
  const std::vector<Subscription> further = one_hop_further(q->content.subscriptions.items());
  for (const auto& [key, other] : *sessions_) {
    if (key == asker->key() || !other->serves() || further.empty()) continue;
    other->ask(number, further, q->content.list);
    q->waiting.insert(key);
  }
  return true;
}

uint64_t GetRequests::ask(SubscriptionSet subscriptions, bool list, int64_t now_ns, int64_t timeout_ns) {
  pending_.add(next_, 0, {0, std::move(subscriptions), list}, now_ns + timeout_ns);
  return next_++;
}

void GetRequests::on_reply(Session* by, const proto::Reply& reply) {
  if (Pending::Request* q = pending_.on_reply(reply.request(), by->key(), reply.complete()); q != nullptr)
    q->result.topics += reply.topics();
}

void GetRequests::on_session_ended(uint64_t session_key) {
  pending_.on_session_ended(session_key, [](Pending::Request* q) {
    // A request of this process alone is asked again when another peer comes.
    if (q->asker != 0 || q->result.peers != 0 || !q->waiting.empty()) q->result.complete = false;
  });
}

// The values follow the answer, so that nothing of it stays here.
void GetRequests::answer_peer(Pending::Request* q, bool late) {
  if (!q->has_all_replies() && !late) return;
  if (const auto asker = sessions_->find(q->asker); asker != sessions_->end()) {
    asker->second->get(q->content.request, std::move(q->content.subscriptions), q->content.list,
                       q->waiting.empty() && q->result.complete);
  }
  pending_.finish(q, INT64_MIN);
}

void GetRequests::ask_peers(uint64_t number, Pending::Request* q, bool late) {
  if (q->result.peers == 0 && q->waiting.empty()) {
    for (const auto& [key, s] : *sessions_) {
      if (!s->serves()) continue;
      s->ask(number, q->content.subscriptions.items(), q->content.list);
      q->waiting.insert(key);
    }
  }
  if (late) q->result.complete = q->result.complete && q->has_all_replies();
  if (late || q->has_all_replies()) pending_.finish(q, q->deadline_ns + kKeepResultNs);
}

void GetRequests::update(int64_t now_ns) {
  pending_.update(now_ns, [this](uint64_t number, Pending::Request* q, bool late) {
    if (q->asker != 0) {
      answer_peer(q, late);
    } else {
      ask_peers(number, q, late);
    }
  });
}

}  // namespace smt::relay
