// One process: how segments begin, end, are taken over and replaced, and what readers see of it.
#include <poll.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <array>
#include <filesystem>

#include "shm/layout.h"
#include "shm/place.h"
#include "tests/shm/shm_fixture.h"

namespace smt {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class NodeTest : public ShmTest {
 protected:
  static void patch_boot_id(const std::string& file, const Id128& id) {
    const Fd fd(open(file.c_str(), O_RDWR));
    ASSERT_EQ(pwrite(fd.get(), id.data(), id.size(), offsetof(layout::Header, boot_id)), ssize_t{sizeof id});
  }
  static void patch_boot_id(const std::string& file, uint64_t half) {
    Id128 id{};
    memcpy(id.data(), &half, sizeof half);
    patch_boot_id(file, id);
  }
};

TEST_F(NodeTest, ANodeLeavesItsLastValuesReadableAndItsSuccessorGoesOn) {
  Domain d = open_domain();
  Reader r = open_reader(d, "t");
  auto node = open_node(d, "n");
  const Id128 id = node->segment_id();
  {
    Publisher p = advertise(*node, "t");
    publish_value(p, "one");
    publish_value(p, "two");
  }
  node.reset();
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(r.state(), State::kSourceDead);
  EXPECT_EQ(r.latest_fresh(), nullptr);
  EXPECT_EQ(text_of(r.latest()), "two");

  node = open_node(d, "n");
  EXPECT_TRUE(node->birth().adopted);
  EXPECT_EQ(node->birth().epoch, 2u);
  EXPECT_EQ(node->segment_id(), id);
  // Alive again, but this value is of the last epoch.
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(r.state(), State::kSourceDead);
  Publisher p = advertise(*node, "t");
  EXPECT_EQ(r.state(), State::kSourceDead);
  publish_value(p, "three");
  EXPECT_EQ(r.state(), State::kFresh);
  EXPECT_EQ(text_of(r.latest_fresh()), "three");
  EXPECT_EQ(r.latest()->sequence, 3u);
  EXPECT_EQ(r.reopened(), 0u);
}

TEST_F(NodeTest, ATopicNotPublishedByTheSuccessorStaysDead) {
  Domain d = open_domain();
  {
    auto node = open_node(d, "n");
    Publisher a = advertise(*node, "a"), b = advertise(*node, "b");
    publish_value(a, "a");
    publish_value(b, "b");
  }
  auto node = open_node(d, "n");
  Publisher a = advertise(*node, "a");
  publish_value(a, "a again");
  Reader rb = open_reader(d, "b"), ra = open_reader(d, "a");
  EXPECT_EQ(ra.state(), State::kFresh);
  EXPECT_EQ(rb.state(), State::kSourceDead);
  EXPECT_EQ(text_of(rb.latest()), "b");
}

TEST_F(NodeTest, ASecondProcessWithTheSameNameIsToldWhoHasIt) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Result<std::unique_ptr<Node>> second = Node::open(d, {.name = "n"});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kInUse);
  EXPECT_THAT(second.status().message(), HasSubstr("pid " + std::to_string(getpid())));
}

TEST_F(NodeTest, OnlyOneSegmentAndOneBellAreLeftAndNeitherWithRemoveOnExit) {
  Domain d = open_domain();
  for (int i = 0; i < 3; ++i) open_node(d, "n");
  EXPECT_THAT(*d.nodes(), testing::ElementsAre("n"));
  EXPECT_TRUE(std::filesystem::exists(file("n.bell")));
  open_node(d, "n", {.remove_on_exit = true});
  EXPECT_TRUE(std::filesystem::is_empty(root_ + "/d"));
}

TEST_F(NodeTest, AnotherSizeReplacesTheSegmentAndReadersFollow) {
  Domain d = open_domain();
  Reader r = open_reader(d, "t");
  {
    auto node = open_node(d, "n");
    Publisher p = advertise(*node, "t");
    publish_value(p, "old");
  }
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(text_of(r.next()), "old");
  auto node = open_node(d, "n", {.segment_bytes = 1 << 22});
  EXPECT_TRUE(node->birth().replaced);
  EXPECT_THAT(node->birth().replaced_why, HasSubstr("16.0 MiB"));
  EXPECT_EQ(text_of(r.latest()), "old");  // kept until the new one has it
  Publisher p = advertise(*node, "t");
  publish_value(p, "new");
  Woke woke = Woke::kState;
  while (woke == Woke::kState) woke = r.wait(milliseconds(5000));  // it also tells of the old one's end
  ASSERT_EQ(woke, Woke::kSample);
  EXPECT_EQ(text_of(r.next()), "new");
  EXPECT_EQ(r.reopened(), 1u);
}

struct Damage {
  const char* what;
  size_t offset;
  uint64_t value;
  int bytes;
};

// Each of these is refused by readers with a sentence, and replaced by the next owner.
TEST_F(NodeTest, ADamagedSegmentIsRefusedByReadersAndReplacedByItsOwner) {
  const Damage kCases[] = {
      {"magic", offsetof(layout::Header, magic), 7, 8},
      {"version", offsetof(layout::Header, version), 99, 4},
      {"endian", offsetof(layout::Header, endian), 0x04030201, 4},
      {"size", offsetof(layout::Header, size), 4096, 8},
      {"header_bytes", offsetof(layout::Header, header_bytes), 0, 4},
      {"kind", offsetof(layout::Header, kind), 9, 4},
      {"node", offsetof(layout::Header, node), 'x', 1},
      {"reserved", offsetof(layout::Header, reserved), uint64_t{1} << 40, 8},
  };
  Domain d = open_domain();
  auto good = open_node(d, "good");
  Publisher gp = advertise(*good, "good");
  publish_value(gp, "x");
  for (const Damage& c : kCases) {
    SCOPED_TRACE(c.what);
    {
      auto node = open_node(d, "n");
      Publisher p = advertise(*node, "t");
      publish_value(p, "x");
    }
    const Fd fd(open(file("n").c_str(), O_RDWR));
    ASSERT_EQ(pwrite(fd.get(), &c.value, static_cast<size_t>(c.bytes), static_cast<off_t>(c.offset)),
              c.bytes);
    Result<std::shared_ptr<SegmentView>> view = SegmentView::open(d, "n");
    ASSERT_FALSE(view.ok());
    EXPECT_THAT(view.status().message(), HasSubstr(file("n")));
    // The other topics go on.
    Result<Domain> fresh = Domain::open({.root = root_, .domain = "d"});
    Result<DomainListing> all = list_topics(*fresh);
    ASSERT_EQ(all->topics.size(), 1u);
    EXPECT_EQ(all->topics[0].name, "good");
    ASSERT_EQ(all->problems.size(), 1u);
    EXPECT_THAT(all->problems[0], HasSubstr("n: "));

    auto node = open_node(d, "n");
    EXPECT_TRUE(node->birth().replaced) << node->birth().replaced_why;
    Publisher p = advertise(*node, "t");
    publish_value(p, "again");
    EXPECT_EQ(text_of(open_reader(d, "t").latest()), "again");
  }
}

TEST_F(NodeTest, ATruncatedSegmentIsRefusedAndReplaced) {
  Domain d = open_domain();
  for (const off_t bytes : {0, 63, 639, 4096, 100000}) {
    SCOPED_TRACE(bytes);
    {
      auto node = open_node(d, "n");
      Publisher p = advertise(*node, "t");
      publish_value(p, "x");
    }
    ASSERT_EQ(truncate(file("n").c_str(), bytes), 0);
    EXPECT_EQ(SegmentView::open(d, "n").status().code(), Code::kDamaged);
    EXPECT_TRUE(open_node(d, "n")->birth().replaced);
  }
}

// As of a container with a boot_id of its own, and of one that sees none.
TEST_F(NodeTest, ALiveNodeUnderAForeignBootIdIsFreshAndHasAnAge) {
  Domain d = open_domain();
  for (const uint64_t half : {uint64_t{12345}, uint64_t{0}}) {
    SCOPED_TRACE(half);
    auto node = open_node(d, "n" + std::to_string(half)),
         mirror = open_node(d, "m" + std::to_string(half), {.mirror = true});
    patch_boot_id(root_ + "/d/" + node->name(), half);
    patch_boot_id(root_ + "/d/" + mirror->name(), half);
    Publisher p = advertise(*node, node->name()), q = advertise(*mirror, mirror->name());
    publish_value(p, "x");
    publish_value(q, "x");
    mirror->keep_alive(INT64_MAX);
    for (const std::string& topic : {node->name(), mirror->name()}) {
      Reader r = open_reader(open_domain(), topic);
      EXPECT_EQ(r.state(), State::kFresh);
      EXPECT_LT(r.age_ns().value_or(INT64_MAX), 60'000'000'000);
    }
    mirror->keep_alive(1);
    EXPECT_EQ(open_reader(open_domain(), mirror->name()).state(), State::kLinkDown);
  }
}

// What lies in memory is of this boot.
TEST_F(NodeTest, ADeadNodeUnderAForeignBootIdIsAdoptedAndItsValuesHaveAnAge) {
  Domain d = open_domain();
  {
    auto node = open_node(d, "n");
    Publisher p = advertise(*node, "t");
    publish_value(p, "x");
  }
  patch_boot_id(file("n"), 12345);
  Reader r = open_reader(open_domain(), "t");
  EXPECT_EQ(r.state(), State::kSourceDead);
  EXPECT_TRUE(r.age_ns().has_value());
  EXPECT_TRUE(open_node(d, "n")->birth().adopted);
}

// A domain on a disk, where a segment may outlive its boot.
class NodeOnADisk : public NodeTest {
 protected:
  void SetUp() override {
    struct statfs file_system;
    ASSERT_EQ(statfs(folder_.path().c_str(), &file_system), 0);
    if (is_in_memory(file_system)) GTEST_SKIP() << "/var/tmp is in memory here";
  }
  Domain domain() const { return *Domain::open({.root = folder_.path(), .domain = "d"}); }
  void patch_id(uint64_t half) const { patch_boot_id(folder_.path() + "/d/n", half); }

  const TempFolder folder_{"/var/tmp"};
};

TEST_F(NodeOnADisk, ASegmentOfAnotherBootIsSourceDeadAndReplaced) {
  for (const uint64_t half : {uint64_t{12345}, uint64_t{0}}) {
    SCOPED_TRACE(half);
    {
      auto node = open_node(domain(), "n");
      Publisher p = advertise(*node, "t");
      publish_value(p, "x");
      patch_id(half);
      Reader live = open_reader(domain(), "t");
      EXPECT_EQ(live.state(), State::kFresh) << "its owner holds the lock";
      EXPECT_TRUE(live.age_ns().has_value());
    }
    Reader r = open_reader(domain(), "t");
    EXPECT_EQ(r.state(), State::kSourceDead);
    EXPECT_EQ(r.age_ns(), std::nullopt);
    EXPECT_EQ(text_of(r.latest()), "x");
    EXPECT_THAT(open_node(domain(), "n")->birth().replaced_why, HasSubstr("another boot"));
  }
}

TEST_F(NodeOnADisk, AReaderOfADeadSegmentOfAnotherBootSeesThatAProcessTakesItOver) {
  {
    auto node = open_node(domain(), "n");
    Publisher p = advertise(*node, "t");
    publish_value(p, "x");
  }
  patch_id(12345);
  Reader r = open_reader(domain(), "t");
  EXPECT_EQ(r.age_ns(), std::nullopt);
  patch_boot_id(folder_.path() + "/d/n", boot_id());  // to the successor it is of its own boot
  auto node = open_node(domain(), "n");
  ASSERT_TRUE(node->birth().adopted);
  Publisher p = advertise(*node, "t");
  publish_value(p, "y");
  EXPECT_EQ(text_of(r.latest()), "y");
  EXPECT_TRUE(r.age_ns().has_value());
  EXPECT_EQ(r.state(), State::kFresh);
}

TEST_F(NodeTest, InAnotherTimeNamespaceTheAgeIsUnknownAndNotWrong) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  Publisher p = advertise(*node, "t", {.max_age_ns = 1});
  publish_value(p, "x");
  patch<uint64_t>("n", offsetof(layout::Header, time_namespace), 1);
  Reader r = open_reader(d, "t");
  EXPECT_EQ(r.age_ns(), std::nullopt);
  EXPECT_EQ(r.state(), State::kFresh);
}

TEST_F(NodeTest, HalfWrittenSlotsAreCountedAndRepairedAtAdoption) {
  Domain d = open_domain();
  {
    auto node = open_node(d, "n");
    Publisher p = advertise(*node, "t");
    publish_value(p, "whole");
    { Result<Loan> abandoned = p.loan(3); }
  }
  auto node = open_node(d, "n");
  EXPECT_EQ(node->birth().half_written, 1u);
  Reader r = open_reader(d, "t");
  EXPECT_EQ(text_of(r.latest()), "whole");
  Publisher p = advertise(*node, "t");
  publish_value(p, "next");
  EXPECT_EQ(text_of(r.next()), "next");
  EXPECT_EQ((*SegmentView::open(d, "n"))->half_written(), 1u);
}

TEST_F(NodeTest, ANodeThatAsksToBeKeptIsMarkedUntilASuccessorDoesNotAsk) {
  Domain d = open_domain();
  const auto kept = [&] { return (*SegmentView::open(d, "n"))->keep(); };
  { auto node = open_node(d, "n", {.keep = true}); }
  EXPECT_TRUE(kept());
  { auto node = open_node(d, "n", {.create = false}); }  // as `smttopic rm` does
  EXPECT_TRUE(kept());
  { auto node = open_node(d, "n"); }
  EXPECT_FALSE(kept());
}

TEST_F(NodeTest, ANodeThatStartsAgainTellsTheHostNameThatTheMachineHasNow) {
  Domain d = open_domain();
  {
    auto node = open_node(d, "n");
    Publisher p = advertise(*node, "t");
    publish_value(p, "x");
  }
  std::array<char, layout::kNameBytes> former{};
  memcpy(former.data(), "former-name-of-this-machine", 27);
  patch("n", offsetof(layout::Header, host), former);
  Reader r = open_reader(d, "t");
  EXPECT_EQ(r.freshness().origin.host, former.data());
  auto node = open_node(d, "n");
  EXPECT_TRUE(node->birth().adopted);
  char now[256] = "";
  ASSERT_EQ(gethostname(now, sizeof now - 1), 0);
  now[layout::kNameBytes] = '\0';
  EXPECT_EQ(r.freshness().origin.host, now) << "of a reader that was there before";
  EXPECT_EQ(list_topics(d)->topics[0].freshness.origin.host, now);
  EXPECT_EQ(text_of(r.latest()), "x") << "the value is the same";
}

TEST_F(NodeTest, AMirrorCarriesSequenceOriginHopsAndTheSourcesState) {
  static int64_t now;
  now = 5'000'000'000;
  Result<Domain> d =
      Domain::open({.root = root_, .domain = "d", .clock = {[] { return now; }, [] { return now; }}});
  ASSERT_TRUE(d.ok());
  TopicOrigin origin;
  origin.origin_id[0] = 1;
  origin.segment_id[3] = 7;
  origin.host = "robot";
  origin.domain = "default";
  origin.node = "driver";
  auto node = open_node(*d, "mirror-base", {.mirror = true});
  Publisher p = advertise(*node, "r1/pose", {.origin = origin, .hops = 2, .first_sequence = 1});
  Reader r = open_reader(*d, "r1/pose");
  node->keep_alive(now + 600);
  EXPECT_EQ(r.state(), State::kEmpty);
  SMT_ASSERT_OK(p.publish({}, {41, 99, now - 50, now}));
  ASSERT_NE(r.next(), nullptr);
  EXPECT_EQ(r.latest()->sequence, 41u);
  EXPECT_EQ(r.missed(), 0u) << "the first sample is older than the reader, and so are those before it";
  EXPECT_EQ(r.latest()->stamp_ns, 99);
  EXPECT_EQ(r.age_ns(), 50);
  EXPECT_EQ(r.state(), State::kFresh);
  EXPECT_EQ(r.freshness().hops, 2u);
  EXPECT_EQ(r.freshness().origin, origin);
  p.set_state(State::kSourceDead);
  EXPECT_EQ(r.state(), State::kSourceDead);
  p.set_state(State::kStale);
  EXPECT_EQ(r.state(), State::kStale);
  p.set_state(State::kSubstituted);
  EXPECT_EQ(r.state(), State::kSubstituted);
  p.set_state(State::kLinkDown);
  EXPECT_EQ(r.state(), State::kLinkDown);
  p.set_state(State::kEmpty);
  EXPECT_EQ(r.state(), State::kFresh);
  now += 601;  // the relay hangs
  EXPECT_EQ(r.state(), State::kLinkDown);
  EXPECT_EQ(r.latest_fresh(), nullptr);
  node->keep_alive(now + 600);
  EXPECT_EQ(r.state(), State::kFresh);
  // The relay restarts: link-down until the topic is received or confirmed again.
  { Publisher gone = std::move(p); }
  node.reset();
  node = open_node(*d, "mirror-base", {.mirror = true});
  node->keep_alive(now + 600);
  EXPECT_EQ(r.state(), State::kLinkDown);
  Publisher again = advertise(*node, "r1/pose", {.origin = origin, .hops = 2, .first_sequence = 1});
  EXPECT_EQ(r.state(), State::kLinkDown);
  again.confirm();
  EXPECT_EQ(r.state(), State::kFresh);
  EXPECT_EQ(r.latest()->sequence, 41u);
  EXPECT_EQ(r.reopened(), 0u);
}

TEST_F(NodeTest, ATopicOfAnAdoptedMirrorIsLeftOverUntilItIsAdvertised) {
  Domain d = open_domain();
  const auto left_over = [&](const std::string& topic) {
    const std::shared_ptr<SegmentView> view = *SegmentView::open(d, "m");
    for (uint32_t i = 0; i < view->topic_limit(); ++i) {
      const std::optional<TopicView> t = view->topic(i);
      if (t && t->name == topic) return view->is_left_over(*t);
    }
    return false;
  };
  {
    auto node = open_node(d, "m", {.mirror = true});
    for (const char* topic : {"empty", "received", "substituted"}) {
      Publisher p = advertise(*node, topic, {.origin = TopicOrigin(), .hops = 1});
      if (topic != std::string("empty")) publish_value(p, "x");
      if (topic == std::string("substituted")) p.set_state(State::kSubstituted);
      EXPECT_FALSE(left_over(topic)) << topic;
    }
  }
  auto node = open_node(d, "m", {.mirror = true});
  node->keep_alive(INT64_MAX);
  EXPECT_THAT(node->topics(), testing::ElementsAre("empty", "received", "substituted"));
  EXPECT_TRUE(left_over("empty"));
  EXPECT_TRUE(left_over("received"));
  EXPECT_EQ(open_reader(d, "substituted").state(), State::kSubstituted);
  Publisher p = advertise(*node, "received", {.origin = TopicOrigin(), .hops = 1});
  EXPECT_FALSE(left_over("received"));
  EXPECT_EQ(open_reader(d, "received").state(), State::kLinkDown) << "nothing has come yet";
  p.confirm();
  EXPECT_EQ(open_reader(d, "received").state(), State::kFresh);
}

TEST_F(NodeTest, AMirrorOfAnotherSourceSegmentStartsAnew) {
  Domain d = open_domain();
  auto node = open_node(d, "m", {.mirror = true});
  node->keep_alive(INT64_MAX);
  TopicOrigin first, second;
  first.segment_id[0] = 1;
  second.segment_id[0] = 2;
  Reader r = open_reader(d, "t");
  {
    Publisher p = advertise(*node, "t", {.origin = first, .hops = 1, .first_sequence = 1});
    SMT_ASSERT_OK(p.publish({}, {500, 0, 0, 0}));
    SMT_ASSERT_OK(r.refresh());
    EXPECT_EQ(r.next()->sequence, 500u);
  }
  Publisher p = advertise(*node, "t", {.origin = second, .hops = 1, .first_sequence = 1});
  SMT_ASSERT_OK(p.publish({}, {1, 0, 0, 0}));
  SMT_ASSERT_OK(p.publish({}, {3, 0, 0, 0}));
  SMT_ASSERT_OK(r.refresh());
  const Sample* s = r.next();
  ASSERT_NE(s, nullptr);
  EXPECT_EQ(s->sequence, 1u);
  EXPECT_EQ(s->missed, 0u);
  EXPECT_EQ(r.next()->missed, 1u);
}

TEST_F(NodeTest, AForkedChildMayNotPublishAndDoesNotKeepTheNodeAlive) {
  Domain d = open_domain();
  int ready[2], go[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(go), 0);
  // The publisher is a process of its own, which forks and is then killed; its child lives on.
  const pid_t parent = fork();
  if (parent == 0) {
    Result<Domain> own = Domain::open({.root = root_, .domain = "d"});
    auto node = Node::open(*own, {.name = "n"});
    auto p = (*node)->advertise({.name = "t"});
    bool good = p->publish({}).ok();
    if (fork() == 0) {
      good = good && p->publish({}).code() == Code::kForked &&
             (*node)->advertise({.name = "u"}).status().code() == Code::kForked &&
             (*node)->remove("t").code() == Code::kForked && p->loan(1).status().code() == Code::kForked;
      (void)!write(ready[1], good ? "y" : "n", 1);
      char c;
      (void)!read(go[0], &c, 1);
      _exit(0);
    }
    for (;;) pause();
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  Reader r = open_reader(d, "t");
  EXPECT_EQ(r.state(), State::kFresh);
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  EXPECT_EQ(r.wait(milliseconds(5000)), Woke::kSample);  // the one it had not taken yet
  EXPECT_NE(r.next(), nullptr);
  if (r.state() != State::kSourceDead) {
    EXPECT_EQ(r.wait(milliseconds(5000)), Woke::kState);
  }
  EXPECT_EQ(r.state(), State::kSourceDead);
  auto successor = open_node(d, "n", {.segment_bytes = uint64_t{1} << 30});
  EXPECT_TRUE(successor->birth().adopted);
  (void)!write(go[1], "x", 1);
}

TEST_F(NodeTest, WhatAProgramWithoutStandardDescriptorsPrintsGoesIntoNoFileOfItsDomain) {
  const pid_t child = fork();
  if (child == 0) {
    for (const int fd : {0, 1, 2}) close(fd);
    Domain d = open_domain();
    auto node = open_node(d, "n");
    Publisher p = advertise(*node, "t");
    publish_value(p, "value");
    for (const int fd : {0, 1, 2}) (void)!write(fd, "hello\n", 6);
    _exit(0);  // the segment stays as that of a killed one
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  Domain d = open_domain();
  const Result<DomainListing> listing = list_topics(d);
  SMT_ASSERT_OK(listing.status());
  EXPECT_THAT(listing->problems, testing::IsEmpty());
  Reader r = open_reader(d, "t");
  EXPECT_EQ(text_of(r.latest()), "value");
}

TEST_F(NodeTest, ADomainHasOneOriginForEver) {
  Domain d = open_domain();
  Result<Id128> a = d.origin_id(), b = open_domain().origin_id();
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(*a, *b);
  EXPECT_EQ(a->size(), 16u);
}

TEST(Names, AreCheckedWhereverTheyEnter) {
  for (const char* good : {"a", "A-b_c.d", "0", "x.bel", "-"}) {
    EXPECT_TRUE(check_name("node", good).ok()) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".a"), std::string("a/b"), std::string("a.bell"),
        std::string("a b"), std::string("\xC3\xA4"), std::string(65, 'x'), std::string("a\0b", 3)}) {
    EXPECT_EQ(check_name("node", bad).code(), Code::kInvalid) << bad;
  }
  for (const char* good : {"a", "a/b/c", "\xC3\xA4rm/gelenk", "a b", ".hidden", "a.b/c-d_e"}) {
    EXPECT_TRUE(check_topic_name(good).ok()) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("a*"),
        std::string("a\n"), std::string("\xFF"), std::string("\xC0\xAF"), std::string("\xED\xA0\x80"),
        std::string(256, 'x')}) {
    EXPECT_EQ(check_topic_name(bad).code(), Code::kInvalid) << bad;
  }
}

}  // namespace
}  // namespace smt
