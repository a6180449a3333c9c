#include "shm/list.h"

#include <algorithm>
#include <map>

#include "shm/domain_state.h"

namespace smt {

namespace {

struct Head {
  uint64_t sequence = 0;
  SampleHead sample{};
};

// The newest sample's head; sequence 0: none.
Head NewestHead(const TopicView& t) {
  for (int attempt = 0; attempt < 256; ++attempt) {
    const uint64_t at = LoadHead(*t.counter);
    if (at < t.first_position) break;
    const layout::Slot* slot = t.slot(at);
    if (!SlotHolds(slot, at)) continue;
    Head head;
    LoadSampleHead(slot, &head.sample);
    if (!StillHolds(slot, at, t.entry, t.generation)) continue;
    head.sequence = head.sample.sequence;
    return head;
  }
  return Head();
}

}  // namespace

Result<DomainListing> ListTopics(const Domain& domain) {
  DomainView& view = domain.state().view;
  view.refresh();
  DomainListing listing;
  listing.problems = view.problems();

  std::map<const SegmentView*, bool> alive;
  std::map<std::string, std::vector<TopicView>> by_name;
  for (TopicView& t : view.all()) {
    const SegmentView* segment = t.segment.get();
    if (alive.count(segment) == 0) alive[segment] = segment->owner_alive();
    by_name[t.name].push_back(std::move(t));
  }
  for (const auto& [name, writers] : by_name) {
    TopicInfo info;
    info.name = name;
    const TopicView* best = nullptr;
    Head best_head;
    for (const TopicView& t : writers) {
      const Head head = NewestHead(t);
      const bool later =
          best == nullptr || (head.sequence != 0 && best_head.sequence == 0) ||
          (head.sequence != 0 &&
           (head.sample.born_ns > best_head.sample.born_ns ||
            (head.sample.born_ns == best_head.sample.born_ns && t.segment->node() > best->segment->node())));
      if (later) {
        best = &t;
        best_head = head;
      }
      const bool live = alive[t.segment.get()] && !t.segment->closed();
      info.writers.push_back({t.segment->node(), t.segment->pid(), live});
    }
    Result<Schema> schema = best->segment->schema(*best);
    if (!schema.ok()) {
      if (schema.status().code() != Code::kNotFound) listing.problems.push_back(schema.status().message());
      continue;
    }
    info.schema = std::move(*schema);
    info.max_bytes = best->max_bytes;
    info.history = best->slot_count;
    info.generation = best->generation / 2 + 1;
    info.sequence = best_head.sequence;
    info.stamp_ns = best_head.sample.stamp_ns;
    const int64_t now = domain.clock().boottime_ns();  // not before a sample that came meanwhile
    info.freshness.state = best->segment->state(*best, !alive[best->segment.get()], now);
    if (best_head.sequence != 0 && best->segment->same_time())
      info.freshness.age_ns = AgeNs(now, best_head.sample.born_ns);
    info.freshness.max_age_ns = best->segment->max_age_ns(*best);
    info.freshness.hops = best->hops;
    info.freshness.age_error_ns = best->segment->age_error_ns(*best);
    info.freshness.delay_ns = best->segment->delay_ns(*best);
    info.freshness.origin = best->segment->origin(*best);
    if (best->origin_offset == 0) info.freshness.origin.domain = domain.name();
    listing.topics.push_back(std::move(info));
  }
  return listing;
}

}  // namespace smt
