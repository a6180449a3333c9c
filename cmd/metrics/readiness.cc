#include "cmd/metrics/readiness.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace smt::cmd {

Unready find_unready(const RelaySnapshot& snapshot, const relay::PatternSet& ready) {
  for (const relay::DialedEndpoint& d : snapshot.dialed) {
    if (d.stands != relay::DialedEndpoint::Stands::kSilent) continue;
    return {fmt::format("no peer is at {}{}", d.endpoint, d.refusal.ok() ? "" : ": " + d.refusal.message()),
            "a peer is not there"};
  }
  std::vector<std::string> there;
  for (const TopicStatus& topic : snapshot.topics) {
    if (!ready.matches(topic.name)) continue;
    if (topic.state != State::kFresh)
      return {fmt::format("topic {} is {}", topic.name, state_name(topic.state)), "a topic is not fresh"};
    there.push_back(topic.name);
  }
  const std::vector<std::string> unmatched = relay::unmatched_patterns(ready, there);
  if (unmatched.empty()) return {};
  return {fmt::format("there is no topic {}", unmatched.front()), "a topic is not there"};
}

}  // namespace smt::cmd
