// What is removed under a live program: it notices, makes its part again, and its readers go on.
#include <grp.h>
#include <poll.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <latch>
#include <thread>

#include "shm/waiter.h"
#include "tests/eventually.h"
#include "tests/shm/shm_fixture.h"
#include "tests/size_limit.h"

namespace smt {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class LostTest : public ShmTest {
 protected:
  void remove(const std::string& name) const { ASSERT_EQ(unlink(file(name).c_str()), 0) << name; }
  void remove_all() const { std::filesystem::remove_all(root_ + "/d"); }
  // The next sample that is published, however often readers must look the name up again.
  static std::string next_text(Reader* r) {
    const int64_t end = boottime_ns() + 5'000'000'000;
    while (boottime_ns() < end) {
      if (const Sample* s = r->next()) return text_of(s);
      r->wait(milliseconds(20));
    }
    return "(none in time)";
  }
};

TEST_F(LostTest, ANodeIsHealthyUntilItsSegmentItsBellOrItsFolderIsRemoved) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  EXPECT_TRUE(node->healthy());
  remove("n.bell");
  EXPECT_FALSE(node->healthy());
  SMT_ASSERT_OK(node->remake());
  EXPECT_TRUE(node->healthy());
  remove("n");
  EXPECT_FALSE(node->healthy());
  SMT_ASSERT_OK(node->remake());
  EXPECT_TRUE(node->healthy());
  EXPECT_TRUE(d.healthy());
  remove_all();
  EXPECT_FALSE(node->healthy());
  EXPECT_FALSE(d.healthy());
  SMT_ASSERT_OK(node->remake());
  EXPECT_TRUE(node->healthy());
  EXPECT_TRUE(d.healthy());
}

TEST_F(LostTest, WhatIsMadeAgainHasTheTopicsWithTheirSamplesSequencesAndTimes) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  TopicOptions options;
  options.history = 8;
  options.max_age_ns = 7'000'000'000;
  Publisher gone = advertise(*node, "gone"), p = advertise(*node, "t", options),
            empty = advertise(*node, "empty");
  { Publisher dead = std::move(gone); }
  SMT_ASSERT_OK(node->remove("gone"));
  for (const char* text : {"one", "two", "three"}) {
    SMT_ASSERT_OK(p.publish(std::as_bytes(std::span(std::string_view(text))), 17, 18));
  }
  const Id128 id = node->segment_id();
  remove_all();
  SMT_ASSERT_OK(node->remake());
  EXPECT_NE(node->segment_id(), id);

  Reader r = open_reader(open_domain(), "t");
  ASSERT_EQ(r.writers().size(), 1u);
  EXPECT_EQ(r.writers()[0].segment->predecessor(), id);
  EXPECT_EQ(r.writers()[0].slot_count, 8u);
  EXPECT_EQ(r.freshness().max_age_ns, 7'000'000'000);
  EXPECT_EQ(text_of(r.next()), "one");
  EXPECT_EQ(text_of(r.next()), "two");
  const Sample* s = r.next();
  ASSERT_EQ(text_of(s), "three");
  EXPECT_EQ(s->sequence, 3u);
  EXPECT_EQ(s->stamp_ns, 17);
  EXPECT_EQ(s->born_ns, 18);
  publish_value(p, "four");
  s = r.next();
  ASSERT_EQ(text_of(s), "four");
  EXPECT_EQ(s->sequence, 4u);
  EXPECT_EQ(s->missed, 0u);
  publish_value(empty, "first");
  EXPECT_EQ(text_of(open_reader(open_domain(), "empty").latest()), "first");
  EXPECT_EQ(node->topic_count(), 2u);
  Publisher later = advertise(*node, "later");
  publish_value(later, "x");
  EXPECT_EQ(text_of(open_reader(open_domain(), "later").latest()), "x");
}

TEST_F(LostTest, AReaderGoesOnWhereItWasAndMissesNothing) {
  Domain writer = open_domain(), reader = open_domain();
  auto node = open_node(writer, "n");
  TopicOptions options;
  options.history = 64;
  Publisher p = advertise(*node, "t", options);
  publish_value(p, "1");
  Reader r = open_reader(reader, "t");
  EXPECT_EQ(next_text(&r), "1");
  for (int n = 2, round = 0; round < 4; ++round) {
    if (round % 2 == 0) {
      remove_all();
    } else {
      remove("n");
    }
    publish_value(p, std::to_string(n));  // into a file that has no name any more
    EXPECT_EQ(next_text(&r), std::to_string(n++));
    publish_value(p, std::to_string(n));
    SMT_ASSERT_OK(node->remake());
    publish_value(p, std::to_string(n + 1));
    EXPECT_EQ(next_text(&r), std::to_string(n++));
    EXPECT_EQ(next_text(&r), std::to_string(n++));
  }
  EXPECT_EQ(r.missed(), 0u);
  EXPECT_EQ(r.reopened(), 4u);
}

TEST_F(LostTest, AReaderCountsALossOnceAndSaysWhatIsGone) {
  Domain writer = open_domain(), reader = open_domain();
  auto node = open_node(writer, "n");
  Publisher p = advertise(*node, "t");
  publish_value(p, "x");
  Reader r = open_reader(reader, "t");
  EXPECT_EQ(reader.losses(), 0u);
  remove("n");
  const int64_t end = boottime_ns() + 5'000'000'000;
  while (reader.losses() == 0 && boottime_ns() < end) r.wait(milliseconds(10));
  EXPECT_THAT(reader.last_loss(), HasSubstr("the segment of node n was removed"));
  EXPECT_EQ(r.state(), State::kFresh) << "its owner goes on";
  SMT_ASSERT_OK(node->remake());
  publish_value(p, "y");
  EXPECT_EQ(next_text(&r), "x");
  EXPECT_EQ(next_text(&r), "y");
  EXPECT_EQ(reader.losses(), 1u);
}

TEST_F(LostTest, AFolderThatIsMovedAwayAndMadeAnewIsOneLossAndItIsTheFolders) {
  Domain writer = open_domain(), reader = open_domain();
  auto node = open_node(writer, "n"), idle = open_node(writer, "idle");
  Publisher p = advertise(*node, "t");
  publish_value(p, "x");
  Reader r = open_reader(reader, "t");
  Result<Waiter> waiter = Waiter::open(reader);
  SMT_ASSERT_OK(waiter.status());
  std::filesystem::rename(root_ + "/d", root_ + "-away");
  SMT_ASSERT_OK(node->remake());
  EXPECT_TRUE(eventually([&] {
    waiter->collect();
    r.wait(milliseconds(1));
    return reader.losses() != 0 && reader.healthy() && waiter->fd() >= 0 && r.reopened() == 1;
  }));
  EXPECT_EQ(reader.last_loss(), "the folder " + root_ + "/d was removed, and made anew");
  EXPECT_EQ(reader.losses(), 1u);
  std::filesystem::remove_all(root_ + "-away");
}

TEST_F(LostTest, ANameThatALiveProcessHasTakenIsSaidAndOneThatADeadOneLeftIsTakenBack) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t");
  publish_value(p, "mine");
  remove("n");
  auto other = open_node(d, "n");
  const Status s = node->remake();
  EXPECT_EQ(s.code(), Code::kInUse);
  EXPECT_THAT(s.message(), HasSubstr("already running"));
  publish_value(p, "still mine");
  other.reset();
  SMT_ASSERT_OK(node->remake());
  EXPECT_EQ(text_of(open_reader(open_domain(), "t").latest()), "still mine");
}

TEST_F(LostTest, ANodeThatRemovesItselfAtItsEndLeavesTheFilesOfWhoeverHasItsNameNow) {
  Domain d = open_domain();
  auto node = open_node(d, "n", {.remove_on_exit = true});
  remove("n");
  auto other = open_node(d, "n");
  node.reset();
  EXPECT_TRUE(std::filesystem::exists(file("n")));
  EXPECT_TRUE(other->healthy());
}

TEST_F(LostTest, ManyTopicsGoOnAndASuccessorAdoptsWhatWasMadeAgain) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  {
    std::vector<Publisher> topics;
    for (int i = 0; i < 200; ++i) topics.push_back(advertise(*node, "t" + std::to_string(i)));
    for (Publisher& p : topics) publish_value(p, "before");
    topics.erase(topics.begin() + 100, topics.begin() + 110);
    for (int i = 100; i < 110; ++i) SMT_ASSERT_OK(node->remove("t" + std::to_string(i)));
    remove_all();
    SMT_ASSERT_OK(node->remake());
    for (size_t i = 0; i < topics.size(); i += 2) publish_value(topics[i], "after");
  }
  const Id128 id = node->segment_id();
  node.reset();
  node = open_node(d, "n");
  EXPECT_TRUE(node->birth().adopted) << node->birth().replaced_why;
  EXPECT_EQ(node->segment_id(), id);
  EXPECT_EQ(node->topic_count(), 190u);
  EXPECT_EQ(text_of(open_reader(d, "t0").latest()), "after");
  EXPECT_EQ(text_of(open_reader(d, "t1").latest()), "before");
  EXPECT_EQ(open_reader(d, "t199").latest()->sequence, 1u);
}

TEST_F(LostTest, TheFolderIsMadeWithTheRightsThatItHadAndByWhoeverComesFirst) {
  Domain a = open_domain(), b = open_domain();
  auto first = open_node(a, "a"), second = open_node(b, "b");
  std::filesystem::remove_all(root_);  // with the folder that holds the domains
  SMT_ASSERT_OK(first->remake());
  SMT_ASSERT_OK(second->remake());
  struct stat st;
  ASSERT_EQ(stat((root_ + "/d").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0700u);
  ASSERT_EQ(stat(root_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 01777u);
  EXPECT_EQ(open_domain().nodes()->size(), 2u);
}

TEST_F(LostTest, TheFolderOfAGroupIsMadeForThatGroupAgain) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may give a folder to any group";
  const struct group* group = getgrgid(1);
  ASSERT_NE(group, nullptr);
  Result<Domain> d = Domain::open({.root = root_, .domain = "d", .group = group->gr_name});
  ASSERT_TRUE(d.ok()) << d.status().message();
  auto node = open_node(*d, "n");
  remove_all();
  SMT_ASSERT_OK(node->remake());
  struct stat st;
  ASSERT_EQ(stat((root_ + "/d").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 03770u);
  EXPECT_EQ(st.st_gid, 1u);
  ASSERT_EQ(stat(file("n").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0640u);
}

TEST_F(LostTest, TheIdentityOfADomainIsWrittenBackByAProcessThatHoldsIt) {
  Domain d = open_domain();
  const Id128 id = *d.origin_id();
  auto node = open_node(d, "n");
  remove(".origin");
  SMT_ASSERT_OK(d.keep_origin_id());
  EXPECT_EQ(*open_domain().origin_id(), id);
  remove_all();
  SMT_ASSERT_OK(node->remake());
  SMT_ASSERT_OK(d.keep_origin_id());
  EXPECT_EQ(*open_domain().origin_id(), id);
}

// A waiter with a FIFO that a publisher has opened.
class LostFifoTest : public LostTest {
 protected:
  void SetUp() override {
    LostTest::SetUp();
    ASSERT_TRUE(waiter_.ok());
    waiter_->arm();
    publish_value(publisher_, "opens the FIFO");
  }
  void await_fifo() {
    const int64_t end = boottime_ns() + 5'000'000'000;
    while (!std::filesystem::exists(file(".waiter.0")) && boottime_ns() < end)
      waiter_->wait(milliseconds(10));
  }
  void expect_that_it_rings() {
    while (waiter_->collect()) {
    }
    ASSERT_TRUE(waiter_->arm());
    publish_value(publisher_, "rings");
    pollfd fd{waiter_->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&fd, 1, 5000), 1);
  }

  Domain writer_ = open_domain(), reader_ = open_domain();
  std::unique_ptr<Node> node_ = open_node(writer_, "n");
  Publisher publisher_ = advertise(*node_, "t");
  Result<Waiter> waiter_ = Waiter::open(reader_);
};

TEST_F(LostFifoTest, AWaiterMakesItAgainAndIsRungThere) {
  waiter_->collect();
  remove(".waiter.0");
  await_fifo();
  EXPECT_EQ(reader_.losses(), 1u);
  EXPECT_THAT(reader_.last_loss(), HasSubstr("FIFO"));
  EXPECT_TRUE(node_->healthy());  // and follows the FIFO
  expect_that_it_rings();
}

// Its files have names, but not where others look.
TEST_F(LostFifoTest, IsLostWithAFolderThatIsMovedAway) {
  std::filesystem::rename(root_ + "/d", root_ + "/away");
  EXPECT_FALSE(node_->healthy());
  EXPECT_FALSE(reader_.healthy());
  SMT_ASSERT_OK(node_->remake());
  await_fifo();
  EXPECT_TRUE(node_->healthy());
  EXPECT_TRUE(reader_.healthy());
  expect_that_it_rings();
}

// Between any two steps of one, the other makes the folder or something removes it.
TEST_F(LostTest, NodesThatSomethingGoesOnRemovingTryAgainAndAreWholeAfterTheLastRemoval) {
  std::atomic<bool> stop = false;
  std::atomic<int> remade = 0;
  std::latch opened(3);
  const auto live = [&](const std::string& name) {
    Domain d = open_domain();
    auto node = open_node(d, name);
    Publisher p = advertise(*node, name);
    Result<Waiter> waiter = Waiter::open(d);
    opened.arrive_and_wait();
    while (!stop || !node->healthy()) {
      publish_value(p, name);
      waiter->collect();
      if (node->healthy()) continue;
      const Status s = node->remake();
      EXPECT_TRUE(s.ok() || s.code() == Code::kNotFound || s.code() == Code::kDenied) << s.message();
      remade += s.ok();
    }
    EXPECT_EQ(text_of(open_reader(open_domain(), name).latest()), name);
  };
  std::thread one(live, "one"), two(live, "two");
  std::error_code gone;
  opened.arrive_and_wait();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(40);
  for (int i = 0; (i < 300 || remade < 200) && std::chrono::steady_clock::now() < end; ++i) {
    std::filesystem::remove(file(i % 2 == 0 ? "one" : "two.bell"), gone);
    if (i % 3 == 0) std::filesystem::remove_all(root_ + "/d", gone);
    if (i % 3 == 1) std::filesystem::rename(root_ + "/d", root_ + "/away", gone);
    std::filesystem::remove_all(root_ + "/away", gone);
  }
  stop = true;
  one.join();
  two.join();
  EXPECT_GE(remade, 200);
}

TEST_F(LostTest, ALoanOfBeforeKeepsItsMemoryAsLongAsItIsAskedFor) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t");
  publish_value(p, "old");
  Result<Loan> loan = p.loan(4);
  ASSERT_TRUE(loan.ok());
  remove("n");
  std::shared_ptr<const void> former;
  SMT_ASSERT_OK(node->remake(&former));
  memcpy(loan->bytes().data(), "new!", 4);
  SMT_ASSERT_OK(p.publish(loan->bytes()));
  EXPECT_EQ(text_of(open_reader(open_domain(), "t").latest()), "new!");
}

TEST_F(LostTest, WithoutRoomItIsSaidAndTheOldSegmentGoesOn) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t");
  publish_value(p, "x");
  Reader r = open_reader(d, "t");
  EXPECT_EQ(next_text(&r), "x");
  remove_all();
  {
    const SizeLimit limited(1 << 20);
    EXPECT_EQ(node->remake().code(), Code::kNoSpace);
  }
  publish_value(p, "y");
  EXPECT_EQ(next_text(&r), "y");
  SMT_ASSERT_OK(node->remake());
  publish_value(p, "z");
  EXPECT_EQ(next_text(&r), "z");
}

TEST_F(LostTest, WhatStandsInPlaceOfTheFolderIsSaidAndTheOldSegmentGoesOn) {
  Domain d = open_domain();
  auto node = open_node(d, "n", {.segment_bytes = 64 * 1024});
  Publisher p = advertise(*node, "t");
  publish_value(p, "x");
  remove_all();
  { const Fd fd(open((root_ + "/d").c_str(), O_CREAT | O_WRONLY, 0600)); }
  const Status s = node->remake();
  EXPECT_EQ(s.code(), Code::kDenied);
  EXPECT_THAT(s.message(), HasSubstr("is not a folder"));
  publish_value(p, "y");
  ASSERT_EQ(unlink((root_ + "/d").c_str()), 0);
  SMT_ASSERT_OK(node->remake());
  EXPECT_EQ(text_of(open_reader(open_domain(), "t").latest()), "y");
}

}  // namespace
}  // namespace smt
