// A relay as it was at one instant, copied, so that another thread can tell of it.
#ifndef SMT_CMD_METRICS_RELAY_SNAPSHOT_H_
#define SMT_CMD_METRICS_RELAY_SNAPSHOT_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "relay/counters/counters.h"
#include "relay/dialed_endpoint.h"
#include "relay/http/http_message.h"
#include "relay/relay.h"
#include "shm/freshness.h"

namespace smt::cmd {

struct TopicStatus {
  std::string name;
  State state = State::kEmpty;
  std::optional<int64_t> age_ns;
  uint64_t sequence = 0;  // of the newest sample; 0: none
};

// Below smt/: the system tells of itself by it.
inline bool is_system_topic(const TopicStatus& topic) { return topic.name.starts_with("smt/"); }

struct RelaySnapshot {
  std::string version, name, role;
  int64_t taken_ns = 0, started_ns = 0;  // BOOTTIME; nothing here is older than `taken_ns`
  relay::Counters counters;
  relay::HttpCounters http;
  std::vector<relay::PeerInfo> peers;
  std::vector<relay::DialedEndpoint> dialed;
  std::vector<TopicStatus> topics;  // by name
};

// How many topics are in each state, by its number; without those of the system.
inline std::array<uint64_t, 7> count_states(const RelaySnapshot& snapshot) {
  std::array<uint64_t, 7> states{};
  for (const TopicStatus& topic : snapshot.topics)
    states[static_cast<size_t>(topic.state)] += !is_system_topic(topic);
  return states;
}

}  // namespace smt::cmd

#endif  // SMT_CMD_METRICS_RELAY_SNAPSHOT_H_
