// The values of a transport without memory at its ends: each is looked at once, as it arrives.
#ifndef SMT_BENCH_RELAY_STREAM_H_
#define SMT_BENCH_RELAY_STREAM_H_

#include "bench/relay/reader.h"
#include "bench/relay/variant.h"

namespace smt::bench {

// Arrivals counts the values that one subscriber gets, and notes the latencies of the topics that a reader of
// memory would watch.
class Arrivals {
 public:
  Arrivals(const Load& load, const Control& control, Watched* me)
      : load_(load),
        control_(control),
        me_(me),
        stride_(static_cast<uint64_t>(load.topics / std::min(load.topics, load.watched()))) {}

  void take(const void* value, size_t bytes) {
    if (bytes != load_.bytes) {
      me_->wrong.fetch_add(1);
      return;
    }
    const ValueWords words = words_of(value, bytes, 0);
    if (words.topic % stride_ == 0) {
      note(words, control_, me_);
      if (!words.is_whole(static_cast<int>(words.topic))) me_->wrong.fetch_add(1);
    }
    me_->updates.store(me_->updates.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    me_->topics.store(1, std::memory_order_relaxed);
  }

 private:
  const Load load_;
  const Control& control_;
  Watched* me_;
  const uint64_t stride_;
};

// Processes that stream from the writer, which is also the sender, to the subscribers. Neither returns.
using StreamSender = std::function<void(const Load& load, Control* control)>;
using StreamReceiver = std::function<void(const Load& load, const Control& control, Watched* me)>;

inline Cast start_stream(const Load& load, Control* control, const StreamSender& sender,
                         const StreamReceiver& receiver) {
  Cast cast;
  cast.updates = [control, subscribers = load.subscribers] {
    uint64_t sum = 0;
    for (int i = 0; i < subscribers; ++i) sum += control->watched[i].updates.load();
    return sum;
  };
  cast.sender = Process::fork(kSenderCore, [&] { sender(load, control); });
  for (int i = 0; i < load.subscribers; ++i) {
    cast.receivers.push_back(
        Process::fork(kReceiverCore, [&, i] { receiver(load, *control, &control->watched[i]); }));
  }
  return cast;
}

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_STREAM_H_
