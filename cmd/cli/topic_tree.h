// Topics by the segments of their names.
#ifndef SMT_CMD_CLI_TOPIC_TREE_H_
#define SMT_CMD_CLI_TOPIC_TREE_H_

#include <string>
#include <vector>

#include "shm/list.h"

namespace smt::cmd {

// A line of a list: a topic under the label that it is shown by, or (null) the group "arm/" of those below
// it.
struct TopicLine {
  std::string label;
  const TopicInfo* topic = nullptr;
};

// One line for each topic, and one for each group, two spaces deeper than the one that it is in. `topics` are
// sorted by name and outlive the lines.
std::vector<TopicLine> tree_lines(const std::vector<TopicInfo>& topics);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_TOPIC_TREE_H_
