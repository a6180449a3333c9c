#include <lcm/lcm.h>

#include "bench/peers/peer_writer.h"
#include "bench/peers/peers.h"
#include "bench/peers/server.h"
#include "bench/relay/baseline.h"
#include "bench/relay/loopback.h"
#include "bench/relay/stream.h"
#include "bench/report.h"

namespace smt::bench {
namespace {

// UDP multicast that does not leave this machine, as bot-lcm-tunnel takes it up. The kernel grants less than
// asked for where net.core.rmem_max is less.
lcm_t* join(int port) {
  lcm_t* lcm = lcm_create(fmt::format("udpm://239.255.76.67:{}?ttl=0&recv_buf_size=4194304", port).c_str());
  if (lcm == nullptr) fail(Status(Code::kSystem, "lcm_create failed: is there a route for multicast?"));
  return lcm;
}

class Wire {
 public:
  static constexpr uint64_t kWindow = 100;  // values: what a receive buffer of Linux' default size holds

  Wire(const Load& load, int port) : lcm_(join(port)) {
    for (int t = 0; t < load.topics; ++t) names_.push_back(topic_name(t));
  }
  void send(int topic, const void* value, size_t bytes) {
    if (lcm_publish(lcm_, names_[static_cast<size_t>(topic)].c_str(), value, static_cast<unsigned>(bytes)) !=
        0)
      fail(Status(Code::kSystem, "lcm_publish failed"));
  }
  void flush() {}

 private:
  lcm_t* lcm_;
  std::vector<std::string> names_;
};

[[noreturn]] void receive_values(const Load& load, const Control& control, Watched* me, int port) {
  Arrivals arrivals(load, control, me);
  lcm_t* lcm = join(port);
  const auto take = [](const lcm_recv_buf_t* message, const char*, void* to) {
    static_cast<Arrivals*>(to)->take(message->data, message->data_size);
  };
  if (lcm_subscribe(lcm, "bench/.*", take, &arrivals) == nullptr)
    fail(Status(Code::kSystem, "lcm_subscribe failed"));
  while (lcm_handle(lcm) == 0) {
  }
  fail(Status(Code::kSystem, "lcm_handle failed"));
}

}  // namespace

Variant lcm(const std::string& name, const std::string&) {
  const auto start = [](const Load& load, Control* control, const std::string&) {
    const int port = free_port();
    return start_stream(
        load, control, [&](const Load& l, Control* c) { run_peer_writer(l, c, Wire(l, port)); },
        [&](const Load& l, const Control& c, Watched* me) { receive_values(l, c, me, port); });
  };
  return {name, start, true, Kind::kPeer};
}

}  // namespace smt::bench
