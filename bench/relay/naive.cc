#include <string_view>
#include <unordered_map>

#include "bench/relay/baseline.h"
#include "bench/relay/writer.h"
#include "bench/relay/zmq_socket.h"

namespace smt::bench {
namespace {

[[noreturn]] void send_values(const NaiveOptions& options, Control* control, const Memory& near) {
  ZmqSocket pub(ZMQ_PUB, options.hwm);
  control->ports[0].store(pub.bind());
  std::vector<std::string> names;
  for (int t = 0; t < near.topics(); ++t) names.push_back(topic_name(t));
  std::vector<uint64_t> sent(names.size());
  std::vector<char> value(near.bytes());
  for (int64_t due = boottime_ns();;) {
    const uint32_t word = near.word();
    for (size_t t = 0; t < names.size(); ++t) {
      const uint64_t position = near.position(static_cast<int>(t));
      if (position == sent[t] || !near.read(static_cast<int>(t), position, value.data())) continue;
      sent[t] = position;
      pub.send(names[t].data(), names[t].size(), ZMQ_SNDMORE);
      pub.send(value.data(), value.size());  // dropped in silence when the subscriber's queue is full
    }
    if (options.futex) {
      near.wait(word);
    } else {
      due = std::max(due + kMs, boottime_ns());
      sleep_until(due);
    }
  }
}

[[noreturn]] void receive_values(const NaiveOptions& options, const Load& load, const Control& control,
                                 Memory* far) {
  ZmqSocket sub(ZMQ_SUB, options.hwm);
  sub.connect(wait_for_port(control, load.hops));
  std::vector<std::string> names;
  for (int t = 0; t < far->topics(); ++t) names.push_back(topic_name(t));
  std::unordered_map<std::string_view, int> topics;
  for (size_t t = 0; t < names.size(); ++t) topics.emplace(names[t], static_cast<int>(t));
  zmq_msg_t name, value;
  zmq_msg_init(&name);
  zmq_msg_init(&value);
  for (;;) {
    sub.receive(&name);
    // Rings when there is no more for now, or after 100 values.
    int values = 0;
    do {
      sub.receive(&value);
      const auto topic =
          topics.find(std::string_view(static_cast<char*>(zmq_msg_data(&name)), zmq_msg_size(&name)));
      if (topic != topics.end() && zmq_msg_size(&value) == far->bytes())
        far->put(topic->second, zmq_msg_data(&value));
    } while (++values < 100 && sub.receive(&name, ZMQ_DONTWAIT));
    far->ring();
  }
}

}  // namespace

Variant naive(const std::string& name, const NaiveOptions& options) {
  const auto start = [options](const Load& load, Control* control, const std::string&) {
    return start_baseline(
        load, control, [=](const Load&, Control* c, const Memory& near) { send_values(options, c, near); },
        [=](const Load& l, Control* c, Memory* far) { receive_values(options, l, *c, far); }, pass_on_zmq);
  };
  return {name, start, options.hwm <= 1000, Kind::kMessageEach};
}

}  // namespace smt::bench
