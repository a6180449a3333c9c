#include "bench/relay/baseline.h"

#include <memory>

#include "bench/relay/reader.h"
#include "bench/relay/writer.h"
#include "bench/relay/zmq_socket.h"

namespace smt::bench {
namespace {

// More than any load has on its way: a place between drops nothing.
constexpr int kHopHwm = 1'000'000;

struct Near {
  Memory* memory;
  void put(int topic, const std::vector<uint64_t>& value, int64_t) { memory->put(topic, value.data()); }
  void end() { memory->ring(); }
};

class Far {
 public:
  Far(const Load& load, const Memory* memory)
      : load_(load), memory_(memory), position_(static_cast<size_t>(load.watched())), word_(memory->word()) {}

  bool newest(int i, ValueWords* value) {
    const int topic = load_.watched_topic(i);
    uint64_t& last = position_[static_cast<size_t>(i)];
    const uint64_t position = memory_->position(topic);
    if (position == last || !memory_->look(topic, position, value)) return false;
    last = position;
    return true;
  }
  void wait() {
    memory_->wait(word_);
    word_ = memory_->word();
  }

 private:
  const Load load_;
  const Memory* memory_;
  std::vector<uint64_t> position_;
  uint32_t word_;
};

}  // namespace

Cast start_baseline(const Load& load, Control* control, const Sender& sender, const Receiver& receiver,
                    const Hop& hop) {
  Cast cast;
  const auto near = std::make_shared<Memory>(load.topics, load.bytes);
  auto fars = std::make_shared<std::vector<Memory>>();
  for (int i = 0; i < load.subscribers; ++i) fars->emplace_back(load.topics, load.bytes);
  cast.updates = [fars] {
    uint64_t sum = 0;
    for (const Memory& far : *fars) sum += far.updates();
    return sum;
  };
  cast.sender = Process::fork(kSenderCore, [&] { sender(load, control, *near); });
  cast.between = start_hops(load, control, hop);
  for (int i = 0; i < load.subscribers; ++i) {
    Memory* far = &(*fars)[static_cast<size_t>(i)];
    Watched* watched = &control->watched[i];
    cast.receivers.push_back(Process::fork(kReceiverCore, [&] { receiver(load, control, far); }));
    cast.readers.push_back(
        Process::fork(kReceiverCore, [&] { run_watch(load, *control, watched, Far(load, far)); }));
  }
  cast.writer = Process::fork(kSenderCore, [&] { run_writer(load, control, Near{near.get()}); });
  return cast;
}

std::vector<Process> start_hops(const Load& load, Control* control, const Hop& hop) {
  std::vector<Process> between;
  for (int i = 1; i <= load.hops; ++i)
    between.push_back(Process::fork(kAnyCore, [&, i] { hop(load, control, i); }));
  return between;
}

int wait_for_port(const Control& control, int hop) {
  int port;
  while ((port = control.ports[hop].load()) == 0) sleep_until(boottime_ns() + kMs);
  return port;
}

void pass_on_zmq(const Load&, Control* control, int hop) {
  // One context for both, as zmq_proxy wants it.
  void* context = zmq_ctx_new();
  ZmqSocket in(ZMQ_XSUB, kHopHwm, context), out(ZMQ_XPUB, kHopHwm, context);
  in.connect(wait_for_port(*control, hop - 1));
  control->ports[hop].store(out.bind());
  zmq_proxy(in.get(), out.get(), nullptr);
  fail(Status(Code::kSystem, "zmq_proxy ended"));
}

}  // namespace smt::bench
