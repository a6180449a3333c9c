#include <nats/nats.h>

#include <filesystem>

#include "bench/peers/peer_writer.h"
#include "bench/peers/peers.h"
#include "bench/peers/server.h"
#include "bench/relay/loopback.h"
#include "bench/relay/stream.h"
#include "bench/report.h"

namespace smt::bench {
namespace {

void nats_check(natsStatus status, const char* what) {
  if (status != NATS_OK) [[unlikely]]
    fail(Status(Code::kSystem, fmt::format("{}: {}", what, natsStatus_GetText(status))));
}

// `at_once`: each publish writes to the socket, instead of a thread a little later.
natsConnection* connect_client(int port, bool at_once) {
  natsOptions* options = nullptr;
  natsConnection* connection = nullptr;
  nats_check(natsOptions_Create(&options), "natsOptions_Create");
  nats_check(natsOptions_SetURL(options, fmt::format("nats://127.0.0.1:{}", port).c_str()),
             "natsOptions_SetURL");
  nats_check(natsOptions_SetSendAsap(options, at_once), "natsOptions_SetSendAsap");
  nats_check(natsConnection_Connect(&connection, options), "natsConnection_Connect");
  return connection;
}

class Wire {
 public:
  static constexpr uint64_t kWindow = 1000;  // values

  Wire(const Load& load, int port) : connection_(connect_client(port, load.topics == 1)) {
    for (int t = 0; t < load.topics; ++t) names_.push_back(topic_name(t));
  }
  void send(int topic, const void* value, size_t bytes) {
    nats_check(natsConnection_Publish(connection_, names_[static_cast<size_t>(topic)].c_str(), value,
                                      static_cast<int>(bytes)),
               "natsConnection_Publish");
  }
  void flush() {}

 private:
  natsConnection* connection_;
  std::vector<std::string> names_;
};

[[noreturn]] void receive_values(const Load& load, const Control& control, Watched* me, int port) {
  Arrivals arrivals(load, control, me);
  natsSubscription* subscription = nullptr;
  nats_check(natsConnection_SubscribeSync(&subscription, connect_client(port, true), ">"),
             "natsConnection_SubscribeSync");
  nats_check(natsSubscription_SetPendingLimits(subscription, -1, -1), "natsSubscription_SetPendingLimits");
  for (;;) {
    natsMsg* message = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&message, subscription, 1000);
    if (status == NATS_TIMEOUT) continue;
    nats_check(status, "natsSubscription_NextMsg");
    arrivals.take(natsMsg_GetData(message), static_cast<size_t>(natsMsg_GetDataLength(message)));
    natsMsg_Destroy(message);
  }
}

}  // namespace

Variant nats(const std::string& name, const std::string& program) {
  const auto start = [program](const Load& load, Control* control, const std::string& folder) {
    const int port = free_port();
    std::filesystem::create_directories(folder);
    Cast server;
    start_server({program, "-a", "127.0.0.1", "-p", std::to_string(port), "-l", folder + "/nats.log"}, "",
                 port, folder, &server);
    Cast cast = start_stream(
        load, control, [&](const Load& l, Control* c) { run_peer_writer(l, c, Wire(l, port)); },
        [&](const Load& l, const Control& c, Watched* me) { receive_values(l, c, me, port); });
    cast.between = std::move(server.between);
    cast.complete = server.complete;
    return cast;
  };
  return {name, start, true, Kind::kPeer};
}

}  // namespace smt::bench
