// Robot - gate - base in process, and a client that asks at the gate why a topic does not come.
#ifndef SMT_TESTS_RELAY_REQUESTS_TRACE_FIXTURE_H_
#define SMT_TESTS_RELAY_REQUESTS_TRACE_FIXTURE_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "relay/explain/route.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {

inline ReceiveRule taking(const std::string& pattern) {
  ReceiveRule rule;
  rule.topic = {pattern};
  return rule;
}

class TraceTest : public RelayTest {
 protected:
  // Options that are left out: the robot sends all, the gate passes all on, the base wants all.
  void chain(HostOptions robot = {}, HostOptions gate = {}, std::vector<ReceiveRule> base = {taking("**")}) {
    gate.proxy = true;
    gate_ = &host("gate", std::move(gate));
    bind(*gate_, "up");
    bind(*gate_, "down");
    robot_ = &host("robot", std::move(robot));
    dial(*robot_, "robot", "up");
    if (!base.empty()) {
      base_ = &host("base", {.serves = false, .receive_rules = std::move(base)});
      dial(*base_, "base", "down");
    }
    add_client("down");
  }
  void add_client(const std::string& net_name) {
    client_ = &host("client", {.serves = false});
    dial(*client_, "client", net_name);
  }
  // What the client is told; `more` is done in each step.
  Route why(const std::string& topic, const std::function<void()>& more = nullptr) {
    EXPECT_TRUE(until([&] { return !client_->relay().peers().empty(); }));
    const uint64_t request = client_->relay().trace(topic, now_, 2 * kSecond);
    EXPECT_TRUE(until([&] {
      if (more) more();
      return client_->relay().trace_result(request).done;
    }));
    trail_ = client_->relay().trace_result(request);
    return find_route(trail_.findings);
  }
  // "robot, to gate: filter: [[send]] ..."
  static std::string words(const proto::Finding& f) {
    return f.relay() + ", " + side_words(f) + ": " + std::string(verdict_name(f.verdict())) + ": " + f.text();
  }
  static std::string cause(const Route& way) { return way.cause ? words(*way.stops()) : "passes"; }
  static std::vector<std::string> all(const Route& way) {
    std::vector<std::string> out;
    for (const Route::Step& s : way.steps) out.push_back(words(s.finding));
    return out;
  }
  void publish(const std::string& topic = "arm/pose", const std::string& value = "12345678") {
    robot_->publish(topic, value, now_);
    run(200 * kMs);
  }

  Host *robot_ = nullptr, *gate_ = nullptr, *base_ = nullptr, *client_ = nullptr;
  Relay::TraceResult trail_;
};

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_REQUESTS_TRACE_FIXTURE_H_
