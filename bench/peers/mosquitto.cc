#include <mosquitto.h>

#include <filesystem>
#include <fstream>

#include "bench/peers/peer_writer.h"
#include "bench/peers/peers.h"
#include "bench/peers/server.h"
#include "bench/relay/loopback.h"
#include "bench/relay/stream.h"
#include "bench/report.h"

namespace smt::bench {
namespace {

constexpr int kKeepAliveS = 600;

void mqtt_check(int code, const char* what) {
  if (code != MOSQ_ERR_SUCCESS) [[unlikely]]
    fail(Status(Code::kSystem, fmt::format("{}: {}", what, mosquitto_strerror(code))));
}

struct mosquitto* connect_client(void* me, int port) {
  mosquitto_lib_init();
  struct mosquitto* client = mosquitto_new(nullptr, true, me);
  if (client == nullptr) fail(Status::from_errno("mosquitto_new", errno));
  mqtt_check(mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1), "MOSQ_OPT_TCP_NODELAY");
  mqtt_check(mosquitto_connect(client, "127.0.0.1", port, kKeepAliveS), "mosquitto_connect");
  return client;
}

// A client without a thread of its own writes to the socket while it publishes.
class Wire {
 public:
  static constexpr uint64_t kWindow = 1000;  // values

  Wire(int topics, int port) : client_(connect_client(nullptr, port)) {
    for (int t = 0; t < topics; ++t) names_.push_back(topic_name(t));
  }
  void send(int topic, const void* value, size_t bytes) {
    mqtt_check(mosquitto_publish(client_, nullptr, names_[static_cast<size_t>(topic)].c_str(),
                                 static_cast<int>(bytes), value, 0, false),
               "mosquitto_publish");
  }
  void flush() { mqtt_check(mosquitto_loop(client_, 0, 1), "mosquitto_loop"); }

 private:
  struct mosquitto* client_;
  std::vector<std::string> names_;
};

[[noreturn]] void receive_values(const Load& load, const Control& control, Watched* me, int port) {
  Arrivals arrivals(load, control, me);
  struct mosquitto* client = connect_client(&arrivals, port);
  mosquitto_connect_callback_set(client, [](struct mosquitto* c, void*, int) {
    mqtt_check(mosquitto_subscribe(c, nullptr, "bench/#", 0), "mosquitto_subscribe");
  });
  mosquitto_message_callback_set(client, [](struct mosquitto*, void* to, const mosquitto_message* message) {
    static_cast<Arrivals*>(to)->take(message->payload, static_cast<size_t>(message->payloadlen));
  });
  mqtt_check(mosquitto_loop_forever(client, -1, 1), "mosquitto_loop_forever");
  fail(Status(Code::kSystem, "the broker has ended"));
}

}  // namespace

Variant mosquitto(const std::string& name, const std::string& program) {
  const auto start = [program](const Load& load, Control* control, const std::string& folder) {
    const int port = free_port();
    std::filesystem::create_directories(folder);
    const std::string config = folder + "/mosquitto.conf";
    std::ofstream(config) << "listener " << port << " 127.0.0.1\nallow_anonymous true\npersistence false\n"
                          << "set_tcp_nodelay true\nmax_queued_messages 0\nlog_dest stderr\nlog_type error\n";
    Cast broker;
    start_server({program, "-c", config}, "", port, folder, &broker);
    Cast cast = start_stream(
        load, control, [&](const Load& l, Control* c) { run_peer_writer(l, c, Wire(l.topics, port)); },
        [&](const Load& l, const Control& c, Watched* me) { receive_values(l, c, me, port); });
    cast.between = std::move(broker.between);
    cast.complete = broker.complete;
    return cast;
  };
  return {name, start, true, Kind::kPeer};
}

}  // namespace smt::bench
