#include "bench/relay/baseline.h"

#include <memory>

#include "bench/relay/reader.h"
#include "bench/relay/writer.h"

namespace smt::bench {
namespace {

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

Cast start_baseline(const Load& load, Control* control, const Sender& sender, const Receiver& receiver) {
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

int wait_for_port(const Control& control) {
  int port;
  while ((port = control.port.load()) == 0) sleep_until(boottime_ns() + 1'000'000);
  return port;
}

}  // namespace smt::bench
