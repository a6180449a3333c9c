// What a relay tells people of topics that arrive: how they are called on both sides, and what became of
// them.
#include <algorithm>

#include "relay/inbound/inbound.h"
#include "shm/domain.h"

namespace smt::relay {

std::optional<std::string> Inbound::original(const std::string& local, std::string_view peer) const {
  if (acceptance(local, peer).name == local) return local;
  for (const ReceiveRule& r : rules_) {
    std::optional<std::string> name = NamingBack(r, peer).original(local);
    if (name && acceptance(*name, peer).name == local) return name;
  }
  return std::nullopt;
}

std::optional<PeerReceiver::TopicStatus> PeerReceiver::status(std::string_view sender_name) const {
  for (const auto& t : topics_) {
    if (t == nullptr || t->name() != sender_name) continue;
    TopicStatus s{t->description->name, t->why, t->why_words(), t->last_put};
    if (t->handle != kNone && !is_mine(*t)) {
      s.verdict = proto::VERDICT_LOOP;
      s.text = "it comes a shorter way too, which is taken";
    }
    return s;
  }
  return std::nullopt;
}

std::optional<std::string> PeerReceiver::sender_name(std::string_view local) const {
  for (const auto& t : topics_) {
    if (t != nullptr && t->description->name == local) return t->name();
  }
  return std::nullopt;
}

bool PeerReceiver::any_topic(const std::function<bool(const std::string& name)>& is_such) const {
  return std::any_of(topics_.begin(), topics_.end(),
                     [&](const auto& t) { return t != nullptr && is_such(t->name()); });
}

}  // namespace smt::relay
