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
  terms_.clear();
  for (const ReceiveRule& r : rules_) {
    terms_.push_back(
        std::make_shared<const Terms>(Terms{false, r.max_age_ns, r.on_stale, r.fail_safe, r.drop_older_ns}));
  }
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
  static const auto kAsItIs = std::make_shared<const Terms>();
  static const auto kDenied = std::make_shared<const Terms>(Terms{true, {}, OnStale::kHold, {}, 0});
  if (rules_.empty()) return {kAsItIs, topic, ""};
  const std::optional<size_t> i = rule_set_.decide(topic, peer);
  if (!i) return {kDenied, topic, ""};
  Result<std::string> name = namings_[*i].local_or_why(topic, peer);
  return {terms_[*i], name.ok() ? std::move(*name) : "", name.status().message()};
}

Inbound::Claim Inbound::claim(const std::shared_ptr<const TopicDescription>& topic, bool announced) {
  std::optional<uint32_t> at = find_name(topic->name);
  if (at && names_[*at].claim != 0) {
    const TopicDescription& before = *names_[*at].topic;
    const bool nearer = topic->hops < before.hops || (topic->hops == before.hops && announced);
    if (before.origin->origin_id != topic->origin->origin_id || !nearer) return {};
    ++lost_claims_;
  }
  if (!at) {
    if (free_names_.empty()) {
      free_names_.push_back(static_cast<uint32_t>(names_.size()));
      names_.emplace_back();
    }
    at = free_names_.back();
    free_names_.pop_back();
    by_name_.insert(topic->name, *at);
  }
  names_[*at].topic = topic;
  return {*at, names_[*at].claim = ++claims_};
}

bool Inbound::is_longer_way(const TopicDescription& topic) const {
  const std::optional<uint32_t> at = find_name(topic.name);
  return at && names_[*at].claim != 0 && names_[*at].topic->origin->origin_id == topic.origin->origin_id;
}

void Inbound::release(Claim* claim) {
  if (is_valid(*claim)) {
    names_[claim->name].claim = 0;
    drop_if_unused(claim->name);
  }
  *claim = {};
}

bool Inbound::reserve(const Claim& claim, const std::string& peer) {
  Name& name = names_[claim.name];
  drop_reservation(&name);
  const uint64_t bytes = sink_->bytes_of(*name.topic);
  PeerBytes& of_peer = *reserved_bytes_.try_emplace(peer).first;
  if (of_peer.second + bytes > sink_->room_bytes() / 4 * 3) return false;
  of_peer.second += bytes;
  name.reserved_by = &of_peer;
  name.reserved = bytes;
  return true;
}

void Inbound::free(const Claim& claim) { drop_reservation(&names_[claim.name]); }

void Inbound::drop_reservation(Name* name) {
  if (name->reserved_by == nullptr) return;
  name->reserved_by->second -= name->reserved;
  if (name->reserved_by->second == 0) reserved_bytes_.erase(name->reserved_by->first);
  name->reserved_by = nullptr;
  name->reserved = 0;
}

void Inbound::drop_if_unused(uint32_t name) {
  Name& n = names_[name];
  if (n.claim != 0 || n.reserved_by != nullptr) return;
  by_name_.erase(n.topic->name, name);
  n.topic.reset();
  free_names_.push_back(name);
}

}  // namespace smt::relay
