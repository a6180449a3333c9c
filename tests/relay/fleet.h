// Robots in one process, each a relay over plain memory of its own, and the desk that wants all that they
// publish and checks each value of it; and a proxy between them, where it is in this process too.
#ifndef SMT_TESTS_RELAY_FLEET_H_
#define SMT_TESTS_RELAY_FLEET_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relay/link/link.h"
#include "relay/relay.h"
#include "relay/store/mem_store.h"
#include "tests/relay/link_mem.h"
#include "tests/times.h"

namespace smt::relay {

// A relay as its process would drive it: stepped when something has arrived, and when it is due.
class Station {
 public:
  Station(RelayOptions options, std::unique_ptr<Link> link);

  void step(int64_t now_ns);
  bool is_due(int64_t now_ns) const { return now_ns >= due_ns_; }
  int64_t due_ns() const { return due_ns_; }
  Link& link() { return *link_; }
  MemStore& store() { return store_; }
  Counters counters() const { return relay_->counters(); }
  // Sessions that have ended so far.
  uint64_t lost() const { return relay_->counters().session.ended; }

 private:
  MemStore store_;
  Link* link_;  // relay_ owns it
  std::unique_ptr<Relay> relay_;
  int64_t due_ns_ = 0;
};

struct FleetSize {
  size_t robots = 1000, topics = 50;  // of each robot
};

// What robot `robot` publishes as sample `sequence` of its topic `topic`.
uint64_t value_of(size_t robot, size_t topic, uint64_t sequence);

class Robot {
 public:
  Robot(size_t number, size_t topics, std::unique_ptr<Link> link);

  // A new value of each topic.
  void publish(int64_t now_ns);
  uint64_t published() const { return sequence_; }  // of each topic
  Station& station() { return station_; }

 private:
  const size_t number_;
  Station station_;
  std::vector<uint32_t> topics_;  // handles
  uint64_t sequence_ = 0;
};

class Desk {
 public:
  Desk(const FleetSize& size, std::unique_ptr<Link> link);

  // Topics of which a value has come.
  size_t up() const { return up_; }
  uint64_t values() const { return values_; }
  // Values that are not what the robot has published under that number, or come after a newer one.
  uint64_t wrong() const { return wrong_; }
  // The newest value of the topic that is here.
  uint64_t sequence(size_t robot, size_t topic) const { return sequences_[robot * size_.topics + topic]; }
  Station& station() { return station_; }

 private:
  void take(uint32_t id);

  const FleetSize size_;
  Station station_;
  std::vector<size_t> places_;  // in sequences_, by id in the store
  std::vector<uint64_t> sequences_;
  size_t up_ = 0;
  uint64_t values_ = 0, wrong_ = 0;
};

// The desk and the robots, which all publish at the same rate, one after the other.
class Fleet {
 public:
  using Dial = std::function<std::unique_ptr<Link>(const std::string& name)>;
  Fleet(const FleetSize& size, int64_t period_ns, const Dial& dial, int64_t now_ns);

  Desk& desk() { return *desk_; }
  std::vector<std::unique_ptr<Robot>>& robots() { return robots_; }
  // A value of each topic has come.
  bool is_up() const { return desk_->up() == size_.robots * size_.topics; }
  // Sessions of all of them that have ended so far.
  uint64_t lost();
  // Topics whose newest value is not the last one that was published.
  uint64_t stale();

  // Those whose time has come publish. Calls `f(robot)` with each of them.
  void publish(int64_t now_ns, const std::function<void(Robot*)>& f);
  int64_t next_publication_ns() const;

 private:
  const FleetSize size_;
  const int64_t period_ns_, began_ns_;
  std::unique_ptr<Desk> desk_;
  std::vector<std::unique_ptr<Robot>> robots_;
  uint64_t next_ = 0;
};

// A fleet and its proxy, over links in memory and under a clock that is moved by milliseconds.
class MemoryFleet {
 public:
  // `liveness`: what the proxy asks for.
  MemoryFleet(const FleetSize& size, int64_t period_ns, const Liveness& liveness = {});

  Fleet& fleet() { return *fleet_; }
  Station& proxy() { return proxy_; }
  int64_t now_ns() const { return now_ns_; }
  // On all links so far.
  uint64_t messages() const;
  // Until `until_ns`, or `done` after one of the milliseconds.
  void go_on(int64_t until_ns, bool publishes, const std::function<bool()>& done);
  // Called instead of proxy().step(), if set.
  std::function<void(int64_t now_ns)> step_proxy;

 private:
  void step(Station* station);

  int64_t now_ns_ = 1'000'000 * kSecond;
  MemNet net_{&now_ns_};
  Station proxy_;
  std::unique_ptr<Fleet> fleet_;
};

// Of a relay called so, which has what it needs to be stepped.
RelayOptions station_options(const std::string& name);

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_FLEET_H_
