// What a DirectoryCursor yields when topics come, go, are replaced and move, and of a directory that lies.
#include "shm/directory_cursor.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "shm/layout.h"
#include "shm/mapping.h"
#include "tests/shm/shm_fixture.h"

namespace smt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CursorTest : public ShmTest {
 protected:
  CursorTest() : domain_(open_domain()), node_(open_node(domain_, "n")), segment_(open_segment()) {}

  std::shared_ptr<SegmentView> open_segment() {
    Result<std::shared_ptr<SegmentView>> segment = SegmentView::open(domain_, "n");
    EXPECT_TRUE(segment.ok()) << segment.status().message();
    return *segment;
  }
  void publish(const std::string& topic, TopicOptions options = {}) {
    publishers_.push_back(advertise(*node_, topic, std::move(options)));
  }
  void remove(const std::string& topic) {
    publishers_.clear();
    const Status s = node_->remove(topic);
    EXPECT_TRUE(s.ok()) << s.message();
  }
  // One look: "+a@0" came at index 0, "-0": what was there is gone.
  std::vector<std::string> look() { return look(&cursor_, *segment_); }
  static std::vector<std::string> look(DirectoryCursor* cursor, const SegmentView& segment) {
    std::vector<std::string> seen;
    while (std::optional<DirectoryCursor::Change> change = cursor->next(segment)) {
      const std::string index = std::to_string(change->index);
      EXPECT_LT(change->index, cursor->limit());
      seen.push_back(change->topic ? "+" + change->topic->name + "@" + index : "-" + index);
    }
    return seen;
  }
  // A second, writable mapping of the segment.
  layout::Header* scribble() {
    const Fd fd(open(file("n").c_str(), O_RDWR | O_CLOEXEC));
    struct stat st;
    EXPECT_EQ(fstat(fd.get(), &st), 0);
    Result<Mapping> mapping = Mapping::map(fd.get(), static_cast<uint64_t>(st.st_size), true);
    EXPECT_TRUE(mapping.ok()) << mapping.status().message();
    scribble_ = std::move(*mapping);
    return reinterpret_cast<layout::Header*>(scribble_.data());
  }
  layout::Entry* entry(uint32_t index) {
    layout::Header* header = scribble();
    return reinterpret_cast<layout::Entry*>(scribble_.data() +
                                            header->block[0].load(std::memory_order_relaxed) +
                                            layout::block_topics(0) * sizeof(layout::Word)) +
           index;
  }

  Domain domain_;
  std::unique_ptr<Node> node_;
  std::vector<Publisher> publishers_;  // after node_: they go before it
  std::shared_ptr<SegmentView> segment_;
  DirectoryCursor cursor_;
  Mapping scribble_;
};

TEST_F(CursorTest, YieldsEachTopicOnceWhenItComes) {
  EXPECT_THAT(look(), IsEmpty());
  publish("a");
  publish("b");
  EXPECT_TRUE(cursor_.changed(*segment_));
  EXPECT_THAT(look(), ElementsAre("+a@0", "+b@1"));
  EXPECT_FALSE(cursor_.changed(*segment_));
  EXPECT_THAT(look(), IsEmpty());
  publish("c");
  EXPECT_THAT(look(), ElementsAre("+c@2"));
}

TEST_F(CursorTest, YieldsWhatIsGoneOnceAndNothingOfATopicThatItNeverSaw) {
  publish("a");
  publish("b");
  look();
  remove("a");
  EXPECT_THAT(look(), ElementsAre("-0"));
  EXPECT_THAT(look(), IsEmpty());
  publish("c");  // at the index that is free
  remove("c");
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_FALSE(cursor_.changed(*segment_));
}

TEST_F(CursorTest, YieldsAReplacedTopicAsGoneAndThenAsNew) {
  publish("a");
  look();
  publishers_.clear();
  publish("a", {.schema = Schema::scalar(Type::kF64)});
  EXPECT_THAT(look(), ElementsAre("-0", "+a@0"));
  remove("a");
  publish("b");
  EXPECT_THAT(look(), ElementsAre("-0", "+b@0"));
}

TEST_F(CursorTest, YieldsAGrownTopicUnderItsNextGeneration) {
  publish("a");
  std::optional<DirectoryCursor::Change> first = cursor_.next(*segment_);
  ASSERT_TRUE(first && first->topic);
  EXPECT_THAT(look(), IsEmpty());
  publish_value(publishers_[0], std::string(1000, 'x'));
  EXPECT_FALSE(first->topic->live());
  const std::optional<DirectoryCursor::Change> gone = cursor_.next(*segment_),
                                               grown = cursor_.next(*segment_);
  ASSERT_TRUE(gone && !gone->topic);
  ASSERT_TRUE(grown && grown->topic);
  EXPECT_EQ(grown->topic->generation, first->topic->generation + 2);
  EXPECT_GE(grown->topic->max_bytes, 1000u);
}

// Indexes are given out again last in, first out: `a` comes to where `b` was.
TEST_F(CursorTest, YieldsATopicThatMovedAsGoneBeforeItComesAgain) {
  publish("a");
  publish("b");
  look();
  remove("b");
  remove("a");
  publish("b");
  publish("a");
  EXPECT_THAT(look(), ElementsAre("-0", "-1", "+b@0", "+a@1"));
}

TEST_F(CursorTest, YieldsNothingOfAnAdoptionButWhatItsNewOwnerChanges) {
  publish("a");
  publish("b");
  look();
  publishers_.clear();
  node_.reset();
  node_ = open_node(domain_, "n");
  ASSERT_TRUE(node_->birth().adopted);
  EXPECT_TRUE(cursor_.changed(*segment_));
  EXPECT_THAT(look(), IsEmpty());
  remove("a");
  EXPECT_THAT(look(), ElementsAre("-0"));
  // Another view of the same segment will do.
  publish("c");
  EXPECT_THAT(look(&cursor_, *open_segment()), ElementsAre("+c@0"));
}

TEST_F(CursorTest, KeepsTheTopicsOfARetiredSegmentAndYieldsThoseOfItsSuccessorToANewCursor) {
  publish("a");
  look();
  publishers_.clear();
  node_.reset();
  node_ = open_node(domain_, "n", {.segment_bytes = 1 << 23});
  ASSERT_TRUE(node_->birth().replaced);
  publish("b");
  EXPECT_TRUE(segment_->retired());
  EXPECT_THAT(look(), IsEmpty());
  DirectoryCursor successor;
  EXPECT_THAT(look(&successor, *open_segment()), ElementsAre("+b@0"));
}

TEST_F(CursorTest, SaysWhichEntriesAreDamagedUntilTheyAreReplaced) {
  publish("a");
  publish("b");
  entry(0)->record[0].store(12'345, std::memory_order_relaxed);
  EXPECT_THAT(look(), ElementsAre("+b@1"));
  EXPECT_THAT(cursor_.damaged(), ElementsAre(0));
  publish("c");
  EXPECT_THAT(look(), ElementsAre("+c@2"));
  EXPECT_THAT(cursor_.damaged(), ElementsAre(0));
  remove("a");
  EXPECT_THAT(look(), IsEmpty());  // it was never yielded
  EXPECT_THAT(cursor_.damaged(), IsEmpty());
}

TEST_F(CursorTest, TakesTopicsBeyondTheLimitForGone) {
  publish("a");
  publish("b");
  look();
  layout::Header* header = scribble();
  header->topic_limit.store(1, std::memory_order_relaxed);
  header->directory_version.fetch_add(1, std::memory_order_relaxed);
  EXPECT_THAT(look(), ElementsAre("-1"));
  header->topic_limit.store(2, std::memory_order_relaxed);
  header->directory_version.fetch_add(1, std::memory_order_relaxed);
  EXPECT_THAT(look(), ElementsAre("+b@1"));
  header->topic_limit.store(~uint64_t{0}, std::memory_order_relaxed);
  header->directory_version.fetch_add(1, std::memory_order_relaxed);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_LE(cursor_.limit(), layout::kFirstBlockTopics);
}

TEST_F(CursorTest, EndsALookWhileTheDirectoryChangesAllTheTime) {
  for (int i = 0; i < 10; ++i) publish("t" + std::to_string(i));
  layout::Header* header = scribble();
  int yielded = 0;
  while (cursor_.next(*segment_)) {
    header->directory_version.fetch_add(1, std::memory_order_relaxed);
    ASSERT_LE(++yielded, 10);
  }
  EXPECT_EQ(yielded, 10);
  EXPECT_TRUE(cursor_.changed(*segment_));
  EXPECT_THAT(look(), IsEmpty());
}

// A topic that is removed in the middle of a look is skipped by it, or its removal is seen by the next.
TEST_F(CursorTest, FindsInTheNextLookWhatChangedDuringThisOne) {
  publish("a");
  publish("b");
  const std::optional<DirectoryCursor::Change> a = cursor_.next(*segment_);
  ASSERT_TRUE(a && a->topic);
  remove("a");
  remove("b");
  EXPECT_THAT(look(), IsEmpty());  // the rest of this look
  EXPECT_THAT(look(), ElementsAre("-0"));
}

}  // namespace
}  // namespace smt
