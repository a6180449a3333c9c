// What every TopicSink takes and the TopicSource beside it shows: on plain memory, on shared memory, and on
// the halves over shared memory without a Store around them. Seeded bugs that must make this file fail:
// relay/store/mem_store.cc, put() that takes an older sample; collect() that keeps its marks;
// relay/store/shm_sink.cc, commit() that takes an older sample.
#include <algorithm>

#include "relay/store/mem_store.h"
#include "relay/store/node_names.h"
#include "relay/store/shm_sink.h"
#include "relay/store/shm_source.h"
#include "relay/store/shm_store.h"
#include "shm/schema.h"
#include "tests/relay/store/relay_description.h"
#include "tests/shm/shm_fixture.h"

namespace smt::relay {
namespace {

enum class Kind { kMem, kShm, kShmHalves };

class EveryStore : public ShmTest, public testing::WithParamInterface<Kind> {
 protected:
  EveryStore() {
    if (GetParam() == Kind::kMem) Hold(std::make_unique<MemStore>());
    if (GetParam() == Kind::kShm) {
      Hold(Opened(ShmStore::open(OpenDomain(), {.mirror = "m", .segment_bytes = 1 << 24})));
    }
    if (GetParam() != Kind::kShmHalves) return;
    NodeOptions node;
    node.name = std::string(kMirrorPrefix) + "m";
    node.segment_bytes = 1 << 24;
    node.mirror = true;
    sink_ = Opened(ShmSink::open(OpenDomain(), node));
    source_ = Opened(ShmSource::open(OpenDomain()));
  }
  template <class T>
  static std::unique_ptr<T> Opened(Result<std::unique_ptr<T>> opened) {
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    return std::move(*opened);
  }
  void Hold(std::shared_ptr<Store> store) {
    source_ = store;
    sink_ = store;
  }
  TopicDescription Topic(const std::string& name, const Schema& schema = Schema::Bytes(),
                         uint64_t max_bytes = 100, uint8_t segment = 2) {
    TopicDescription d = Describe(name, schema, max_bytes, {{1}, {segment}, "robot", "d", "n"});
    d.hops = 1;
    return d;
  }
  uint32_t Open(const TopicDescription& d) {
    Result<uint32_t> handle = sink_->open(d, 9);
    EXPECT_TRUE(handle.ok()) << handle.status().message();
    return *handle;
  }
  static SampleHead Head(uint64_t sequence) {
    const int64_t now = BoottimeNs();
    return {sequence, 5, now, now};
  }
  Put PutText(uint32_t handle, uint64_t sequence, std::string_view text) {
    const Put put = sink_->put(handle, Head(sequence), std::as_bytes(std::span(text)));
    return put;
  }
  const Changes& Collect() {
    changes_.clear();
    now_ns_ += 200'000'000;  // states are judged now and then
    sink_->flush(BoottimeNs() + now_ns_);
    source_->collect(BoottimeNs() + now_ns_, &changes_);
    return changes_;
  }
  uint32_t Id(const std::string& name) {
    for (uint32_t id = 0; id < source_->topic_limit(); ++id) {
      if (source_->topic(id) != nullptr && source_->topic(id)->name == name) return id;
    }
    return ~0u;
  }
  std::string Sample(uint32_t id, uint64_t* sequence = nullptr) {
    std::vector<std::byte> room(source_->topic(id)->max_bytes);
    SampleHead head;
    uint64_t bytes = 0;
    if (source_->read_newest(id, &head, room.data(), &bytes) != SampleRead::kOk) return "(none)";
    if (sequence != nullptr) *sequence = head.sequence;
    return std::string(reinterpret_cast<const char*>(room.data()), bytes);
  }
  static bool Has(const std::vector<uint32_t>& list, uint32_t id) {
    return std::count(list.begin(), list.end(), id) == 1;
  }

  std::shared_ptr<TopicSource> source_;
  std::shared_ptr<TopicSink> sink_;
  Changes changes_;
  int64_t now_ns_ = 0;
};

TEST_P(EveryStore, ASampleIsTakenConfirmedOrOld) {
  const uint32_t h = Open(Topic("x"));
  EXPECT_EQ(PutText(h, 5, "five"), Put::kTaken);
  EXPECT_EQ(PutText(h, 5, "five"), Put::kConfirmed);
  EXPECT_EQ(PutText(h, 4, "four"), Put::kOld);
  EXPECT_EQ(PutText(h, uint64_t{1} << 63, "far"), Put::kTaken);
  Collect();
  uint64_t sequence = 0;
  EXPECT_EQ(Sample(Id("x"), &sequence), "far");
  EXPECT_EQ(sequence, uint64_t{1} << 63);
  EXPECT_EQ(source_->topic(Id("x"))->origin, Topic("x").origin);
  EXPECT_EQ(source_->topic(Id("x"))->hops, 1u);
}

TEST_P(EveryStore, AChangeIsToldOnce) {
  const uint32_t h = Open(Topic("x"));
  PutText(h, 1, "one");
  Collect();
  const uint32_t id = Id("x");
  EXPECT_TRUE(Has(changes_.described, id));
  EXPECT_TRUE(Has(changes_.moved, id));
  Collect();
  EXPECT_FALSE(Has(changes_.described, id));
  EXPECT_FALSE(Has(changes_.moved, id));
  PutText(h, 2, "two");
  PutText(h, 3, "three");
  Collect();
  EXPECT_TRUE(Has(changes_.moved, id));
  EXPECT_FALSE(Has(changes_.described, id));
  PutText(h, 3, "three");
  PutText(h, 2, "two");
  Collect();
  EXPECT_FALSE(Has(changes_.moved, id));
}

TEST_P(EveryStore, AnotherTypeOrSourceBeginsEmptyAndTheSameGoesOn) {
  uint32_t h = Open(Topic("x"));
  PutText(h, 9, "nine");
  Collect();
  h = Open(Topic("x"));
  Collect();
  EXPECT_EQ(Sample(Id("x")), "nine");
  h = Open(Topic("x", Schema::Bytes(), 100, 3));
  Collect();
  EXPECT_EQ(Sample(Id("x")), "(none)");
  EXPECT_EQ(PutText(h, 1, "one"), Put::kTaken);
  h = Open(Topic("x", Schema::Scalar(Type::kU64), 0, 3));
  Collect();
  EXPECT_TRUE(Has(changes_.described, Id("x")));
  EXPECT_EQ(source_->topic(Id("x"))->value_bytes, 8u);
  EXPECT_EQ(PutText(h, 1, "12345678"), Put::kTaken);
  Collect();
  EXPECT_EQ(Sample(Id("x")), "12345678");
}

TEST_P(EveryStore, ATopicThatIsRemovedIsGoneAndItsIdIsFreeAfterThat) {
  const uint32_t h = Open(Topic("x"));
  PutText(h, 1, "one");
  Collect();
  const uint32_t id = Id("x");
  sink_->remove(h);
  Collect();
  EXPECT_TRUE(Has(changes_.gone, id));
  EXPECT_EQ(source_->topic(id), nullptr);
  Collect();
  for (int i = 0; i < 100; ++i) {
    const std::string name = "y" + std::to_string(i);
    const uint32_t again = Open(Topic(name));
    PutText(again, 1, name);
    Collect();
    EXPECT_EQ(Sample(Id(name)), name);
    sink_->remove(again);
    Collect();
    EXPECT_EQ(Id(name), ~0u);
  }
  EXPECT_LE(source_->topic_limit(), 4u);
}

TEST_P(EveryStore, AValueInPiecesIsThereWhenItIsCommitted) {
  const uint32_t h = Open(Topic("x", Schema::Bytes(), 1000));
  PutText(h, 1, "one");
  std::span<std::byte> room = sink_->loan(h, 1000);
  ASSERT_EQ(room.size(), 1000u);
  std::fill(room.begin(), room.end(), std::byte{'a'});
  Collect();
  EXPECT_EQ(Sample(Id("x")), "one");
  EXPECT_EQ(sink_->commit(h, Head(2)), Put::kTaken);
  Collect();
  EXPECT_TRUE(Has(changes_.moved, Id("x")));
  EXPECT_EQ(Sample(Id("x")), std::string(1000, 'a'));
  room = sink_->loan(h, 500);
  ASSERT_EQ(room.size(), 500u);
  EXPECT_EQ(sink_->commit(h, Head(1)), Put::kOld);
  room = sink_->loan(h, 500);
  ASSERT_EQ(room.size(), 500u);
  sink_->abandon(h);
  EXPECT_EQ(PutText(h, 3, "three"), Put::kTaken);
  Collect();
  EXPECT_EQ(Sample(Id("x")), "three");
}

TEST_P(EveryStore, AStateThatIsToldIsRead) {
  const uint32_t h = Open(Topic("x"));
  PutText(h, 1, "one");
  Collect();
  const uint32_t id = Id("x");
  EXPECT_EQ(source_->told_state(id), State::kEmpty);
  for (const State s : {State::kSourceDead, State::kLinkDown, State::kSubstituted, State::kEmpty}) {
    sink_->tell_state(h, s);
    Collect();
    EXPECT_TRUE(Has(changes_.state, id));
    EXPECT_EQ(source_->told_state(id), s);
    Collect();
    EXPECT_FALSE(Has(changes_.state, id));
  }
}

TEST_P(EveryStore, ReadingIsCountedAndNothingElse) {
  const uint32_t h = Open(Topic("x"));
  for (int i = 1; i < 50; ++i) PutText(h, static_cast<uint64_t>(i), "v");
  Collect();
  EXPECT_EQ(source_->slot_reads(), 0u);
  Sample(Id("x"));
  Sample(Id("x"));
  EXPECT_EQ(source_->slot_reads(), 2u);
}

TEST_P(EveryStore, EachSampleThatIsThereIsReadInOrder) {
  TopicDescription d = Topic("x");
  d.every = true;
  const uint32_t h = Open(d);
  for (uint64_t sequence = 1; sequence <= 4; ++sequence) PutText(h, sequence, std::to_string(sequence));
  Collect();
  const uint32_t id = Id("x");
  EXPECT_EQ(source_->newest_sequence(id), 4u);
  EXPECT_EQ(sink_->held(h).sequence, 4u);
  std::byte room[100];
  SampleHead head;
  uint64_t bytes = 0;
  for (uint64_t after = 0; after < 4; ++after) {
    ASSERT_EQ(source_->read_after(id, after, &head, room, &bytes), SampleRead::kOk);
    EXPECT_EQ(head.sequence, after + 1);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(room), bytes), std::to_string(after + 1));
  }
  EXPECT_EQ(source_->read_after(id, 4, &head, room, &bytes), SampleRead::kEmpty);
}

TEST_P(EveryStore, ATopicWithoutASampleIsEmpty) {
  Open(Topic("x"));
  Collect();
  const uint32_t id = Id("x");
  std::byte room[100];
  SampleHead head;
  uint64_t bytes = 0;
  EXPECT_EQ(Sample(id), "(none)");
  EXPECT_EQ(source_->newest_sequence(id), 0u);
  EXPECT_EQ(source_->read_after(id, 0, &head, room, &bytes), SampleRead::kEmpty);
  EXPECT_TRUE(source_->is_current(id));
}

TEST(MemStore, TakesNoMoreBytesThanItMayWhateverWasAnnounced) {
  MemStore store(1000);
  const auto open = [&](const std::string& name) {
    return *store.open(Describe(name, Schema::Bytes(), 10, {{1}, {2}, "robot", "d", "n"}), 9);
  };
  const uint32_t a = open("a"), b = open("b");
  const std::vector<std::byte> value(600);
  EXPECT_EQ(store.put(a, {1, 5, 1, 1}, value), Put::kTaken);
  EXPECT_EQ(store.put(b, {1, 5, 1, 1}, value), Put::kRefused);
  EXPECT_TRUE(store.loan(b, 600).empty());
  EXPECT_EQ(store.put(a, {2, 5, 1, 1}, value), Put::kTaken) << "in place of the first";
}

INSTANTIATE_TEST_SUITE_P(Stores, EveryStore, testing::Values(Kind::kMem, Kind::kShm, Kind::kShmHalves),
                         [](const auto& test) {
                           return test.param == Kind::kMem   ? "Mem"
                                  : test.param == Kind::kShm ? "Shm"
                                                             : "ShmHalves";
                         });

}  // namespace
}  // namespace smt::relay
