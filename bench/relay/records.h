// The packed form in which the better baselines send: for each changed topic its number (8 bytes) and the
// value. Both sides know the names beforehand.
#ifndef SMT_BENCH_RELAY_RECORDS_H_
#define SMT_BENCH_RELAY_RECORDS_H_

#include <cstring>
#include <vector>

#include "bench/relay/memory.h"

namespace smt::bench {

inline constexpr uint64_t kNoTopic = ~uint64_t{0};  // a record that says nothing

// What changed in a memory since it was packed last.
class Changes {
 public:
  explicit Changes(const Memory& memory) : memory_(memory), sent_(static_cast<size_t>(memory.topics())) {}

  size_t record_bytes() const { return 8 + memory_.bytes(); }
  // How many records pack() will write.
  size_t find() {
    changed_.clear();
    for (size_t t = 0; t < sent_.size(); ++t) {
      if (memory_.position(static_cast<int>(t)) != sent_[t]) changed_.push_back(static_cast<int>(t));
    }
    return changed_.size();
  }
  // Samples the topics now. REQUIRES: room for find() records at `to`.
  void pack(char* to) {
    for (const int t : changed_) {
      const uint64_t position = memory_.position(t);
      const bool whole = memory_.read(t, position, to + 8);
      const uint64_t topic = whole ? static_cast<uint64_t>(t) : kNoTopic;
      memcpy(to, &topic, 8);
      if (whole) sent_[static_cast<size_t>(t)] = position;
      to += record_bytes();
    }
  }

 private:
  const Memory& memory_;
  std::vector<uint64_t> sent_;
  std::vector<int> changed_;
};

// Writes the whole records among `bytes` bytes to `far` and returns how many bytes they were.
inline size_t unpack(const char* from, size_t bytes, Memory* far) {
  const size_t record = 8 + far->bytes();
  size_t done = 0;
  for (; bytes - done >= record; done += record) {
    uint64_t topic;
    memcpy(&topic, from + done, 8);
    if (topic < static_cast<uint64_t>(far->topics())) far->put(static_cast<int>(topic), from + done + 8);
  }
  return done;
}

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_RECORDS_H_
