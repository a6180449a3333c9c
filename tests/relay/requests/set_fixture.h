// A robot whose memory peers may set, directly or over proxies, and those who set it.
#ifndef SMT_TESTS_RELAY_REQUESTS_SET_FIXTURE_H_
#define SMT_TESTS_RELAY_REQUESTS_SET_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relay/store/shm_store.h"
#include "shm/clock.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "tests/relay/relay_fixture.h"
#include "tests/relay/writes/fake_audit.h"
#include "tests/temp_folder.h"

namespace smt::relay {

inline WriteRule writing(const std::string& pattern, const std::string& type = "f64") {
  WriteRule rule;
  rule.topic = {pattern};
  rule.type = type;
  rule.origin = "rule " + pattern;
  return rule;
}

class SetTest : public RelayTest {
 protected:
  // A relay over a shared memory of its own.
  struct Robot {
    std::string name;
    std::optional<Domain> domain;
    std::unique_ptr<Store> store;
    std::unique_ptr<Relay> relay;
    std::vector<WriteRule> rules;
    AccessRules access;
    uint64_t starts = 0;
  };

  SetTest() {
    now_ = boottime_ns() + 3600 * kSecond;  // ahead, so that what is written is young for readers
  }
  ~SetTest() override { robots_.clear(); }

  // It dials `net_name`.
  Robot& add_robot(std::vector<WriteRule> rules, const std::string& net_name = "a",
                   const std::string& name = "robot", AccessRules access = {}) {
    Robot& r = robots_.emplace_back();
    r.access = std::move(access);
    r.name = name;
    r.rules = std::move(rules);
    Result<Domain> domain = Domain::open({.root = root_, .domain = name});
    EXPECT_TRUE(domain.ok()) << domain.status().message();
    r.domain.emplace(std::move(*domain));
    start(&r, net_name);
    return r;
  }
  void start(Robot* r, const std::string& net_name) {
    if (r->relay != nullptr) std::erase(more_, r->relay.get());
    r->relay.reset();
    r->store.reset();
    Result<std::unique_ptr<Store>> store = ShmStore::open(*r->domain, {.sets = r->name});
    ASSERT_TRUE(store.ok()) << store.status().message();
    r->store = std::move(*store);
    const uint64_t number = 70 + static_cast<uint64_t>(r - &robots_.front());
    RelayOptions o;
    o.name = r->name;
    o.origin_id = make_id(static_cast<uint8_t>(number));
    o.instance = number + 1000 * ++r->starts;
    o.send.emplace_back();
    o.write = r->rules;
    o.access = r->access;
    o.write_node = "set-" + r->name;
    o.audit = &audit_;
    o.random = [this, number] { return number << 32 | ++sessions_; };
    r->relay = std::make_unique<Relay>(r->store.get(), std::move(o));
    r->relay->add(net(net_name).dial("mem://" + net_name, r->name + std::to_string(r->starts)));
    more_.push_back(r->relay.get());
  }
  // Robot - "gate" - whoever comes.
  void gate(std::vector<WriteRule> rules, AccessRules gate = {}, AccessRules robot = {}) {
    gate_ = &host("gate", {.proxy = true, .access = std::move(gate)});
    bind(*gate_, "a");
    bind(*gate_, "down");
    add_robot(std::move(rules), "a", "robot", std::move(robot));
  }
  Host& asker(const std::string& name, const std::string& net_name = "down") {
    Host& h = host(name, {.serves = false});
    dial(h, name, net_name);
    EXPECT_TRUE(until([&] { return !h.relay().peers().empty(); }));
    run(20 * kMs);  // the gate and the robot have met too
    return h;
  }

  Relay::SetResult send(Host& h, Relay::SetRequest wish) {
    wish.holder_name = h.name();
    const uint64_t request = h.relay().set(wish, now_, 2 * kSecond);
    EXPECT_TRUE(until([&] { return h.relay().set_result(request).done; }));
    return h.relay().set_result(request);
  }
  Relay::SetResult probe(Host& h, const std::string& topic) { return send(h, {.topic = topic}); }
  // After a probe, as a client does it. The answer that decided.
  proto::SetAnswer set_value(Host& h, const std::string& topic, std::string_view bytes,
                             proto::SetKind kind = proto::SET_VALUE) {
    const Relay::SetResult probed = probe(h, topic);
    if (probed.answers.size() != 1) ADD_FAILURE() << topic << " has " << probed.answers.size() << " answers";
    if (probed.answers.empty() || probed.answers[0].outcome() != proto::SET_DONE)
      return probed.answers.empty() ? proto::SetAnswer() : probed.answers[0];
    Relay::SetRequest wish{.kind = kind, .topic = topic, .target = probed.answers[0].instance()};
    wish.schema_hash = Schema::from_text(probed.answers[0].schema())->hash();
    if (kind == proto::SET_VALUE) wish.value.assign(byte_view(bytes).begin(), byte_view(bytes).end());
    wish.stamp_ns = 77;
    const Relay::SetResult result = send(h, wish);
    if (result.answers.size() != 1) ADD_FAILURE() << topic << " has " << result.answers.size() << " answers";
    return result.answers.empty() ? proto::SetAnswer() : result.answers[0];
  }
  proto::SetAnswer set_value(Host& h, const std::string& topic, double value) {
    return set_value(h, topic, std::string_view(reinterpret_cast<const char*>(&value), sizeof value));
  }
  proto::SetAnswer release(Host& h, const std::string& topic) {
    return set_value(h, topic, "", proto::SET_RELEASE);
  }
  static std::string words(const proto::SetAnswer& a) { return a.relay() + ": " + a.text(); }

  // A program of the robot that publishes a number, until it is reset.
  struct Program {
    std::unique_ptr<Node> node;
    std::optional<Publisher> publisher;
  };
  Program publishes(Robot& r, const std::string& topic, double value, const std::string& name = "driver") {
    Program p;
    Result<std::unique_ptr<Node>> node = Node::open(*r.domain, {.name = name, .segment_bytes = 1 << 24});
    EXPECT_TRUE(node.ok());
    p.node = std::move(*node);
    Result<Publisher> publisher =
        p.node->advertise({.name = topic, .schema = Schema::scalar(smt::Type::kF64)});
    EXPECT_TRUE(publisher.ok());
    p.publisher.emplace(std::move(*publisher));
    EXPECT_TRUE(p.publisher->publish(std::as_bytes(std::span(&value, 1))).ok());
    return p;
  }
  // What a program of the robot reads: "1.5 fresh".
  std::string read(const std::string& topic, Robot* robot = nullptr) {
    Result<Reader> reader = Reader::open(*(robot != nullptr ? robot : &robots_.front())->domain, topic);
    if (!reader.ok() || !reader->refresh().ok()) return "nothing";
    const Sample* sample = reader->latest();
    if (sample == nullptr) return "nothing";
    double value = 0;
    memcpy(&value, sample->bytes.data(), std::min(sizeof value, sample->bytes.size()));
    char text[64];
    snprintf(text, sizeof text, "%g ", value);
    return text + std::string(state_name(reader->state()));
  }
  WriteCounters counted() { return robots_.front().relay->counters().write; }
  std::vector<std::string> told_of(WriteAct act) const {
    std::vector<std::string> out;
    for (const FakeAudit::Told& t : audit_.reports) {
      if (t.act == act) out.push_back(t.text);
    }
    return out;
  }

  const TempFolder temp_;
  const std::string root_ = temp_.path();
  FakeAudit audit_;
  uint64_t sessions_ = 0;
  struct Robots : std::vector<Robot> {
    Robots() { reserve(8); }  // they stay where they are
  } robots_;
  Host* gate_ = nullptr;
};

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_REQUESTS_SET_FIXTURE_H_
