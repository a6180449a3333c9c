// What a relay does with messages that no relay sends: counted, the session begun anew, the others go on.
#include <malloc.h>

#include <random>

#include "relay/message/wire.h"
#include "tests/proto/batch_rows.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

// A relay that takes everything, a good source "good", and a stranger in session with it.
class HostileTest : public RelayTest {
 protected:
  HostileTest() {
    // A proxy: it takes topics and serves them.
    sub_ = &host("sub", {.receive = all(), .proxy = true});
    bind(*sub_);
    good_ = &host("good");
    dial(*good_, "good");
    reader_ = &host("reader", subscriber());
    dial(*reader_, "reader");
    good_->publish("good", "100", now_);
    greet();
    EXPECT_TRUE(until(*reader_, "good", "100"));
  }
  void greet() {
    stranger_ = std::make_unique<Stranger>(net(), "s" + std::to_string(++strangers_));
    stranger_->session = 1000 + static_cast<uint64_t>(strangers_);
    stranger_->say(0, stranger_->hello());
    settle();
    stranger_->hear();
    ended_ = sub_->counters().session.ended;
    number_ = 0;
  }
  uint64_t next() { return ++number_; }
  bool ended() {
    settle();
    return sub_->counters().session.ended == ended_ + 1;
  }
  // The stranger is answered with Reset; the others have not noticed anything.
  void expect_refused(proto::Reset::Reason reason = proto::Reset::MALFORMED) {
    EXPECT_TRUE(ended());
    bool reset = false;
    for (const proto::Envelope& e : stranger_->hear()) {
      reset |= e.has_reset() && e.reset().reason() == reason;
    }
    EXPECT_TRUE(reset);
    good_->publish("good", std::to_string(101 + strangers_), now_);
    EXPECT_TRUE(until(*reader_, "good", std::to_string(101 + strangers_)));
    EXPECT_EQ(good_->counters().session.opened, 1u);
    EXPECT_EQ(reader_->counters().session.opened, 1u);
    greet();
  }
  proto::Batch one_row(uint32_t id, uint64_t sequence, std::vector<uint64_t> sizes) {
    proto::Batch b;
    proto::append_rows({{id, sequence, 0, 0}}, &b);
    for (const uint64_t size : sizes) b.add_size(size);
    return b;
  }
  void announce(uint32_t id, const std::string& name, uint64_t max_bytes = 100) {
    stranger_->say(next(), wire_announce({wire_topic(id, name, max_bytes)}));
  }

  Host *sub_, *good_, *reader_;
  std::unique_ptr<Stranger> stranger_;
  uint64_t ended_ = 0, number_ = 0;
  int strangers_ = 0;
};

TEST_F(HostileTest, AStrangerWhoKeepsToTheProtocolIsServed) {
  announce(5, "of/stranger");
  stranger_->say_batch(next(), one_row(5, 7, {3}), "abc");
  ASSERT_TRUE(until(*reader_, "of/stranger", "abc"));
  EXPECT_FALSE(ended());
}

TEST_F(HostileTest, ADamagedMessageIsCountedAndEndsTheSession) {
  std::string header = proto::seal_message(stranger_->session, 1, proto::Want());
  header[10] = static_cast<char>(header[10] ^ 4);
  stranger_->send(header, "");
  expect_refused();
  EXPECT_EQ(sub_->counters().session.corrupt, 1u);
}

TEST_F(HostileTest, MoreThanTwoFramesAndNoiseAreCountedAndEndTheSession) {
  net().hook = [](MemMessage* m) {
    m->malformed = m->to_binder && m->dialer[0] == 's';
    return MemNet::Fate::kDeliver;
  };
  stranger_->say(next(), proto::Want());
  settle();
  net().hook = nullptr;
  expect_refused();
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    std::string noise(random() % 200, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    stranger_->send(noise, i % 2 == 0 ? noise : "");
    if (ended()) greet();
  }
  stranger_->send("noise that is no header", "");
  expect_refused();
  EXPECT_GE(sub_->counters().session.malformed, 200u);
}

TEST_F(HostileTest, AnotherNumberThanTheNextEndsTheSession) {
  stranger_->say(2, proto::Want());
  expect_refused();
  stranger_->say(1, proto::Want());
  stranger_->say(1, proto::Want());
  expect_refused();
}

TEST_F(HostileTest, AReportOfMoreThanWasSentEndsTheSession) {
  proto::Report r;
  r.set_acknowledged(1'000'000);
  stranger_->say(0, r);
  expect_refused();
}

TEST_F(HostileTest, StampsThatAreNoneDoNoHarm) {
  announce(5, "x");
  std::mt19937_64 random(2);
  const uint64_t extremes[] = {0, 1, ~uint64_t{0}, uint64_t{1} << 63, (uint64_t{1} << 63) - 1};
  for (int i = 0; i < 2000; ++i) {
    const auto any = [&] { return random() % 2 == 0 ? extremes[random() % 5] : random(); };
    proto::Report r;
    r.set_echo_sent_ns(any());
    r.set_echo_received_ns(any());
    r.set_sent_ns(any());
    r.set_held_ns(any());
    stranger_->say(0, r);
    proto::Batch b = one_row(5, any() | 1, {1});
    b.set_sent_ns(any());
    b.mutable_stamp_ns()->Set(0, static_cast<int64_t>(any()));
    b.mutable_age_ns()->Set(0, static_cast<int64_t>(any()));
    stranger_->say_batch(next(), b, "v");
    settle();
    if (ended()) {  // its sequence has come to 0
      greet();
      announce(5, "x");
    }
  }
  EXPECT_TRUE(until(*reader_, "x", "v"));
}

TEST_F(HostileTest, BatchesThatDoNotAddUpEndTheSession) {
  const auto with = [&](const proto::Batch& b, const std::string& payload) {
    announce(5, "x");
    stranger_->say_batch(next(), b, payload);
    expect_refused();
  };
  with(one_row(6, 1, {1}), "a");      // an id that was not announced
  with(one_row(5, 0, {1}), "a");      // sequence 0
  with(one_row(5, 1, {}), "a");       // no size
  with(one_row(5, 1, {1, 1}), "aa");  // a size too many
  with(one_row(5, 1, {2}), "a");      // more than there is
  with(one_row(5, 1, {1}), "aa");     // less
  with(one_row(5, 1, {~uint64_t{0}}), "a");
  proto::Batch b = one_row(5, 1, {1});
  b.set_topics(0);
  with(b, "a");
  b.set_topics(8193);
  with(b, "a");
  b.set_topics(1);
  b.add_sequence(1);
  b.add_sequence(1);
  with(b, "a");
}

TEST_F(HostileTest, PiecesThatDoNotFitEndTheSession) {
  const auto with = [&](std::vector<proto::Chunk> chunks, const std::string& payload) {
    announce(5, "x", 1000);
    for (const proto::Chunk& c : chunks) {
      stranger_->send(
          proto::seal_message(stranger_->session, next(), c, proto::payload_hash(byte_view(payload))),
          payload);
    }
    expect_refused();
  };
  const auto chunk = [](uint32_t id, uint64_t sequence, uint64_t size, uint64_t offset) {
    proto::Chunk c;
    c.set_id(id);
    c.set_sequence(sequence);
    c.set_size(size);
    c.set_offset(offset);
    return c;
  };
  with({chunk(6, 1, 10, 0)}, "ab");
  with({chunk(5, 0, 10, 0)}, "ab");
  with({chunk(5, 1, 1001, 0)}, "ab");                    // more than announced
  with({chunk(5, 1, 1, 0)}, "ab");                       // more than the whole
  with({chunk(5, 1, 10, 2)}, "ab");                      // no beginning
  with({chunk(5, 1, 10, 0), chunk(5, 1, 10, 4)}, "ab");  // a gap
  with({chunk(5, 1, 10, 0), chunk(5, 2, 10, 2)}, "ab");  // of another sample
  with({chunk(5, 1, 10, 0), chunk(5, 1, 12, 2)}, "ab");  // of another size
  with({chunk(5, 1, 10, ~uint64_t{0})}, "ab");

  announce(5, "x", 1000);
  const std::string two = "ab";
  stranger_->send(proto::seal_message(stranger_->session, next(), chunk(5, 1, 10, 0),
                                      proto::payload_hash(byte_view(two))),
                  two);
  stranger_->say_batch(next(), one_row(5, 1, {1}), "a");
  expect_refused();
}

TEST_F(HostileTest, AnnouncesThatCannotBeEndTheSession) {
  const auto with = [&](proto::Topic t) {
    SCOPED_TRACE(t.name());
    stranger_->say(next(), wire_announce({t}));
    expect_refused();
  };
  for (const char* name : {"", "/x", "x/", "a//b", "a\nb", "smt\xff"}) with(wire_topic(1, name));
  with(wire_topic(1, std::string(256, 'n')));
  with(wire_topic(1 << 30, "x"));
  proto::Topic t = wire_topic(1, "x");
  t.set_schema("bytes 0 and more");
  with(t);
  t = wire_topic(1, "x");
  t.set_schema_hash(1);
  with(t);
  t = wire_topic(1, "x");
  t.mutable_origin()->set_id("short");
  with(t);
  t = wire_topic(1, "x");
  t.set_hops(~0u);
  with(t);
  with(wire_topic(1, "x", ~uint64_t{0}));
  stranger_->say(next(), wire_announce({wire_topic(1, "x"), wire_topic(1, "y")}));  // one id, two names
  expect_refused();
}

TEST_F(HostileTest, TheGreatestIdOfOneTopicCostsLittleMemory) {
  const size_t before = mallinfo2().uordblks;
  announce((1 << 18) - 1, "x");
  EXPECT_FALSE(ended());
  EXPECT_LT(mallinfo2().uordblks, before + (4 << 20)) << "under a sanitizer nobody counts";
  stranger_->say_batch(next(), one_row((1 << 18) - 1, 7, {3}), "abc");
  ASSERT_TRUE(until(*reader_, "x", "abc"));
}

TEST_F(HostileTest, WhatCameTooFarOrFromHereIsNotTaken) {
  const auto taken = [&](proto::Topic t) {
    t.set_id(static_cast<uint32_t>(number_));
    t.set_name("n" + std::to_string(number_));
    stranger_->say(next(), wire_announce({t}));
    stranger_->say_batch(next(), one_row(t.id(), 1, {1}), "v");
    EXPECT_FALSE(ended());
    return sub_->value(t.name()) == "v";
  };
  proto::Topic far = wire_topic(1, "x");
  far.set_hops(proto::kMaxHops - 1);
  EXPECT_TRUE(taken(far));
  far.set_hops(proto::kMaxHops);
  EXPECT_FALSE(taken(far));
  EXPECT_EQ(sub_->counters().inbound.dropped_hops, 1u);
  proto::Topic own = wire_topic(1, "x");
  own.mutable_origin()->set_id(to_wire(sub_->origin()));
  EXPECT_FALSE(taken(own));
  EXPECT_EQ(sub_->counters().inbound.dropped_denied, 1u);
}

TEST_F(HostileTest, ADescriptionMaySayLessThanIsThere) {
  announce(5, "x", 100);
  stranger_->say_batch(next(), one_row(5, 1, {100}), std::string(100, 'v'));
  ASSERT_TRUE(until(*reader_, "x", std::string(100, 'v')));
  announce(5, "x", 1);
  Host& late = host("late", subscriber());
  dial(late, "late");
  ASSERT_TRUE(until(late, "x", std::string(100, 'v')));
  EXPECT_EQ(late.counters().session.opened, 1u);
}

TEST_F(HostileTest, ValuesUnderWayCountAgainstTheMemoryThatARelayMayTake) {
  uint64_t taken = 0;
  for (uint32_t i = 0; i < 8; ++i) {
    announce(10 + i, "huge/" + std::to_string(i), 300 << 20);
    proto::Chunk c;
    c.set_id(10 + i);
    c.set_sequence(1);
    c.set_size(300 << 20);
    const std::string piece = "a";
    stranger_->send(proto::seal_message(stranger_->session, next(), c, proto::payload_hash(byte_view(piece))),
                    piece);
    settle();
    taken += sub_->store().find("huge/" + std::to_string(i)).has_value();
  }
  EXPECT_FALSE(ended());
  EXPECT_LE(taken, 3u) << "the memory of this relay is 1 GiB";
}

TEST_F(HostileTest, OnePeersTopicsTakeThreeQuartersOfTheMemoryAtMost) {
  constexpr uint64_t kBytes = 100 << 20;  // of 1 GiB
  for (uint32_t id = 0; id < 8; ++id) announce(id, "of/stranger/" + std::to_string(id), kBytes);
  settle();
  EXPECT_EQ(sub_->store().topic_limit(), 1 + 7u);
  EXPECT_EQ(sub_->logged["room stranger"], 1u);
  // There is room for others, and for this one again when it gives some up.
  good_->publish("large", std::string(1000, 'x'), now_);
  EXPECT_TRUE(until(*reader_, "large", std::string(1000, 'x')));
  proto::Forget forget;
  forget.add_id(3);
  stranger_->say(next(), forget);
  announce(9, "of/stranger/9", kBytes);
  stranger_->say_batch(next(), one_row(9, 1, {3}), "abc");
  EXPECT_TRUE(until(*reader_, "of/stranger/9", "abc"));
}

TEST_F(HostileTest, AForgedNumberIsForgottenWhenTheSourceGoesOn) {
  run(kSecond);  // the clocks are compared; the stranger is silent
  greet();
  const TopicDescription& d = *sub_->store().topic(*sub_->store().find("good"));
  proto::Topic forged = wire_topic(5, "good");
  proto::Origin* origin = forged.mutable_origin();
  origin->set_id(to_wire(d.origin->origin_id));
  origin->set_segment_id(to_wire(d.origin->segment_id));
  origin->set_host(d.origin->host);
  origin->set_domain(d.origin->domain);
  origin->set_node(d.origin->node);
  stranger_->say(next(), wire_announce({forged}));
  stranger_->say_batch(next(), one_row(5, uint64_t{1} << 62, {6}), "forged");
  ASSERT_TRUE(until(*reader_, "good", "forged"));
  proto::Reset bye;
  bye.set_reason(proto::Reset::BYE);
  stranger_->say(0, bye);
  run(2 * kSecond);
  for (const char* const value : {"true", "truer"}) {
    good_->publish("good", value, now_);
    run(100 * kMs);
  }
  EXPECT_TRUE(until(*reader_, "good", "truer"));
  EXPECT_EQ(sub_->logged["forged good"], 1u);
}

TEST_F(HostileTest, TwoIdsOfOneNameDoNotWriteIntoEachOthersValue) {
  announce(5, "x", 1'000'000);
  proto::Chunk c;
  c.set_id(5);
  c.set_sequence(1);
  c.set_size(1'000'000);
  const std::string piece(1000, 'a');
  const auto say = [&] {
    stranger_->send(proto::seal_message(stranger_->session, next(), c, proto::payload_hash(byte_view(piece))),
                    piece);
  };
  say();
  announce(6, "x", 1'000'000);
  for (int i = 1; i < 1000; ++i) {
    c.set_offset(1000 * static_cast<uint64_t>(i));
    say();
    settle();
  }
  EXPECT_EQ(sub_->value("x"), "(no sample)");
}

TEST_F(HostileTest, WantsThatAreTooManyOrNoPatternsEndTheSessionAndSpoilNobodysWish) {
  proto::Want want;
  want.add_selection()->add_topic("a//b");
  stranger_->say(next(), want);
  expect_refused();
  want.Clear();
  for (int i = 0; i < 1025; ++i) want.add_selection()->add_topic("a");
  stranger_->say(next(), want);
  expect_refused();
  // As much as one peer may wish, from three of them: the proxy cannot pass all of it on, and goes on.
  std::vector<std::unique_ptr<Stranger>> peers;
  for (int p = 0; p < 3; ++p) {
    peers.push_back(std::make_unique<Stranger>(net(), "w" + std::to_string(p)));
    peers[p]->session = 77 + p;
    peers[p]->say(0, peers[p]->hello(500 + p));
    want.Clear();
    for (int i = 0; i < 1000; ++i) {
      proto::Selection* s = want.add_selection();
      for (int k = 0; k < 4; ++k) s->add_topic("p" + std::to_string(p * 10000 + i * 4 + k));
    }
    peers[p]->say(1, want);
    settle();
  }
  EXPECT_EQ(sub_->relay().peers().size(), 6u);
  good_->publish("good", "999", now_);
  EXPECT_TRUE(until(*reader_, "good", "999"));
  EXPECT_EQ(good_->counters().session.opened, 1u) << "its source is not told more than it takes";
}

TEST_F(HostileTest, RequestsWithoutEndAreNotKept) {
  for (int i = 0; i < 5000 && !ended(); ++i) {
    proto::Get get;
    get.set_request(static_cast<uint64_t>(i) + 1);
    get.add_selection()->add_topic("**");
    stranger_->say(next(), get);
    EXPECT_LE(sub_->counters().session.requests, 1100u);
  }
  expect_refused();
}

TEST_F(HostileTest, ForgetAndStateOfWhatWasNotAnnouncedEndTheSession) {
  proto::Forget forget;
  forget.add_id(3);
  stranger_->say(next(), forget);
  expect_refused();
  proto::StateChange state;
  state.add_id(3);
  stranger_->say(next(), state);
  expect_refused();
  announce(3, "x");
  state.add_state(static_cast<proto::State>(77));
  stranger_->say(next(), state);
  EXPECT_FALSE(ended()) << "a state of a later version is none";
}

}  // namespace
}  // namespace smt::relay
