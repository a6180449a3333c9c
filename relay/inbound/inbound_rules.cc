// What all sessions have in common that topics come from: what is taken, what it is called here, and which
// session has a name.
#include <utility>

#include "relay/inbound/inbound.h"

namespace smt::relay {

Status Inbound::configure(std::vector<ReceiveRule> rules) {
  std::vector<Naming> namings;
  for (const ReceiveRule& r : rules) {
    Result<Naming> naming = Naming::parse(r);
    if (!naming.ok()) return naming.status();
    namings.push_back(std::move(*naming));
  }
  Result<RuleSet> set = RuleSet::parse(rules);
  if (!set.ok()) return set.status();
  rules_ = std::move(rules);
  rule_set_ = std::move(*set);
  namings_ = std::move(namings);
  return Status();
}

std::vector<Subscription> Inbound::subscriptions(std::string_view peer) const {
  std::vector<Subscription> out;
  for (const ReceiveRule& r : rules_) {
    const Result<PatternSet> from = PatternSet::parse(r.from);
    if (from.ok() && from->matches(peer)) out.push_back({r.topic, r.exclude, 0, r.pacing, 0});
  }
  return out;
}

Inbound::Acceptance Inbound::acceptance(const std::string& topic, std::string_view peer) const {
  Acceptance acceptance;
  acceptance.name = topic;
  if (rules_.empty()) return acceptance;
  const std::optional<size_t> i = rule_set_.decide(topic, peer);
  acceptance.denied = !i;
  if (!i) return acceptance;
  const ReceiveRule& rule = rules_[*i];
  Result<std::string> name = namings_[*i].local_or_why(topic, peer);
  acceptance.error = name.status().message();
  acceptance.name = name.ok() ? std::move(*name) : "";
  acceptance.max_age_ns = rule.max_age_ns;
  acceptance.on_stale = rule.on_stale;
  acceptance.fail_safe = rule.fail_safe;
  acceptance.drop_older_ns = rule.drop_older_ns;
  return acceptance;
}

std::shared_ptr<const Inbound::Claim> Inbound::claim(const TopicDescription& topic, bool announced) {
  std::shared_ptr<Claim>& claim = claims_[topic.name];
  const Id128& origin = topic.origin.origin_id;
  if (claim != nullptr) {
    const bool nearer = topic.hops < claim->hops || (topic.hops == claim->hops && announced);
    if (claim->origin != origin || !nearer) return nullptr;
    claim->valid = false;
    ++lost_claims_;
  }
  claim = std::make_shared<Claim>(Claim{true, origin, topic.hops});
  return claim;
}

void Inbound::release(const std::string& name, std::shared_ptr<const Claim>* claim) {
  if (*claim != nullptr && (*claim)->valid) claims_.erase(name);
  claim->reset();
}

bool Inbound::reserve(const TopicDescription& topic, const std::string& peer) {
  free(topic.name);
  const uint64_t bytes = sink_->bytes_of(topic);
  uint64_t& of_peer = reserved_bytes_[peer];
  if (of_peer + bytes > sink_->room_bytes() / 4 * 3) return false;
  of_peer += bytes;
  reserved_[topic.name] = {peer, bytes};
  return true;
}

void Inbound::free(const std::string& name) {
  const auto topic = reserved_.find(name);
  if (topic == reserved_.end()) return;
  const auto peer = reserved_bytes_.find(topic->second.peer);
  peer->second -= topic->second.bytes;
  if (peer->second == 0) reserved_bytes_.erase(peer);
  reserved_.erase(topic);
}

}  // namespace smt::relay
