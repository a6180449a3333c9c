// One process: what a Publisher writes, a Reader reads.
#include <thread>

#include "tests/row.h"
#include "tests/shm/shm_fixture.h"

namespace smt {
namespace {

using std::chrono::milliseconds;

using TopicTest = ShmTest;

struct Pose {
  double x, y, yaw;
};
SMT_FIELDS(Pose, x, y, yaw)

TEST_F(TopicTest, AValueIsReadAsItWasPublished) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "a/b");
  Reader r = open_reader(d, "a/b");
  EXPECT_EQ(r.latest(), nullptr);
  EXPECT_EQ(r.state(), State::kEmpty);
  publish_value(p, "hello");
  ASSERT_NE(r.latest(), nullptr);
  EXPECT_EQ(text_of(r.latest()), "hello");
  EXPECT_EQ(r.latest()->sequence, 1u);
  EXPECT_EQ(r.state(), State::kFresh);
  EXPECT_LT(*r.age_ns(), 1'000'000'000);
}

TEST_F(TopicTest, ATypedTopicCarriesItsSchema) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  auto pose = Topic<Pose>::advertise(*node, {.name = "pose"});
  ASSERT_TRUE(pose.ok());
  auto r = TopicReader<Pose>::open(d, "pose");
  ASSERT_TRUE(r.ok());
  EXPECT_FALSE(r->latest().has_value());
  SMT_ASSERT_OK(pose->publish({1, 2, 0.5}));
  EXPECT_EQ(r->latest()->yaw, 0.5);
  EXPECT_EQ(r->latest_fresh()->x, 1);
  EXPECT_EQ(r->reader().schema()->text(), schema_of<Pose>().text());
}

TEST_F(TopicTest, AnotherTypeIsRefusedWithBothLayouts) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  auto pose = Topic<Pose>::advertise(*node, {.name = "pose"});
  SMT_ASSERT_OK(pose->publish({1, 2, 3}));
  auto r = TopicReader<float>::open(d, "pose");
  ASSERT_TRUE(r.ok());
  EXPECT_FALSE(r->latest().has_value());
  const Status s = r->reader().refresh();
  EXPECT_EQ(s.code(), Code::kMismatch);
  EXPECT_THAT(s.message(), testing::HasSubstr("yaw"));
}

TEST_F(TopicTest, NextReturnsEachSampleOnceInOrderAndCountsWhatItMissed) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t", {.history = 8});
  Reader r = open_reader(d, "t");
  for (int i = 1; i <= 20; ++i) publish_value(p, std::to_string(i));
  std::vector<std::string> got;
  while (const Sample* s = r.next()) got.push_back(text_of(s));
  EXPECT_THAT(got, testing::ElementsAre("13", "14", "15", "16", "17", "18", "19", "20"));
  EXPECT_EQ(r.missed(), 12u);
  publish_value(p, "21");
  EXPECT_EQ(text_of(r.next()), "21");
  EXPECT_EQ(r.next(), nullptr);
  EXPECT_EQ(r.missed(), 12u);
}

// The samples that are there for next().
std::vector<std::string> texts_of(Reader& reader) {
  std::vector<std::string> texts;
  while (const Sample* s = reader.next()) {
    texts.emplace_back(reinterpret_cast<const char*>(s->bytes.data()), s->bytes.size());
  }
  return texts;
}

class BeginTest : public TopicTest {
 protected:
  // Publishes `count` more: "1", "2", ...
  void publish(int count) {
    for (int i = 0; i < count; ++i) publish_value(publisher_, std::to_string(++published_));
  }
  Reader open(Begin begin) { return open_reader(domain_, "t", {.begin = begin}); }

  Domain domain_ = open_domain();
  std::unique_ptr<Node> node_ = open_node(domain_, "n");
  Publisher publisher_ = advertise(*node_, "t", {.history = 4});
  int published_ = 0;
};

TEST_F(BeginTest, TheOldestSampleComesFirstAndWhatWasGoneBeforeTheReaderWasOpenedIsNotMissed) {
  publish(20);
  Reader r = open(Begin::kOldest), by_default = open_reader(domain_, "t");
  EXPECT_THAT(texts_of(r), testing::ElementsAre("17", "18", "19", "20"));
  EXPECT_EQ(r.missed(), 0u);
  EXPECT_EQ(texts_of(by_default).size(), 4u);
  publish(6);
  EXPECT_THAT(texts_of(r), testing::ElementsAre("23", "24", "25", "26"));
  EXPECT_EQ(r.missed(), 2u);
}

TEST_F(BeginTest, TheNewestSampleComesFirstAndAllThatFollowInOrder) {
  publish(20);
  Reader r = open(Begin::kNewest);
  EXPECT_EQ(r.wait(milliseconds(0)), Woke::kSample);
  EXPECT_THAT(texts_of(r), testing::ElementsAre("20"));
  publish(3);
  EXPECT_THAT(texts_of(r), testing::ElementsAre("21", "22", "23"));
  EXPECT_EQ(r.missed(), 0u);
  publish(6);
  EXPECT_THAT(texts_of(r), testing::ElementsAre("26", "27", "28", "29"));
  EXPECT_EQ(r.missed(), 2u);
}

TEST_F(BeginTest, WhatIsPublishedAfterTheReaderWasOpenedAndLostIsMissed) {
  publish(20);
  Reader oldest = open(Begin::kOldest), newest = open(Begin::kNewest), first = open(Begin::kFirst);
  Publisher other = advertise(*node_, "other");  // the reader looks its name up again
  publish(10);
  for (Reader* r : {&oldest, &newest, &first}) {
    SMT_ASSERT_OK(r->refresh());
    const Sample* s = r->next();
    ASSERT_NE(s, nullptr);
    EXPECT_EQ(s->sequence, 27u);
    EXPECT_EQ(s->missed, r == &first ? 26u : 6u);
    EXPECT_EQ(r->missed(), s->missed);
  }
}

TEST_F(BeginTest, AnEmptyTopicAndOneThatAppearsLaterBeginWithTheirFirstSample) {
  for (const Begin begin : {Begin::kOldest, Begin::kNewest, Begin::kFirst}) {
    Reader empty = open(begin), later = open_reader(domain_, "later", {.begin = begin});
    {
      Publisher p = advertise(*node_, "later");
      for (const char* text : {"a", "b", "c"}) {
        publish_value(publisher_, text);
        publish_value(p, text);
      }
      for (Reader* r : {&empty, &later}) {
        SMT_ASSERT_OK(r->refresh());
        EXPECT_THAT(texts_of(*r), testing::ElementsAre("a", "b", "c"));
        EXPECT_EQ(r->missed(), 0u);
      }
      publisher_ = advertise(*node_, "other");
    }
    SMT_ASSERT_OK(node_->remove("t"));
    SMT_ASSERT_OK(node_->remove("later"));
    publisher_ = advertise(*node_, "t", {.history = 4});
  }
}

TEST_F(BeginTest, AMirrorThatAppearsLaterHasMissedWhatItsRingLostAndNotWhatItsSourceHadBefore) {
  auto mirror = open_node(domain_, "m", {.mirror = true});
  mirror->keep_alive(INT64_MAX);
  TopicOrigin origin;
  origin.segment_id[0] = 1;
  const int64_t before = boottime_ns();
  for (const bool old : {true, false}) {
    const std::string topic = old ? "old" : "young";
    Reader oldest = open_reader(domain_, topic),
           newest = open_reader(domain_, topic, {.begin = Begin::kNewest});
    Publisher p = advertise(*mirror, topic, {.history = 4, .origin = origin, .hops = 1, .first_sequence = 1});
    Reader first = open_reader(domain_, topic, {.begin = Begin::kFirst});
    const int64_t born = old ? before : boottime_ns();
    for (uint64_t i = 0; i < 6; ++i) SMT_ASSERT_OK(p.publish({}, {1000 + i, 0, born, born}));
    for (Reader* r : {&oldest, &newest, &first}) {
      SMT_ASSERT_OK(r->refresh());
      EXPECT_EQ(r->next()->sequence, 1002u);
      while (r->next() != nullptr) continue;
    }
    EXPECT_EQ(oldest.missed(), old ? 2u : 1001u) << "since the source's first, if they may be later than it";
    EXPECT_EQ(newest.missed(), 2u);
    EXPECT_EQ(first.missed(), 2u);
  }
}

TEST_F(BeginTest, OfSeveralWritersTheNewestSampleComesFirst) {
  auto other = open_node(domain_, "o");
  Publisher p = advertise(*other, "t", {.history = 4});
  const auto put = [](Publisher& by, std::string_view text, int64_t born) {
    SMT_ASSERT_OK(by.publish(std::as_bytes(std::span(text)), 0, born));
  };
  for (const int64_t born : {10, 12, 14}) put(publisher_, std::to_string(born), born);
  for (const int64_t born : {11, 13}) put(p, std::to_string(born), born);
  Reader newest = open(Begin::kNewest), oldest = open(Begin::kOldest), latest = open(Begin::kOldest);
  EXPECT_EQ(text_of(latest.latest()), "14");
  put(p, "15", 15);
  put(publisher_, "16", 16);
  EXPECT_THAT(texts_of(newest), testing::ElementsAre("14", "15", "16"));
  EXPECT_THAT(texts_of(oldest), testing::ElementsAre("10", "11", "12", "13", "14", "15", "16"));
  EXPECT_THAT(texts_of(latest), testing::ElementsAre("15", "16"));
  for (const Reader* r : {&newest, &oldest, &latest}) EXPECT_EQ(r->missed(), 0u);
  // What comes too late is missed, and so is what was lost before it.
  for (const int64_t born : {1, 2, 3, 4, 5}) put(p, "late", born);
  EXPECT_THAT(texts_of(newest), testing::ElementsAre());
  EXPECT_EQ(newest.missed(), 5u);
}

TEST_F(TopicTest, LatestAndNextShareTheirPlace) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t", {.history = 8});
  Reader r = open_reader(d, "t");
  publish_value(p, "1");
  publish_value(p, "2");
  EXPECT_EQ(text_of(r.latest()), "2");
  EXPECT_EQ(r.next(), nullptr);
  publish_value(p, "3");
  EXPECT_EQ(text_of(r.next()), "3");
}

TEST_F(TopicTest, EverySizeUpToTheMaximumComesBackWhole) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t", {.max_bytes = 300});
  Reader r = open_reader(d, "t");
  std::string text;
  for (size_t n = 0; n <= 300; ++n, text += static_cast<char>(n * n)) {
    publish_value(p, text);
    ASSERT_EQ(text_of(r.latest()), text) << n;
  }
}

TEST_F(TopicTest, AGrowingValueKeepsItsHistoryAndItsReaders) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t", {.max_bytes = 16, .history = 4});
  Reader r = open_reader(d, "t");
  publish_value(p, "one");
  publish_value(p, "two");
  EXPECT_EQ(text_of(r.next()), "one");
  const std::string big(1 << 20, 'x');
  publish_value(p, big);
  EXPECT_EQ(text_of(r.next()), "two");
  EXPECT_EQ(text_of(r.next()), big);
  EXPECT_EQ(r.missed(), 0u);
  EXPECT_EQ(r.reopened(), 0u);
  publish_value(p, "small again");
  EXPECT_EQ(text_of(r.latest()), "small again");
  EXPECT_EQ(list_topics(d)->topics[0].generation, 2u);
}

TEST_F(TopicTest, AFixedSizeTopicRefusesAnotherSize) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t", {.schema = Schema::scalar(Type::kF64)});
  const float wrong = 1;
  const Status s = p.publish(std::as_bytes(std::span(&wrong, 1)));
  EXPECT_EQ(s.code(), Code::kInvalid);
  EXPECT_THAT(s.message(), testing::HasSubstr("4 bytes for topic t, whose type f64 has 8"));
}

TEST_F(TopicTest, ALoanIsPublishedWhenCommittedAndNotBefore) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "image", {.max_bytes = 4096});
  Reader r = open_reader(d, "image");
  publish_value(p, "before");
  {
    Result<Loan> loan = p.loan(8);
    ASSERT_TRUE(loan.ok());
    memcpy(loan->bytes().data(), "loaned!!", 8);
    EXPECT_EQ(text_of(r.latest()), "before");
    loan->commit();
  }
  EXPECT_EQ(text_of(r.latest()), "loaned!!");
  { Result<Loan> dropped = p.loan(8); }
  EXPECT_EQ(text_of(r.latest()), "loaned!!");
  publish_value(p, "after");
  EXPECT_EQ(text_of(r.latest()), "after");
  EXPECT_EQ(r.latest()->sequence, 3u);
}

TEST_F(TopicTest, ABorrowedValueSaysWhenItHasBeenWrittenOver) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t");
  Reader r = open_reader(d, "t");
  EXPECT_FALSE(r.borrow().has_value());
  publish_value(p, "first");
  const auto b = r.borrow();
  ASSERT_TRUE(b.has_value());
  EXPECT_EQ(text_of(b), "first");
  EXPECT_TRUE(b->valid());
  for (int i = 0; i < 4; ++i) publish_value(p, "later");
  EXPECT_FALSE(b->valid());
}

TEST_F(TopicTest, ABorrowedValueAndItsCopyOutliveTheirReaderAndTheSegment) {
  std::optional<Borrowed> copy, moved;
  {
    Domain d = open_domain();
    auto node = open_node(d, "n", {.remove_on_exit = true});
    Publisher p = advertise(*node, "t");
    publish_value(p, "value");
    Reader r = open_reader(d, "t");
    std::optional<Borrowed> b = r.borrow();
    copy = b;
    b = r.borrow();
    moved = std::move(b);
  }
  EXPECT_EQ(text_of(copy), "value");
  EXPECT_EQ(text_of(moved), "value");
  EXPECT_EQ(copy->valid(), moved->valid());
  copy.reset();
  EXPECT_EQ(text_of(moved), "value");
}

TEST_F(TopicTest, TheLaterValueOfTwoWritersIsBorrowedAndNoneOfATopicThatIsGone) {
  Domain d = open_domain();
  auto a = open_node(d, "a"), b = open_node(d, "b");
  Reader r = open_reader(d, "t");
  const auto publish = [](Node& node, std::string_view text, int64_t born) {
    Publisher p = advertise(node, "t");
    SMT_ASSERT_OK(p.publish(std::as_bytes(std::span(text)), 0, born));
  };
  publish(*a, "a10", 10);
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(text_of(r.borrow()), "a10");
  publish(*b, "b20", 20);
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(text_of(r.borrow()), "b20");
  publish(*a, "a30", 30);
  EXPECT_EQ(text_of(r.borrow()), "a30");
  SMT_ASSERT_OK(a->remove("t"));
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(text_of(r.borrow()), "b20");
  SMT_ASSERT_OK(b->remove("t"));
  EXPECT_EQ(text_of(r.borrow()), "(none)");
}

TEST_F(TopicTest, LatestTellsHowManySamplesItPassesOver) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t", {.history = 8});
  Reader r = open_reader(d, "t");
  publish_value(p, "1");
  EXPECT_EQ(r.latest()->missed, 0u);
  for (const char* text : {"2", "3", "4"}) publish_value(p, text);
  const Sample* s = r.latest();
  EXPECT_EQ(text_of(s), "4");
  EXPECT_EQ(s->missed, 2u);
  EXPECT_EQ(r.next(), nullptr);
  publish_value(p, "5");
  publish_value(p, "6");
  EXPECT_EQ(r.next()->missed, 0u);
  EXPECT_EQ(r.latest()->missed, 0u);
  EXPECT_EQ(r.missed(), 0u) << "what latest() passes over is not";
}

TEST_F(TopicTest, WithSeveralWritersTheLaterBornWinsAndNobodySeesAnOlderOneAfterwards) {
  Domain d = open_domain();
  auto a = open_node(d, "a"), b = open_node(d, "b");
  Publisher pa = advertise(*a, "cmd"), pb = advertise(*b, "cmd");
  Reader r = open_reader(d, "cmd");
  const auto put = [](Publisher& p, std::string_view text, int64_t born) {
    SMT_ASSERT_OK(p.publish(std::as_bytes(std::span(text)), 0, born));
  };
  put(pa, "a10", 10);
  put(pb, "b20", 20);
  EXPECT_EQ(text_of(r.latest()), "b20");
  put(pa, "a15", 15);
  EXPECT_EQ(text_of(r.latest()), "b20");
  put(pa, "a20", 20);  // a tie: the greater node name
  EXPECT_EQ(text_of(r.latest()), "b20");
  put(pa, "a30", 30);
  EXPECT_EQ(text_of(r.latest()), "a30");
  put(pb, "b25", 25);
  EXPECT_EQ(text_of(r.latest()), "a30");
  EXPECT_EQ(r.writers().size(), 2u);

  Reader n = open_reader(d, "cmd");
  std::vector<std::string> order;
  while (const Sample* s = n.next()) order.push_back(text_of(s));
  EXPECT_THAT(order, testing::ElementsAre("a10", "a15", "a20", "b20", "b25", "a30"));
  put(pb, "b28", 28);
  EXPECT_EQ(n.next(), nullptr);
  EXPECT_EQ(n.missed(), 1u);

  // The winner goes: what is older stays unseen.
  pa = advertise(*a, "other");
  SMT_ASSERT_OK(a->remove("cmd"));
  EXPECT_EQ(r.refresh().code(), Code::kOk);
  EXPECT_EQ(text_of(r.latest()), "a30");
  put(pb, "b40", 40);
  EXPECT_EQ(text_of(r.latest()), "b40");
  print_row(Row{.id = "R12", .what = "two writers of one topic", .n = 8, .violations = HasFailure()});
}

TEST_F(TopicTest, ARemovedTopicIsGoneAndItsNameIsFree) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Reader r = open_reader(d, "t");
  {
    Publisher p = advertise(*node, "t");
    publish_value(p, "old");
    SMT_ASSERT_OK(r.refresh());
    EXPECT_EQ(text_of(r.latest()), "old");
    EXPECT_EQ(node->remove("t").code(), Code::kInUse);
  }
  SMT_ASSERT_OK(node->remove("t"));
  EXPECT_EQ(r.state(), State::kRemoved);
  EXPECT_EQ(r.latest(), nullptr);
  EXPECT_EQ(r.refresh().code(), Code::kNotFound);
  EXPECT_EQ(node->remove("t").code(), Code::kNotFound);
  Publisher p = advertise(*node, "t");
  publish_value(p, "new");
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(text_of(r.latest()), "new");
}

TEST_F(TopicTest, AReusedRingHoldsNothingOfTheTopicBefore) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  {
    // Of the same positions, which are what a lock tells.
    Publisher first = advertise(*node, "first", {.max_bytes = 16, .history = 64});
    for (int i = 0; i < 64; ++i) publish_value(first, "secret of first");
    Publisher other = advertise(*node, "other", {.max_bytes = 16, .history = 4});
    for (int i = 0; i < 20; ++i) publish_value(other, "other");
  }
  SMT_ASSERT_OK(node->remove("first"));
  // In the same memory as the first, of which only four slots are written.
  Publisher p = advertise(*node, "other", {.max_bytes = 16, .history = 64});
  Reader r = open_reader(d, "other");
  int samples = 0;
  while (const Sample* s = r.next()) {
    EXPECT_EQ(text_of(s), "other");
    ++samples;
  }
  EXPECT_EQ(samples, 4);
  EXPECT_EQ(r.missed(), 0u) << "all others were gone when it was opened";
}

TEST_F(TopicTest, AnotherTypeUnderTheSameNameStartsEmptyAndGoesOnInSequence) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Reader r = open_reader(d, "t");
  {
    auto p = Topic<double>::advertise(*node, {.name = "t"});
    SMT_ASSERT_OK(p->publish(1.0));
    SMT_ASSERT_OK(p->publish(2.0));
  }
  SMT_ASSERT_OK(r.refresh());
  while (r.next() != nullptr) {
  }
  EXPECT_EQ(r.freshness().state, State::kFresh);
  auto p = Topic<Pose>::advertise(*node, {.name = "t"});
  ASSERT_TRUE(p.ok());
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(r.latest(), nullptr);
  EXPECT_EQ(r.state(), State::kEmpty);
  SMT_ASSERT_OK(p->publish({1, 2, 3}));
  ASSERT_NE(r.next(), nullptr);
  EXPECT_EQ(r.missed(), 0u);
  EXPECT_EQ(r.latest()->sequence, 3u);
}

TEST_F(TopicTest, ATopicBecomesStaleByItsMaximumAgeAndFreshAgain) {
  static int64_t now;
  now = 1'000'000'000'000;
  Result<Domain> d =
      Domain::open({.root = root_, .domain = "d", .clock = {[] { return now; }, [] { return now; }}});
  ASSERT_TRUE(d.ok());
  auto node = open_node(*d, "n");
  Publisher p = advertise(*node, "t", {.max_age_ns = 1000});
  Reader r = open_reader(*d, "t");
  publish_value(p, "x");
  EXPECT_EQ(text_of(r.latest_fresh()), "x");
  now += 1001;
  EXPECT_EQ(r.state(), State::kStale);
  EXPECT_EQ(r.latest_fresh(), nullptr);
  EXPECT_EQ(text_of(r.latest()), "x");
  EXPECT_EQ(*r.age_ns(), 1001);
  publish_value(p, "y");
  EXPECT_EQ(text_of(r.latest_fresh()), "y");
  Reader patient = open_reader(*d, "t", {.schema = std::nullopt, .max_age_ns = 5000});
  now += 4000;
  EXPECT_EQ(r.state(), State::kStale);
  EXPECT_EQ(patient.state(), State::kFresh);
}

TEST_F(TopicTest, TheFreshnessOfASampleIsThatOfItsOwnAgeHoweverFreshALaterOneIs) {
  static int64_t now;
  now = 1'000'000'000'000;
  Result<Domain> d =
      Domain::open({.root = root_, .domain = "d", .clock = {[] { return now; }, [] { return now; }}});
  ASSERT_TRUE(d.ok());
  auto node = open_node(*d, "n");
  Publisher p = advertise(*node, "t", {.max_age_ns = 1000});
  Reader r = open_reader(*d, "t");
  publish_value(p, "old");
  now += 1001;
  publish_value(p, "new");
  const int64_t old_born = r.next()->born_ns;
  EXPECT_EQ(r.state(), State::kFresh);
  EXPECT_EQ(r.freshness().age_ns, 0);
  EXPECT_EQ(r.freshness_of(old_born).state, State::kStale);
  EXPECT_EQ(r.freshness_of(old_born).age_ns, 1001);
  EXPECT_EQ(r.freshness_of(r.next()->born_ns).state, State::kFresh);
  EXPECT_EQ(r.freshness_of(old_born).max_age_ns, 1000);
  { Publisher gone = std::move(p); }
  node.reset();
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(r.freshness_of(old_born).state, State::kSourceDead) << "what is no matter of age is the topic's";
}

TEST_F(TopicTest, WaitReturnsForASampleForAStateAndForTheTime) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t");
  Reader r = open_reader(d, "t");
  EXPECT_EQ(r.wait(milliseconds(1)), Woke::kTimeout);
  std::thread t([&] { publish_value(p, "x"); });
  EXPECT_EQ(r.wait(milliseconds(5000)), Woke::kSample);
  t.join();
  EXPECT_EQ(text_of(r.next()), "x");
  EXPECT_EQ(r.wait(milliseconds(1)), Woke::kTimeout);
  { Publisher gone = std::move(p); }
  node.reset();
  EXPECT_EQ(r.wait(milliseconds(5000)), Woke::kState);
  EXPECT_EQ(r.state(), State::kSourceDead);
  EXPECT_EQ(text_of(r.latest()), "x");
}

TEST_F(TopicTest, WaitFindsATopicThatComesLater) {
  Domain d = open_domain();
  Reader r = open_reader(d, "t");
  EXPECT_EQ(r.wait(milliseconds(1)), Woke::kTimeout);
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t");
  publish_value(p, "x");
  EXPECT_EQ(r.wait(milliseconds(5000)), Woke::kSample);
  EXPECT_EQ(text_of(r.next()), "x");
}

TEST_F(TopicTest, AWaiterWakesForAnyTopicOfAnyNodeAndForNewNodes) {
  Domain d = open_domain();
  auto a = open_node(d, "a");
  Publisher pa = advertise(*a, "t");
  auto w = Waiter::open(d);
  ASSERT_TRUE(w.ok());
  EXPECT_GE(w->fd(), 0);
  ASSERT_EQ(w->nodes().size(), 1u);
  EXPECT_FALSE(w->wait(milliseconds(1)));
  publish_value(pa, "1");
  EXPECT_TRUE(w->wait(milliseconds(5000)));
  std::thread t([&] { publish_value(pa, "2"); });
  EXPECT_TRUE(w->wait(milliseconds(5000)));
  t.join();
  while (w->wait(milliseconds(1))) {
  }
  auto b = open_node(d, "b");
  EXPECT_TRUE(w->wait(milliseconds(5000)));
  while (w->nodes().size() < 2) ASSERT_TRUE(w->wait(milliseconds(5000)));
}

TEST_F(TopicTest, ABurstRingsOnceAtItsEnd) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "p"), q = advertise(*node, "q");
  Reader r = open_reader(d, "p");
  auto segment = SegmentView::open(d, "n");
  ASSERT_TRUE(segment.ok());
  const uint32_t before = read_bell_word((*segment)->word());
  {
    Burst burst;
    for (int i = 0; i < 10; ++i) {
      SMT_ASSERT_OK(burst.publish(p, {}, {0, 1, 1, 1}));
      SMT_ASSERT_OK(burst.publish(q, {}, {0, 1, 1, 1}));
    }
    EXPECT_EQ(read_bell_word((*segment)->word()), before);
  }
  EXPECT_EQ(read_bell_word((*segment)->word()), before + 1);
  EXPECT_EQ(r.latest()->sequence, 10u);
}

TEST_F(TopicTest, AScanFindsExactlyWhatMoved) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  std::vector<Publisher> topics;
  for (int i = 0; i < 1000; ++i) topics.push_back(advertise(*node, "t/" + std::to_string(i)));
  auto view = SegmentView::open(d, "n");
  ASSERT_TRUE(view.ok());
  std::vector<uint64_t> seen;
  std::vector<uint32_t> changed;
  (*view)->scan(&seen, &changed);
  EXPECT_TRUE(changed.empty());
  for (int i : {0, 7, 63, 64, 191, 192, 999}) publish_value(topics[static_cast<size_t>(i)], "x");
  (*view)->scan(&seen, &changed);
  EXPECT_THAT(changed, testing::ElementsAre(0, 7, 63, 64, 191, 192, 999));
  changed.clear();
  (*view)->scan(&seen, &changed);
  EXPECT_TRUE(changed.empty());
  EXPECT_EQ((*view)->topic(999)->name, "t/999");
}

TEST_F(TopicTest, AListingTellsEverythingOfEachTopic) {
  Domain d = open_domain();
  auto node = open_node(d, "driver");
  auto pose =
      Topic<Pose>::advertise(*node, {.name = "base/pose", .history = 10, .max_age_ns = 5'000'000'000});
  SMT_ASSERT_OK(pose->publish({1, 2, 3}));
  Result<DomainListing> all = list_topics(d);
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->topics.size(), 1u);
  const TopicInfo& t = all->topics[0];
  EXPECT_EQ(t.name, "base/pose");
  EXPECT_EQ(t.schema.fields.size(), 3u);
  EXPECT_EQ(t.history, 16u);
  EXPECT_EQ(t.sequence, 1u);
  EXPECT_EQ(t.freshness.state, State::kFresh);
  EXPECT_EQ(t.freshness.max_age_ns, 5'000'000'000);
  EXPECT_EQ(t.freshness.origin.node, "driver");
  EXPECT_EQ(t.freshness.origin.domain, "d");
  ASSERT_EQ(t.writers.size(), 1u);
  EXPECT_EQ(t.writers[0].pid, static_cast<uint64_t>(getpid()));
  EXPECT_TRUE(t.writers[0].live);
  EXPECT_TRUE(all->problems.empty());
}

}  // namespace
}  // namespace smt
