// A ZeroMQ socket of the baselines. Calls end the program with a sentence when they fail.
#ifndef SMT_BENCH_RELAY_ZMQ_SOCKET_H_
#define SMT_BENCH_RELAY_ZMQ_SOCKET_H_

#include <fmt/format.h>
#include <zmq.h>

#include <cstring>
#include <string>

#include "bench/report.h"

namespace smt::bench {

inline void zmq_check(bool ok, const char* what) {
  if (!ok) [[unlikely]]
    fail(Status(Code::kSystem, fmt::format("{}: {}", what, zmq_strerror(zmq_errno()))));
}

// A pair of keys of CURVE, in Z85.
struct CurveKeys {
  char open[41] = {}, secret[41] = {};

  static CurveKeys make() {
    CurveKeys keys;
    zmq_check(zmq_curve_keypair(keys.open, keys.secret) == 0, "zmq_curve_keypair");
    return keys;
  }
};

// A context of its own with one I/O thread, unless one is given. Lives until the process ends.
class ZmqSocket {
 public:
  ZmqSocket(int type, int hwm, void* context = zmq_ctx_new()) : socket_(zmq_socket(context, type)) {
    zmq_check(socket_ != nullptr, "zmq_socket");
    set(type == ZMQ_PUB || type == ZMQ_XPUB ? ZMQ_SNDHWM : ZMQ_RCVHWM, hwm);
    if (type == ZMQ_SUB) zmq_check(zmq_setsockopt(socket_, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
  }
  ZmqSocket(const ZmqSocket&) = delete;
  ZmqSocket& operator=(const ZmqSocket&) = delete;

  void* get() const { return socket_; }
  void set(int option, int value) {
    zmq_check(zmq_setsockopt(socket_, option, &value, sizeof value) == 0, "zmq_setsockopt");
  }
  void set(int option, const char (&key)[41]) {
    zmq_check(zmq_setsockopt(socket_, option, key, sizeof key) == 0, "zmq_setsockopt");
  }
  // CURVE, as the end that listens; whoever knows its public key is let in.
  void encrypt(const CurveKeys& own) {
    set(ZMQ_CURVE_SERVER, 1);
    set(ZMQ_CURVE_SECRETKEY, own.secret);
  }
  // The same as the end that dials.
  void encrypt(const CurveKeys& own, const CurveKeys& server) {
    set(ZMQ_CURVE_SERVERKEY, server.open);
    set(ZMQ_CURVE_PUBLICKEY, own.open);
    set(ZMQ_CURVE_SECRETKEY, own.secret);
  }
  // To a free port of this machine, which it returns.
  int bind() {
    zmq_check(zmq_bind(socket_, "tcp://127.0.0.1:*") == 0, "zmq_bind");
    char endpoint[64];
    size_t size = sizeof endpoint;
    zmq_check(zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0, "ZMQ_LAST_ENDPOINT");
    return std::stoi(strrchr(endpoint, ':') + 1);
  }
  void connect(int port) {
    zmq_check(zmq_connect(socket_, fmt::format("tcp://127.0.0.1:{}", port).c_str()) == 0, "zmq_connect");
  }

  void send(const void* bytes, size_t size, int flags = 0) {
    zmq_check(zmq_send(socket_, bytes, size, flags) >= 0, "zmq_send");
  }
  void send(zmq_msg_t* message) { zmq_check(zmq_msg_send(message, socket_, 0) >= 0, "zmq_msg_send"); }
  // False: nothing is there, and `flags` say not to wait.
  bool receive(zmq_msg_t* message, int flags = 0) {
    if (zmq_msg_recv(message, socket_, flags) >= 0) return true;
    zmq_check(zmq_errno() == EAGAIN, "zmq_msg_recv");
    return false;
  }

 private:
  void* socket_;
};

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_ZMQ_SOCKET_H_
