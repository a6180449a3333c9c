// smttopic pub --from: values as `smttopic echo -f jsonl` prints them.
#ifndef SMT_CMD_TOPIC_PUB_LINES_H_
#define SMT_CMD_TOPIC_PUB_LINES_H_

#include <cstdint>
#include <string>

#include "cmd/cli/stop.h"
#include "cmd/topic/pub_topics.h"

namespace smt::cmd {

struct PubLinesOptions {
  std::string from;         // a file, or "-" for stdin
  std::string topic, type;  // for all lines; empty: what each says, and the type of the topic that is there
  double rate_hz = 0;       // 0: as they come
  uint64_t count = 0;       // 0: no limit
  bool strict = false;      // the first bad line ends it
};

// Until the end, the count or a signal; returns how many lines were bad. A line is an object with "topic" and
// "value"; its other keys are left alone, and so is a line whose value is null. The type of a topic that is
// not there is inferred from its first value. A bad line is logged with its number, and left out.
Result<uint64_t> pub_lines(PubTopics* topics, const PubLinesOptions& options, const Stop& stop);

}  // namespace smt::cmd

#endif  // SMT_CMD_TOPIC_PUB_LINES_H_
