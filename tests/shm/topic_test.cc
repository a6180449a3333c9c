// One process: what a Publisher writes, a Reader reads.
// Seeded bugs that must make this file fail: EndSample without the counter store; Adopt() without `missed +=
// gap`; TopicTable::put without the zeroed locks (AReusedRingHoldsNothingOfTheTopicBefore).
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
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "a/b");
  Reader r = Open(d, "a/b");
  EXPECT_EQ(r.latest(), nullptr);
  EXPECT_EQ(r.state(), State::kEmpty);
  Publish(p, "hello");
  ASSERT_NE(r.latest(), nullptr);
  EXPECT_EQ(Text(r.latest()), "hello");
  EXPECT_EQ(r.latest()->sequence, 1u);
  EXPECT_EQ(r.state(), State::kFresh);
  EXPECT_LT(*r.age_ns(), 1'000'000'000);
}

TEST_F(TopicTest, ATypedTopicCarriesItsSchema) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  auto pose = Topic<Pose>::advertise(*node, {.name = "pose"});
  ASSERT_TRUE(pose.ok());
  auto r = TopicReader<Pose>::open(d, "pose");
  ASSERT_TRUE(r.ok());
  EXPECT_FALSE(r->latest().has_value());
  ASSERT_OK(pose->publish({1, 2, 0.5}));
  EXPECT_EQ(r->latest()->yaw, 0.5);
  EXPECT_EQ(r->latest_fresh()->x, 1);
  EXPECT_EQ(r->reader().schema()->text(), SchemaOf<Pose>().text());
}

TEST_F(TopicTest, AnotherTypeIsRefusedWithBothLayouts) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  auto pose = Topic<Pose>::advertise(*node, {.name = "pose"});
  ASSERT_OK(pose->publish({1, 2, 3}));
  auto r = TopicReader<float>::open(d, "pose");
  ASSERT_TRUE(r.ok());
  EXPECT_FALSE(r->latest().has_value());
  const Status s = r->reader().refresh();
  EXPECT_EQ(s.code(), Code::kMismatch);
  EXPECT_THAT(s.message(), testing::HasSubstr("yaw"));
}

TEST_F(TopicTest, NextReturnsEachSampleOnceInOrderAndCountsWhatItMissed) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "t", {.history = 8});
  Reader r = Open(d, "t");
  for (int i = 1; i <= 20; ++i) Publish(p, std::to_string(i));
  std::vector<std::string> got;
  while (const Sample* s = r.next()) got.push_back(Text(s));
  EXPECT_THAT(got, testing::ElementsAre("13", "14", "15", "16", "17", "18", "19", "20"));
  EXPECT_EQ(r.missed(), 12u);
  Publish(p, "21");
  EXPECT_EQ(Text(r.next()), "21");
  EXPECT_EQ(r.next(), nullptr);
  EXPECT_EQ(r.missed(), 12u);
}

TEST_F(TopicTest, LatestAndNextShareTheirPlace) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "t", {.history = 8});
  Reader r = Open(d, "t");
  Publish(p, "1");
  Publish(p, "2");
  EXPECT_EQ(Text(r.latest()), "2");
  EXPECT_EQ(r.next(), nullptr);
  Publish(p, "3");
  EXPECT_EQ(Text(r.next()), "3");
}

TEST_F(TopicTest, EverySizeUpToTheMaximumComesBackWhole) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "t", {.max_bytes = 100});
  Reader r = Open(d, "t");
  for (size_t n = 0; n <= 100; ++n) {
    const std::string text(n, static_cast<char>('a' + n % 26));
    Publish(p, text);
    ASSERT_EQ(Text(r.latest()), text) << n;
  }
}

TEST_F(TopicTest, AGrowingValueKeepsItsHistoryAndItsReaders) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "t", {.max_bytes = 16, .history = 4});
  Reader r = Open(d, "t");
  Publish(p, "one");
  Publish(p, "two");
  EXPECT_EQ(Text(r.next()), "one");
  const std::string big(1 << 20, 'x');
  Publish(p, big);
  EXPECT_EQ(Text(r.next()), "two");
  EXPECT_EQ(Text(r.next()), big);
  EXPECT_EQ(r.missed(), 0u);
  EXPECT_EQ(r.reopened(), 0u);
  Publish(p, "small again");
  EXPECT_EQ(Text(r.latest()), "small again");
  EXPECT_EQ(ListTopics(d)->topics[0].generation, 2u);
}

TEST_F(TopicTest, AFixedSizeTopicRefusesAnotherSize) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "t", {.schema = Schema::Scalar(Type::kF64)});
  const float wrong = 1;
  const Status s = p.publish(std::as_bytes(std::span(&wrong, 1)));
  EXPECT_EQ(s.code(), Code::kInvalid);
  EXPECT_THAT(s.message(), testing::HasSubstr("4 bytes for topic t, whose type f64 has 8"));
}

TEST_F(TopicTest, ALoanIsPublishedWhenCommittedAndNotBefore) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "image", {.max_bytes = 4096});
  Reader r = Open(d, "image");
  Publish(p, "before");
  {
    Result<Loan> loan = p.loan(8);
    ASSERT_TRUE(loan.ok());
    memcpy(loan->bytes().data(), "loaned!!", 8);
    EXPECT_EQ(Text(r.latest()), "before");
    loan->commit();
  }
  EXPECT_EQ(Text(r.latest()), "loaned!!");
  { Result<Loan> dropped = p.loan(8); }
  EXPECT_EQ(Text(r.latest()), "loaned!!");
  Publish(p, "after");
  EXPECT_EQ(Text(r.latest()), "after");
  EXPECT_EQ(r.latest()->sequence, 3u);
}

TEST_F(TopicTest, ABorrowedValueSaysWhenItHasBeenWrittenOver) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "t");
  Reader r = Open(d, "t");
  EXPECT_FALSE(r.borrow().has_value());
  Publish(p, "first");
  const auto b = r.borrow();
  ASSERT_TRUE(b.has_value());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(b->bytes().data()), b->bytes().size()), "first");
  EXPECT_TRUE(b->valid());
  for (int i = 0; i < 4; ++i) Publish(p, "later");
  EXPECT_FALSE(b->valid());
}

TEST_F(TopicTest, WithSeveralWritersTheLaterBornWinsAndNobodySeesAnOlderOneAfterwards) {
  Domain d = OpenDomain();
  auto a = OpenNode(d, "a"), b = OpenNode(d, "b");
  Publisher pa = Advertise(*a, "cmd"), pb = Advertise(*b, "cmd");
  Reader r = Open(d, "cmd");
  const auto put = [](Publisher& p, std::string_view text, int64_t born) {
    ASSERT_OK(p.publish(std::as_bytes(std::span(text)), 0, born));
  };
  put(pa, "a10", 10);
  put(pb, "b20", 20);
  EXPECT_EQ(Text(r.latest()), "b20");
  put(pa, "a15", 15);
  EXPECT_EQ(Text(r.latest()), "b20");
  put(pa, "a20", 20);  // a tie: the greater node name
  EXPECT_EQ(Text(r.latest()), "b20");
  put(pa, "a30", 30);
  EXPECT_EQ(Text(r.latest()), "a30");
  put(pb, "b25", 25);
  EXPECT_EQ(Text(r.latest()), "a30");
  EXPECT_EQ(r.writers().size(), 2u);

  Reader n = Open(d, "cmd");
  std::vector<std::string> order;
  while (const Sample* s = n.next()) order.push_back(Text(s));
  EXPECT_THAT(order, testing::ElementsAre("a10", "a15", "a20", "b20", "b25", "a30"));
  put(pb, "b28", 28);
  EXPECT_EQ(n.next(), nullptr);
  EXPECT_EQ(n.missed(), 1u);

  // The winner goes: what is older stays unseen.
  pa = Advertise(*a, "other");
  ASSERT_OK(a->remove("cmd"));
  EXPECT_EQ(r.refresh().code(), Code::kOk);
  EXPECT_EQ(Text(r.latest()), "a30");
  put(pb, "b40", 40);
  EXPECT_EQ(Text(r.latest()), "b40");
  Print(Row{.id = "R12", .what = "two writers of one topic", .n = 8, .violations = HasFailure()});
}

TEST_F(TopicTest, ARemovedTopicIsGoneAndItsNameIsFree) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Reader r = Open(d, "t");
  {
    Publisher p = Advertise(*node, "t");
    Publish(p, "old");
    ASSERT_OK(r.refresh());
    EXPECT_EQ(Text(r.latest()), "old");
    EXPECT_EQ(node->remove("t").code(), Code::kInUse);
  }
  ASSERT_OK(node->remove("t"));
  EXPECT_EQ(r.state(), State::kRemoved);
  EXPECT_EQ(r.latest(), nullptr);
  EXPECT_EQ(r.refresh().code(), Code::kNotFound);
  EXPECT_EQ(node->remove("t").code(), Code::kNotFound);
  Publisher p = Advertise(*node, "t");
  Publish(p, "new");
  ASSERT_OK(r.refresh());
  EXPECT_EQ(Text(r.latest()), "new");
}

TEST_F(TopicTest, AReusedRingHoldsNothingOfTheTopicBefore) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  {
    // Of the same positions, which are what a lock tells.
    Publisher first = Advertise(*node, "first", {.max_bytes = 16, .history = 64});
    for (int i = 0; i < 64; ++i) Publish(first, "secret of first");
    Publisher other = Advertise(*node, "other", {.max_bytes = 16, .history = 4});
    for (int i = 0; i < 20; ++i) Publish(other, "other");
  }
  ASSERT_OK(node->remove("first"));
  // In the same memory as the first, of which only four slots are written.
  Publisher p = Advertise(*node, "other", {.max_bytes = 16, .history = 64});
  Reader r = Open(d, "other");
  int samples = 0;
  while (const Sample* s = r.next()) {
    EXPECT_EQ(Text(s), "other");
    ++samples;
  }
  EXPECT_EQ(samples, 4);
  EXPECT_EQ(r.missed(), 16u);
}

TEST_F(TopicTest, AnotherTypeUnderTheSameNameStartsEmptyAndGoesOnInSequence) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Reader r = Open(d, "t");
  {
    auto p = Topic<double>::advertise(*node, {.name = "t"});
    ASSERT_OK(p->publish(1.0));
    ASSERT_OK(p->publish(2.0));
  }
  ASSERT_OK(r.refresh());
  while (r.next() != nullptr) {
  }
  EXPECT_EQ(r.freshness().state, State::kFresh);
  auto p = Topic<Pose>::advertise(*node, {.name = "t"});
  ASSERT_TRUE(p.ok());
  ASSERT_OK(r.refresh());
  EXPECT_EQ(r.latest(), nullptr);
  EXPECT_EQ(r.state(), State::kEmpty);
  ASSERT_OK(p->publish({1, 2, 3}));
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
  auto node = OpenNode(*d, "n");
  Publisher p = Advertise(*node, "t", {.max_age_ns = 1000});
  Reader r = Open(*d, "t");
  Publish(p, "x");
  EXPECT_EQ(Text(r.latest_fresh()), "x");
  now += 1001;
  EXPECT_EQ(r.state(), State::kStale);
  EXPECT_EQ(r.latest_fresh(), nullptr);
  EXPECT_EQ(Text(r.latest()), "x");
  EXPECT_EQ(*r.age_ns(), 1001);
  Publish(p, "y");
  EXPECT_EQ(Text(r.latest_fresh()), "y");
  Reader patient = Open(*d, "t", {.schema = std::nullopt, .max_age_ns = 5000});
  now += 4000;
  EXPECT_EQ(r.state(), State::kStale);
  EXPECT_EQ(patient.state(), State::kFresh);
}

TEST_F(TopicTest, WaitReturnsForASampleForAStateAndForTheTime) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "t");
  Reader r = Open(d, "t");
  EXPECT_EQ(r.wait(milliseconds(1)), Woke::kTimeout);
  std::thread t([&] { Publish(p, "x"); });
  EXPECT_EQ(r.wait(milliseconds(5000)), Woke::kSample);
  t.join();
  EXPECT_EQ(Text(r.next()), "x");
  EXPECT_EQ(r.wait(milliseconds(1)), Woke::kTimeout);
  { Publisher gone = std::move(p); }
  node.reset();
  EXPECT_EQ(r.wait(milliseconds(5000)), Woke::kState);
  EXPECT_EQ(r.state(), State::kSourceDead);
  EXPECT_EQ(Text(r.latest()), "x");
}

TEST_F(TopicTest, WaitFindsATopicThatComesLater) {
  Domain d = OpenDomain();
  Reader r = Open(d, "t");
  EXPECT_EQ(r.wait(milliseconds(1)), Woke::kTimeout);
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "t");
  Publish(p, "x");
  EXPECT_EQ(r.wait(milliseconds(5000)), Woke::kSample);
  EXPECT_EQ(Text(r.next()), "x");
}

TEST_F(TopicTest, AWaiterWakesForAnyTopicOfAnyNodeAndForNewNodes) {
  Domain d = OpenDomain();
  auto a = OpenNode(d, "a");
  Publisher pa = Advertise(*a, "t");
  auto w = Waiter::open(d);
  ASSERT_TRUE(w.ok());
  EXPECT_GE(w->fd(), 0);
  ASSERT_EQ(w->nodes().size(), 1u);
  EXPECT_FALSE(w->wait(milliseconds(1)));
  Publish(pa, "1");
  EXPECT_TRUE(w->wait(milliseconds(5000)));
  std::thread t([&] { Publish(pa, "2"); });
  EXPECT_TRUE(w->wait(milliseconds(5000)));
  t.join();
  while (w->wait(milliseconds(1))) {
  }
  auto b = OpenNode(d, "b");
  EXPECT_TRUE(w->wait(milliseconds(5000)));
  while (w->nodes().size() < 2) ASSERT_TRUE(w->wait(milliseconds(5000)));
}

TEST_F(TopicTest, ABurstRingsOnceAtItsEnd) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  Publisher p = Advertise(*node, "p"), q = Advertise(*node, "q");
  Reader r = Open(d, "p");
  auto segment = SegmentView::open(d, "n");
  ASSERT_TRUE(segment.ok());
  const uint32_t before = read_bell_word((*segment)->word());
  {
    Burst burst;
    for (int i = 0; i < 10; ++i) {
      ASSERT_OK(burst.publish(p, {}, {0, 1, 1, 1}));
      ASSERT_OK(burst.publish(q, {}, {0, 1, 1, 1}));
    }
    EXPECT_EQ(read_bell_word((*segment)->word()), before);
  }
  EXPECT_EQ(read_bell_word((*segment)->word()), before + 1);
  EXPECT_EQ(r.latest()->sequence, 10u);
}

TEST_F(TopicTest, AScanFindsExactlyWhatMoved) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "n");
  std::vector<Publisher> topics;
  for (int i = 0; i < 1000; ++i) topics.push_back(Advertise(*node, "t/" + std::to_string(i)));
  auto view = SegmentView::open(d, "n");
  ASSERT_TRUE(view.ok());
  std::vector<uint64_t> seen;
  std::vector<uint32_t> changed;
  (*view)->scan(&seen, &changed);
  EXPECT_TRUE(changed.empty());
  for (int i : {0, 7, 63, 64, 191, 192, 999}) Publish(topics[static_cast<size_t>(i)], "x");
  (*view)->scan(&seen, &changed);
  EXPECT_THAT(changed, testing::ElementsAre(0, 7, 63, 64, 191, 192, 999));
  changed.clear();
  (*view)->scan(&seen, &changed);
  EXPECT_TRUE(changed.empty());
  EXPECT_EQ((*view)->topic(999)->name, "t/999");
}

TEST_F(TopicTest, AListingTellsEverythingOfEachTopic) {
  Domain d = OpenDomain();
  auto node = OpenNode(d, "driver");
  auto pose =
      Topic<Pose>::advertise(*node, {.name = "base/pose", .history = 10, .max_age_ns = 5'000'000'000});
  ASSERT_OK(pose->publish({1, 2, 3}));
  Result<DomainListing> all = ListTopics(d);
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
