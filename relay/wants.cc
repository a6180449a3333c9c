#include "relay/wants.h"

namespace smt::relay {

std::vector<Subscription> Wants::of(const Session& s) const {
  std::vector<Subscription> wants;
  if (!s.serves()) return wants;
  if (!options_->proxy) {
    unite(inbound_->subscriptions(s.peer().name), 0, &wants);
    return wants;
  }
  unite(options_->cache, 0, &wants);
  for (const auto& [key, other] : *sessions_) {
    if (key == s.key() || unite(other->sender().subscriptions().items(), 1, &wants)) continue;
    options_->report(Severity::kWarning, "wants " + other->peer().name,
                     "peers want more patterns than one message holds; not all that " + other->peer().name +
                         " wants is asked for");
  }
  return wants;
}

void Wants::update() {
  if (!std::exchange(changed_, false)) return;
  for (const auto& [key, s] : *sessions_) s->want(of(*s));
}

}  // namespace smt::relay
