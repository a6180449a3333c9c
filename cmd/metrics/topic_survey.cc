#include "cmd/metrics/topic_survey.h"

#include <algorithm>
#include <utility>

#include "shm/clock.h"
#include "shm/list.h"

namespace smt::cmd {
namespace {

TopicStatus status_of(const relay::TopicSource& source, uint32_t id, int64_t now_ns) {
  const relay::TopicDescription& description = *source.topic(id);
  TopicStatus topic{description.name, source.reported_state(id), std::nullopt, source.newest_sequence(id)};
  const std::optional<SampleHead> head = source.newest_head(id);
  if (!head || head->sequence == 0) return topic;
  topic.age_ns = age_at(now_ns, head->born_ns);
  const bool stale = description.max_age_ns != 0 && *topic.age_ns > description.max_age_ns;
  if (topic.state == State::kEmpty) topic.state = stale ? State::kStale : State::kFresh;
  return topic;
}

}  // namespace

DomainSurvey::DomainSurvey(DomainOptions options) : options_(std::move(options)) { options_.create = false; }

std::vector<TopicStatus> DomainSurvey::look() {
  if (domain_ && !domain_->healthy()) domain_.reset();
  if (!domain_) {
    Result<Domain> domain = Domain::open(options_);
    if (!domain.ok()) return {};
    domain_ = std::move(*domain);
  }
  const Result<DomainListing> listing = list_topics(*domain_);
  if (!listing.ok()) return {};
  std::vector<TopicStatus> topics;
  topics.reserve(listing->topics.size());
  for (const TopicInfo& info : listing->topics)
    topics.push_back({info.name, info.freshness.state, info.freshness.age_ns, info.sequence});
  return topics;
}

void StoreSurvey::begin() {
  next_ = 0;
  topics_.clear();
}

bool StoreSurvey::advance(int64_t now_ns) {
  const uint32_t end = std::min(source_->topic_limit(), next_ + kTopicsAtOnce);
  for (; next_ < end; ++next_) {
    if (source_->topic(next_) != nullptr) topics_.push_back(status_of(*source_, next_, now_ns));
  }
  return next_ >= source_->topic_limit();
}

std::vector<TopicStatus> StoreSurvey::take() { return std::exchange(topics_, {}); }

}  // namespace smt::cmd
