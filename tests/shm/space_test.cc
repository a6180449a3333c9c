// One process: what dead topics and nodes leave is removed, and what room a segment has.
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "shm/layout.h"
#include "tests/shm/shm_fixture.h"
#include "tests/size_limit.h"

namespace smt {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

using SpaceTest = ShmTest;

TEST_F(SpaceTest, RemovingADeadTopicTakesItAndThenTheEmptySegment) {
  Domain d = open_domain();
  {
    auto node = open_node(d, "n");
    Publisher a = advertise(*node, "a"), b = advertise(*node, "b");
    EXPECT_EQ(remove_dead_topic(d, "a").code(), Code::kInUse);
  }
  EXPECT_EQ(remove_dead_topic(d, "nobody").code(), Code::kNotFound);
  SMT_ASSERT_OK(remove_dead_topic(d, "a"));
  EXPECT_EQ(list_topics(d)->topics.size(), 1u);
  SMT_ASSERT_OK(remove_dead_topic(d, "b"));
  EXPECT_FALSE(fs::exists(file("n")));
  EXPECT_FALSE(fs::exists(file("n.bell")));
}

TEST_F(SpaceTest, RemovingADeadNodeTakesWhateverItLeftButNothingOfALiveOne) {
  Domain d = open_domain();
  {
    auto node = open_node(d, "n");
    Publisher a = advertise(*node, "a");
    publish_value(a, "x");
    const Status live = remove_dead_node(d, "n");
    EXPECT_EQ(live.code(), Code::kInUse);
    EXPECT_THAT(live.message(), HasSubstr("pid " + std::to_string(getpid())));
  }
  Reader r = open_reader(d, "a");
  ASSERT_NE(r.latest(), nullptr);
  SMT_ASSERT_OK(remove_dead_node(d, "n"));
  EXPECT_FALSE(fs::exists(file("n")));
  EXPECT_FALSE(fs::exists(file("n.bell")));
  (void)r.refresh();
  EXPECT_EQ(r.state(), State::kRemoved);
  EXPECT_EQ(remove_dead_node(d, "n").code(), Code::kNotFound);
  EXPECT_EQ(remove_dead_node(d, "../n").code(), Code::kInvalid);
  // A segment that no owner could adopt.
  open_node(d, "n").reset();
  patch<uint32_t>("n", offsetof(layout::Header, version), 77);
  SMT_ASSERT_OK(remove_dead_node(d, "n"));
  EXPECT_FALSE(fs::exists(file("n")));
}

// Who removes a dead node holds its lock for a moment, and that is nobody's refusal.
TEST_F(SpaceTest, ANodeThatStartsWhileItsPredecessorIsRemovedIsNotRefused) {
  Domain d = open_domain();
  open_node(d, "n").reset();
  std::atomic<bool> stop = false;
  std::atomic<int> removed = 0;
  std::thread remover([&] {
    while (!stop) removed += remove_dead_node(d, "n").ok();
  });
  for (int i = 0; i < 2000 || (removed < 100 && i < 100'000); ++i) {
    Result<std::unique_ptr<Node>> node = Node::open(d, {.name = "n", .segment_bytes = 1 << 24});
    ASSERT_TRUE(node.ok()) << node.status().message();
    Publisher a = advertise(**node, "a");
    publish_value(a, "x");
    ASSERT_EQ(list_topics(d)->topics.size(), 1u) << "what lives was removed";
  }
  stop = true;
  remover.join();
  EXPECT_GE(removed, 100);
}

TEST_F(SpaceTest, AFullSegmentIsAnErrorWithTheFigures) {
  Domain d = open_domain();
  auto node = open_node(d, "n", {.segment_bytes = 256 * 1024});
  Publisher small = advertise(*node, "small");
  publish_value(small, "x");
  Result<Publisher> big = node->advertise({.name = "big", .max_bytes = 64 * 1024});
  ASSERT_FALSE(big.ok());
  EXPECT_EQ(big.status().code(), Code::kNoSpace);
  EXPECT_THAT(big.status().message(), HasSubstr("256.0 KiB"));
  EXPECT_THAT(big.status().message(), HasSubstr("--segment-size"));
  const std::string grown(100 * 1024, 'x');
  EXPECT_EQ(small.publish(std::as_bytes(std::span(grown))).code(), Code::kNoSpace);
  publish_value(small, "still works");
  EXPECT_EQ(text_of(open_reader(d, "small").latest()), "still works");
}

TEST_F(SpaceTest, ALimitOfTheSizesOfFilesIsAnErrorThatNamesIt) {
  Domain d = open_domain();
  const SizeLimit limited(1 << 20);
  const Status s = Node::open(d, {.name = "n", .segment_bytes = 1 << 24}).status();
  EXPECT_EQ(s.code(), Code::kNoSpace);
  EXPECT_THAT(s.message(), testing::AllOf(HasSubstr("LimitFSIZE"), HasSubstr("--segment-size")));
  EXPECT_TRUE(Node::open(d, {.name = "n", .segment_bytes = 1 << 20}).ok());
}

TEST_F(SpaceTest, TheSpaceOfRemovedTopicsIsUsedAgain) {
  Domain d = open_domain();
  auto node = open_node(d, "n", {.segment_bytes = 1 << 20});
  uint64_t reserved = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "t" + std::to_string(i);
    {
      Publisher p = advertise(*node, name, {.max_bytes = static_cast<uint64_t>(1000 + i)});
      publish_value(p, name);
      EXPECT_EQ(text_of(open_reader(d, name).latest()), name);
    }
    SMT_ASSERT_OK(node->remove(name));
    if (i == 0) reserved = node->reserved_bytes();
  }
  EXPECT_EQ(node->topic_count(), 0u);
  EXPECT_EQ(node->reserved_bytes(), reserved);
}

TEST_F(SpaceTest, AHundredThousandTopicsFitOneNode) {
  Domain d = open_domain();
  auto node = open_node(d, "n", {.segment_bytes = 1 << 28});
  std::vector<Publisher> topics;
  for (int i = 0; i < 100'000; ++i) {
    topics.push_back(advertise(*node, "topic/" + std::to_string(i), {.schema = Schema::scalar(Type::kF64)}));
  }
  const double value = 1.5;
  SMT_ASSERT_OK(topics[77'777].publish(std::as_bytes(std::span(&value, 1))));
  EXPECT_EQ(open_reader(d, "topic/77777").latest()->bytes.size(), 8u);
  EXPECT_LT(node->reserved_bytes(), 64u << 20);
}

TEST_F(SpaceTest, LockedMemoryDoesNotMakeTheWholeSegmentReal) {
  // In a child, as the lock would stay on this process.
  const pid_t child = fork();
  if (child == 0) {
    Result<Domain> d = Domain::open({.root = root_, .domain = "d"});
    auto node = Node::open(*d, {.name = "n"});
    if (!lock_memory().ok()) _exit(2);
    auto p = (*node)->advertise({.name = "t"});
    if (!p->publish({}).ok()) _exit(3);
    struct stat st;
    if (stat(file("n").c_str(), &st) != 0) _exit(4);
    _exit(st.st_blocks * 512 < 1 << 20 ? 0 : 5);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) GTEST_SKIP() << "this user may not lock memory";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace smt
