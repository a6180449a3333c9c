#include "cmd/monitor/topic_events.h"

#include <utility>

namespace smt::cmd {

std::vector<TopicEvent> TopicEvents::look(std::vector<TopicInfo> topics) {
  std::vector<TopicEvent> events;
  std::map<std::string, TopicInfo> before = std::exchange(known_, {});
  for (TopicInfo& topic : topics) {
    const auto known = before.find(topic.name);
    if (known == before.end()) {
      events.push_back({"appears", topic});
    } else {
      const TopicInfo& was = known->second;
      if (was.schema != topic.schema) events.push_back({"type", topic});
      if (was.freshness.state != topic.freshness.state)
        events.push_back({std::string(state_name(topic.freshness.state)), topic});
      before.erase(known);
    }
    known_.emplace(topic.name, std::move(topic));
  }
  for (auto& [name, topic] : before) events.push_back({"vanishes", std::move(topic)});
  return events;
}

}  // namespace smt::cmd
