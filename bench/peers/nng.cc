#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>

#include "bench/peers/peer_writer.h"
#include "bench/peers/peers.h"
#include "bench/peers/server.h"
#include "bench/relay/baseline.h"
#include "bench/relay/loopback.h"
#include "bench/relay/stream.h"
#include "bench/report.h"

namespace smt::bench {
namespace {

constexpr int kQueue = 8192;  // messages: the most that nng allows
constexpr nng_duration kRedialMs = 5;

void nng_check(int code, const char* what) {
  if (code != 0) [[unlikely]]
    fail(Status(Code::kSystem, fmt::format("{}: {}", what, nng_strerror(code))));
}

std::string url(int port) { return fmt::format("tcp://127.0.0.1:{}", port); }

// A subscriber of nng knows a topic by how its messages begin: the name stands before the value.
class Wire {
 public:
  static constexpr uint64_t kWindow = 1000;  // values

  Wire(const Load& load, Control* control) {
    nng_check(nng_pub0_open(&socket_), "nng_pub0_open");
    nng_check(nng_socket_set_int(socket_, NNG_OPT_SENDBUF, kQueue), "NNG_OPT_SENDBUF");
    const int port = free_port();
    nng_check(nng_listen(socket_, url(port).c_str(), nullptr, 0), "nng_listen");
    control->ports[0].store(port);
    for (int t = 0; t < load.topics; ++t) names_.push_back(topic_name(t));
  }
  void send(int topic, const void* value, size_t bytes) {
    const std::string& name = names_[static_cast<size_t>(topic)];
    nng_msg* message = nullptr;
    nng_check(nng_msg_alloc(&message, 0), "nng_msg_alloc");
    nng_check(nng_msg_append(message, name.data(), name.size()), "nng_msg_append");
    nng_check(nng_msg_append(message, value, bytes), "nng_msg_append");
    nng_check(nng_sendmsg(socket_, message, 0), "nng_sendmsg");
  }
  void flush() {}

 private:
  nng_socket socket_;
  std::vector<std::string> names_;
};

[[noreturn]] void receive_values(const Load& load, const Control& control, Watched* me) {
  nng_socket socket;
  nng_check(nng_sub0_open(&socket), "nng_sub0_open");
  nng_check(nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, "bench/", 6), "NNG_OPT_SUB_SUBSCRIBE");
  nng_check(nng_socket_set_int(socket, NNG_OPT_RECVBUF, kQueue), "NNG_OPT_RECVBUF");
  nng_check(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0), "NNG_OPT_RECVMAXSZ");
  nng_check(nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, kRedialMs), "NNG_OPT_RECONNMINT");
  nng_check(nng_dial(socket, url(wait_for_port(control, 0)).c_str(), nullptr, NNG_FLAG_NONBLOCK), "nng_dial");
  const size_t name_bytes = topic_name(0).size();
  for (Arrivals arrivals(load, control, me);;) {
    nng_msg* message = nullptr;
    nng_check(nng_recvmsg(socket, &message, 0), "nng_recvmsg");
    const size_t size = nng_msg_len(message);
    arrivals.take(static_cast<const char*>(nng_msg_body(message)) + name_bytes,
                  size - std::min(size, name_bytes));
    nng_msg_free(message);
  }
}

}  // namespace

Variant nng(const std::string& name, const std::string&) {
  const auto start = [](const Load& load, Control* control, const std::string&) {
    return start_stream(
        load, control, [](const Load& l, Control* c) { run_peer_writer(l, c, Wire(l, c)); }, receive_values);
  };
  return {name, start, true, Kind::kPeer};
}

}  // namespace smt::bench
