#include "cmd/serve/relay_counters.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cmd/serve/relay_loop.h"
#include "cmd/text/deadline.h"
#include "shm/clock.h"
#include "shm/fields.h"

namespace smt::relay {

SMT_FIELDS(OutboundCounters, publications, slot_reads, samples, batches, chunks, payload_bytes, announces,
           superseded, passed_over_by_rate, unchanged, dropped_too_old, overwritten, saved_bytes, overtaken,
           refused, too_many_hops, too_large, denied, in_flight_bytes, window_bytes, most_in_flight_bytes,
           most_beyond_window_bytes)
SMT_FIELDS(InboundCounters, samples, written, confirmed, payload_bytes, superseded, dropped_held, dropped_old,
           dropped_too_old, dropped_denied, dropped_conflict, dropped_size, dropped_hops, held)
SMT_FIELDS(SessionCounters, opened, ended, silent, resets, wrong_session, malformed, corrupt, wrong_version,
           unknown_key, barred, full, cut, denied, max_step_ns, wants, requests)

// A counter that is left out above would be missing from the topics.
static_assert(sizeof(OutboundCounters) == 22 * 8);
static_assert(sizeof(InboundCounters) == 13 * 8);
static_assert(sizeof(SessionCounters) == 16 * 8);

SMT_FIELDS(WriteCounters, written, leases, released, expired, withdrawn, fail_safe, refused_denied,
           refused_no_rule, refused_held, refused_owned, refused_limit, refused_rate, refused_no_topic,
           refused_mismatch, refused_no_audit, refused_no_room)
static_assert(sizeof(WriteCounters) == 16 * 8);

}  // namespace smt::relay

namespace smt::cmd {
namespace {

constexpr int64_t kIntervalNs = 1'000'000'000;
constexpr uint64_t kSegmentBytes = 1 << 20;

std::string node_name(const RelayConfig& config) {
  return fmt::format("relay-{}-{}", role_name(config.role), config.name);
}

class DomainSink : public CounterSink {
 public:
  explicit DomainSink(std::unique_ptr<Node> node) : node_(std::move(node)) {}

  Status open(const std::string& topic, const Schema& schema) override {
    TopicOptions options;
    options.name = topic;
    options.schema = schema;
    Result<Publisher> publisher = node_->advertise(options);
    if (!publisher.ok()) return publisher.status();
    publishers_.push_back(std::move(*publisher));
    return Status();
  }
  Status publish(size_t topic, std::span<const std::byte> value) override {
    return publishers_[topic].publish(value);
  }
  Node* node() override { return node_.get(); }

 private:
  std::unique_ptr<Node> node_;
  std::vector<Publisher> publishers_;
};

class StoreSink : public CounterSink {
 public:
  StoreSink(relay::TopicSink* sink, TopicOrigin origin) : sink_(sink), origin_(std::move(origin)) {}

  Status open(const std::string& topic, const Schema& schema) override {
    relay::TopicDescription description;
    description.name = topic;
    description.schema = std::make_shared<const std::string>(schema.text());
    description.schema_hash = schema.hash();
    description.value_bytes = description.max_bytes = schema.size;
    description.history = 1;
    description.generation = 1;
    description.origin = origin_;
    description.first_sequence = 1;
    Result<uint32_t> handle = sink_->open(description, 0);
    if (!handle.ok()) return handle.status();
    topics_.push_back({*handle, 0});
    return Status();
  }
  Status publish(size_t topic, std::span<const std::byte> value) override {
    const int64_t now = boottime_ns();
    const SampleHead head{++topics_[topic].sequence, realtime_ns(), now, now};
    if (sink_->put(topics_[topic].handle, head, value) == relay::PutResult::kTaken) return Status();
    return Status(Code::kNoSpace, "the store does not take its own counters");
  }

 private:
  struct Topic {
    uint32_t handle;
    uint64_t sequence;
  };
  relay::TopicSink* sink_;
  TopicOrigin origin_;
  std::vector<Topic> topics_;
};

template <auto Member>
std::span<const std::byte> bytes_of(const relay::Counters& counters) {
  return std::as_bytes(std::span(&(counters.*Member), 1));
}

}  // namespace

Result<std::unique_ptr<CounterSink>> counters_in_domain(const Domain& domain, const RelayConfig& config) {
  NodeOptions options;
  options.name = node_name(config);
  options.segment_bytes = kSegmentBytes;
  // Under another host name nobody would go on with them.
  options.remove_on_exit = config.remove_on_exit || !is_named(config);
  Result<std::unique_ptr<Node>> node = Node::open(domain, options);
  if (!node.ok()) return node.status();
  return std::unique_ptr<CounterSink>(new DomainSink(std::move(*node)));
}

std::unique_ptr<CounterSink> counters_in_store(relay::TopicSink* sink, const RelayConfig& config,
                                               const Id128& origin_id) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return std::make_unique<StoreSink>(sink, TopicOrigin{origin_id, random_id(), host, "", node_name(config)});
}

Result<RelayCounters> RelayCounters::open(std::unique_ptr<CounterSink> sink, const RelayConfig& config,
                                          const LogSink& log) {
  RelayCounters counters;
  counters.log_ = log;
  counters.sink_ = std::move(sink);
  Status opened;
  const auto add = [&](const char* half, const Schema& schema, auto bytes) {
    if (!opened.ok()) return;
    opened = counters.sink_->open(
        fmt::format("smt/relay/{}/{}/{}", config.name, role_name(config.role), half), schema);
    counters.halves_.push_back({bytes, {}});
  };
  if (!config.send.empty()) {
    add("outbound", schema_of<relay::OutboundCounters>(), bytes_of<&relay::Counters::outbound>);
  }
  if (!config.receive.empty()) {
    add("inbound", schema_of<relay::InboundCounters>(), bytes_of<&relay::Counters::inbound>);
  }
  if (!config.write.empty()) {
    add("write", schema_of<relay::WriteCounters>(), bytes_of<&relay::Counters::write>);
  }
  add("session", schema_of<relay::SessionCounters>(), bytes_of<&relay::Counters::session>);
  if (!opened.ok()) return opened;
  return counters;
}

int64_t RelayCounters::publish(const relay::Relay& relay, int64_t now_ns) {
  if (now_ns < due_ns_) return due_ns_;
  const relay::Counters counters = relay.counters();
  bool changed = false;
  for (size_t i = 0; i < halves_.size(); ++i) {
    const std::span<const std::byte> now = halves_[i].bytes(counters);
    std::vector<std::byte>& published = halves_[i].published;
    if (std::equal(now.begin(), now.end(), published.begin(), published.end())) continue;
    changed = true;
    if (Status s = sink_->publish(i, now); !s.ok()) log_.debug(s.message());
    published.assign(now.begin(), now.end());
  }
  if (!changed) return kNever;
  due_ns_ = next_tick_ns(now_ns, kIntervalNs);
  return due_ns_;
}

}  // namespace smt::cmd
