// Events of a domain's topics: the differences from one look at them to the next.
#ifndef SMT_CMD_MONITOR_TOPIC_EVENTS_H_
#define SMT_CMD_MONITOR_TOPIC_EVENTS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shm/list.h"

namespace smt::cmd {

struct TopicEvent {
  // "appears", "vanishes", "type" (another one than before), or the name of the state that the topic has now.
  std::string what;
  TopicInfo topic;  // as it is now; of one that vanishes, as it was
};

class TopicEvents {
 public:
  // What has changed since the look before, by topic; a topic that appears tells its state with it. Of the
  // first look all that is there appears.
  std::vector<TopicEvent> look(std::vector<TopicInfo> topics);

 private:
  std::map<std::string, TopicInfo> known_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_MONITOR_TOPIC_EVENTS_H_
