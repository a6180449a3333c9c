#include "relay/selection.h"

#include <algorithm>

#include "proto/codec.h"

namespace smt::relay {

Result<Demand> Demand::compile(std::vector<Selection> selections) {
  size_t patterns = 0;
  Demand demand;
  for (const Selection& s : selections) {
    patterns += s.topic.size() + s.exclude.size();
    if (selections.size() > kMostSelections || patterns > kMostPatterns) {
      return Status(Code::kInvalid, "more than " + std::to_string(kMostPatterns) + " patterns in " +
                                        std::to_string(kMostSelections) + " selections");
    }
    Result<PatternSet> set = PatternSet::parse(s.topic, s.exclude);
    if (!set.ok()) return set.status();
    demand.sets_.push_back(std::move(*set));
  }
  demand.selections_ = std::move(selections);
  return demand;
}

bool Demand::matches(std::string_view topic) const {
  return std::any_of(sets_.begin(), sets_.end(), [&](const PatternSet& s) { return s.matches(topic); });
}

Result<Demand> DemandFromWire(const google::protobuf::RepeatedPtrField<proto::Selection>& selections) {
  std::vector<Selection> out;
  for (const proto::Selection& s : selections) {
    if (s.hops() >= proto::kMostHops) continue;
    out.push_back({{s.topic().begin(), s.topic().end()}, {s.exclude().begin(), s.exclude().end()}, s.hops()});
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
  }
}

void Unite(const std::vector<Selection>& more, uint32_t hops_more, std::vector<Selection>* to) {
  for (Selection s : more) {
    s.hops += hops_more;
    if (s.hops >= proto::kMostHops) continue;
    const auto same = std::find_if(to->begin(), to->end(), [&](const Selection& have) {
      return have.topic == s.topic && have.exclude == s.exclude;
    });
    if (same == to->end()) {
      to->push_back(std::move(s));
    } else {
      same->hops = std::min(same->hops, s.hops);
    }
  }
}

}  // namespace smt::relay
