// Rules of who gets which topics and what they are called there, and other rules while the relay runs: what
// they treat as before goes on as if nothing had happened.
#include "relay/store/shm_store.h"
#include "tests/bytes_of.h"
#include "tests/relay/relay_diary.h"
#include "tests/relay/relay_fixture.h"
#include "tests/shm/shm_fixture.h"

namespace smt::relay {
namespace {

SendRule sends(std::vector<std::string> topic, std::vector<std::string> to = {"*"}) {
  SendRule r;
  r.topic = std::move(topic);
  r.to = std::move(to);
  return r;
}
ReceiveRule taking(const std::string& topic, const std::string& prefix = "", const std::string& as = "",
                   const std::string& from = "*") {
  ReceiveRule r;
  r.topic = {topic};
  r.prefix = prefix;
  r.as = as;
  r.from = {from};
  return r;
}

class RulesTest : public RelayTest {
 protected:
  Host& named(const std::string& name, HostOptions options) {
    Host& h = host(name, std::move(options));
    dial(h, name);
    return h;
  }
  static HostOptions by(std::vector<ReceiveRule> rules) {
    return {.serves = false, .receive_rules = std::move(rules)};
  }
  void reload(Host& h, std::vector<SendRule> send, std::vector<ReceiveRule> receive) {
    const Status s = h.relay().configure(std::move(send), std::move(receive), {}, {}, {});
    ASSERT_TRUE(s.ok()) << s.message();
  }
  static bool has(Host& h, const std::string& topic) { return h.described(topic) != nullptr; }

  Diary came_{&now_};
};

TEST_F(RulesTest, EachPeerGetsWhatTheRulesLetItAndTheFirstThatNamesATopicDecides) {
  SendRule no_raw = sends({"camera/**"});
  no_raw.exclude = {"**/raw"};
  SendRule slow = sends({"camera/**", "arm/**"}, {"visitor*"});
  slow.pacing.period_ns = kSecond;
  Host& a = host(
      "a", {.send_rules = {sends({"secret/**"}, {"base*"}), no_raw, slow, sends({"arm/**"}, {"base*"})}});
  bind(a);
  Host& base = named("base1", by({taking("**")}));
  Host& visitor = named("visitor7", by({taking("**")}));
  Host& other = named("other", by({taking("**")}));
  Diary at_base(&now_), at_visitor(&now_);
  at_base.follow(base);
  at_visitor.follow(visitor);
  for (int i = 0; i < 1000; ++i) {
    for (const char* topic : {"secret/key", "camera/front", "camera/raw", "arm/left", "stray"})
      a.publish(topic, std::to_string(1000 + i), now_);
    run(10 * kMs, 5 * kMs);
  }
  EXPECT_EQ(base.value("secret/key"), "1999");
  EXPECT_EQ(at_base.count("arm/left"), 1000u);
  EXPECT_FALSE(has(base, "camera/raw"));
  EXPECT_FALSE(has(base, "stray"));
  EXPECT_FALSE(has(visitor, "secret/key"));
  EXPECT_EQ(at_visitor.count("camera/front"), 1000u) << "of the rule before the slow one";
  EXPECT_NEAR(static_cast<double>(at_visitor.count("camera/raw")), 10, 1) << "that one leaves it out";
  EXPECT_NEAR(static_cast<double>(at_visitor.count("arm/left")), 10, 1);
  EXPECT_TRUE(has(other, "camera/front"));
  EXPECT_FALSE(has(other, "arm/left"));
  EXPECT_FALSE(has(other, "secret/key"));
}

TEST_F(RulesTest, TopicsGetTheirNamesByTheRuleOfTheirPeer) {
  ReceiveRule front = taking("camera/front", "", "front", "robot1");
  Host& base = host(
      "base",
      by({front, taking("arm/**", "", "arms/{peer}/**"), taking(R"(re:(leg|wheel)(\d+)/v)", "", R"(\1/\2)"),
          taking("camera/*", "eyes", "", "robot1"), taking("**", "{peer}", "", "robot*")}));
  bind(base);
  Host& one = named("robot1", {});
  Host& two = named("robot2", {});
  Host& three = named("stranger", {});
  for (Host* h : {&one, &two, &three}) {
    const std::string n = h == &one ? "1" : h == &two ? "2" : "3";
    for (const char* topic : {"camera/front", "camera/back", "arm/left/x", "arm", "imu"})
      h->publish(topic, n, now_);
  }
  one.publish("leg1/v", "1", now_);
  two.publish("wheel2/v", "2", now_);
  ASSERT_TRUE(until(base, "front", "1"));
  ASSERT_TRUE(until(base, "robot2/camera/front", "2"));
  run(100 * kMs);
  for (const auto& [name, value] : std::map<std::string, std::string>{{"eyes/camera/back", "1"},
                                                                      {"arms/robot1/left/x", "1"},
                                                                      {"arms/robot2", "2"},
                                                                      {"arms/stranger/left/x", "3"},
                                                                      {"robot1/imu", "1"},
                                                                      {"robot2/camera/back", "2"},
                                                                      {"leg/1", "1"},
                                                                      {"wheel/2", "2"}}) {
    EXPECT_EQ(base.value(name), value) << name;
  }
  EXPECT_FALSE(has(base, "stranger/imu")) << "no rule is for it";
  EXPECT_FALSE(has(base, "imu"));
}

// A source of ten topics at 1 kHz, of which rules treat nine as before.
class ReloadTest : public RulesTest {
 protected:
  void begin(std::vector<SendRule> send, std::vector<ReceiveRule> receive) {
    pair({.send_rules = std::move(send), .history = 64}, by(std::move(receive)));
    came_.follow(*b_);
    run(100 * kMs);
    go(100);
    announces_ = a_->counters().outbound.announces;
  }
  void go(int ms) {
    for (int i = 0; i < ms; ++i, now_ += kMs) {
      ++n_;
      for (int t = 0; t < 10; ++t) a_->publish("t" + std::to_string(t), std::to_string(1'000'000 + n_), now_);
      settle();
    }
  }
  // Of the first nine topics each publication came, and they were not announced again.
  void expect_undisturbed(uint64_t announced_more) {
    for (int t = 0; t < 9; ++t) {
      const std::string topic = "t" + std::to_string(t);
      EXPECT_EQ(came_.count(topic), n_) << topic;
      EXPECT_TRUE(came_.rises(topic));
    }
    EXPECT_EQ(a_->counters().outbound.announces, announces_ + announced_more);
    EXPECT_EQ(b_->counters().session.opened, 1u);
  }
  uint64_t n_ = 0, announces_ = 0;
};

TEST_F(ReloadTest, TheSameRulesOnceMoreChangeNothing) {
  ReceiveRule every;
  every.topic = {"t1", "t2"};
  every.pacing.every = true;
  begin({sends({"**"})}, {every, taking("**")});
  for (int i = 0; i < 20; ++i) {
    reload(*a_, {sends({"**"})}, {});
    go(5);
    reload(*b_, {}, {every, taking("**")});
    go(5);
  }
  expect_undisturbed(0);
  EXPECT_EQ(came_.count("t9"), n_);
}

TEST_F(ReloadTest, TheSendersNewRulesTouchOnlyTheTopicsThatTheyTreatOtherwise) {
  begin({sends({"**"})}, {taking("**")});
  SendRule rest = sends({"**"});
  rest.exclude = {"t9"};
  reload(*a_, {rest}, {});
  settle();
  EXPECT_FALSE(has(*b_, "t9")) << "at once";
  go(100);
  expect_undisturbed(0);
  SendRule slow = sends({"t9"});
  slow.pacing.period_ns = 10 * kMs;
  reload(*a_, {slow, sends({"t0"}), rest}, {});  // of the others another rule decides
  settle();
  EXPECT_EQ(b_->value("t9"), std::to_string(1'000'000 + n_)) << "at once";
  const uint64_t before = came_.count("t9");
  go(1000);
  EXPECT_NEAR(static_cast<double>(came_.count("t9") - before), 100, 2);
  expect_undisturbed(1);
  reload(*a_, {sends({"**"}, {"nobody"})}, {});
  settle();
  EXPECT_FALSE(has(*b_, "t0"));
}

TEST_F(ReloadTest, TheReceiversNewRulesTouchOnlyTheTopicsThatTheyTreatOtherwise) {
  begin({sends({"**"})}, {taking("**")});
  reload(*b_, {}, {taking("t9", "", "other/name"), taking("**")});
  settle();
  EXPECT_FALSE(has(*b_, "t9"));
  EXPECT_EQ(b_->value("other/name"), std::to_string(1'000'000 + n_)) << "at once, with its value";
  go(100);
  expect_undisturbed(1);
  EXPECT_EQ(b_->value("other/name"), std::to_string(1'000'000 + n_));
  // Gone, and back.
  ReceiveRule without = taking("**");
  without.exclude = {"t9"};
  reload(*b_, {}, {without});
  settle();
  EXPECT_FALSE(has(*b_, "other/name"));
  EXPECT_FALSE(has(*b_, "t9"));
  go(10);
  reload(*b_, {}, {taking("**")});
  settle();
  EXPECT_EQ(b_->value("t9"), std::to_string(1'000'000 + n_));
  go(10);
  EXPECT_EQ(b_->value("t9"), std::to_string(1'000'000 + n_));
  ReceiveRule aged = taking("t9");
  aged.max_age_ns = 5 * kSecond;
  reload(*b_, {}, {aged, taking("**")});
  settle();
  ASSERT_TRUE(has(*b_, "t9"));
  EXPECT_EQ(b_->described("t9")->max_age_ns, 5 * kSecond);
  EXPECT_EQ(b_->value("t9"), std::to_string(1'000'000 + n_));
  for (int t = 0; t < 9; ++t) EXPECT_EQ(came_.count("t" + std::to_string(t)), n_) << t;
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

TEST_F(ReloadTest, TwoTopicsMayExchangeTheirNames) {
  begin({sends({"**"})}, {taking("**")});
  for (int i = 0; i < 4; ++i) {
    const bool crossed = i % 2 == 0;
    std::vector<ReceiveRule> rules = {taking("t8", "", "t9"), taking("t9", "", "t8"), taking("**")};
    reload(*b_, {}, crossed ? rules : std::vector<ReceiveRule>{taking("**")});
    a_->publish("t8", "of t8..", now_);
    a_->publish("t9", "of t9..", now_);
    settle();
    EXPECT_EQ(b_->value("t8"), crossed ? "of t9.." : "of t8..") << i;
    EXPECT_EQ(b_->value("t9"), crossed ? "of t8.." : "of t9..") << i;
  }
}

TEST_F(ReloadTest, OtherModesAndPrioritiesOfAWishTakeEffectWithoutAnAnnouncement) {
  begin({sends({"**"})}, {taking("**")});
  ReceiveRule slow = taking("t9");
  slow.pacing = {.priority = Priority::kUrgent, .period_ns = 10 * kMs};
  reload(*b_, {}, {slow, taking("**")});
  settle();
  const uint64_t before = came_.count("t9");
  go(1000);
  EXPECT_NEAR(static_cast<double>(came_.count("t9") - before), 100, 2);
  expect_undisturbed(0);
}

TEST_F(ReloadTest, BrokenRulesChangeNothing) {
  begin({sends({"**"})}, {taking("**")});
  const auto refused = [&](Host& h, std::vector<SendRule> send, std::vector<ReceiveRule> receive,
                           std::vector<Subscription> cache = {}) {
    const Status s = h.relay().configure(std::move(send), std::move(receive), std::move(cache), {}, {});
    EXPECT_EQ(s.code(), Code::kInvalid);
    EXPECT_FALSE(s.message().empty());
    go(5);
  };
  refused(*a_, {sends({"t*"}), sends({"a//b"})}, {});
  refused(*a_, {sends({"t9"}), sends({"**"}, {"re:("})}, {});
  refused(*a_, {sends({"t9"})}, {taking("re:(")});
  refused(*b_, {}, {taking("t9"), taking("**", "{pear}")});
  refused(*b_, {}, {taking("t9"), taking("a/*/*", "", "b/*")});
  refused(*b_, {}, {taking("t9")}, {{{"re:("}, {}, 0}});
  ReceiveRule many = taking("t9");
  for (int i = 0; i < 5000; ++i) many.topic.push_back("x" + std::to_string(i));
  refused(*b_, {}, {many});
  refused(*b_, {}, std::vector<ReceiveRule>(1025, taking("t9")));
  go(50);
  expect_undisturbed(0);
  EXPECT_EQ(came_.count("t9"), n_);
}

TEST_F(RulesTest, ANameThatAReloadSetsFreeIsGivenToTheTopicThatWaitsForIt) {
  Host& base = host("base", by({taking("**")}));
  bind(base);
  Host& one = named("robot1", {});
  one.publish("x", "1", now_);
  ASSERT_TRUE(until(base, "x", "1"));
  Host& two = named("robot2", {});
  two.publish("x", "2", now_);
  run(kSecond);
  ASSERT_EQ(base.value("x"), "1");
  ASSERT_GE(base.logged["conflict x"], 1);
  reload(base, {}, {taking("**", "r1", "", "robot1"), taking("**")});
  ASSERT_TRUE(until([&] { return base.value("r1/x") == "1" && base.value("x") == "2"; }));
  EXPECT_LE(took_ns_, 10 * kMs) << "neither publishes anything";
}

class LargeReloadTest : public RulesTest {
 protected:
  std::string large(char c, size_t bytes = 3'000'000) const { return std::string(bytes, c); }
};

TEST_F(LargeReloadTest, RulesMayChangeInTheMiddleOfALargeValue) {
  pair();
  came_.follow(*b_);
  net().set_delay(5 * kMs, 5 * kMs);
  for (int i = 0; i < 12; ++i) {
    const std::string value = large(static_cast<char>('a' + i));
    const uint64_t chunks = a_->counters().outbound.chunks;
    a_->publish("large", value, now_);
    ASSERT_TRUE(until([&] { return a_->counters().outbound.chunks >= chunks + 3; }));
    SendRule urgent = sends({"**"});
    if (i % 2 == 0) urgent.pacing.priority = Priority::kUrgent;
    std::vector<ReceiveRule> takes = {taking("large", "r" + std::to_string(i)), taking("**")};
    if (i % 3 != 0) reload(*a_, {sends({"other"}), urgent}, {});
    if (i % 3 != 1) reload(*b_, {}, takes);
    const std::string name =
        i % 3 != 1 ? "r" + std::to_string(i) + "/large" : "r" + std::to_string(i - 1) + "/large";
    ASSERT_TRUE(until([&] { return b_->value(name) == value; })) << i;
  }
  EXPECT_EQ(b_->counters().session.malformed, 0u);
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

TEST_F(LargeReloadTest, AValueThatNeedsNoPiecesAnyMoreIsNotTakenForABreachOfTheProtocol) {
  SendRule capped = sends({"**"});
  capped.bytes_per_s = 10'000;
  pair();
  for (int i = 0; i < 20; ++i) a_->publish("warm", large('w', 100'000), now_), run(20 * kMs);
  reload(*a_, {capped}, {});
  a_->publish("x", large('1', 8000), now_);
  const uint64_t chunks = a_->counters().outbound.chunks;
  ASSERT_TRUE(until([&] { return a_->counters().outbound.chunks >= chunks + 2; }));
  reload(*a_, {sends({"**"})}, {});
  ASSERT_TRUE(until(*b_, "x", large('1', 8000)));
  a_->publish("x", large('2', 8000), now_);
  ASSERT_TRUE(until(*b_, "x", large('2', 8000)));
  EXPECT_EQ(b_->counters().session.malformed, 0u);
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

// What a rule lets stand in for a topic, in shared memory.
class FailSafeTest : public ShmTest {
 protected:
  void begin(std::vector<std::byte> fail_safe) {
    Result<std::unique_ptr<Store>> store =
        ShmStore::open(open_domain(), {.mirror = "m", .segment_bytes = 1 << 24});
    ASSERT_TRUE(store.ok()) << store.status().message();
    store_ = std::move(*store);
    ReceiveRule rule;
    rule.topic = {"cmd"};
    rule.max_age_ns = 200 * kMs;
    rule.on_stale = OnStale::kBytes;
    rule.fail_safe = std::move(fail_safe);
    RelayOptions b;
    b.name = "b";
    b.origin_id = make_id(2);
    b.instance = 2;
    b.receive = {rule, ReceiveRule()};
    b.random = [this] { return ++sessions_; };
    b.log = [this](Severity, const MessageKey&, const std::string& text) { log_.push_back(text); };
    RelayOptions a;
    a.name = "a";
    a.origin_id = make_id(1);
    a.instance = 1;
    a.send.resize(1);
    a_ = std::make_unique<Relay>(&source_, std::move(a));
    b_ = std::make_unique<Relay>(store_.get(), std::move(b));
    a_->add(net_.bind("mem://a"));
    b_->add(net_.dial("mem://a", "b"));
    const TopicOrigin origin{make_id(1), make_id(9), "robot", "d", "n"};
    cmd_ = *source_.open(describe("cmd", Schema::scalar(Type::kF64), 0, origin), 0);
    other_ = *source_.open(describe("other", Schema::scalar(Type::kF64), 0, origin), 0);
    put(cmd_, 1, 1.5);
    put(other_, 1, 2.5);
    pass(100 * kMs);
  }
  void put(uint32_t handle, uint64_t sequence, double value) {
    source_.put(handle, {sequence, 0, now_, now_}, std::as_bytes(std::span(&value, 1)));
  }
  void pass(int64_t ns) {
    for (const int64_t end = now_ + ns; now_ <= end; now_ += kMs) {
      for (int i = 0; i < 5; ++i) a_->step(now_), b_->step(now_);
    }
  }
  std::optional<double> value(const std::string& topic) {
    Result<TopicReader<double>> reader = TopicReader<double>::open(open_domain(), topic);
    if (!reader.ok() || reader->reader().latest() == nullptr) return std::nullopt;
    return *reader->latest();
  }

  int64_t now_ = boottime_ns();
  uint64_t sessions_ = 0;
  MemNet net_{&now_};
  MemStore source_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Relay> a_, b_;
  uint32_t cmd_ = 0, other_ = 0;
  std::vector<std::string> log_;
};

TEST_F(FailSafeTest, TheBytesOfTheRuleStandInAndGoWithTheNextSample) {
  begin(smt::bytes_of(-1.0));
  EXPECT_EQ(value("cmd"), 1.5);
  pass(150 * kMs);
  EXPECT_EQ(value("cmd"), -1);
  EXPECT_EQ(value("other"), 2.5) << "another rule's";
  put(cmd_, 2, 3.5);
  pass(10 * kMs);
  EXPECT_EQ(value("cmd"), 3.5);
  net_.cut("b");
  pass(300 * kMs);
  EXPECT_EQ(value("cmd"), -1) << "whatever is broken";
}

TEST_F(FailSafeTest, BytesOfTheWrongSizeAreRefusedAndSaidToBe) {
  std::vector<std::byte> seven = smt::bytes_of(-1.0);
  seven.pop_back();
  begin(seven);
  EXPECT_EQ(value("cmd"), std::nullopt);
  EXPECT_EQ(value("other"), 2.5);
  EXPECT_THAT(log_,
              testing::Contains(testing::AllOf(testing::HasSubstr("cmd"), testing::HasSubstr("fail-safe"),
                                               testing::HasSubstr("7"), testing::HasSubstr("8"))));
  EXPECT_EQ(b_->counters().inbound.dropped_size, 1u);
}

}  // namespace
}  // namespace smt::relay
