// The topics of the domain that the flags name, for the verbs that look once.
#ifndef SMT_CMD_CLI_LISTING_H_
#define SMT_CMD_CLI_LISTING_H_

#include <optional>
#include <string>
#include <vector>

#include "cmd/cli/options.h"
#include "relay/names/pattern.h"
#include "shm/list.h"

namespace smt::cmd {

// By name. Warns of each segment that cannot be read. A domain that is not there holds no topics.
Result<std::vector<TopicInfo>> listed_topics(const ToolOptions& tool);

// Which topics are shown.
struct TopicFilter {
  relay::Pattern name;
  std::optional<relay::Pattern> type;  // of the type's name
  std::vector<State> states;           // empty: all

  // kInvalid: a bad pattern, or a word that is no state. An empty `type` is any.
  static Result<TopicFilter> parse(const std::string& name, const std::string& type,
                                   const std::vector<std::string>& states);
  bool takes(const TopicInfo& topic) const;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_LISTING_H_
