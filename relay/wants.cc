#include "relay/wants.h"

namespace smt::relay {

namespace {

constexpr uint64_t kNoSession = 0;

std::string text_of(const std::vector<Subscription>& subscriptions) {
  proto::Want want;
  to_wire(subscriptions, want.mutable_selection());
  return want.SerializeAsString();
}

}  // namespace

std::vector<Subscription> Wants::united_but(uint64_t key) const {
  std::vector<Subscription> wants;
  unite(options_->cache, 0, &wants);
  for (const auto& [each, same] : wanting_) {
    // What several want in the same way is asked for once.
    const std::set<uint64_t>& sessions = same->second;
    const auto first = *sessions.begin() == key ? std::next(sessions.begin()) : sessions.begin();
    if (first == sessions.end() || *first != each) continue;
    const Session& other = *sessions_->at(each);
    if (unite(other.sender().subscriptions().items(), 1, &wants)) continue;
    options_->report(Severity::kWarning, "wants " + other.peer().name,
                     "peers want more patterns than one message holds; not all that " + other.peer().name +
                         " wants is asked for");
  }
  return wants;
}

std::vector<Subscription> Wants::of(const Session& s) {
  std::vector<Subscription> wants;
  if (!s.serves()) return wants;
  if (!options_->proxy) {
    unite(inbound_->subscriptions(s.peer().name), 0, &wants);
    return wants;
  }
  if (const auto own = wanting_.find(s.key()); own != wanting_.end() && own->second->second.size() == 1)
    return united_but(s.key());
  if (!of_all_) of_all_ = united_but(kNoSession);
  return *of_all_;
}

void Wants::on_want(const Session& s) {
  on_session_ended(s.key());
  change();
  const std::vector<Subscription>& items = s.sender().subscriptions().items();
  if (items.empty()) return;
  const auto same = same_.try_emplace(text_of(items)).first;
  same->second.insert(s.key());
  wanting_.emplace(s.key(), same);
}

void Wants::on_session_ended(uint64_t key) {
  const auto wanting = wanting_.find(key);
  if (wanting == wanting_.end()) return;
  const auto same = wanting->second;
  same->second.erase(key);
  if (same->second.empty()) same_.erase(same);
  wanting_.erase(wanting);
  change();
}

void Wants::update() {
  if (!std::exchange(changed_, false)) return;
  for (const auto& [key, s] : *sessions_) s->want(of(*s));
}

}  // namespace smt::relay
