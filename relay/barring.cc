// What becomes of peers that break the rules, as far as it is known who they are.
#include <algorithm>

#include "relay/relay_impl.h"

namespace smt::relay {

// Its session is begun anew.
void Relay::Impl::BreaksProtocol(Session* s) {
  const std::string endpoint = s->link()->endpoint(), key = s->peer().key;
  const PeerId id = s->id();
  ++counters.session.malformed;
  Log(Severity::kWarning, "protocol " + s->peer().name,
      "peer " + s->peer().name + " on " + endpoint + " breaks the protocol; the session is begun anew");
  const auto l =
      std::find_if(links.begin(), links.end(), [&](const auto& of) { return of->link.get() == s->link(); });
  s->say_reset(proto::Reset::MALFORMED, "a message that no peer of version 1 sends");
  End(s->key(), "it broke the protocol");
  if ((*l)->link->dials()) (*l)->dial.refused(now_ns);  // it may well do so again
  Strike(l->get(), id, key);
}

void Relay::Impl::Strike(LinkState* l, const PeerId& peer, const std::string& key) {
  if (bars.barred(key, now_ns)) {
    if (!l->link->dials()) l->link->drop(peer);
  } else if (bars.strike(key, now_ns)) {
    Bar(l, peer, key, "it broke the protocol " + std::to_string(Bars::kStrikes) + " times within a minute");
  }
}

// REQUIRES: the key is barred.
void Relay::Impl::Bar(LinkState* l, const PeerId& peer, const std::string& key, const std::string& why) {
  const std::string* const known = options.keys->name_of(key);
  const std::string name = known != nullptr ? *known : "whose key is not known any more";
  Log(Severity::kError, "barred " + name, "peer " + name + " is barred for a minute: " + why);
  if (!l->link->dials()) l->link->drop(peer);
  for (const auto& other : links) {
    for (auto it = other->sessions.begin(); it != other->sessions.end();) {
      const auto [id, number] = *it++;
      Session* s = Find(number);
      if (s->peer().key != key) continue;
      s->say_reset(proto::Reset::MALFORMED, "barred for a minute: " + why);
      if (!other->link->dials()) other->link->drop(id);
      End(number, "it is barred");
      if (other->link->dials()) other->dial.refused(now_ns, Bars::kMinuteNs);
    }
  }
  if (l->link->dials()) l->dial.refused(now_ns, Bars::kMinuteNs);
}

void Relay::Impl::HandleCut(LinkState* l, const Incoming& in) {
  ++counters.session.cut;
  const std::string key(in.key), why(in.cut);
  const auto session = l->sessions.find(in.peer);
  const std::string* const name = key.empty() ? nullptr : options.keys->name_of(key);
  const std::string who = name != nullptr                ? *name
                          : session != l->sessions.end() ? Find(session->second)->peer().name
                                                         : "somebody who has not said Hello";
  Log(Severity::kWarning, "cut " + l->link->endpoint() + who,
      "a connection of " + who + " on " + l->link->endpoint() + " is cut: " + why);
  if (session != l->sessions.end()) End(session->second, "its connection is cut");
  if (in.malformed && bars.bar(key, now_ns)) Bar(l, in.peer, key, why);
}

}  // namespace smt::relay
