// Lists of topics as `smttopic list` and `smtrelay_client list` print them.
#ifndef SMT_CMD_TOPIC_TABLE_H_
#define SMT_CMD_TOPIC_TABLE_H_

#include <string>
#include <vector>

#include "cmd/output.h"
#include "shm/list.h"

namespace smt::cmd {

// "driver (pid 12), old (gone)"; of a topic of another machine, whose writers nobody here can see,
// "node@host".
std::string WriterText(const TopicInfo& topic);

// In any format. False: stdout failed.
bool PrintTopics(const std::vector<TopicInfo>& topics, Format format);

}  // namespace smt::cmd

#endif  // SMT_CMD_TOPIC_TABLE_H_
