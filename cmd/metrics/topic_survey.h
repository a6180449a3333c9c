// The topics of a relay and how they are: those of a domain of shared memory, or those of a relay that has a
// memory of its own.
#ifndef SMT_CMD_METRICS_TOPIC_SURVEY_H_
#define SMT_CMD_METRICS_TOPIC_SURVEY_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "cmd/metrics/relay_snapshot.h"
#include "relay/store/topic_source.h"
#include "shm/domain.h"

namespace smt::cmd {

// Looks at a domain by a view of its own, so that any one thread may have it.
class DomainSurvey {
 public:
  explicit DomainSurvey(DomainOptions options);
  // All topics, by name. Empty: the domain cannot be read.
  std::vector<TopicStatus> look();

 private:
  DomainOptions options_;
  std::optional<Domain> domain_;
};

// Copies the topics of a store a few at a time, as it belongs to the thread that steps the relay.
class StoreSurvey {
 public:
  static constexpr uint32_t kTopicsAtOnce = 1000;

  explicit StoreSurvey(const relay::TopicSource* source) : source_(source) {}
  void begin();
  // Takes up to kTopicsAtOnce more. True: that was all of them.
  bool advance(int64_t now_ns);
  // In no order: there may be a million.
  std::vector<TopicStatus> take();

 private:
  const relay::TopicSource* source_;
  uint32_t next_ = 0;
  std::vector<TopicStatus> topics_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_METRICS_TOPIC_SURVEY_H_
