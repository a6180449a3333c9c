// The two publishing programs advertise, publish and keep time alike.
#ifndef SMT_CMD_DEMO_PUBLISH_H_
#define SMT_CMD_DEMO_PUBLISH_H_

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "cmd/cli/stop.h"
#include "cmd/demo/must.h"
#include "cmd/demo/topics.h"
#include "shm/clock.h"
#include "shm/node.h"
#include "shm/topic.h"

namespace smt::demo {

// Advertises `name` as the plan says. REQUIRES: the plan holds the name.
template <class T, size_t N>
Topic<T> advertise(Node& node, const Plan (&plan)[N], std::string_view name) {
  const Plan& p =
      *std::find_if(std::begin(plan), std::end(plan), [&](const Plan& q) { return q.topic == name; });
  return must(Topic<T>::advertise(
      node, {.name = std::string(p.topic), .history = p.history, .max_age_ns = p.max_age_ns}));
}

template <class T>
void publish(Topic<T>& topic, T sample) {
  seal(&sample);
  must(topic.publish(sample));
}

// Ticks at a fixed period, without drift. A tick that comes more than 100 ms late starts a new rhythm.
class Pace {
 public:
  explicit Pace(int64_t period_ns) : period_ns_(period_ns), due_ns_(boottime_ns()) {}

  // Sleeps until the next tick; false: SIGINT or SIGTERM came.
  bool tick() {
    due_ns_ = std::max(due_ns_ + period_ns_, boottime_ns() - 100 * kMs);
    return !stop_.sleep_until(due_ns_);
  }

 private:
  cmd::Stop stop_;
  int64_t period_ns_;
  int64_t due_ns_;
};

}  // namespace smt::demo

#endif  // SMT_CMD_DEMO_PUBLISH_H_
