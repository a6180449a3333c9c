// How what is set comes to the one relay that is meant: over proxies that come and go, by two ways, of two
// robots.
#include "tests/relay/requests/set_fixture.h"

namespace smt::relay {
namespace {

using ::testing::SizeIs;

using SetRouteTest = SetTest;

TEST_F(SetRouteTest, GoesOverTwoProxiesAndComesBackAsATopic) {
  bind(host("gate", {.proxy = true}), "a");
  bind(hosts_.back(), "b");
  Host& far = host("far", {.proxy = true});
  dial(far, "far", "b");
  bind(far, "down");
  add_robot({writing("cmd/**")});
  Host& base = host("base", subscriber());
  dial(base, "base", "down");
  const proto::SetAnswer set = set_value(asker("anna"), "cmd/speed", 5);
  EXPECT_EQ(set.outcome(), proto::SET_DONE);
  EXPECT_EQ(set.sequence(), 1u);
  EXPECT_EQ(read("cmd/speed"), "5 fresh");
  EXPECT_TRUE(until([&] { return base.head("cmd/speed").sequence == 1; }));
  EXPECT_EQ(base.head("cmd/speed").stamp_ns, 77);
  EXPECT_TRUE(until([&] { return base.state("cmd/speed") == State::kSubstituted; }));
  EXPECT_TRUE(until(base, "cmd/speed", std::string(8, '\0'))) << "what stands in is seen far away too";
}

TEST_F(SetRouteTest, OneRobotOfTwoIsMeantAndOnlyThatOneWrites) {
  gate({writing("cmd/**")});
  Robot& second = add_robot({writing("cmd/**")}, "a", "robot2");
  Host& anna = asker("anna");
  const Relay::SetResult probed = probe(anna, "cmd/speed");
  ASSERT_THAT(probed.answers, SizeIs(2));
  for (const proto::SetAnswer& a : probed.answers) EXPECT_EQ(a.outcome(), proto::SET_DONE);
  const bool first = probed.answers[0].relay() == "robot2";
  Relay::SetRequest wish{
      .kind = proto::SET_VALUE, .topic = "cmd/speed", .target = probed.answers[first ? 0 : 1].instance()};
  const double value = 5;
  wish.value.assign(std::as_bytes(std::span(&value, 1)).begin(), std::as_bytes(std::span(&value, 1)).end());
  wish.schema_hash = Schema::scalar(smt::Type::kF64).hash();
  EXPECT_EQ(send(anna, wish).answers.at(0).relay(), "robot2");
  EXPECT_EQ(read("cmd/speed", &second), "5 fresh");
  EXPECT_EQ(read("cmd/speed"), "nothing");
}

TEST_F(SetRouteTest, APrefixOfTheProxyNamesTheRobot) {
  ReceiveRule rule;
  rule.prefix = "{peer}";
  gate_ = &host("gate", {.proxy = true, .receive_rules = {rule}});
  bind(*gate_, "a");
  bind(*gate_, "down");
  add_robot({writing("cmd/**")});
  Robot& second = add_robot({writing("cmd/**")}, "a", "robot2");
  Host& anna = asker("anna");
  const Relay::SetResult probed = probe(anna, "robot2/cmd/speed");
  int would = 0;
  for (const proto::SetAnswer& a : probed.answers) {
    if (a.outcome() != proto::SET_DONE) continue;
    ++would;
    Relay::SetRequest wish{.kind = proto::SET_VALUE, .topic = "robot2/cmd/speed", .target = a.instance()};
    wish.value.resize(8);
    wish.schema_hash = Schema::scalar(smt::Type::kF64).hash();
    EXPECT_EQ(send(anna, wish).answers.at(0).outcome(), proto::SET_DONE);
  }
  EXPECT_EQ(would, 1);
  EXPECT_EQ(read("cmd/speed", &second), "0 fresh");
  EXPECT_EQ(read("cmd/speed"), "nothing");
}

TEST_F(SetRouteTest, TheLeaseSurvivesTheProxy) {
  WriteRule rule = writing("cmd/**");
  rule.lease_ns = rule.dead_man_ns = 5 * kSecond;
  gate({rule});
  Host& anna = asker("anna");
  Host& bert = asker("bert");
  set_value(anna, "cmd/speed", 5);
  gate_->stop();
  run(kSecond);
  gate_->start();
  ASSERT_TRUE(until([&] { return !anna.relay().peers().empty() && !bert.relay().peers().empty(); }));
  run(kSecond);
  EXPECT_EQ(set_value(bert, "cmd/speed", 6).outcome(), proto::SET_HELD);
  EXPECT_EQ(set_value(anna, "cmd/speed", 7).outcome(), proto::SET_DONE);
  EXPECT_EQ(counted().leases, 1u);
  EXPECT_EQ(counted().expired, 0u);
}

TEST_F(SetRouteTest, TheLeaseIsOneOverTwoWays) {
  for (const char* name : {"g1", "g2"}) {
    bind(host(name, {.proxy = true}), name);
    bind(hosts_.back(), std::string("down-") + name);
  }
  Robot& robot = add_robot({writing("cmd/**")}, "g1");
  robot.relay->add(net("g2").dial("mem://g2", "robot"));
  Host& anna = asker("anna", "down-g1");
  Host& bert = asker("bert", "down-g2");
  EXPECT_EQ(set_value(anna, "cmd/speed", 1).outcome(), proto::SET_DONE);
  EXPECT_EQ(set_value(bert, "cmd/speed", 2).outcome(), proto::SET_HELD);
}

TEST_F(SetRouteTest, ARobotThatIsGoneIsNoRouteAndANewOneIsFoundAgain) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  const uint64_t before = probe(anna, "cmd/speed").answers.at(0).instance();
  start(&robots_.front(), "a");
  run(kSecond);
  Relay::SetRequest wish{.kind = proto::SET_VALUE, .topic = "cmd/speed", .target = before};
  wish.value.resize(8);
  wish.schema_hash = Schema::scalar(smt::Type::kF64).hash();
  EXPECT_EQ(send(anna, wish).answers.at(0).outcome(), proto::SET_NO_ROUTE);
  EXPECT_EQ(read("cmd/speed"), "nothing");
  EXPECT_EQ(set_value(anna, "cmd/speed", 1).outcome(), proto::SET_DONE);
}

TEST_F(SetRouteTest, ARobotThatDoesNotAnswerIsToldInTime) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  const uint64_t robot = probe(anna, "cmd/speed").answers.at(0).instance();
  net("a").hook = [](MemMessage* m) {
    proto::Envelope e;
    const bool answer =
        proto::open_message(byte_view(m->header), byte_view(m->payload), &e) == proto::Opened::kOk &&
        e.has_set_reply();
    return answer ? MemNet::Fate::kDrop : MemNet::Fate::kDeliver;
  };
  Relay::SetRequest wish{.kind = proto::SET_RELEASE, .topic = "cmd/speed", .target = robot};
  EXPECT_EQ(send(anna, wish).answers.at(0).outcome(), proto::SET_NO_ANSWER);
  EXPECT_LE(took_ns_, 1050 * kMs);
}

TEST_F(SetRouteTest, ValuesOfOneStepAreWrittenInTheirOrder) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  const uint64_t robot = probe(anna, "cmd/speed").answers.at(0).instance();
  uint64_t last = 0;
  for (double value = 1; value <= 30; ++value) {
    Relay::SetRequest wish{
        .kind = proto::SET_VALUE, .topic = "cmd/speed", .target = robot, .holder_name = "anna"};
    wish.schema_hash = Schema::scalar(smt::Type::kF64).hash();
    wish.value.assign(std::as_bytes(std::span(&value, 1)).begin(), std::as_bytes(std::span(&value, 1)).end());
    last = anna.relay().set(wish, now_, kSecond);
  }
  ASSERT_TRUE(until([&] { return anna.relay().set_result(last).done; }));
  EXPECT_EQ(read("cmd/speed"), "30 fresh");
  EXPECT_EQ(anna.relay().set_result(last).answers.at(0).sequence(), 30u);
}

}  // namespace
}  // namespace smt::relay
