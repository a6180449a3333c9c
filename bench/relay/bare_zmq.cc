#include "bench/relay/baseline.h"
#include "bench/relay/reader.h"
#include "bench/relay/stream.h"
#include "bench/relay/writer.h"
#include "bench/relay/zmq_socket.h"

namespace smt::bench {
namespace {

// One message for each value, of one frame. Waits for the subscribers instead of dropping.
class Publisher {
 public:
  explicit Publisher(Control* control) : pub_(ZMQ_XPUB, 1000) {
    pub_.set(ZMQ_XPUB_NODROP, 1);
    control->ports[0].store(pub_.bind());
  }
  void put(int, const std::vector<uint64_t>& value, int64_t) { pub_.send(value.data(), value.size() * 8); }
  void end() {}

 private:
  ZmqSocket pub_;
};

[[noreturn]] void receive_values(const Load& load, const Control& control, Watched* me) {
  ZmqSocket sub(ZMQ_SUB, 1000);
  sub.connect(wait_for_port(control, load.hops));
  zmq_msg_t message;
  zmq_msg_init(&message);
  for (Arrivals arrivals(load, control, me);;) {
    sub.receive(&message);
    arrivals.take(zmq_msg_data(&message), zmq_msg_size(&message));
  }
}

}  // namespace

Variant bare_zmq(const std::string& name) {
  const auto start = [](const Load& load, Control* control, const std::string&) {
    Cast cast = start_stream(
        load, control, [](const Load& l, Control* c) { run_writer(l, c, Publisher(c)); }, receive_values);
    cast.between = start_hops(load, control, pass_on_zmq);
    return cast;
  };
  return {name, start, false, Kind::kBare};
}

}  // namespace smt::bench
