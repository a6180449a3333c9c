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
  Publisher(Control* control, const CurveKeys* keys) : pub_(ZMQ_XPUB, 1000) {
    pub_.set(ZMQ_XPUB_NODROP, 1);
    if (keys != nullptr) pub_.encrypt(*keys);
    control->ports[0].store(pub_.bind());
  }
  void put(int, const std::vector<uint64_t>& value, int64_t) { pub_.send(value.data(), value.size() * 8); }
  void end() {}

 private:
  ZmqSocket pub_;
};

[[noreturn]] void receive_values(const Load& load, const Control& control, Watched* me,
                                 const CurveKeys* server) {
  ZmqSocket sub(ZMQ_SUB, 1000);
  if (server != nullptr) sub.encrypt(CurveKeys::make(), *server);
  sub.connect(wait_for_port(control, load.hops));
  zmq_msg_t message;
  zmq_msg_init(&message);
  for (Arrivals arrivals(load, control, me);;) {
    sub.receive(&message);
    arrivals.take(zmq_msg_data(&message), zmq_msg_size(&message));
  }
}

}  // namespace

Variant bare_zmq(const std::string& name, bool encrypted) {
  const auto start = [encrypted](const Load& load, Control* control, const std::string&) {
    const CurveKeys keys = CurveKeys::make();
    const CurveKeys* server = encrypted ? &keys : nullptr;
    Cast cast = start_stream(
        load, control, [server](const Load& l, Control* c) { run_writer(l, c, Publisher(c, server)); },
        [server](const Load& l, const Control& c, Watched* me) { receive_values(l, c, me, server); });
    cast.between = start_hops(load, control, pass_on_zmq);
    return cast;
  };
  return {name, start, false, Kind::kBare};
}

}  // namespace smt::bench
