// Which samples of a topic are sent, and when: highest rate, one of so many, ticks, on change with
// heartbeats, deadbands; what a sender allows and several receivers subscription for; and that every
// publication is counted once.
#include <cmath>
#include <limits>

#include "tests/relay/relay_diary.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

template <class T>
std::string raw(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

class ModesTest : public RelayTest {
 protected:
  static Subscription subscription(const std::string& topic, Pacing pacing) {
    return {{topic}, {}, 0, pacing, 0};
  }
  static HostOptions wants(std::vector<Subscription> subscriptions) {
    return {.receive = std::move(subscriptions), .serves = false};
  }
  void open_topic(const std::string& topic, const Schema& schema) {
    ASSERT_TRUE(a_->store().open(a_->topic(topic, schema), 0).ok());
  }
  // Each topic at its rate, with the value that `value` says for its n-th publication, n from 1.
  struct Source {
    double hz;
    std::function<std::string(uint64_t)> value = [](uint64_t n) { return std::to_string(10'000'000 + n); };
  };
  void publish(const std::map<std::string, Source>& sources, int64_t seconds) {
    const int64_t begin = now_;
    std::map<std::string, uint64_t> n;
    for (; now_ < begin + seconds * kSecond; now_ += kMs) {
      for (const auto& [topic, source] : sources) {
        const auto due =
            static_cast<uint64_t>(static_cast<double>(now_ - begin) * source.hz / 1e9 + 1e-6) + 1;
        for (uint64_t& k = n[topic]; k < due; ++published_) a_->publish(topic, source.value(++k), now_);
      }
      settle();
    }
  }
  // Each publication has become one of these.
  static uint64_t told(const OutboundCounters& c) {
    return c.samples + c.superseded + c.passed_over_by_rate + c.unchanged + c.dropped_too_old + c.overwritten;
  }
  void expect_all_counted() {
    run(3 * kSecond, 10 * kMs);  // what waits for its time goes
    const OutboundCounters c = a_->counters().outbound;
    EXPECT_EQ(c.publications, published_);
    EXPECT_EQ(told(c), c.publications);
  }
  void one_value(const std::string& topic, const std::string& value) { a_->publish(topic, value, now_); }

  Diary came_{&now_};
  uint64_t published_ = 0;
};

TEST_F(ModesTest, EachModeKeepsItsRateWithinFivePerCentAt1And10And100HzAllAtOnce) {
  std::vector<Subscription> subscriptions;
  std::map<std::string, Source> sources;
  for (const int hz : {1, 10, 100}) {
    const std::string at = "/" + std::to_string(hz);
    const int64_t period = kSecond / hz;
    const auto each = [](uint64_t k) {
      return [k](uint64_t n) { return std::to_string(10'000'000 + n / k); };
    };
    subscriptions.push_back(subscription("max" + at, {.period_ns = period}));
    sources["max" + at] = {250};
    subscriptions.push_back(subscription("one_of" + at, {.one_of = 5}));
    sources["one_of" + at] = {5.0 * hz};
    subscriptions.push_back(subscription("tick" + at, {.period_ns = period, .tick = true}));
    sources["tick" + at] = {333};
    subscriptions.push_back(subscription("change" + at, {.on_change = true}));
    sources["change" + at] = {500, each(static_cast<uint64_t>(500 / hz))};
    subscriptions.push_back(subscription("heartbeat" + at, {.on_change = true, .heartbeat_ns = period}));
    sources["heartbeat" + at] = {500, [](uint64_t) { return "same"; }};
  }
  pair({}, wants(subscriptions));
  came_.follow(*b_);
  publish(sources, 60);
  for (const auto& [topic, source] : sources) {
    const double hz = std::stod(topic.substr(topic.find('/') + 1));
    EXPECT_NEAR(static_cast<double>(came_.count(topic)), 60 * hz, 60 * hz * 0.05) << topic;
    EXPECT_TRUE(came_.rises(topic)) << topic;
  }
  // Ticks of all topics are the same instants; only the first value comes at once.
  for (const int hz : {1, 10, 100}) {
    const std::vector<Diary::Entry>& ticks = came_.of("tick/" + std::to_string(hz));
    for (size_t i = 1; i < ticks.size(); ++i) {
      ASSERT_EQ(ticks[i].at_ns % (kSecond / hz), 0) << hz << " Hz, sample " << i;
      ASSERT_LE(ticks[i].age_ns, 4 * kMs) << "the newest";
    }
  }
  expect_all_counted();
  EXPECT_EQ(a_->counters().outbound.superseded, 0u);
}

TEST_F(ModesTest, NoiseBelowTheDeadbandGivesHeartbeatsOnlyAndAStepArrivesAtOnce) {
  pair({}, wants({subscription("**", {.on_change = true, .deadband = 0.5, .heartbeat_ns = kSecond})}));
  open_topic("noise", Schema::scalar(Type::kF64));
  came_.follow(*b_);
  publish({{"noise", {100, [](uint64_t n) { return raw(10 + 0.2 * std::sin(static_cast<double>(n))); }}}},
          20);
  EXPECT_NEAR(static_cast<double>(came_.count("noise")), 20, 1);
  for (size_t i = 1; i < came_.of("noise").size(); ++i) {
    EXPECT_NEAR(static_cast<double>(came_.of("noise")[i].at_ns - came_.of("noise")[i - 1].at_ns), 1e9, 2e6);
  }
  one_value("noise", raw(10.9)), ++published_;
  settle();
  EXPECT_EQ(b_->value("noise"), raw(10.9)) << "at once";
  one_value("noise", raw(10.7)), ++published_;
  settle();
  EXPECT_EQ(b_->value("noise"), raw(10.9));
  ASSERT_TRUE(until(*b_, "noise", raw(10.7))) << "the heartbeat brings the newest";
  EXPECT_NEAR(static_cast<double>(took_ns_), 1e9, 2e6);
  expect_all_counted();
  EXPECT_GT(a_->counters().outbound.unchanged, 1900u);
}

TEST_F(ModesTest, SlowDriftInsideTheBandArrivesOnceItHasLeftIt) {
  pair({}, wants({subscription("**", {.on_change = true, .deadband = 1})}));
  open_topic("drift", Schema::scalar(Type::kF64));
  came_.follow(*b_);
  publish({{"drift", {100, [](uint64_t n) { return raw(0.015625 * static_cast<double>(n)); }}}}, 10);
  // Against the value sent last, not the one before: 1000 / 64 is a good 15 steps of a little more than 1.
  EXPECT_NEAR(static_cast<double>(came_.count("drift")), 16, 1);
  expect_all_counted();
}

TEST_F(ModesTest, ADeadbandComparesNumbersByTheirSizeAndAllElseByItsBytes) {
  pair({}, wants({subscription("**", {.on_change = true, .deadband = 2})}));
  Schema mixed{"mixed", 24, {}};
  mixed.fields = {{"i", Type::kI16, 0, 2, ""},
                  {"on", Type::kBool, 4, 1, ""},
                  {"text", Type::kChar, 8, 8, ""},
                  {"x", Type::kF32, 16, 1, ""}};
  struct Mixed {
    int16_t i[2] = {5, -5};
    bool on = false;
    uint8_t hole[3] = {0, 0, 0};
    char text[8] = "abc";
    float x = 1;
    uint8_t end[4] = {0, 0, 0, 0};
  };
  static_assert(sizeof(Mixed) == 24);
  open_topic("mixed", mixed);
  const Mixed first;
  one_value("mixed", raw(first));
  ASSERT_TRUE(until(*b_, "mixed", raw(first)));
  const auto goes = [&](auto change) {
    Mixed m;
    change(&m);
    one_value("mixed", raw(m));
    settle();
    const bool gone = b_->value("mixed") == raw(m);
    // Back: as it differs too where it has gone, and not otherwise.
    one_value("mixed", raw(first));
    settle();
    return gone;
  };
  EXPECT_FALSE(goes([](Mixed* m) { m->i[0] = 7; }));
  EXPECT_FALSE(goes([](Mixed* m) { m->i[1] = -7, m->i[0] = 3, m->x = 2.9f; }));
  EXPECT_FALSE(goes([](Mixed* m) { m->hole[1] = 77, m->end[0] = 1; })) << "lies between fields";
  EXPECT_TRUE(goes([](Mixed* m) { m->i[0] = 8; }));
  EXPECT_TRUE(goes([](Mixed* m) { m->i[1] = -8; })) << "the last of an array";
  EXPECT_TRUE(goes([](Mixed* m) { m->on = true; }));
  EXPECT_TRUE(goes([](Mixed* m) { m->text[2] = 'd'; }));
  EXPECT_TRUE(goes([](Mixed* m) { m->x = 3.5f; }));
  EXPECT_TRUE(goes([](Mixed* m) { m->x = std::numeric_limits<float>::quiet_NaN(); }));
  EXPECT_TRUE(goes([](Mixed* m) { m->x = std::numeric_limits<float>::infinity(); }));
}

TEST_F(ModesTest, ANumberThatStaysNaNIsNoChange) {
  pair({}, wants({subscription("**", {.on_change = true, .deadband = 1})}));
  open_topic("x", Schema::scalar(Type::kF64));
  came_.follow(*b_);
  for (int i = 0; i < 10; ++i) one_value("x", raw(std::nan(""))), run(kMs);
  EXPECT_EQ(came_.count("x"), 1u);
}

TEST_F(ModesTest, LargeIntegersAreComparedToTheLastDigit) {
  pair({}, wants({subscription("**", {.on_change = true, .deadband = 10})}));
  open_topic("u", Schema::scalar(Type::kU64));
  open_topic("i", Schema::scalar(Type::kI64));
  uint64_t u = 1'700'000'000'000'000'000;
  int64_t i = std::numeric_limits<int64_t>::min();
  const auto both = [&] {
    one_value("u", raw(u)), one_value("i", raw(i));
    settle();
  };
  ASSERT_TRUE(until([&] { return b_->runs() && !b_->relay().peers().empty(); }));
  both();
  ASSERT_TRUE(until(*b_, "u", raw(u)));
  ASSERT_TRUE(until(*b_, "i", raw(i)));
  u += 10, i += 10, both();
  EXPECT_EQ(b_->value("u"), raw(u - 10));
  EXPECT_EQ(b_->value("i"), raw(i - 10));
  u += 1, i += 1, both();
  EXPECT_EQ(b_->value("u"), raw(u));
  EXPECT_EQ(b_->value("i"), raw(i));
  i = std::numeric_limits<int64_t>::max(), both();
  EXPECT_EQ(b_->value("i"), raw(i));
}

TEST_F(ModesTest, RawBytesAndTextAreComparedByTheirBytesAndTheirSize) {
  pair({}, wants({subscription("**", {.on_change = true, .deadband = 1000})}));
  came_.follow(*b_);
  const std::string zeros(4, '\0');
  one_value("raw", std::string(8, 'x'));  // the largest first
  for (const std::string& value : {std::string("abc"), std::string("abc"), std::string("abd"), zeros, zeros,
                                   zeros.substr(1), std::string(), std::string()}) {
    one_value("raw", value);
    run(kMs);
  }
  EXPECT_EQ(came_.sequences("raw"), (std::vector<uint64_t>{2, 4, 5, 7, 8}))
      << "1 was not the newest for long";
}

TEST_F(ModesTest, LargeValuesOnChangeToo) {
  pair({}, wants({subscription("**", {.on_change = true, .heartbeat_ns = kSecond})}));
  came_.follow(*b_);
  std::string image(700'000, 'a');
  for (int i = 0; i < 30; ++i, ++published_) {
    if (i == 15) image.back() = 'b';
    one_value("image", image);
    run(50 * kMs, 5 * kMs);
  }
  EXPECT_EQ(came_.count("image"), 2u) << "the first and the changed one";
  EXPECT_EQ(b_->value("image"), image);
  expect_all_counted();
  EXPECT_EQ(came_.count("image"), 3u) << "and a heartbeat";
}

TEST_F(ModesTest, AProxyAsksOnceAndEachSubscriberGetsItsOwnNumberOfSamples) {
  chain(wants({subscription("x", {.one_of = 2})}));
  Host& third = host("third", wants({subscription("x", {.one_of = 3})}));
  dial(third, "third", "down");
  Diary other(&now_);
  came_.follow(*b_);
  other.follow(third);
  run(kSecond);
  publish({{"x", {100}}}, 60);
  const auto multiples = [](Diary& d, uint64_t n) {
    for (size_t i = 1; i < d.of("x").size(); ++i) {
      if (d.of("x")[i].sequence % n != 0) return false;
    }
    return true;
  };
  EXPECT_NEAR(static_cast<double>(came_.count("x")), 3000, 2);
  EXPECT_NEAR(static_cast<double>(other.count("x")), 2000, 2);
  EXPECT_TRUE(multiples(came_, 2));
  EXPECT_TRUE(multiples(other, 3));
  EXPECT_EQ(a_->counters().outbound.samples, 6000u) << "each sample once upstream";
}

TEST_F(ModesTest, AProxyAsksForWhatTwoModesHaveInCommon) {
  chain(wants({subscription("x", {.one_of = 4})}));
  Host& sixth = host("sixth", wants({subscription("x", {.one_of = 6})}));
  dial(sixth, "sixth", "down");
  Diary other(&now_);
  came_.follow(*b_);
  other.follow(sixth);
  run(kSecond);
  publish({{"x", {100}}}, 60);
  EXPECT_NEAR(static_cast<double>(came_.count("x")), 1500, 2);
  EXPECT_NEAR(static_cast<double>(other.count("x")), 1000, 2);
  EXPECT_NEAR(static_cast<double>(a_->counters().outbound.samples), 3000, 3) << "every second one";
}

TEST_F(ModesTest, BehindAProxyOneMayWantChangesAndTheOtherTicks) {
  chain(wants({subscription("x", {.on_change = true, .heartbeat_ns = 5 * kSecond})}));
  Host& ticks = host("ticks", wants({subscription("x", {.period_ns = 100 * kMs, .tick = true})}));
  dial(ticks, "ticks", "down");
  Diary other(&now_);
  came_.follow(*b_);
  other.follow(ticks);
  run(kSecond);
  publish({{"x", {100, [](uint64_t n) { return std::to_string(1000 + n / 300); }}}}, 30);
  // A change each 3 s: no heartbeat in between.
  EXPECT_NEAR(static_cast<double>(came_.count("x")), 11, 1);
  EXPECT_NEAR(static_cast<double>(other.count("x")), 300, 6);
}

TEST_F(ModesTest, TheSendersRuleIsTheLimitOfEveryWish) {
  const auto rule = [](const std::string& topic, Pacing pacing) {
    SendRule r;
    r.topic = {topic};
    r.pacing = pacing;
    return r;
  };
  pair({.send_rules = {rule("slow", {.period_ns = 100 * kMs}), rule("third", {.one_of = 3}),
                       rule("change", {.on_change = true, .heartbeat_ns = 2 * kSecond})}},
       wants({subscription("slow", {.period_ns = 20 * kMs, .tick = true}),
              subscription("third", {.period_ns = 10 * kMs}),
              subscription("change", {.on_change = true, .heartbeat_ns = kSecond})}));
  came_.follow(*b_);
  publish({{"slow", {250}}, {"third", {90}}, {"change", {50, [](uint64_t) { return "same"; }}}}, 20);
  EXPECT_NEAR(static_cast<double>(came_.count("slow")), 200, 2);
  EXPECT_NEAR(static_cast<double>(came_.count("third")), 600, 6);
  EXPECT_NEAR(static_cast<double>(came_.count("change")), 10, 1);
  expect_all_counted();
}

TEST_F(ModesTest, WhatWasPassedOverIsSentWhenTheWishLetsIt) {
  pair({}, wants({subscription("**", {.one_of = 1000})}));
  for (int i = 1; i <= 5; ++i) one_value("x", "000" + std::to_string(i)), run(10 * kMs);
  ASSERT_EQ(b_->value("x"), "0001");
  std::vector<ReceiveRule> all(1);
  ASSERT_TRUE(b_->relay().configure({}, all, {}, {}, {}).ok());
  EXPECT_TRUE(until(*b_, "x", "0005"));
}

TEST_F(ModesTest, ASampleThatIsFetchedAfterItWasPassedOverIsCountedOnce) {
  pair({}, wants({subscription("**", {.one_of = 1000})}));
  for (int i = 1; i <= 5; ++i, ++published_) one_value("x", "000" + std::to_string(i)), run(10 * kMs);
  const uint64_t request = b_->relay().get(only("x"), false, now_, kSecond);
  ASSERT_TRUE(until([&] { return b_->relay().get_result(request).done; }));
  EXPECT_EQ(b_->value("x"), "0005");
  expect_all_counted();
}

}  // namespace
}  // namespace smt::relay
