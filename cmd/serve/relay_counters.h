// A relay watches itself through its own medium: what it counts are topics, smt/relay/<name>/<role>/outbound,
// .../inbound, .../write and .../session.
#ifndef SMT_CMD_SERVE_RELAY_COUNTERS_H_
#define SMT_CMD_SERVE_RELAY_COUNTERS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cmd/config/relay_config.h"
#include "cmd/text/log_sink.h"
#include "relay/counters/counters.h"
#include "relay/relay.h"
#include "relay/store/topic_sink.h"
#include "shm/domain.h"
#include "shm/freshness.h"
#include "shm/node.h"
#include "shm/publisher.h"
#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

// Where counters are published.
class CounterSink {
 public:
  virtual ~CounterSink() = default;
  // Topics count from 0, in the order in which they are opened.
  virtual Status open(const std::string& topic, const Schema& schema) = 0;
  virtual Status publish(size_t topic, std::span<const std::byte> value) = 0;
  // The node that has the topics; null: they are in a store.
  virtual Node* node() { return nullptr; }
};

// As node relay-<role>-<name> of the domain. kInUse: another relay of this role and name publishes there.
Result<std::unique_ptr<CounterSink>> counters_in_domain(const Domain& domain, const RelayConfig& config);
// Into the store of a relay without a domain. `sink` outlives the counters.
std::unique_ptr<CounterSink> counters_in_store(relay::TopicSink* sink, const RelayConfig& config,
                                               const Id128& origin_id);

// The directions that the configuration has rules for, each published when it has changed, at most once a
// second.
class RelayCounters {
 public:
  // Opens the topics. `log` gets a line when one cannot be published.
  static Result<RelayCounters> open(std::unique_ptr<CounterSink> sink, const RelayConfig& config,
                                    const LogSink& log = LogSink());

  // The BOOTTIME at which it wants to be called again; kNever: when something may have changed.
  int64_t publish(const relay::Relay& relay, int64_t now_ns);
  Node* node() { return sink_->node(); }

 private:
  struct Half {
    std::span<const std::byte> (*bytes)(const relay::Counters& counters);
    std::vector<std::byte> published;  // empty: nothing yet
  };
  std::unique_ptr<CounterSink> sink_;
  LogSink log_;
  std::vector<Half> halves_;
  int64_t due_ns_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_RELAY_COUNTERS_H_
