#include "relay/rules/selection.h"

#include <algorithm>
#include <span>

#include "proto/codec.h"
#include "relay/rules/pacing.h"

namespace smt::relay {

namespace {

// What the selections of one message hold.
struct Extent {
  size_t selections = 0, patterns = 0, bytes = 0;

  void add(const Selection& s) {
    ++selections;
    for (const auto* list : {&s.topic, &s.exclude}) {
      patterns += list->size();
      for (const std::string& text : *list) bytes += text.size() + 4;
    }
  }
  bool fits() const {
    return selections <= kMostSelections && patterns <= kMostPatterns && bytes <= kMostPatternBytes;
  }
};

}  // namespace

Result<Demand> Demand::compile(std::vector<Selection> selections) {
  Extent extent;
  Demand demand;
  std::vector<PatternSets::Lists> sets;
  for (const Selection& s : selections) {
    extent.add(s);
    if (!extent.fits()) {
      return Status(Code::kInvalid, "more than " + std::to_string(kMostPatterns) + " patterns of " +
                                        std::to_string(kMostPatternBytes) + " bytes in " +
                                        std::to_string(kMostSelections) + " selections");
    }
    Result<std::vector<Pattern>> topic = ParsePatterns(s.topic);
    if (!topic.ok()) return topic.status();
    Result<std::vector<Pattern>> exclude = ParsePatterns(s.exclude);
    if (!exclude.ok()) return exclude.status();
    sets.push_back({std::move(*topic), std::move(*exclude)});
  }
  demand.sets_ = PatternSets(std::move(sets));
  demand.selections_ = std::move(selections);
  return demand;
}

bool Demand::matches(std::string_view topic) const {
  const std::vector<PatternSets::Named> named = sets_.named(topic);
  return std::any_of(named.begin(), named.end(), [](const auto& n) { return n.deny == nullptr; });
}

std::optional<Pacing> Demand::wish(std::string_view topic) const {
  std::optional<Pacing> wish;
  uint32_t group = 0;  // that has said what it wants
  for (const PatternSets::Named& named : sets_.named(topic)) {
    const Selection& s = selections_[named.set];
    if (named.deny != nullptr || (wish && s.group == group)) continue;
    wish = wish ? MoreOf(*wish, s.pacing) : s.pacing;
    group = s.group;
  }
  return wish;
}

namespace {

constexpr std::pair<Priority, proto::Priority> kPriorityNumbers[] = {
    {Priority::kLow, proto::PRIORITY_LOW},
    {Priority::kNormal, proto::PRIORITY_NORMAL},
    {Priority::kHigh, proto::PRIORITY_HIGH},
    {Priority::kUrgent, proto::PRIORITY_URGENT}};

int64_t Period(uint64_t wire_ns) {
  return static_cast<int64_t>(std::min<uint64_t>(wire_ns, kLongestPeriodNs));
}

Pacing FromWire(const proto::Selection& s) {
  Pacing p;
  p.every = s.every();
  for (const auto& [priority, number] : kPriorityNumbers) {
    if (s.priority() == number) p.priority = priority;
  }
  p.period_ns = Period(s.period_ns());
  p.tick = s.tick();
  p.one_of = std::max(1u, s.one_of());
  p.on_change = s.on_change();
  p.deadband = s.deadband() > 0 ? s.deadband() : 0;  // and so no NaN
  p.heartbeat_ns = Period(s.heartbeat_ns());
  return p;
}

void ToWire(const Pacing& p, proto::Selection* out) {
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

Result<Demand> DemandFromWire(const google::protobuf::RepeatedPtrField<proto::Selection>& selections) {
  std::vector<Selection> out;
  for (const proto::Selection& s : selections) {
    if (s.hops() >= proto::kMostHops) continue;
    out.push_back({{s.topic().begin(), s.topic().end()},
                   {s.exclude().begin(), s.exclude().end()},
                   s.hops(),
                   FromWire(s),
                   s.group()});
    if (out.size() > kMostSelections) break;  // refused by compile
  }
  // Of one group stand together, in their order.
  std::stable_sort(out.begin(), out.end(),
                   [](const Selection& a, const Selection& b) { return a.group < b.group; });
  return Demand::compile(std::move(out));
}

void ToWire(const std::vector<Selection>& selections,
            google::protobuf::RepeatedPtrField<proto::Selection>* out) {
  for (const Selection& s : selections) {
    proto::Selection* w = out->Add();
    for (const std::string& t : s.topic) w->add_topic(t);
    for (const std::string& t : s.exclude) w->add_exclude(t);
    w->set_hops(s.hops);
    ToWire(s.pacing, w);
    w->set_group(s.group);
  }
}

namespace {

using Group = std::span<const Selection>;

// Calls `f` with each group: selections that stand side by side and have one number.
template <class F>
void ForEachGroup(const std::vector<Selection>& selections, F f) {
  for (auto begin = selections.begin(); begin != selections.end();) {
    const auto end =
        std::find_if(begin, selections.end(), [&](const Selection& s) { return s.group != begin->group; });
    f(Group(begin, end));
    begin = end;
  }
}

bool SameTopics(Group a, Group b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Selection& x, const Selection& y) {
    return x.topic == y.topic && x.exclude == y.exclude;
  });
}

}  // namespace

bool Unite(const std::vector<Selection>& more, uint32_t hops_more, std::vector<Selection>* to) {
  Extent extent;
  for (const Selection& s : *to) extent.add(s);
  bool all = true;
  ForEachGroup(more, [&](Group group) {
    std::vector<Selection> added;
    for (const Selection& s : group) {
      if (s.hops + hops_more < proto::kMostHops) added.push_back(s);
    }
    size_t at = to->size();
    ForEachGroup(*to, [&](Group have) {
      if (SameTopics(have, added)) at = static_cast<size_t>(have.data() - to->data());
    });
    const bool is_new = at == to->size();
    Extent with = extent;
    for (Selection& s : added) {
      s.hops += hops_more;
      if (!is_new) {
        Selection& have = (*to)[at++];
        have.hops = std::min(have.hops, s.hops);
        have.pacing = MoreOf(have.pacing, s.pacing);
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
    for (Selection& s : added) {
      s.group = number;
      to->push_back(std::move(s));
    }
  });
  return all;
}

}  // namespace smt::relay
