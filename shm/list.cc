#include "shm/list.h"

#include <algorithm>
#include <map>

#include "shm/domain_view.h"

namespace smt {

Result<DomainListing> list_topics(const Domain& domain) {
  DomainView& view = view_of(domain);
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
    SampleHead best_head{};  // sequence 0: none
    for (const TopicView& t : writers) {
      const SampleHead head = peek_newest(t).value_or(SampleHead{});
      const bool later = best == nullptr || (head.sequence != 0 && best_head.sequence == 0) ||
                         (head.sequence != 0 &&
                          (head.born_ns > best_head.born_ns ||
                           (head.born_ns == best_head.born_ns && t.segment->node() > best->segment->node())));
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
    info.stamp_ns = best_head.stamp_ns;
    const int64_t now = domain.clock().boottime_ns();  // not before a sample that came meanwhile
    const bool dead = !alive[best->segment.get()], any = best_head.sequence != 0;
    info.freshness.state = any ? best->segment->sample_state(*best, best_head.born_ns, dead, now)
                               : best->segment->state(*best, dead, now);
    if (any && best->segment->same_time()) info.freshness.age_ns = age_at(now, best_head.born_ns);
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
