// Access where a peer asks by name: why a topic does not come, and to set it. Who may not know of a topic
// gets one answer, whether it is there or not.
#include "tests/relay/access_rules.h"
#include "tests/relay/requests/set_fixture.h"
#include "tests/relay/requests/trace_fixture.h"

namespace smt::relay {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// --- why

class AccessTraceTest : public TraceTest {
 protected:
  // The client may list what is below open/ only; the base has no limit.
  void chain_with_access() {
    chain({},
          {.access = {{allow_rule({"client"}, {"open/**"}), allow_rule({"base"}, {"**", "smt/**"})}, {}}});
    net("up").hook = [this](MemMessage* m) {
      proto::Envelope e;
      EXPECT_EQ(proto::open_message(byte_view(m->header), byte_view(m->payload), &e), proto::Opened::kOk);
      traces_ += e.has_trace();
      return MemNet::Fate::kDeliver;
    };
  }
  // All that the client was told, without request numbers and the name that it asked for.
  std::string told(const std::string& topic) {
    why(topic);
    std::string out = std::to_string(trail_.complete) + std::to_string(trail_.peers);
    for (proto::Finding f : trail_.findings) {
      EXPECT_EQ(f.topic(), topic);
      f.clear_topic();
      out += f.SerializeAsString();
    }
    return out;
  }
  int traces_ = 0;  // passed on to the robot
};

TEST_F(AccessTraceTest, WhoMayNotListIsToldTheSameWhetherTheTopicIsThereOrNot) {
  chain_with_access();
  publish("secret/key");
  const std::string there = told("secret/key");
  EXPECT_EQ(there, told("secret/none"));
  const Route way = why("secret/key");
  EXPECT_THAT(all(way), ElementsAre("gate, here: denied: peer client may not list it"));
  EXPECT_EQ(cause(way), "gate, here: denied: peer client may not list it");
  EXPECT_EQ(traces_, 0) << "nobody else is asked";
  EXPECT_EQ(gate_->counters().session.denied, 3u);
  EXPECT_THAT(gate_->told["denied client F:1:1"],
              HasSubstr("peer client may not list secret/key: no [[allow]]"));
  publish("open/pose");
  EXPECT_EQ(cause(why("open/pose")), "passes");
  EXPECT_GT(traces_, 0);
}

// What the base calls secret/key would be from/base/secret/key at the gate, unless the gate had such a topic
// itself: which of the two is meant must not tell whether it has.
TEST_F(AccessTraceTest, ATopicThatIsHiddenDoesNotChangeWhatANameMeans) {
  ReceiveRule named = taking("**");
  named.prefix = "from/{peer}";
  Host& gate =
      host("gate",
           {.proxy = true, .receive_rules = {named}, .access = {{}, {deny_rule({"base"}, {"secret/**"})}}});
  Host& base = host("base", {.proxy = true});
  bind(gate, "a");
  dial(base, "base", "a");
  bind(base, "down");
  add_client("down");
  run(20 * kMs);
  const auto ask = [&] {
    why("secret/key");
    std::vector<std::string> out;
    for (const proto::Finding& f : trail_.findings) out.push_back(f.topic() + ": " + words(f));
    return out;
  };
  const std::vector<std::string> before = ask();
  EXPECT_THAT(before, Contains(HasSubstr("from/base/secret/key: gate, here")));
  gate.publish("secret/key", "12345678", now_);
  run(20 * kMs);
  EXPECT_EQ(ask(), before);
}

TEST_F(AccessTraceTest, WhoMayNotKnowOfATopicIsNotAskedAboutItEither) {
  chain_with_access();
  Host& guest = host("guest", {.receive = RelayTest::all(), .serves = false});
  dial(guest, "guest", "down");
  std::map<std::string, int> asked;
  net("down").hook = [&](MemMessage* m) {
    proto::Envelope e;
    EXPECT_EQ(proto::open_message(byte_view(m->header), byte_view(m->payload), &e), proto::Opened::kOk);
    if (!m->to_binder && e.has_trace()) ++asked[m->dialer];
    return MemNet::Fate::kDeliver;
  };
  publish("open/pose");
  EXPECT_EQ(cause(why("open/pose")), "gate, to guest: denied: no [[allow]] rule lets guest read it");
  EXPECT_EQ(asked, (std::map<std::string, int>{{"base", 1}}));
}

TEST_F(AccessTraceTest, NamesThatMayHaveBeenMeantAreOnlySuchAsMayBeListed) {
  chain_with_access();
  publish("open/pose");
  publish("open2/pose");
  publish("open/secret/pose");
  why("open/psoe");
  std::vector<std::string> others;
  for (const proto::Finding& f : trail_.findings) {
    EXPECT_THAT(f.text(), Not(HasSubstr("open2")));
    others.insert(others.end(), f.other_name().begin(), f.other_name().end());
  }
  EXPECT_THAT(others, Contains("open/pose"));
  EXPECT_THAT(others, Not(Contains("open2/pose"))) << "neither the gate's nor the robot's";
}

TEST_F(AccessTraceTest, WhatOthersAskForIsToldOnlyToWhoMayListAll) {
  chain_with_access();
  ASSERT_TRUE(base_->relay().configure({}, {taking("secret/key")}, {}, {}, {}).ok());
  publish("open/pose");
  for (const proto::Finding& f : (why("open/pose"), trail_.findings))
    EXPECT_THAT(f.text(), Not(HasSubstr("secret"))) << f.relay();
}

TEST_F(AccessTraceTest, TheRuleThatKeepsATopicFromAPeerIsNamed) {
  chain({.access = {{},
                    {deny_rule({"*"}, {"log/**"}), deny_rule({"gate"}, {"arm/**"}, Rights(Right::kRead))}}});
  publish();
  publish("log/x");
  const Route way = why("arm/pose");
  EXPECT_EQ(cause(way), "robot, to gate: denied: [[deny]] rule 2 does not let gate read it");
  EXPECT_THAT(all(why("log/x")), Contains("robot, here: denied: peer gate may not list it"));
}

// --- set

class AccessSetTest : public SetTest {
 protected:
  // The answer without the topic's name, which the asker knows.
  static std::string seen(const proto::SetAnswer& a, const std::string& topic) {
    proto::SetAnswer seen = a;
    std::string text = a.text();
    if (const size_t at = text.find(topic); at != text.npos) text.replace(at, topic.size(), "TOPIC");
    seen.set_text(text);
    return seen.SerializeAsString();
  }
};

TEST_F(AccessSetTest, AProxyPassesOnOnlyWhatItsPeerMayWrite) {
  gate({writing("cmd/**")}, {{allow_rule({"anna"}, {"cmd/*"}, Rights(Right::kWrite), "F:5:1"),
                              allow_rule({"bert"}, {"arm/*"}, Rights(Right::kWrite))},
                             {}});
  Host& anna = asker("anna");
  Host& bert = asker("bert");
  const proto::SetAnswer of_robot = set_value(bert, "arm/pose", 1);
  EXPECT_EQ(of_robot.outcome(), proto::SET_NO_RULE);
  int sets = 0;
  net("a").hook = [&](MemMessage* m) {
    proto::Envelope e;
    EXPECT_EQ(proto::open_message(byte_view(m->header), byte_view(m->payload), &e), proto::Opened::kOk);
    sets += e.has_set();
    return MemNet::Fate::kDeliver;
  };
  const proto::SetAnswer denied = set_value(bert, "cmd/speed", 1);
  EXPECT_EQ(denied.outcome(), proto::SET_DENIED);
  EXPECT_EQ(words(denied), "gate: peer bert may not write topic cmd/speed");
  // Nor by knowing who would write.
  Relay::SetRequest wish{.kind = proto::SET_VALUE, .topic = "cmd/speed", .target = of_robot.instance()};
  wish.value.resize(8);
  EXPECT_EQ(send(bert, wish).answers.at(0).outcome(), proto::SET_DENIED);
  EXPECT_EQ(sets, 0);
  EXPECT_EQ(gate_->counters().session.denied, 2u);
  EXPECT_EQ(gate_->told["denied bert F:5:1"],
            "peer bert may not write cmd/speed: no [[allow]] gives it write (the first is at F:5:1)");
  EXPECT_EQ(set_value(anna, "cmd/speed", 2).outcome(), proto::SET_DONE);
  EXPECT_EQ(read("cmd/speed"), "2 fresh");
  EXPECT_EQ(set_value(anna, "cmd/deep/speed", 2).outcome(), proto::SET_DENIED);
  net("a").hook = nullptr;
}

TEST_F(AccessSetTest, WhoMayNotWriteIsAnsweredTheSameWhetherTheTopicIsThereOrNot) {
  // Without a type the rule takes only what is there.
  for (const bool at_gate : {true, false}) {
    const AccessRules rules{{}, {deny_rule({"*"}, {"cmd/**"}, Rights(Right::kWrite))}};
    hosts_.clear();
    more_.clear();
    robots_.clear();
    nets_.clear();
    gate({writing("**", "")}, at_gate ? rules : AccessRules(), at_gate ? AccessRules() : rules);
    const Program program = publishes(robots_.front(), "cmd/there", 1);
    Host& anna = asker("anna");
    const proto::SetAnswer there = set_value(anna, "cmd/there", 1), nowhere = set_value(anna, "cmd/none", 1);
    EXPECT_EQ(there.outcome(), proto::SET_DENIED);
    EXPECT_EQ(there.relay(), at_gate ? "gate" : "robot");
    EXPECT_EQ(seen(there, "cmd/there"), seen(nowhere, "cmd/none"));
    EXPECT_EQ(set_value(anna, "arm/none", 1).outcome(), proto::SET_NO_TOPIC) << "what may be written is told";
  }
  EXPECT_EQ(counted().refused_denied, 2u);
  EXPECT_THAT(
      told_of(WriteAct::kDenied),
      Contains("anna by gate: cmd/none: peer gate may not write cmd/none: denied by [[deny]] at F:2:1"));
}

TEST_F(AccessSetTest, WithoutAWriteRuleTheRightToWriteGivesNothing) {
  gate({writing("cmd/**")}, {{allow_rule({"*"}, {"**"}, kAllRights)}, {}},
       {{allow_rule({"*"}, {"**"}, kAllRights)}, {}});
  Host& anna = asker("anna");
  EXPECT_EQ(set_value(anna, "arm/pose", 1).outcome(), proto::SET_NO_RULE);
  EXPECT_EQ(set_value(anna, "cmd/speed", 1).outcome(), proto::SET_DONE);
}

TEST_F(AccessSetTest, WhoLosesTheRightLosesTheLease) {
  gate({writing("cmd/**")});
  Host& anna = asker("anna");
  EXPECT_EQ(set_value(anna, "cmd/speed", 5).outcome(), proto::SET_DONE);
  Relay& robot = *robots_.front().relay;
  ASSERT_TRUE(
      robot.configure({SendRule()}, {}, {}, {writing("cmd/**")}, {{}, {deny_rule({"x"}, {"**"})}}).ok());
  run(10 * kMs);
  EXPECT_EQ(read("cmd/speed"), "5 fresh") << "others do not notice";
  ASSERT_TRUE(
      robot.configure({SendRule()}, {}, {}, {writing("cmd/**")}, {{}, {deny_rule({"gate"}, {"**"})}}).ok());
  run(10 * kMs);
  EXPECT_EQ(read("cmd/speed"), "0 substituted");
  EXPECT_THAT(told_of(WriteAct::kWithdrawn), SizeIs(1));
  EXPECT_EQ(set_value(anna, "cmd/speed", 6).outcome(), proto::SET_DENIED);
}

}  // namespace
}  // namespace smt::relay
