#include "relay/peer_policy.h"

namespace smt::relay {

void PeerPolicy::on_violation(Session* s, int64_t now_ns) {
  const std::string endpoint = s->link()->endpoint(), key = s->peer().key;
  const PeerId id = s->id();
  LinkState* l = &links_->of(s->link());
  ++counters_->session.malformed;
  options_->report(
      Severity::kWarning, "protocol " + s->peer().name,
      "peer " + s->peer().name + " on " + endpoint + " breaks the protocol; the session is begun anew");
  sessions_->end(s, proto::Reset::MALFORMED, "a message that no peer of version 1 sends",
                 "it broke the protocol", now_ns);
  if (l->dials()) l->dial.on_refused(now_ns);  // it may well do so again
  on_malformed(l, id, key, now_ns);
}

void PeerPolicy::on_full(Session* s, int64_t now_ns) {
  ++counters_->session.full;
  const std::string why = "its topics and requests take " + std::to_string(s->bytes()) + " bytes, and " +
                          sessions_->full_text() + ", half of that each at most";
  options_->report(Severity::kWarning, "full " + s->peer().name,
                   "peer " + s->peer().name + " on " + s->link()->endpoint() + " is refused: " + why);
  LinkState* const l = &links_->of(s->link());
  sessions_->end(s, proto::Reset::FULL, why, "there is no memory for it", now_ns);
  if (l->dials()) l->dial.on_refused(now_ns);
}

void PeerPolicy::on_malformed(LinkState* l, const PeerId& peer, const std::string& key, int64_t now_ns) {
  if (penalty_box_.is_banned(key, now_ns)) {
    if (!l->dials()) l->link->drop(peer);
  } else if (penalty_box_.record_violation(key, now_ns)) {
    disconnect(
        l, peer, key,
        "it broke the protocol " + std::to_string(PenaltyBox::kMaxViolations) + " times within a minute",
        now_ns);
  }
}

void PeerPolicy::disconnect(LinkState* l, const PeerId& peer, const std::string& key, const std::string& why,
                            int64_t now_ns) {
  const std::string* const known = options_->keys->name_of(key);
  const std::string name = known != nullptr ? *known : "whose key is not known any more";
  options_->report(Severity::kError, "barred " + name, "peer " + name + " is barred for a minute: " + why);
  if (!l->dials()) l->link->drop(peer);
  for (const auto& other : links_->all()) {
    for (auto it = other->sessions.begin(); it != other->sessions.end();) {
      const auto [id, number] = *it++;
      Session* s = sessions_->find(number);
      if (s->peer().key != key) continue;
      s->send_reset(proto::Reset::MALFORMED, "barred for a minute: " + why);
      if (!other->dials()) other->link->drop(id);
      sessions_->end(number, "it is barred", now_ns);
      if (other->dials()) other->dial.on_refused(now_ns, PenaltyBox::kMinuteNs);
    }
  }
  if (l->dials()) l->dial.on_refused(now_ns, PenaltyBox::kMinuteNs);
}

void PeerPolicy::on_cut(LinkState* l, const Incoming& in, int64_t now_ns) {
  ++counters_->session.cut;
  const std::string key(in.key), why(in.cut);
  const Session* session = sessions_->find(*l, in.peer);
  const std::string* const name = key.empty() ? nullptr : options_->keys->name_of(key);
  const std::string who = name != nullptr      ? *name
                          : session != nullptr ? session->peer().name
                                               : "somebody who has not said Hello";
  options_->report(Severity::kWarning, "cut " + l->link->endpoint() + who,
                   "a connection of " + who + " on " + l->link->endpoint() + " is cut: " + why);
  if (session != nullptr) sessions_->end(session->key(), "its connection is cut", now_ns);
  if (in.malformed && penalty_box_.ban(key, now_ns)) disconnect(l, in.peer, key, why, now_ns);
}

}  // namespace smt::relay
