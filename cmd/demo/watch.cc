#include "cmd/demo/watch.h"

#include <algorithm>

#include "cmd/demo/must.h"
#include "cmd/demo/topics.h"
#include "shm/clock.h"

namespace smt::demo {

Watch::Watch(const Domain& domain, const std::string& topic, bool sealed)
    : reader_(must(Reader::open(domain, topic, {.begin = Begin::kOldest}))), sealed_(sealed) {}

void Watch::drain() {
  while (const Sample* s = reader_.next()) {
    arrivals_.push_back({s->born_ns, boottime_ns() - s->born_ns});
    if (++received_ == 1) before_ = s->sequence - 1 - s->missed;
    if (s->sequence <= last_sequence_) ++steps_back_;
    last_sequence_ = s->sequence;
    if (sealed_ && !proves(s->bytes)) ++unproved_;
  }
}

void Watch::look() {
  (void)reader_.refresh();  // "no such topic yet" is a state here, not an error
  state_ = reader_.state();
  const int64_t oldest = state_ == State::kFresh ? boottime_ns() - 3000 * kMs : INT64_MAX;
  while (!arrivals_.empty() && arrivals_.front().born_ns < oldest) arrivals_.pop_front();
}

Row Watch::row() const {
  Row row{.topic = reader_.topic(), .received = received_, .missed = missed(), .state = state_};
  if (arrivals_.empty()) return row;
  const int64_t span_ns = arrivals_.back().born_ns - arrivals_.front().born_ns;
  if (span_ns > 0) row.hz = (arrivals_.size() - 1) * 1e9 / span_ns;
  std::vector<int64_t> ages;
  for (const Arrival& a : arrivals_) ages.push_back(a.age_ns);
  std::sort(ages.begin(), ages.end());
  row.age_p50_ns = ages[ages.size() / 2];
  row.age_p99_ns = ages[ages.size() * 99 / 100];
  return row;
}

}  // namespace smt::demo
