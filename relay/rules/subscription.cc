#include "relay/rules/subscription.h"

#include <algorithm>
#include <span>

#include "proto/codec.h"
#include "relay/rules/pacing.h"

namespace smt::relay {

namespace {

// What the selections of one message hold.
struct Extent {
  size_t subscriptions = 0, patterns = 0, bytes = 0;

  void add(const Subscription& s) {
    ++subscriptions;
    for (const auto* list : {&s.topic, &s.exclude}) {
      patterns += list->size();
      for (const std::string& text : *list) bytes += text.size() + 4;
    }
  }
  bool fits() const {
    return subscriptions <= kMaxSubscriptions && patterns <= kMaxPatterns && bytes <= kMaxTotalPatternBytes;
  }
};

}  // namespace

Result<SubscriptionSet> SubscriptionSet::compile(std::vector<Subscription> subscriptions) {
  Extent extent;
  SubscriptionSet compiled;
  std::vector<PatternSets::Lists> sets;
  for (const Subscription& s : subscriptions) {
    extent.add(s);
    if (!extent.fits()) {
      return Status(Code::kInvalid, "more than " + std::to_string(kMaxPatterns) + " patterns of " +
                                        std::to_string(kMaxTotalPatternBytes) + " bytes in " +
                                        std::to_string(kMaxSubscriptions) + " selections");
    }
    Result<std::vector<Pattern>> topic = parse_patterns(s.topic);
    if (!topic.ok()) return topic.status();
    Result<std::vector<Pattern>> exclude = parse_patterns(s.exclude);
    if (!exclude.ok()) return exclude.status();
    sets.push_back({std::move(*topic), std::move(*exclude)});
  }
  compiled.sets_ = PatternSets(std::move(sets));
  compiled.items_ = std::move(subscriptions);
  return compiled;
}

bool SubscriptionSet::matches(std::string_view topic) const {
  const std::vector<PatternSets::Named> named = sets_.named(topic);
  return std::any_of(named.begin(), named.end(), [](const auto& n) { return n.deny == nullptr; });
}

std::optional<Pacing> SubscriptionSet::pacing_for(std::string_view topic) const {
  std::optional<Pacing> pacing;
  uint32_t group = 0;  // that has said what it wants
  for (const PatternSets::Named& named : sets_.named(topic)) {
    const Subscription& s = items_[named.set];
    if (named.deny != nullptr || (pacing && s.group == group)) continue;
    pacing = pacing ? more_of(*pacing, s.pacing) : s.pacing;
    group = s.group;
  }
  return pacing;
}

namespace {

constexpr std::pair<Priority, proto::Priority> kPriorityNumbers[] = {
    {Priority::kLow, proto::PRIORITY_LOW},
    {Priority::kNormal, proto::PRIORITY_NORMAL},
    {Priority::kHigh, proto::PRIORITY_HIGH},
    {Priority::kUrgent, proto::PRIORITY_URGENT}};

int64_t period(uint64_t wire_ns) { return static_cast<int64_t>(std::min<uint64_t>(wire_ns, kMaxPeriodNs)); }

Pacing from_wire(const proto::Selection& s) {
  Pacing p;
  p.every = s.every();
  for (const auto& [priority, number] : kPriorityNumbers) {
    if (s.priority() == number) p.priority = priority;
  }
  p.period_ns = period(s.period_ns());
  p.tick = s.tick();
  p.one_of = std::max(1u, s.one_of());
  p.on_change = s.on_change();
  p.deadband = s.deadband() > 0 ? s.deadband() : 0;  // and so no NaN
  p.heartbeat_ns = period(s.heartbeat_ns());
  return p;
}

void to_wire(const Pacing& p, proto::Selection* out) {
  out->set_every(p.every);
  for (const auto& [priority, number] : kPriorityNumbers) {
    if (p.priority == priority) out->set_priority(number);
  }
  out->set_period_ns(static_cast<uint64_t>(p.period_ns));
  out->set_tick(p.tick);
  out->set_one_of(p.one_of == 1 ? 0 : p.one_of);
  out->set_on_change(p.on_change);
  out->set_deadband(p.deadband);
  out->set_heartbeat_ns(static_cast<uint64_t>(p.heartbeat_ns));
}

}  // namespace

Result<SubscriptionSet> subscriptions_from_wire(
    const google::protobuf::RepeatedPtrField<proto::Selection>& subscriptions) {
  std::vector<Subscription> out;
  for (const proto::Selection& s : subscriptions) {
    if (s.hops() >= proto::kMaxHops) continue;
    out.push_back({{s.topic().begin(), s.topic().end()},
                   {s.exclude().begin(), s.exclude().end()},
                   s.hops(),
                   from_wire(s),
                   s.group()});
    if (out.size() > kMaxSubscriptions) break;  // refused by compile
  }
  // Of one group stand together, in their order.
  std::stable_sort(out.begin(), out.end(),
                   [](const Subscription& a, const Subscription& b) { return a.group < b.group; });
  return SubscriptionSet::compile(std::move(out));
}

void to_wire(const std::vector<Subscription>& subscriptions,
             google::protobuf::RepeatedPtrField<proto::Selection>* out) {
  for (const Subscription& s : subscriptions) {
    proto::Selection* w = out->Add();
    for (const std::string& t : s.topic) w->add_topic(t);
    for (const std::string& t : s.exclude) w->add_exclude(t);
    w->set_hops(s.hops);
    to_wire(s.pacing, w);
    w->set_group(s.group);
  }
}

namespace {

using Group = std::span<const Subscription>;

// Calls `f` with each group: selections that stand side by side and have one number.
template <class F>
void for_each_group(const std::vector<Subscription>& subscriptions, F f) {
  for (auto begin = subscriptions.begin(); begin != subscriptions.end();) {
    const auto end = std::find_if(begin, subscriptions.end(),
                                  [&](const Subscription& s) { return s.group != begin->group; });
    f(Group(begin, end));
    begin = end;
  }
}

bool same_topics(Group a, Group b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Subscription& x, const Subscription& y) {
    return x.topic == y.topic && x.exclude == y.exclude;
  });
}

}  // namespace

bool unite(const std::vector<Subscription>& more, uint32_t hops_more, std::vector<Subscription>* to) {
  Extent extent;
  for (const Subscription& s : *to) extent.add(s);
  bool all = true;
  for_each_group(more, [&](Group group) {
    std::vector<Subscription> added;
    for (const Subscription& s : group) {
      if (s.hops + hops_more < proto::kMaxHops) added.push_back(s);
    }
    size_t at = to->size();
    for_each_group(*to, [&](Group have) {
      if (same_topics(have, added)) at = static_cast<size_t>(have.data() - to->data());
    });
    const bool is_new = at == to->size();
    Extent with = extent;
    for (Subscription& s : added) {
      s.hops += hops_more;
      if (!is_new) {
        Subscription& have = (*to)[at++];
        have.hops = std::min(have.hops, s.hops);
        have.pacing = more_of(have.pacing, s.pacing);
      }
      with.add(s);
    }
    if (!is_new) return;
    if (!with.fits()) {
      all = false;
      return;
    }
    extent = with;
    const uint32_t number = to->empty() ? 0 : to->back().group + 1;
    for (Subscription& s : added) {
      s.group = number;
      to->push_back(std::move(s));
    }
  });
  return all;
}

}  // namespace smt::relay
