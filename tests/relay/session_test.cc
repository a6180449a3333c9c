// Relays over MemLinks: what crosses, how sessions begin and end, who has a name.
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

using proto::Envelope;

proto::Envelope read_envelope(const MemMessage& m) {
  proto::Envelope e;
  EXPECT_EQ(proto::open_message(byte_view(m.header), byte_view(m.payload), &e), proto::Opened::kOk);
  return e;
}

using SessionTest = RelayTest;

TEST_F(SessionTest, ASampleCrossesWithItsBytesStampSequenceOriginAndOneHopMore) {
  pair();
  a_->publish("x", "old", now_, 41);
  a_->publish("x", "value", now_, 42);
  ASSERT_TRUE(until(*b_, "x", "value"));
  EXPECT_EQ(b_->head("x").sequence, 42u);
  EXPECT_EQ(b_->head("x").stamp_ns, a_->head("x").stamp_ns);
  EXPECT_EQ(b_->described("x")->origin, a_->described("x")->origin);
  EXPECT_EQ(b_->described("x")->hops, 1u);
  EXPECT_EQ(*b_->described("x")->schema, Schema::bytes().text());
  EXPECT_EQ(b_->state("x"), State::kEmpty);
  a_->publish("x", "", now_);
  EXPECT_TRUE(until(*b_, "x", ""));
}

TEST_F(SessionTest, AgesGrowByTheTimeOnTheWayOnceTheClocksAreCompared) {
  pair({}, {.receive = all(), .serves = false, .clock_ns = -500 * kSecond});
  net().set_delay(30 * kMs, 30 * kMs);
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until([&] { return !b_->relay().peers().empty() && b_->relay().peers()[0].rtt_ns != 0; }));
  run(kSecond);
  EXPECT_NEAR(static_cast<double>(b_->relay().peers()[0].rtt_ns), 60e6, 2e6);
  const int64_t born = now_;
  a_->publish("x", "2", born);
  ASSERT_TRUE(until(*b_, "x", "2"));
  EXPECT_GE(took_ns_, 30 * kMs);
  EXPECT_NEAR(static_cast<double>(b_->age_ns("x", now_)), static_cast<double>(now_ - born), 2e6);
}

TEST_F(SessionTest, AValueThatWaitedForASubscriberArrivesWithItsAge) {
  pair();
  a_->publish("x", "1", now_ - 70 * kSecond);
  ASSERT_TRUE(until(*b_, "x", "1"));
  EXPECT_NEAR(static_cast<double>(b_->age_ns("x", now_)), 70e9, 1e9);
}

TEST_F(SessionTest, ALinkThatLosesEverythingEndsTheSessionBySilenceAndAllIsCurrentAfterwards) {
  pair();
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  net().hook = [](MemMessage*) { return MemNet::Fate::kDrop; };
  ASSERT_TRUE(until([&] { return b_->state("x") == State::kLinkDown; }));
  EXPECT_LE(took_ns_, 700 * kMs);
  ASSERT_TRUE(until([&] { return a_->relay().peers().empty(); }));
  EXPECT_EQ(a_->counters().session.silent, 1u);
  EXPECT_GE(b_->counters().session.silent, 1u);
  a_->publish("x", "2", now_);
  a_->publish("y", "1", now_);
  run(3 * kSecond, 10 * kMs);
  net().hook = nullptr;
  ASSERT_TRUE(until([&] { return b_->value("x") == "2" && b_->value("y") == "1"; }));
  EXPECT_EQ(b_->state("x"), State::kEmpty);
}

TEST_F(SessionTest, AConnectionThatEndsIsDialledAnewAndEveryTopicIsCurrentAgain) {
  pair();
  for (int i = 0; i < 50; ++i) a_->publish("t/" + std::to_string(i), "1", now_);
  ASSERT_TRUE(until(*b_, "t/49", "1"));
  net().cut("b");
  run(5 * kSecond, 10 * kMs);
  EXPECT_EQ(b_->state("t/7"), State::kLinkDown);
  a_->publish("t/7", "2", now_);
  net().heal("b");
  ASSERT_TRUE(until([&] { return b_->value("t/7") == "2" && b_->state("t/8") == State::kEmpty; }));
  EXPECT_LE(took_ns_, 8500 * kMs);
}

TEST_F(SessionTest, OneLostReportHoldsNothingUp) {
  pair();
  int lost = 0;
  net().hook = [&](MemMessage* m) {
    const bool lose = lost == 0 && m->to_binder && read_envelope(*m).has_report() &&
                      read_envelope(*m).report().acknowledged();
    lost += lose;
    return lose ? MemNet::Fate::kDrop : MemNet::Fate::kDeliver;
  };
  for (int i = 1; i <= 20; ++i) {
    a_->publish("x", std::to_string(i), now_);
    run(20 * kMs);
  }
  EXPECT_EQ(lost, 1);
  EXPECT_TRUE(until(*b_, "x", "20"));
  EXPECT_EQ(b_->counters().session.opened, 1u);
}

TEST_F(SessionTest, AMessageLostOnTheWayIsNoticedByItsNumberAndTheSessionBegunAnew) {
  pair();
  int lost = 0;
  net().hook = [&](MemMessage* m) {
    const bool lose = lost == 0 && read_envelope(*m).has_batch();
    lost += lose;
    return lose ? MemNet::Fate::kDrop : MemNet::Fate::kDeliver;
  };
  a_->publish("x", "1", now_);
  run(100 * kMs);
  EXPECT_EQ(b_->value("x"), "(no sample)");
  a_->publish("x", "2", now_);
  EXPECT_TRUE(until(*b_, "x", "2"));
  EXPECT_EQ(b_->counters().session.malformed, 1u);
  EXPECT_EQ(b_->counters().session.opened, 2u);
}

TEST_F(SessionTest, AHelloSaidTwiceChangesNothing) {
  pair();
  net().hook = [](MemMessage* m) {
    return read_envelope(*m).has_hello() ? MemNet::Fate::kTwice : MemNet::Fate::kDeliver;
  };
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  run(2 * kSecond);
  EXPECT_EQ(a_->counters().session.opened, 1u);
  EXPECT_EQ(b_->counters().session.opened, 1u);
  EXPECT_EQ(a_->counters().session.ended, 0u);
}

TEST_F(SessionTest, AnAnswerToAHelloThatWasGivenUpBeginsNoSession) {
  pair();
  int changed = 0;
  net().hook = [&](MemMessage* m) {
    if (changed == 0 && !m->to_binder && read_envelope(*m).has_hello()) {
      ++changed;
      m->header = proto::seal_message(4711, 0, read_envelope(*m).hello());
    }
    return MemNet::Fate::kDeliver;
  };
  ASSERT_TRUE(until([&] { return changed == 1; }));
  settle();
  EXPECT_TRUE(b_->relay().peers().empty());
  EXPECT_GE(b_->counters().session.wrong_session, 1u);
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1")) << "it dials anew";
}

TEST_F(SessionTest, AHelloOfTheSameProcessEndsItsOlderSession) {
  pair();
  Stranger s(net(), "s1"), again(net(), "s2"), other(net(), "s3");
  settle();
  s.say(0, s.hello(5));
  other.say(0, other.hello(6));
  settle();
  ASSERT_EQ(a_->relay().peers().size(), 3u);
  again.session = 4712;
  again.say(0, again.hello(5));
  settle();
  EXPECT_EQ(a_->relay().peers().size(), 3u);
  EXPECT_EQ(a_->counters().session.ended, 1u);
}

TEST_F(SessionTest, AMessageOfNoSessionIsAnsweredWithResetAndCounted) {
  a_ = &host("a");
  bind(*a_);
  Stranger s(net(), "s");
  s.say(1, proto::Want());
  settle();
  std::vector<Envelope> heard = s.hear();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].reset().reason(), proto::Reset::UNKNOWN_SESSION);
  EXPECT_EQ(heard[0].session(), s.session);
  EXPECT_EQ(a_->counters().session.wrong_session, 1u);

  s.say(0, s.hello());
  settle();
  s.hear();
  const uint64_t mine = std::exchange(s.session, 1234);
  s.say(1, proto::Want());
  settle();
  EXPECT_EQ(a_->counters().session.wrong_session, 2u);
  ASSERT_EQ(s.hear().size(), 1u);
  EXPECT_EQ(a_->relay().peers().size(), 1u) << "its own session goes on";
  s.session = mine;
  s.say(1, proto::Want());
  settle();
  EXPECT_EQ(a_->counters().session.wrong_session, 2u);
}

TEST_F(SessionTest, ResetMakesTheDiallerBeginAnewAtOnce) {
  pair();
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  a_->stop();
  a_->start();
  a_->publish("x", "2", now_);
  ASSERT_TRUE(until(*b_, "x", "2"));
  EXPECT_LE(took_ns_, 700 * kMs);
  EXPECT_EQ(b_->counters().session.opened, 2u);
}

TEST_F(SessionTest, AGoodbyeIsSeenAtOnce) {
  pair();
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  b_->stop();
  settle();
  EXPECT_TRUE(a_->relay().peers().empty());
  EXPECT_EQ(a_->counters().session.silent, 0u);
}

TEST_F(SessionTest, ADiallerBeginsBeforeItsBinderIsThere) {
  b_ = &host("b", subscriber());
  dial(*b_, "b");
  run(20 * kSecond, 20 * kMs);
  a_ = &host("a");
  bind(*a_);
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  EXPECT_LE(took_ns_, 100 * kMs) << "Hello is tried again and again while nobody is connected";
}

TEST_F(SessionTest, ARelayThatDialsItselfSaysSo) {
  a_ = &host("a");
  bind(*a_);
  dial(*a_, "self");
  run(kSecond);
  EXPECT_THAT(a_->relay().refusal().message(), testing::HasSubstr("this relay itself"));
  EXPECT_EQ(a_->store().topic_limit(), 0u);
}

TEST_F(SessionTest, ADiallerKnowsThatNothingCanFlow) {
  using Stands = DialedEndpoint::Stands;
  const auto stands = [](Host& h) { return h.relay().dialed().at(0).stands; };
  a_ = &host("a");
  Host& pub = host("pub");
  Host& sub = host("sub", subscriber());
  dial(pub, "pub");
  dial(sub, "sub");
  run(100 * kMs);
  EXPECT_EQ(stands(pub), Stands::kSilent);
  bind(*a_);
  run(20 * kSecond, 20 * kMs);
  EXPECT_EQ(stands(pub), Stands::kWantsNothing);
  EXPECT_EQ(stands(sub), Stands::kFine);
  EXPECT_EQ(sub.relay().dialed().at(0).peer, "a");
}

TEST_F(SessionTest, OfTwoThatOnlyTakeTheDiallerKnowsThatTheOtherSendsNothing) {
  b_ = &host("b", subscriber());
  Host& sub = host("sub", subscriber());
  bind(*b_);
  dial(sub, "sub");
  run(kSecond);
  EXPECT_EQ(sub.relay().dialed().at(0).stands, DialedEndpoint::Stands::kSendsNothing);
  EXPECT_TRUE(b_->relay().dialed().empty());
}

TEST_F(SessionTest, AnotherProtocolVersionIsRefusedWithAReasonOnBothSides) {
  a_ = &host("a");
  bind(*a_);
  Stranger s(net(), "s");
  proto::Hello hello = s.hello();
  hello.set_least_version(7);
  hello.set_version(9);
  s.say(0, hello);
  settle();
  EXPECT_THAT(a_->relay().refusal().message(), testing::HasSubstr("speaks protocol version 7 to 9"));
  EXPECT_EQ(a_->counters().session.wrong_version, 1u);
  std::vector<Envelope> heard = s.hear();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].reset().reason(), proto::Reset::VERSION);
  EXPECT_EQ(heard[0].reset().version(), proto::kVersion);

  // And a dialler that is refused does not ask again at once.
  Host& b = host("b", {.receive = all()});
  dial(b, "b");
  net().hook = [&](MemMessage* m) {
    if (m->to_binder || m->dialer != "b") return MemNet::Fate::kDeliver;
    proto::Reset reset;
    reset.set_reason(proto::Reset::VERSION);
    reset.set_text("no common version");
    m->header = proto::seal_message(read_envelope(*m).session(), 0, reset);
    return MemNet::Fate::kDeliver;
  };
  run(kSecond);
  EXPECT_THAT(b.relay().refusal().message(), testing::HasSubstr("no common version"));
  EXPECT_LE(net().traffic("b", true).messages, 3u);
}

TEST_F(SessionTest, WhatAPeerSaysOfItselfCannotDriveATerminal) {
  a_ = &host("a");
  bind(*a_);
  Stranger s(net(), "s");
  proto::Hello hello = s.hello();
  hello.set_name("x\x1b[2J\xc2\x9b\u202e\x9b");
  hello.set_least_version(7);
  hello.set_version(9);
  s.say(0, hello);
  settle();
  EXPECT_THAT(a_->relay().refusal().message(), testing::HasSubstr("peer x?[2J??? on "));
}

TEST_F(SessionTest, TwoSourcesOfOneNameTheFirstWinsAndTheSecondTakesOver) {
  Host& sub = host("sub", subscriber());
  bind(sub);
  Host& a = host("a");
  Host& b = host("b");
  dial(a, "a");
  a.publish("x", "of a", now_);
  ASSERT_TRUE(until(sub, "x", "of a"));
  dial(b, "b");
  b.publish("x", "of b", now_);
  run(kSecond);
  EXPECT_EQ(sub.value("x"), "of a");
  EXPECT_GE(sub.counters().inbound.dropped_conflict, 1u);
  EXPECT_GE(sub.logged["conflict x"], 1);
  a.stop();
  run(kSecond);
  EXPECT_EQ(sub.state("x"), State::kLinkDown);
  b.publish("x", "of b again", now_);
  ASSERT_TRUE(until(sub, "x", "of b again"));
  EXPECT_EQ(sub.described("x")->origin, b.described("x")->origin);
}

TEST_F(SessionTest, OfTwoWaysFromOneSourceTheShorterIsTaken) {
  // a -> sub, and a -> p -> sub
  Host& a = host("a");
  Host& p = host("p", {.proxy = true});
  Host& sub = host("sub", subscriber());
  bind(sub, "s");
  bind(p, "p");
  dial(a, "a", "p");
  dial(p, "p", "s");
  a.publish("x", "100", now_);
  ASSERT_TRUE(until(sub, "x", "100"));
  EXPECT_EQ(sub.described("x")->hops, 2u);
  dial(a, "a", "s");
  ASSERT_TRUE(until([&] { return sub.described("x")->hops == 1; }));
  const uint64_t announced = p.counters().outbound.announces + a.counters().outbound.announces;
  for (int i = 101; i < 200; ++i) {
    a.publish("x", std::to_string(i), now_);
    run(10 * kMs);
    EXPECT_EQ(sub.value("x"), std::to_string(i));
    EXPECT_EQ(sub.described("x")->hops, 1u);
  }
  EXPECT_EQ(p.counters().outbound.announces + a.counters().outbound.announces, announced);
}

TEST_F(SessionTest, NothingGoesBackToWhereItCameFrom) {
  chain({.receive = all()}, {.receive = all()});
  Host& a = *a_;
  Host& q = *p_;
  b_->publish("y", "of b", now_);
  a.publish("x", "of a", now_);
  ASSERT_TRUE(until(*b_, "x", "of a"));
  ASSERT_TRUE(until([&] { return q.value("y") == "of b"; }));
  run(2 * kSecond);
  EXPECT_EQ(a.described("y"), nullptr);
  EXPECT_EQ(b_->counters().inbound.dropped_denied + a.counters().inbound.dropped_denied, 0u);
  EXPECT_EQ(net("up").traffic("a", false).payload_bytes, 0u) << "a wants nothing, and has x already";
}

TEST_F(SessionTest, ARingOfProxiesComesToRestAndEndsWithTheSource) {
  Host& a = host("a");
  std::vector<Host*> p;
  for (int i = 0; i < 3; ++i) p.push_back(&host("p" + std::to_string(i), {.receive = all(), .proxy = true}));
  for (int i = 0; i < 3; ++i) {
    bind(*p[i], "ring" + std::to_string(i));
    dial(*p[i], "p" + std::to_string(i), "ring" + std::to_string((i + 1) % 3));
  }
  bind(a, "source");
  dial(*p[0], "p0", "source");
  a.publish("x", "1", now_);
  for (Host* h : p) ASSERT_TRUE(until(*h, "x", "1"));
  a.publish("x", "2", now_);
  for (Host* h : p) ASSERT_TRUE(until(*h, "x", "2"));
  EXPECT_EQ(p[0]->described("x")->hops, 1u);
  EXPECT_EQ(p[1]->described("x")->hops, 2u);
  EXPECT_EQ(p[2]->described("x")->hops, 2u);
  const auto announced = [&] {
    uint64_t n = 0;
    for (Host* h : p) n += h->counters().outbound.announces;
    return n;
  };
  uint64_t before = announced();
  run(2 * kSecond);
  EXPECT_EQ(announced(), before);
  a.remove("x");
  ASSERT_TRUE(until([&] {
    return p[0]->described("x") == nullptr && p[1]->described("x") == nullptr &&
           p[2]->described("x") == nullptr;
  })) << "a topic that nobody has does not go round for ever";
  before = announced();
  run(2 * kSecond);
  EXPECT_EQ(announced(), before);
}

TEST_F(SessionTest, ATopicCrossesSevenProxiesAndNotNine) {
  Host& a = host("a");
  a.publish("x", "1", now_);
  Host* last = &a;
  std::vector<Host*> chain;
  for (int i = 0; i < 10; ++i) {
    Host& p = host("p" + std::to_string(i), {.receive = all(), .proxy = true});
    bind(*last, std::to_string(i));
    dial(p, "d", std::to_string(i));
    chain.push_back(last = &p);
  }
  ASSERT_TRUE(until(*chain[7], "x", "1"));
  EXPECT_EQ(chain[7]->described("x")->hops, 8u);
  run(kSecond);
  EXPECT_EQ(chain[8]->described("x"), nullptr);
  EXPECT_GE(chain[7]->counters().outbound.too_many_hops, 1u);
}

}  // namespace
}  // namespace smt::relay
