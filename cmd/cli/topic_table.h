// Lists of topics as `smttopic list` and `smtrelay_client list` print them.
#ifndef SMT_CMD_CLI_TOPIC_TABLE_H_
#define SMT_CMD_CLI_TOPIC_TABLE_H_

#include <string>
#include <vector>

#include "cmd/cli/output.h"
#include "shm/list.h"

namespace smt::cmd {

// "driver (pid 12), old (gone)"; of a topic of another machine, whose writers nobody here can see,
// "node@host".
std::string writer_text(const TopicInfo& topic);

// The same in a column's width, however many there have been: those that live first, of the rest their
// number, as in "driver (pid 12) +6 gone".
std::string writer_cell(const TopicInfo& topic);

// Options of the table; every other format shows all columns.
struct TopicTable {
  bool tree = false;  // by the segments of the names
  bool more = false;  // history, sequence, hops and origin
};

// In any format. On a terminal that is narrower than the table, the types and writers are shortened to fit.
// False: stdout failed.
bool print_topics(const std::vector<TopicInfo>& topics, Format format, const TopicTable& table = {});

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_TOPIC_TABLE_H_
