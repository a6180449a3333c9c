#include <filesystem>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include "bench/peers/peer_writer.h"
#include "bench/peers/peers.h"
#include "bench/peers/server.h"
#include "bench/relay/stream.h"
#include "bench/report.h"

namespace smt::bench {
namespace {

// All values go through one publisher, as Debian's build allows 512 of them. It waits for a subscriber whose
// queue is full. The queue is shorter for large values: RouDi has ten chunks of them by default.
iox::capro::ServiceDescription service() { return {"bench", "relay", "values"}; }

constexpr char kWriter[] = "smt-bench-writer";
std::string reader_name(int64_t i) { return fmt::format("smt-bench-reader-{}", i); }

void register_at_roudi(const std::string& name) {
  iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name));
}

// Processes that are killed leave files of their names in /tmp.
struct Leftovers {
  std::vector<std::string> names = {kWriter};
  ~Leftovers() {
    for (const std::string& name : names) {
      for (const char* end : {"", ".lock"}) {
        std::error_code ignored;
        std::filesystem::remove("/tmp/" + name + end, ignored);
      }
    }
  }
};

uint64_t queue_length(const Load& load) { return load.bytes > 4096 ? 4 : 256; }

class Wire {
 public:
  static constexpr uint64_t kWindow = 1000;  // values

  Wire() {
    register_at_roudi(kWriter);
    iox::popo::PublisherOptions options;
    options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
    publisher_ = std::make_unique<iox::popo::UntypedPublisher>(service(), options);
  }
  void send(int, const void* value, size_t bytes) {
    publisher_->loan(static_cast<uint32_t>(bytes))
        .and_then([&](void* chunk) {
          memcpy(chunk, value, bytes);
          publisher_->publish(chunk);
        })
        .or_else([](auto&) { fail(Status(Code::kSystem, "iceoryx has no chunk to loan")); });
  }
  void flush() {}

 private:
  std::unique_ptr<iox::popo::UntypedPublisher> publisher_;
};

[[noreturn]] void receive_values(const Load& load, const Control& control, Watched* me) {
  register_at_roudi(reader_name(me - control.watched));
  iox::popo::SubscriberOptions options;
  options.queueCapacity = queue_length(load);
  options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
  iox::popo::UntypedSubscriber subscriber(service(), options);
  iox::popo::WaitSet<> wait_set;
  wait_set.attachState(subscriber, iox::popo::SubscriberState::HAS_DATA).or_else([](auto&) {
    fail(Status(Code::kSystem, "iceoryx cannot wait for the subscriber"));
  });
  for (Arrivals arrivals(load, control, me);;) {
    wait_set.wait();
    for (bool more = true; more;) {
      subscriber.take()
          .and_then([&](const void* chunk) {
            arrivals.take(chunk, iox::mepoo::ChunkHeader::fromUserPayload(chunk)->userPayloadSize());
            subscriber.release(chunk);
          })
          .or_else([&](auto&) { more = false; });
    }
  }
}

}  // namespace

Variant iceoryx(const std::string& name, const std::string& program) {
  const auto start = [program](const Load& load, Control* control, const std::string& folder) {
    Cast roudi;
    start_server({program, "--monitoring-mode", "off", "--kill-delay", "1"}, "ready for clients", 0, folder,
                 &roudi);
    Cast cast = start_stream(
        load, control, [](const Load& l, Control* c) { run_peer_writer(l, c, Wire()); }, receive_values);
    cast.between = std::move(roudi.between);
    const auto leftovers = std::make_shared<Leftovers>();
    for (int i = 0; i < load.subscribers; ++i) leftovers->names.push_back(reader_name(i));
    cast.complete = [is_complete = roudi.complete, leftovers] { return is_complete(); };
    return cast;
  };
  return {name, start, true, Kind::kPeer};
}

}  // namespace smt::bench
