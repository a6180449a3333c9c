#include "bench/relay/baseline.h"
#include "bench/relay/reader.h"
#include "bench/relay/writer.h"
#include "bench/relay/zmq_socket.h"

namespace smt::bench {
namespace {

// One message for each value, of one frame. Waits for the subscriber instead of dropping.
[[noreturn]] void send_values(const Load& load, Control* control) {
  ZmqSocket pub(ZMQ_XPUB, 1000);
  pub.set(ZMQ_XPUB_NODROP, 1);
  control->port.store(pub.bind());
  Pace pace(load);
  ValueWords words;
  for (uint64_t n = 0;; ++n) {
    // As in Write: the clock is read for every 32nd value where they follow each other at once.
    if (load.period_ns != 0 || n % 32 == 0) words.sent_ns = static_cast<uint64_t>(boottime_ns());
    zmq_msg_t message;
    zmq_check(zmq_msg_init_size(&message, load.bytes) == 0, "zmq_msg_init_size");
    memcpy(zmq_msg_data(&message), &words, sizeof words);
    pub.send(&message);
    control->offered.fetch_add(1, std::memory_order_relaxed);
    words.burst = n + 1;
    if (load.period_ns != 0) pace.wait();
  }
}

[[noreturn]] void receive_values(const Load& load, const Control& control, Watched* me) {
  ZmqSocket sub(ZMQ_SUB, 1000);
  sub.connect(wait_for_port(control));
  zmq_msg_t message;
  zmq_msg_init(&message);
  for (;;) {
    sub.receive(&message);
    if (zmq_msg_size(&message) != load.bytes) me->wrong.fetch_add(1);
    ValueWords words;
    memcpy(&words, zmq_msg_data(&message), sizeof words);
    if (load.period_ns != 0 || words.burst % 32 == 0) note(words, control, me);
    me->updates.store(me->updates.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    me->topics.store(1, std::memory_order_relaxed);
  }
}

}  // namespace

Variant bare_zmq(const std::string& name) {
  const auto start = [](const Load& load, Control* control, const std::string&) {
    Cast cast;
    cast.updates = [control] { return control->watched[0].updates.load(); };
    cast.sender = Process::fork(kSenderCore, [&] { send_values(load, control); });
    cast.receivers.push_back(
        Process::fork(kReceiverCore, [&] { receive_values(load, *control, &control->watched[0]); }));
    return cast;
  };
  return {name, start, false, false};
}

}  // namespace smt::bench
