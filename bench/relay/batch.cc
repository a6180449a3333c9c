#include "bench/relay/baseline.h"
#include "bench/relay/records.h"
#include "bench/relay/zmq_socket.h"

namespace smt::bench {
namespace {

constexpr int kHwm = 1000;  // messages, each with all that changed

[[noreturn]] void send_values(Control* control, const Memory& near) {
  ZmqSocket pub(ZMQ_PUB, kHwm);
  control->ports[0].store(pub.bind());
  for (Changes changes(near);;) {
    const uint32_t word = near.word();
    if (const size_t records = changes.find(); records != 0) {
      zmq_msg_t message;
      zmq_check(zmq_msg_init_size(&message, records * changes.record_bytes()) == 0, "zmq_msg_init_size");
      changes.pack(static_cast<char*>(zmq_msg_data(&message)));
      pub.send(&message);
    }
    near.wait(word);
  }
}

[[noreturn]] void receive_values(const Load& load, const Control& control, Memory* far) {
  ZmqSocket sub(ZMQ_SUB, kHwm);
  sub.connect(wait_for_port(control, load.hops));
  zmq_msg_t message;
  zmq_msg_init(&message);
  for (;;) {
    sub.receive(&message);
    unpack(static_cast<char*>(zmq_msg_data(&message)), zmq_msg_size(&message), far);
    far->ring();
  }
}

}  // namespace

Variant batch(const std::string& name) {
  const auto start = [](const Load& load, Control* control, const std::string&) {
    return start_baseline(
        load, control, [](const Load&, Control* c, const Memory& near) { send_values(c, near); },
        [](const Load& l, Control* c, Memory* far) { receive_values(l, *c, far); }, pass_on_zmq);
  };
  return {name, start, false, Kind::kBatch};
}

}  // namespace smt::bench
