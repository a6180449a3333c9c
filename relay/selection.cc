#include "relay/selection.h"

#include <algorithm>

#include "proto/codec.h"

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
  for (const Selection& s : selections) {
    extent.add(s);
    if (!extent.fits()) {
      return Status(Code::kInvalid, "more than " + std::to_string(kMostPatterns) + " patterns of " +
                                        std::to_string(kMostPatternBytes) + " bytes in " +
                                        std::to_string(kMostSelections) + " selections");
    }
    Result<PatternSet> set = PatternSet::parse(s.topic, s.exclude);
    if (!set.ok()) return set.status();
    demand.sets_.push_back(std::move(*set));
  }
  demand.selections_ = std::move(selections);
  return demand;
}

std::optional<int64_t> Demand::period_ns(std::string_view topic) const {
  std::optional<int64_t> least;
  for (size_t i = 0; i < sets_.size(); ++i) {
    if (least && *least <= selections_[i].period_ns) continue;
    if (sets_[i].matches(topic)) least = selections_[i].period_ns;
  }
  return least;
}

Result<Demand> DemandFromWire(const google::protobuf::RepeatedPtrField<proto::Selection>& selections) {
  std::vector<Selection> out;
  for (const proto::Selection& s : selections) {
    if (s.hops() >= proto::kMostHops) continue;
    out.push_back({{s.topic().begin(), s.topic().end()},
                   {s.exclude().begin(), s.exclude().end()},
                   s.hops(),
                   static_cast<int64_t>(std::min<uint64_t>(s.period_ns(), kLongestPeriodNs))});
    if (out.size() > kMostSelections) break;  // refused by compile
  }
  return Demand::compile(std::move(out));
}

void ToWire(const std::vector<Selection>& selections,
            google::protobuf::RepeatedPtrField<proto::Selection>* out) {
  for (const Selection& s : selections) {
    proto::Selection* w = out->Add();
    for (const std::string& t : s.topic) w->add_topic(t);
    for (const std::string& t : s.exclude) w->add_exclude(t);
    w->set_hops(s.hops);
    w->set_period_ns(static_cast<uint64_t>(s.period_ns));
  }
}

bool Unite(const std::vector<Selection>& more, uint32_t hops_more, std::vector<Selection>* to) {
  Extent extent;
  for (const Selection& s : *to) extent.add(s);
  bool all = true;
  for (Selection s : more) {
    s.hops += hops_more;
    if (s.hops >= proto::kMostHops) continue;
    const auto same = std::find_if(to->begin(), to->end(), [&](const Selection& have) {
      return have.topic == s.topic && have.exclude == s.exclude;
    });
    if (same != to->end()) {
      same->hops = std::min(same->hops, s.hops);
      same->period_ns = std::min(same->period_ns, s.period_ns);
      continue;
    }
    Extent with = extent;
    with.add(s);
    if (!with.fits()) {
      all = false;
      continue;
    }
    extent = with;
    to->push_back(std::move(s));
  }
  return all;
}

}  // namespace smt::relay
