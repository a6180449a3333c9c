// Strangers who ask why a topic does not come, and answer that, as they like.
#include <random>

#include "tests/relay/requests/trace_fixture.h"

namespace smt::relay {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class TraceHostileTest : public TraceTest {
 protected:
  TraceHostileTest() {
    chain();
    publish();
    greet();
  }
  void greet() {
    stranger_ = std::make_unique<Stranger>(net("down"), "s" + std::to_string(++strangers_));
    stranger_->session = 1000 + static_cast<uint64_t>(strangers_);
    stranger_->say(0, stranger_->hello(900 + static_cast<uint64_t>(strangers_)));
    settle();
    stranger_->hear();
    number_ = 0;
    ended_ = gate_->counters().session.ended;
  }
  static proto::Trace question(uint64_t request, const std::string& topic = "arm/pose", uint32_t hops = 0) {
    proto::Trace t;
    t.set_request(request);
    t.set_topic(topic);
    t.set_hops(hops);
    return t;
  }
  template <class Body>
  bool ends_the_session(const Body& body) {
    stranger_->say(++number_, body);
    settle();
    const bool ended = gate_->counters().session.ended != ended_;
    if (ended) greet();
    return ended;
  }
  std::vector<proto::Traced> answers() {
    std::vector<proto::Traced> out;
    for (const proto::Envelope& e : stranger_->hear()) {
      if (e.has_traced()) out.push_back(e.traced());
    }
    return out;
  }

  std::unique_ptr<Stranger> stranger_;
  int strangers_ = 0;
  uint64_t number_ = 0, ended_ = 0;
};

TEST_F(TraceHostileTest, QuestionsThatAreNoneEndTheSession) {
  EXPECT_TRUE(ends_the_session(question(0)));
  EXPECT_TRUE(ends_the_session(question(1, "")));
  EXPECT_TRUE(ends_the_session(question(1, "a//b")));
  EXPECT_TRUE(ends_the_session(question(1, std::string(300, 'x'))));
  EXPECT_TRUE(ends_the_session(question(1, std::string(100'000, 'x'))));
  EXPECT_TRUE(ends_the_session(question(1, "a", 9)));
  proto::Trace t = question(1);
  t.set_here(std::string(300, 'x'));
  EXPECT_TRUE(ends_the_session(t));
  EXPECT_FALSE(ends_the_session(question(1)));
}

TEST_F(TraceHostileTest, AQuestionThatGoesRoundAndRoundIsAnsweredOnce) {
  stranger_->say(++number_, question(5));
  for (int i = 0; i < 20; ++i) stranger_->say(++number_, question(5, "arm/pose", 8));
  run(100 * kMs);
  size_t findings = 0, count = 0;
  for (const proto::Traced& t : answers()) {
    ++count;
    findings += t.finding_size() != 0;
  }
  EXPECT_EQ(count, 21u);
  EXPECT_EQ(findings, 1u);
}

TEST_F(TraceHostileTest, QuestionsWithoutEndAreNotKept) {
  net("up").set_delay(10 * kSecond, 0);  // the robot's answers do not come
  size_t said = 0;
  while (said < 1000 && !ends_the_session(question(100 + said))) ++said;
  EXPECT_EQ(said, 64u);
  net("up").set_delay(0, 0);
  run(3 * kSecond);
  EXPECT_EQ(cause(why("arm/pose")), "passes") << "the others go on";
}

TEST_F(TraceHostileTest, AFloodOfQuestionsHoldsUpNoTopic) {
  for (int i = 0; i < 60; ++i) stranger_->say(++number_, question(1000 + static_cast<uint64_t>(i)));
  robot_->publish("arm/pose", "new", now_);
  EXPECT_TRUE(until(*base_, "arm/pose", "new"));
  EXPECT_LT(took_ns_, 20 * kMs);
  run(100 * kMs);
  EXPECT_EQ(answers().size(), 60u);
}

TEST_F(TraceHostileTest, WhoAsksWithoutPauseKeepsNobodyElseFromAsking) {
  for (uint64_t i = 0; i < 5000; ++i) {
    ASSERT_FALSE(ends_the_session(question(10'000 + i)));
    stranger_->hear();
  }
  EXPECT_THAT(all(why("arm/pose")), Contains(HasSubstr("base, here: passes: ")));
}

TEST_F(TraceHostileTest, AnswersThatAreTooLargeEndTheSessionAndUnaskedOnesDoNothing) {
  proto::Traced t;
  t.set_request(4);
  t.add_finding()->set_text(std::string(512, 'x'));
  EXPECT_FALSE(ends_the_session(t)) << "nobody asked";
  t.mutable_finding(0)->set_text(std::string(513, 'x'));
  EXPECT_TRUE(ends_the_session(t));
  t.mutable_finding(0)->set_text("");
  t.mutable_finding(0)->set_relay(std::string(256, 'x'));
  EXPECT_TRUE(ends_the_session(t));
  t.mutable_finding(0)->set_relay("");
  for (int i = 0; i < 6; ++i) t.mutable_finding(0)->add_other_name("x");
  EXPECT_TRUE(ends_the_session(t));
  t.clear_finding();
  for (int i = 0; i < 257; ++i) t.add_finding();
  EXPECT_TRUE(ends_the_session(t));
}

TEST_F(TraceHostileTest, MoreThanFitsIsLeftOutAndSaidToBeMissing) {
  const uint64_t request = client_->relay().trace("arm/pose", now_, 2 * kSecond);
  proto::Traced t;
  for (int i = 0; i < 256; ++i) t.add_finding()->set_text(std::string(512, 'x'));
  ASSERT_TRUE(until([&] {
    for (const proto::Envelope& e : stranger_->hear()) {
      if (!e.has_trace()) continue;
      t.set_request(e.trace().request());
      stranger_->say(++number_, t);
    }
    return client_->relay().trace_result(request).done;
  }));
  EXPECT_EQ(client_->relay().trace_result(request).findings.size(), 256u);
  EXPECT_FALSE(client_->relay().trace_result(request).complete);
}

TEST(Route, IsFoundInAnyNumbers) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 3000; ++i) {
    std::vector<proto::Finding> findings(random() % 30);
    for (proto::Finding& f : findings) {
      f.set_instance(random() % 5);
      f.set_peer_instance(random() % 5);
      f.set_side(static_cast<proto::Side>(random() % 5));
      f.set_verdict(static_cast<proto::Verdict>(static_cast<int>(random() % 30) - 2));
      f.set_topic_hops(random() % 3 == 0 ? static_cast<uint32_t>(random() >> (random() % 64)) : 0);
      f.set_asked(random() % 2 == 0);
    }
    const size_t n = findings.size();
    const Route way = find_route(std::move(findings));
    ASSERT_EQ(way.steps.size(), n);
    if (way.cause) {
      ASSERT_TRUE(stops(way.stops()->verdict()));
    }
    for (const Route::Step& s : way.steps) ASSERT_FALSE(side_words(s.finding).empty());
  }
}

}  // namespace
}  // namespace smt::relay
