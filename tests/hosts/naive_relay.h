// What people write in an afternoon: every millisecond each topic that has changed goes to a PUB socket, with
// ZeroMQ's own settings, and a SUB socket at the gateway takes it. The baseline of what a slow link does to
// values.
#ifndef SMT_TESTS_HOSTS_NAIVE_RELAY_H_
#define SMT_TESTS_HOSTS_NAIVE_RELAY_H_

#include <atomic>
#include <thread>
#include <vector>

#include "tests/hosts/hosts.h"
#include "tests/hosts/timed_topics.h"

namespace smt::hosts {

// Carries topics from `from` to the gateway, whose relay does not run, until it is destroyed.
class NaiveRelay {
 public:
  NaiveRelay(const Hosts& hosts, Host from, const Domain& domain, const std::vector<TimedTopic>& topics);
  ~NaiveRelay() { stop(); }
  void stop();

  // After stop(). Of all topics but the last, which is the large one, on arrival.
  storm::Latencies& ages() { return ages_; }
  uint64_t large() const { return large_; }

 private:
  void send(const Hosts& hosts, Host from, const Domain& domain, const std::vector<TimedTopic>& topics);
  void receive(const Hosts& hosts, size_t topics);

  std::atomic<bool> stop_receiving_{false}, stop_sending_{false};
  storm::Latencies ages_;
  uint64_t large_ = 0;
  std::thread receiver_, sender_;
};

}  // namespace smt::hosts

#endif  // SMT_TESTS_HOSTS_NAIVE_RELAY_H_
