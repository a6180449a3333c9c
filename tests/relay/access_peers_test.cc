// What each peer gets where access differs: live, asked for once, listed, through a proxy, after a reload;
// and hundreds of random rules from end to end.
#include "tests/relay/access_rules.h"
#include "tests/relay/relay_fixture.h"
#include "tests/row.h"
#include "tests/scale.h"

namespace smt::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AccessPeersTest : public RelayTest {
 protected:
  // What a net carries to each that dials it.
  struct Heard {
    std::string bytes;                              // of the headers
    std::map<std::string, int> announced;           // names
    std::vector<proto::Envelope::BodyCase> bodies;  // but Report
  };
  void listen(const std::string& net_name = "a") {
    net(net_name).hook = [this](MemMessage* m) {
      if (m->to_binder) return MemNet::Fate::kDeliver;
      Heard& heard = heard_[m->dialer];
      heard.bytes += m->header + m->payload;
      proto::Envelope e;
      EXPECT_EQ(proto::open_message(byte_view(m->header), byte_view(m->payload), &e), proto::Opened::kOk);
      if (!e.has_report()) heard.bodies.push_back(e.body_case());
      for (const proto::Topic& t : e.announce().topic()) ++heard.announced[t.name()];
      return MemNet::Fate::kDeliver;
    };
  }
  Host& subscriber(const std::string& name, const std::string& net_name = "a") {
    Host& h = host(name, {.receive = {{{"**", "smt/**"}, {}, 0}}, .serves = false});
    dial(h, name + " follows", net_name);
    return h;
  }
  // Asks only.
  Host& asker(const std::string& name, const std::string& net_name = "a") {
    Host& h = host(name, {.serves = false});
    dial(h, name + " asks", net_name);
    return h;
  }
  Relay::GetResult ask(Host& h, const Texts& patterns, bool list) {
    EXPECT_TRUE(until([&] { return !h.relay().peers().empty(); }));
    const uint64_t request = h.relay().get({{patterns, {}, 0}}, list, now_, 2 * kSecond);
    EXPECT_TRUE(until([&] { return h.relay().get_result(request).done; }));
    run(2 * kMs);
    return h.relay().get_result(request);
  }
  void reload(Host& h, const AccessRules& access) {
    const Status s = h.relay().configure(h.send_rules(), h.receive_rules(), {}, {}, access);
    ASSERT_TRUE(s.ok()) << s.message();
    run(20 * kMs);
  }
  // Names of the topics that are described there.
  static Texts has(Host& h) {
    Texts out;
    for (uint32_t id = 0; id < h.store().topic_limit(); ++id) {
      if (h.store().topic(id) != nullptr) out.push_back(h.store().topic(id)->name);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  std::map<std::string, Heard> heard_;
};

TEST_F(AccessPeersTest, WhatMayNotBeReadIsNotAnnouncedNorSent) {
  Host& a = host("a", {.access = {{}, {deny_rule({"b"}, {"secret/**"}, kAllRights, "F:7:1")}}});
  bind(a);
  listen();
  Host& b = subscriber("b");
  Host& c = subscriber("c");
  a.publish("open", "1", now_);
  a.publish("secret/key", "hunter2", now_);
  ASSERT_TRUE(until(b, "open", "1"));
  ASSERT_TRUE(until(c, "secret/key", "hunter2"));
  a.publish("secret/later", "hunter2", now_);
  a.publish("secret/key", "hunter3", now_);
  ASSERT_TRUE(until(c, "secret/later", "hunter2"));
  EXPECT_THAT(has(b), ElementsAre("open"));
  EXPECT_EQ(heard_["b follows"].bytes.find("secret"), std::string::npos);
  EXPECT_EQ(heard_["b follows"].bytes.find("hunter"), std::string::npos);
  EXPECT_EQ(a.counters().outbound.denied, 2u);
  EXPECT_EQ(a.logged["denied b F:7:1"], 1);
  EXPECT_EQ(a.told["denied b F:7:1"], "peer b may not read secret/key: denied by [[deny]] at F:7:1");
}

TEST_F(AccessPeersTest, AWishForTenThousandDeniedTopicsIsOneLine) {
  Host& a = host("a", {.access = {{allow_rule({"c"}, {"**"}, kReadList, "F:4:1")}, {}}});
  bind(a);
  for (int i = 0; i < 10'000; ++i) a.publish("secret/" + std::to_string(i), "x", now_);
  Host& b = subscriber("b");
  run(100 * kMs);
  EXPECT_THAT(has(b), IsEmpty());
  EXPECT_EQ(a.counters().outbound.denied, 10'000u);
  EXPECT_EQ(a.logged["denied b F:4:1"], 1);
  EXPECT_THAT(a.told["denied b F:4:1"],
              testing::EndsWith(": no [[allow]] gives it read (the first is at F:4:1)"));
  ask(asker("b"), {"**"}, true);
  EXPECT_EQ(a.counters().outbound.denied, 20'000u) << "each time that it is asked for";
  EXPECT_EQ(a.logged["denied b F:4:1"], 2);
}

TEST_F(AccessPeersTest, WhoMayListIsToldOfATopicButNotItsValue) {
  Host& a = host(
      "a", {.access = {{allow_rule({"b"}, {"**"}, Rights(Right::kList)), allow_rule({"b"}, {"open"})}, {}}});
  bind(a);
  listen();
  a.publish("open", "1", now_);
  a.publish("shut", "hunter2", now_);
  Host& b = asker("b");
  EXPECT_EQ(ask(b, {"**"}, true).topics, 2u);
  EXPECT_THAT(has(b), ElementsAre("open", "shut"));
  EXPECT_EQ(ask(b, {"**"}, false).topics, 1u);
  EXPECT_EQ(b.value("open"), "1");
  EXPECT_EQ(b.value("shut"), "") << "a list tells of its newest sample, without the value";
  a.publish("shut", "hunter3", now_);
  EXPECT_EQ(ask(b, {"shut"}, false).topics, 0u);
  Host& follows = subscriber("b");
  ASSERT_TRUE(until(follows, "open", "1"));
  run(20 * kMs);
  EXPECT_THAT(has(follows), ElementsAre("open"));
  for (const auto& [dialer, heard] : heard_)
    EXPECT_EQ(heard.bytes.find("hunter"), std::string::npos) << dialer;
}

TEST_F(AccessPeersTest, WhoMayNotListIsAnsweredAsIfThereWereNothing) {
  Host& a = host("a", {.access = {{}, {deny_rule({"b"}, {"secret/**"})}}});
  bind(a);
  listen();
  a.publish("secret/key", "hunter2", now_);
  Host& b = asker("b");
  for (const bool list : {true, false}) {
    const Relay::GetResult there = ask(b, {"secret/key"}, list), nowhere = ask(b, {"secret/none"}, list);
    EXPECT_EQ(there.topics, nowhere.topics);
    EXPECT_EQ(there.complete, nowhere.complete);
  }
  EXPECT_EQ(heard_["b asks"].bytes.find("secret"), std::string::npos);
}

TEST_F(AccessPeersTest, WhatAProxyKeepsForOnePeerIsNoHoleForAnother) {
  a_ = &host("a");
  p_ = &host("p", {.proxy = true,
                   .access = {{allow_rule({"base"}, {"**"}), allow_rule({"guest"}, {"map/**"})},
                              {deny_rule({"*"}, {"map/secret"})}}});
  bind(*p_, "up");
  bind(*p_, "down");
  dial(*a_, "a", "up");
  listen("down");
  for (const char* topic : {"arm/pose", "map/hall", "map/secret"}) a_->publish(topic, "12345678", now_);
  Host& base = subscriber("base", "down");
  ASSERT_TRUE(until(base, "arm/pose", "12345678"));
  Host& guest = subscriber("guest", "down");
  ASSERT_TRUE(until(guest, "map/hall", "12345678"));
  Host& asks = asker("guest", "down");
  EXPECT_EQ(ask(asks, {"**"}, true).topics, 1u);
  EXPECT_EQ(ask(asks, {"**"}, false).topics, 1u);
  a_->publish("arm/pose", "87654321", now_);
  ASSERT_TRUE(until(base, "arm/pose", "87654321"));
  EXPECT_EQ(p_->value("map/secret"), "12345678") << "the proxy has it";
  EXPECT_THAT(has(base), ElementsAre("arm/pose", "map/hall"));
  EXPECT_THAT(has(guest), ElementsAre("map/hall"));
  for (const auto& [dialer, heard] : heard_) {
    EXPECT_EQ(heard.bytes.find("map/secret"), std::string::npos) << dialer;
    if (dialer.starts_with("base")) continue;
    EXPECT_EQ(heard.bytes.find("arm"), std::string::npos);
  }
}

TEST_F(AccessPeersTest, OtherRulesTakeAndGiveWhatTheyChangeAndNothingElse) {
  using Body = proto::Envelope::BodyCase;
  Host& a = host("a");
  bind(a);
  Host& b = subscriber("b");
  Host& c = subscriber("c");
  for (const char* topic : {"t0", "t1", "t2"}) a.publish(topic, "1", now_);
  ASSERT_TRUE(until(b, "t2", "1"));
  ASSERT_TRUE(until(c, "t2", "1"));
  run(300 * kMs);
  listen();
  reload(a, {{}, {deny_rule({"b"}, {"t1"})}});
  EXPECT_THAT(has(b), ElementsAre("t0", "t2"));
  EXPECT_THAT(heard_["b follows"].bodies, ElementsAre(Body::kForget)) << "and nothing more";
  EXPECT_THAT(heard_["c follows"].bodies, IsEmpty());
  // To list it is not enough for who follows it; the words of a rule are told once more after a reload.
  heard_.clear();
  reload(a, {{}, {deny_rule({"b"}, {"t1", "t2"}, Rights(Right::kRead))}});
  EXPECT_THAT(has(b), ElementsAre("t0"));
  EXPECT_THAT(heard_["b follows"].bodies, ElementsAre(Body::kForget));
  EXPECT_EQ(a.counters().outbound.denied, 2u);
  a.publish("t1", "2", now_);
  a.publish("t0", "2", now_);
  ASSERT_TRUE(until(b, "t0", "2"));
  // And back, with what was published meanwhile.
  heard_.clear();
  reload(a, {{}, {deny_rule({"c"}, {"nothing"})}});
  EXPECT_EQ(b.value("t1"), "2");
  EXPECT_EQ(b.value("t2"), "1");
  EXPECT_EQ(heard_["b follows"].announced, (std::map<std::string, int>{{"t1", 1}, {"t2", 1}}));
  EXPECT_THAT(heard_["c follows"].bodies, IsEmpty());
  EXPECT_EQ(b.counters().session.opened, 1u);
  EXPECT_FALSE(a.relay().configure(a.send_rules(), {}, {}, {}, {{allow_rule({"*"}, {"a//b"})}, {}}).ok());
  EXPECT_EQ(b.value("t1"), "2") << "bad rules change nothing";
}

// Of rules at the relay that peers dial: a source, or a proxy before one.
class RandomAccessTest : public AccessPeersTest, public testing::WithParamInterface<bool> {};

TEST_P(RandomAccessTest, EachPeerHasWhatTheRulesSay) {
  const uint32_t seed = seed_of_run();
  AccessMaker make(seed);
  size_t compared = 0, allowed = 0, differences = 0;
  for (uint64_t i = 0, end = Scale::get().scaled(30, 150); i < end; ++i) {
    hosts_.clear();
    nets_.clear();
    const AccessRules rules = make.rules();
    Host& source = host("source", {.access = GetParam() ? AccessRules() : rules});
    std::string down = "a";
    if (GetParam()) {
      Host& proxy = host("proxy", {.proxy = true, .access = rules});
      bind(proxy, "up");
      bind(proxy, down = "down");
      dial(source, "source", "up");
    } else {
      bind(source);
    }
    Texts topics;
    for (int k = 0; k < 8; ++k) topics.push_back(make.topic());
    for (const std::string& topic : topics) source.publish(topic, topic, now_);
    std::map<std::string, Host*> follows, lists, gets;
    for (const std::string name : {"p1", "q1", "p10"}) {
      follows[name] = &subscriber(name, down);
      dial(*(lists[name] = &host(name, {.serves = false})), name + " lists", down);
      dial(*(gets[name] = &host(name, {.serves = false})), name + " gets", down);
    }
    run(50 * kMs, 5 * kMs);
    for (const auto& [name, h] : lists) ask(*h, {"**", "smt/**"}, true);
    for (const auto& [name, h] : gets) ask(*h, {"**", "smt/**"}, false);
    for (const auto& [name, h] : follows) {
      for (const std::string& topic : topics) {
        const bool read = should_allow(rules, name, topic, Right::kRead);
        const bool list = should_allow(rules, name, topic, Right::kList);
        const bool right = (h->value(topic) == topic) == read && (h->described(topic) != nullptr) == read &&
                           (gets[name]->value(topic) == topic) == read &&
                           (gets[name]->described(topic) != nullptr) == read &&
                           (lists[name]->described(topic) != nullptr) == list;
        compared += 3;
        allowed += read;
        differences += !right;
        EXPECT_TRUE(right) << name << " and " << topic << ": " << read << list << ", live " << h->value(topic)
                           << ", got " << gets[name]->value(topic) << ", listed "
                           << (lists[name]->described(topic) != nullptr) << " by " << shown(rules);
      }
    }
  }
  std::printf("%zu compared, %zu differences\n", compared, differences);
  EXPECT_GT(allowed, compared / 3 / 5);
  EXPECT_LT(allowed, compared / 3 * 4 / 5);
  print_row(
      Row{.id = "S3",
          .what = GetParam() ? "rights live, listed, fetched; at a proxy" : "rights live, listed, fetched",
          .n = compared,
          .violations = differences,
          .seed = seed});
}
INSTANTIATE_TEST_SUITE_P(At, RandomAccessTest, testing::Bool(),
                         [](const auto& at) { return at.param ? "AProxy" : "TheSource"; });

}  // namespace
}  // namespace smt::relay
