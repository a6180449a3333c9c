// One topic as the demo sees it: every sample read in order and proved, its rate and its age.
#ifndef SMT_CMD_DEMO_WATCH_H_
#define SMT_CMD_DEMO_WATCH_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "shm/domain.h"
#include "shm/freshness.h"
#include "shm/reader.h"

namespace smt::demo {

// A line of the table.
struct Row {
  std::string topic;
  double hz = 0;                           // of the last 3 s; 0 if not fresh
  int64_t age_p50_ns = 0, age_p99_ns = 0;  // when read, of the last 3 s
  uint64_t received = 0, missed = 0;
  State state = State::kEmpty;
};

class Watch {
 public:
  // `sealed`: the topic's samples end with their check. Throws Failure.
  Watch(const Domain& domain, const std::string& topic, bool sealed);

  // Takes all samples that are there.
  void drain();
  // Asks for the writer's life, forgets rates that are over.
  void look();
  Row row() const;

  Reader& reader() { return reader_; }
  State state() const { return state_; }
  uint64_t received() const { return received_; }
  uint64_t missed() const { return before_ + reader_.missed(); }  // since the topic's first sample
  uint64_t last_sequence() const { return last_sequence_; }
  uint64_t unproved() const { return unproved_; }      // samples whose check is wrong
  uint64_t steps_back() const { return steps_back_; }  // samples that did not come after the one before

 private:
  struct Arrival {
    int64_t born_ns, age_ns;
  };

  Reader reader_;
  bool sealed_;
  State state_ = State::kEmpty;
  uint64_t received_ = 0, last_sequence_ = 0, unproved_ = 0, steps_back_ = 0;
  uint64_t before_ = 0;           // samples that were gone when the reader was opened
  std::deque<Arrival> arrivals_;  // of the last 3 s
};

}  // namespace smt::demo

#endif  // SMT_CMD_DEMO_WATCH_H_
