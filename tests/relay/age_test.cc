// How wrong an age may be: over hops, on the wire, in a mirror.
#include "relay/store/shm_store.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "tests/proto/batch_rows.h"
#include "tests/relay/relay_fixture.h"
#include "tests/shm/shm_fixture.h"

namespace smt::relay {
namespace {

// --- over hops

class AgeTest : public RelayTest {
 protected:
  static Provenance provenance_of(Host& h, const std::string& topic) {
    const std::optional<uint32_t> id = h.store().find(topic);
    return id ? h.store().provenance(*id, h.store().head(*id).sequence) : Provenance{};
  }
  // Publishes, and waits for it to come to the subscriber: how far its age is from the truth. That is within
  // what it says.
  int64_t miss_of(const std::string& value) {
    const int64_t born = now_;
    a_->publish("x", value, born);
    EXPECT_TRUE(until(*b_, "x", value));
    const int64_t miss = std::abs(b_->age_ns("x", now_) - (now_ - born));
    EXPECT_LE(miss, provenance_of(*b_, "x").age_error_ns);
    return miss;
  }
  // A chain over two nets whose ways differ much between the directions, of hosts whose clocks do too.
  void slow_chain() {
    chain({.receive = all(), .serves = false, .clock_ns = -500 * kSecond}, {.clock_ns = 77 * kSecond});
    net("up").set_delay(40 * kMs, 4 * kMs);
    net("down").set_delay(2 * kMs, 30 * kMs);  // to the proxy, from it
  }
};

TEST_F(AgeTest, TheErrorsOfTwoHopsAddUpAndTheTrueAgeIsWithin) {
  slow_chain();
  a_->publish("x", "0", now_);
  ASSERT_TRUE(until(*b_, "x", "0"));
  run(2 * kSecond);
  for (int i = 1; i <= 20; ++i) {
    EXPECT_GT(miss_of(std::to_string(i)), 28 * kMs) << "40 and 4 ms pass for 22 each, 30 and 2 for 16";
    const int64_t at_proxy = provenance_of(*p_, "x").age_error_ns,
                  here = provenance_of(*b_, "x").age_error_ns;
    ASSERT_GT(at_proxy, 0);
    EXPECT_GE(at_proxy, 22 * kMs);
    EXPECT_LE(at_proxy, 28 * kMs);
    EXPECT_GE(here, at_proxy + 16 * kMs);
    EXPECT_LE(here, at_proxy + 21 * kMs);
    EXPECT_NEAR(static_cast<double>(provenance_of(*b_, "x").delay_ns), 16e6, 2e6)
        << "half the last round trip";
    run(70 * kMs);
  }
  // The way there becomes quick: the round trip is shorter, and the error with it.
  net("up").set_delay(2 * kMs, 4 * kMs);
  run(2 * kSecond);
  miss_of("quick");
  EXPECT_LE(provenance_of(*p_, "x").age_error_ns, 6 * kMs);
  // And slow again: the estimate is kept while it lasts, and the truth is within all the time.
  net("up").set_delay(90 * kMs, 4 * kMs);
  for (int i = 0; i < 60; ++i) {
    miss_of("slow" + std::to_string(i));
    run(200 * kMs);
  }
}

TEST_F(AgeTest, BeforeTheClocksAreComparedTheErrorIsUnknownAndTheAgeALowerBound) {
  pair({}, {.receive = all(), .serves = false, .clock_ns = -500 * kSecond});
  net().set_delay(4 * kMs, 30 * kMs);
  const int64_t born = now_;
  a_->publish("x", "1", born);
  ASSERT_TRUE(until(*b_, "x", "1"));
  EXPECT_EQ(provenance_of(*b_, "x").age_error_ns, Provenance::kUnknown);
  EXPECT_EQ(provenance_of(*b_, "x").delay_ns, Provenance::kUnknown);
  EXPECT_LT(b_->age_ns("x", now_), now_ - born);
  run(2 * kSecond);
  EXPECT_EQ(provenance_of(*b_, "x").age_error_ns, Provenance::kUnknown) << "that sample's age gets no better";
  miss_of("2");
  EXPECT_GE(provenance_of(*b_, "x").age_error_ns, 17 * kMs);
  // A new session begins anew.
  net().cut("b");
  run(2 * kSecond);
  a_->publish("x", "3", now_);
  net().heal("b");
  ASSERT_TRUE(until(*b_, "x", "3"));
  EXPECT_EQ(provenance_of(*b_, "x").age_error_ns, Provenance::kUnknown);
}

TEST_F(AgeTest, WhatIsUnknownAtAProxyIsUnknownBehindIt) {
  p_ = &host("p", {.proxy = true});
  b_ = &host("b", subscriber());
  dial(*p_, "p", "up");
  bind(*p_, "down");
  dial(*b_, "b", "down");
  p_->publish("of the proxy", "1", now_);
  run(2 * kSecond);
  a_ = &host("a");
  bind(*a_, "up");
  net("up").set_delay(4 * kMs, 30 * kMs);
  a_->publish("x", "1", now_);
  ASSERT_TRUE(until(*b_, "x", "1"));
  EXPECT_EQ(provenance_of(*p_, "x").age_error_ns, Provenance::kUnknown);
  EXPECT_EQ(provenance_of(*b_, "x").age_error_ns, Provenance::kUnknown);
  EXPECT_GE(provenance_of(*b_, "x").delay_ns, 0) << "it knows its own link, though";
  p_->publish("of the proxy", "2", now_);
  ASSERT_TRUE(until(*b_, "of the proxy", "2"));
  EXPECT_GT(provenance_of(*b_, "of the proxy").age_error_ns, 0);
  run(2 * kSecond);
  miss_of("2");
}

TEST_F(AgeTest, AValueInPiecesTellsItToo) {
  slow_chain();
  a_->publish("x", "0", now_);
  ASSERT_TRUE(until(*b_, "x", "0"));
  run(2 * kSecond);
  const std::string large(700'000, 'v');
  miss_of(large);
  ASSERT_GT(p_->counters().outbound.chunks, 0u);
  EXPECT_GE(provenance_of(*b_, "x").age_error_ns, 38 * kMs);
}

// A relay looks at the clock, stands still, and then finds what was published meanwhile.
TEST_F(AgeTest, WhatIsYoungerThanTheSendersLookAtTheClockIsNotTakenForOlder) {
  pair({}, {.receive = all(), .serves = false, .clock_ns = -500 * kSecond});
  net().set_delay(2 * kMs, 2 * kMs);
  a_->publish("x", "0", now_);
  ASSERT_TRUE(until(*b_, "x", "0"));
  run(2 * kSecond);
  net().set_delay(20 * kMs, 20 * kMs);
  for (const std::string& value : {std::string("1"), std::string(200'000, 'v')}) {
    const int64_t born = now_ + 15 * kMs;
    a_->publish("x", value, born);
    ASSERT_TRUE(until(*b_, "x", value));
    const int64_t error = provenance_of(*b_, "x").age_error_ns;
    EXPECT_LE(error, 5 * kMs);
    EXPECT_LE(std::abs(b_->age_ns("x", now_) - (now_ - born)), error) << value.size() << " bytes";
  }
}

TEST_F(AgeTest, AListTellsAgesWithTheWayAndTheirError) {
  pair({}, {.serves = false, .clock_ns = 9 * kSecond});
  net().set_delay(5 * kMs, 35 * kMs);  // the list comes by the slow way
  const int64_t born = now_;
  a_->publish("x", "1", born);
  ASSERT_TRUE(until([&] { return !b_->relay().peers().empty(); }));
  uint64_t request = b_->relay().get(all(), true, now_ + b_->clock_ns(), kSecond);
  ASSERT_TRUE(until([&] { return b_->relay().get_result(request).done; }));
  EXPECT_EQ(provenance_of(*b_, "x").age_error_ns, Provenance::kUnknown);
  EXPECT_LT(b_->age_ns("x", now_), now_ - born);
  run(2 * kSecond);
  request = b_->relay().get(all(), true, now_ + b_->clock_ns(), kSecond);
  ASSERT_TRUE(until([&] { return b_->relay().get_result(request).done; }));
  const Provenance way = provenance_of(*b_, "x");
  EXPECT_NEAR(static_cast<double>(way.delay_ns), 20e6, 2e6);
  EXPECT_LE(std::abs(b_->age_ns("x", now_) - (now_ - born)), way.age_error_ns);
  EXPECT_LE(way.age_error_ns, 25 * kMs);
}

TEST_F(AgeTest, AnErrorThatNoSenderHasIsTakenForVeryLarge) {
  b_ = &host("b", subscriber());
  bind(*b_);
  Stranger s(net(), "s");
  s.say(0, s.hello());
  // The clocks are compared: the stranger's runs with the test's.
  settle();
  uint64_t echo = 0;
  for (const proto::Envelope& e : s.hear()) echo = e.has_report() ? e.report().sent_ns() : echo;
  ASSERT_NE(echo, 0u);
  proto::Report report;
  report.set_echo_sent_ns(echo);
  report.set_echo_received_ns(static_cast<uint64_t>(now_));
  report.set_sent_ns(static_cast<uint64_t>(now_));
  s.say(0, report);
  s.say(1, wire_announce({wire_topic(0, "x")}));
  uint64_t number = 1;
  for (const int64_t error : {INT64_MAX, INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{1000}}) {
    proto::Batch batch;
    proto::append_rows({{0, 1, 0, 5, error}}, &batch);
    batch.set_sent_ns(static_cast<uint64_t>(now_));
    batch.add_size(1);
    s.say_batch(++number, batch, "v");
    settle();
    ASSERT_EQ(b_->head("x").sequence, number - 1);
    const int64_t told = provenance_of(*b_, "x").age_error_ns;
    if (error < 0) {
      EXPECT_EQ(told, Provenance::kUnknown);
    } else {
      EXPECT_GE(told, std::min(error, INT64_MAX / 4));
      EXPECT_LE(told, std::min(error, INT64_MAX / 4) + 1000);
    }
  }
}

// --- in a mirror

class MirrorAgeTest : public ShmTest {
 protected:
  MirrorAgeTest() {
    Result<std::unique_ptr<Store>> store =
        ShmStore::open(open_domain(), {.mirror = "m", .segment_bytes = 1 << 24});
    EXPECT_TRUE(store.ok()) << store.status().message();
    store_ = std::move(*store);
    announce(2);
  }
  void announce(uint8_t segment, uint64_t max_bytes = 8, const Schema& schema = Schema::bytes()) {
    TopicDescription d = describe("x", schema, max_bytes, {{1}, {segment}, "robot", "d", "n"});
    d.hops = 1;
    Result<uint32_t> handle = store_->open(d, 9);
    ASSERT_TRUE(handle.ok()) << handle.status().message();
    handle_ = *handle;
  }
  void comes(const Provenance& provenance, size_t bytes = 8) {
    const std::vector<std::byte> value(bytes);
    const PlainSample sample{handle_, static_cast<uint32_t>(bytes), ++sequence_, 0, now_ - 5};
    if (store_->put_plain({&sample, 1}, value.data(), now_, provenance) == 1) {
      ++plain_;
    } else {
      EXPECT_EQ(store_->put(handle_, {sequence_, 0, now_ - 5, now_}, value, provenance), PutResult::kTaken);
    }
    store_->flush(now_);
  }
  Freshness told(const std::string& topic = "x") {
    Result<Reader> reader = Reader::open(open_domain(), topic);
    EXPECT_TRUE(reader.ok() && reader->refresh().ok());
    return reader->freshness();
  }

  std::unique_ptr<Store> store_;
  uint32_t handle_ = 0;
  uint64_t sequence_ = 0, plain_ = 0;
  int64_t now_ = boottime_ns();
};

TEST_F(MirrorAgeTest, ReadersFindTheErrorOfTheNewestSampleAndADelayOfTheLast100Ms) {
  announce(3, 8, Schema::scalar(Type::kU64));
  EXPECT_EQ(told().age_error_ns, std::nullopt);
  comes({Provenance::kUnknown, Provenance::kUnknown});
  EXPECT_EQ(told().age_error_ns, std::nullopt);
  EXPECT_EQ(told().delay_ns, std::nullopt);
  comes({400, 3000});
  EXPECT_EQ(told().age_error_ns, 400);
  EXPECT_EQ(told().delay_ns, 3000);
  now_ += 50 * kMs;
  comes({500, 9000});
  EXPECT_EQ(told().age_error_ns, 500) << "at once";
  EXPECT_EQ(told().delay_ns, 3000) << "not so often";
  now_ += 50 * kMs;
  comes({500, 8000});
  EXPECT_EQ(told().delay_ns, 8000);
  comes({0, 0});
  EXPECT_EQ(told().age_error_ns, 1) << "0 means unknown there";
  now_ += 100 * kMs;
  comes({Provenance::kUnknown, Provenance::kUnknown});
  EXPECT_EQ(told().age_error_ns, std::nullopt);
  EXPECT_EQ(told().delay_ns, std::nullopt);
  EXPECT_EQ(plain_, sequence_ - 1) << "all but the first";
}

TEST_F(MirrorAgeTest, BothStayWhenTheRingGrowsOrTheRelayStartsAgainAndGoWithTheSource) {
  comes({400, 3000});
  comes({400, 3000}, 5000);  // a larger ring
  EXPECT_EQ(told().age_error_ns, 400);
  EXPECT_EQ(told().delay_ns, 3000);
  store_.reset();
  Result<std::unique_ptr<Store>> store =
      ShmStore::open(open_domain(), {.mirror = "m", .segment_bytes = 1 << 24});
  ASSERT_TRUE(store.ok());
  store_ = std::move(*store);
  announce(2, 5000);
  EXPECT_EQ(told().age_error_ns, 400) << "the value is the one of before";
  comes({700, 3000});
  EXPECT_EQ(told().age_error_ns, 700);
  announce(3);  // another source of this name
  sequence_ = 0;
  EXPECT_EQ(told().age_error_ns, std::nullopt);
  comes({700, 3000});
  EXPECT_EQ(told().age_error_ns, 700) << "also when it is what the one before had";
}

TEST_F(MirrorAgeTest, ALoanTellsItToo) {
  std::span<std::byte> room = store_->loan(handle_, 8);
  ASSERT_EQ(room.size(), 8u);
  EXPECT_EQ(store_->commit(handle_, {++sequence_, 0, now_, now_}, {900, 4000}), PutResult::kTaken);
  EXPECT_EQ(told().age_error_ns, 900);
}

TEST_F(MirrorAgeTest, WhoReadsAMirrorToSendItOnAddsToItsErrorAndLocalTopicsAreExact) {
  comes({400, 3000});
  Result<std::unique_ptr<Node>> node = Node::open(open_domain(), {.name = "program"});
  ASSERT_TRUE(node.ok());
  TopicOptions local{.name = "local"};
  local.schema = Schema::scalar(Type::kF64);
  Result<Publisher> publisher = (*node)->advertise(local);
  ASSERT_TRUE(publisher.ok());
  ASSERT_TRUE(publisher->publish(std::vector<std::byte>(8)).ok());
  EXPECT_EQ(told("local").age_error_ns, std::nullopt);
  Result<std::unique_ptr<Store>> source = ShmStore::open(open_domain(), {});
  ASSERT_TRUE(source.ok());
  Changes changes;
  (*source)->collect(boottime_ns(), &changes);
  const auto error = [&](const std::string& name) {
    for (uint32_t id = 0; id < (*source)->topic_limit(); ++id) {
      if ((*source)->topic(id) != nullptr && (*source)->topic(id)->name == name)
        return (*source)->provenance(id, 1).age_error_ns;
    }
    ADD_FAILURE() << "no topic " << name;
    return int64_t{-2};
  };
  EXPECT_EQ(error("x"), 400);
  EXPECT_EQ(error("local"), 0);
  comes({Provenance::kUnknown, 3000});
  EXPECT_EQ(error("x"), Provenance::kUnknown);
}

}  // namespace
}  // namespace smt::relay
