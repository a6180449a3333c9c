// Strangers who set topics, and answer those who do, as they like.
#include <random>

#include "tests/relay/requests/set_fixture.h"
#include "tests/scale.h"

namespace smt::relay {
namespace {

class SetHostileTest : public SetTest {
 protected:
  SetHostileTest() {
    gate({writing("cmd/**")});
    anna_ = &asker("anna");
    EXPECT_EQ(set_value(*anna_, "cmd/speed", 1).outcome(), proto::SET_DONE);
    robot_ = probe(*anna_, "cmd/speed").answers.at(0).instance();
    greet();
  }
  void greet() {
    stranger_ = std::make_unique<Stranger>(net("down"), "s" + std::to_string(++strangers_));
    stranger_->session = 1000 + static_cast<uint64_t>(strangers_);
    stranger_->say(0, stranger_->hello(1'000'000 + static_cast<uint64_t>(strangers_)));
    settle();
    stranger_->hear();
    number_ = 0;
    ended_ = gate_->counters().session.ended;
  }
  proto::Set good(uint64_t request) const {
    proto::Set m;
    m.set_request(request);
    m.set_kind(proto::SET_VALUE);
    m.set_topic("cmd/turn");
    m.set_target(robot_);
    m.set_schema_hash(Schema::scalar(smt::Type::kF64).hash());
    m.set_holder(666);
    m.set_holder_name("mallory");
    return m;
  }
  void say(const proto::Set& m, std::string_view payload) {
    stranger_->send(
        proto::seal_message(stranger_->session, ++number_, m, proto::payload_hash(byte_view(payload))),
        payload);
  }
  bool ends_the_session(const proto::Set& m, std::string_view payload = "12345678") {
    say(m, payload);
    settle();
    const bool ended = gate_->counters().session.ended != ended_;
    if (ended) greet();
    return ended;
  }

  Host* anna_ = nullptr;
  uint64_t robot_ = 0;
  std::unique_ptr<Stranger> stranger_;
  int strangers_ = 0;
  uint64_t number_ = 0, ended_ = 0;
};

TEST_F(SetHostileTest, SetsThatAreNoneEndTheSession) {
  const auto with = [&](const auto& change) {
    proto::Set m = good(5);
    change(&m);
    return ends_the_session(m);
  };
  EXPECT_TRUE(with([](proto::Set* m) { m->set_request(0); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_kind(static_cast<proto::SetKind>(3)); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_topic(""); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_topic("cmd/*"); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_topic(std::string(256, 'x')); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_target(0); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_holder(0); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_holder_name(""); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_holder_name(std::string(65, 'x')); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_holder_name("a\nb"); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_holder_name("a\x1b[2J"); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_hops(9); }));
  EXPECT_TRUE(with([](proto::Set* m) { m->set_kind(proto::SET_PROBE); })) << "a probe has no value";
  EXPECT_TRUE(with([](proto::Set* m) { m->set_kind(proto::SET_RELEASE); }));
  EXPECT_EQ(read("cmd/turn"), "nothing");
  EXPECT_FALSE(ends_the_session(good(5)));
  EXPECT_EQ(read("cmd/turn"), "6.82132e-38 fresh") << "the bytes 12345678 as f64";
}

TEST_F(SetHostileTest, RandomSetsChangeNothing) {
  std::mt19937_64 random(7);
  for (uint64_t i = 0, end = Scale::get().scaled(600, 3'000); i < end; ++i) {
    proto::Set m = good(1000 + random() % 500);
    switch (random() % 6) {
      case 0:
        m.set_schema_hash(random());
        break;
      case 1:
        m.set_target(random() % 2 == 0 ? random() : 0);
        break;
      case 2:
        m.set_topic(random() % 2 == 0 ? "cmd/speed" : "arm/pose");
        break;
      case 3:
        m.set_kind(static_cast<proto::SetKind>(random() % 4));
        m.set_topic("cmd/speed");
        break;
      case 4:
        m.set_hops(static_cast<uint32_t>(random() % 12));
        m.set_topic("arm/" + std::to_string(random()));
        break;
      default:
        m.set_holder_name(std::string(random() % 80, static_cast<char>(random())));
        m.set_topic("cmd/speed");
        break;
    }
    const bool right = m.topic() == "cmd/turn" && m.target() == robot_ && m.kind() == proto::SET_VALUE &&
                       m.schema_hash() == good(1).schema_hash();
    if (right) continue;
    ends_the_session(m, std::string(random() % 3 == 0 ? random() % 20 : 8, 'x'));
    if (random() % 4 == 0) {
      ASSERT_EQ(set_value(*anna_, "cmd/speed", i).outcome(), proto::SET_DONE);
    }
    if (random() % 8 == 0) stranger_->hear();
  }
  EXPECT_EQ(counted().leases, 1u) << "anna's";
  EXPECT_EQ(read("arm/pose"), "nothing");
  EXPECT_EQ(read("cmd/turn"), "nothing");
}

TEST_F(SetHostileTest, WhoHoldsALeaseIsNotToldByItsNumber) {
  say(good(5), "12345678");
  proto::Set other = good(6);
  other.set_holder(667);
  say(other, "12345678");
  settle();
  for (const proto::Envelope& e : stranger_->hear()) {
    EXPECT_EQ(e.SerializeAsString().find(std::string("\x9a\x02\0\0\0\0\0\0", 8)), std::string::npos)
        << "the bytes of 666";
  }
  EXPECT_EQ(counted().refused_held, 1u);
}

TEST_F(SetHostileTest, SetsWithoutEndAreNotKeptAndHoldUpNobodyElse) {
  net("a").set_delay(300 * kMs, 0);  // the robot's answers take their time
  for (uint64_t i = 0; i < 1000; ++i) ASSERT_FALSE(ends_the_session(good(100 + i))) << i;
  size_t refused = 0;
  for (const proto::Envelope& e : stranger_->hear())
    refused += e.has_set_reply() && e.set_reply().answer(0).outcome() == proto::SET_NO_ANSWER;
  EXPECT_EQ(refused, 1000u - 48u);
  run(kSecond);
  EXPECT_EQ(set_value(*anna_, "cmd/speed", 2).outcome(), proto::SET_DONE);
  EXPECT_EQ(gate_->counters().session.opened - gate_->counters().session.ended, 2u) << "robot and anna";
}

TEST_F(SetHostileTest, WhoAsksForMoreAtOnceThanIsKeptLosesTheSession) {
  net("a").set_delay(300 * kMs, 0);  // the robot's answers take their time
  uint64_t request = 100;
  const auto ends_after = [&](int sets) {
    for (int i = 1; i < sets; ++i) say(good(++request), "12345678");
    return ends_the_session(good(++request), "12345678");
  };
  EXPECT_FALSE(ends_after(48)) << "passed on to the robot";
  EXPECT_FALSE(ends_after(16)) << "answered here";
  EXPECT_TRUE(ends_after(17));
  run(kSecond);
  EXPECT_EQ(set_value(*anna_, "cmd/speed", 2).outcome(), proto::SET_DONE);
}

TEST_F(SetHostileTest, AValueThatIsMeantForAnotherRelayIsNotWritten) {
  robots_.front().relay->add(net("x").bind("mem://x"));
  Stranger direct(net("x"), "direct");
  direct.say(0, direct.hello(2'000'000));
  settle();
  direct.hear();
  proto::Set m = good(5);
  m.set_target(robot_ + 1);
  direct.send(proto::seal_message(direct.session, 1, m, proto::payload_hash(byte_view("12345678"))),
              "12345678");
  settle();
  EXPECT_EQ(read("cmd/turn"), "nothing");
  m.set_request(6);
  m.set_target(robot_);
  direct.send(proto::seal_message(direct.session, 2, m, proto::payload_hash(byte_view("12345678"))),
              "12345678");
  settle();
  EXPECT_EQ(read("cmd/turn"), "6.82132e-38 fresh");
  std::vector<proto::SetOutcome> outcomes;
  for (const proto::Envelope& e : direct.hear()) {
    if (e.has_set_reply()) outcomes.push_back(e.set_reply().answer(0).outcome());
  }
  EXPECT_THAT(outcomes, testing::ElementsAre(proto::SET_NO_ROUTE, proto::SET_DONE));
}

TEST_F(SetHostileTest, AnswersOfWhoWasNotAskedDoNothing) {
  Stranger unasked(net("down"), "unasked");
  unasked.session = 999;
  proto::Hello hello = unasked.hello(3'000'000);
  hello.set_serves(false);
  unasked.say(0, hello);
  net("a").set_delay(300 * kMs, 0);  // the robot's answer takes its time
  const uint64_t request =
      anna_->relay().set({.topic = "cmd/speed", .holder_name = "anna"}, now_, 2 * kSecond);
  settle();
  for (uint64_t guess = request - 5; guess < request + 5; ++guess) {
    proto::SetReply reply;
    reply.set_request(guess);
    proto::SetAnswer* a = reply.add_answer();
    a->set_instance(hello.instance());
    a->set_schema(Schema::scalar(smt::Type::kF64).text());
    a->set_outcome(proto::SET_DONE);
    a->set_relay("unasked");
    unasked.say(guess - request + 6, reply);
  }
  ASSERT_TRUE(until([&] { return anna_->relay().set_result(request).done; }));
  const Relay::SetResult result = anna_->relay().set_result(request);
  ASSERT_EQ(result.answers.size(), 1u);
  EXPECT_EQ(result.answers[0].relay(), "robot");
}

TEST_F(SetHostileTest, AnswersThatAreTooLargeEndTheSession) {
  const auto ends = [&](const proto::SetReply& reply) {
    stranger_->say(++number_, reply);
    settle();
    const bool ended = gate_->counters().session.ended != ended_;
    if (ended) greet();
    return ended;
  };
  proto::SetReply reply;
  reply.set_request(4);
  proto::SetAnswer* a = reply.add_answer();
  a->set_text(std::string(512, 'x'));
  EXPECT_FALSE(ends(reply)) << "nobody asked";
  a->set_text(std::string(513, 'x'));
  EXPECT_TRUE(ends(reply));
  a->set_text("");
  a->set_holder_name(std::string(65, 'x'));
  EXPECT_TRUE(ends(reply));
  a->set_holder_name("");
  a->set_schema(std::string(256 * 1024 + 1, 'x'));
  EXPECT_TRUE(ends(reply));
  a->set_schema("");
  a->set_lease_ns(UINT64_MAX);
  EXPECT_TRUE(ends(reply));
  reply.clear_answer();
  for (int i = 0; i < 17; ++i) reply.add_answer();
  EXPECT_TRUE(ends(reply));
}

}  // namespace
}  // namespace smt::relay
