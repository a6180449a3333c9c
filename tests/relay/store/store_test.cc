// What every TopicSink takes and the TopicSource beside it shows: on plain memory, on shared memory, and on
// the halves over shared memory without a Store around them.
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
    if (GetParam() == Kind::kMem) hold(std::make_unique<MemStore>());
    if (GetParam() == Kind::kShm) {
      hold(opened(ShmStore::open(open_domain(), {.mirror = "m", .segment_bytes = 1 << 24})));
    }
    if (GetParam() != Kind::kShmHalves) return;
    NodeOptions node;
    node.name = std::string(kMirrorPrefix) + "m";
    node.segment_bytes = 1 << 24;
    node.mirror = true;
    sink_ = opened(ShmSink::open(open_domain(), node));
    source_ = opened(ShmSource::open(open_domain()));
  }
  template <class T>
  static std::unique_ptr<T> opened(Result<std::unique_ptr<T>> opened) {
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    return std::move(*opened);
  }
  void hold(std::shared_ptr<Store> store) {
    source_ = store;
    sink_ = store;
  }
  TopicDescription describe(const std::string& name, const Schema& schema = Schema::bytes(),
                            uint64_t max_bytes = 100, uint8_t segment = 2) {
    TopicDescription d = relay::describe(name, schema, max_bytes, {{1}, {segment}, "robot", "d", "n"});
    d.hops = 1;
    return d;
  }
  uint32_t open_topic(const TopicDescription& d) {
    Result<uint32_t> handle = sink_->open(d, 9);
    EXPECT_TRUE(handle.ok()) << handle.status().message();
    return *handle;
  }
  static SampleHead head(uint64_t sequence) {
    const int64_t now = boottime_ns();
    return {sequence, 5, now, now};
  }
  PutResult put_text(uint32_t handle, uint64_t sequence, std::string_view text) {
    const PutResult put = sink_->put(handle, head(sequence), std::as_bytes(std::span(text)));
    return put;
  }
  const Changes& collect() {
    changes_.clear();
    now_ns_ += 200'000'000;  // states are judged now and then
    sink_->flush(boottime_ns() + now_ns_);
    source_->collect(boottime_ns() + now_ns_, &changes_);
    return changes_;
  }
  uint32_t find_id(const std::string& name) {
    for (uint32_t id = 0; id < source_->topic_limit(); ++id) {
      if (source_->topic(id) != nullptr && source_->topic(id)->name == name) return id;
    }
    return ~0u;
  }
  std::string sample(uint32_t id, uint64_t* sequence = nullptr) {
    std::vector<std::byte> room(source_->topic(id)->max_bytes);
    SampleHead head;
    uint64_t bytes = 0;
    if (source_->read_newest(id, &head, room.data(), &bytes) != SampleRead::kOk) return "(none)";
    if (sequence != nullptr) *sequence = head.sequence;
    return std::string(reinterpret_cast<const char*>(room.data()), bytes);
  }
  static bool has(const std::vector<uint32_t>& list, uint32_t id) {
    return std::count(list.begin(), list.end(), id) == 1;
  }
  static bool has(const Bits& set, uint32_t id) { return set.test(id); }

  std::shared_ptr<TopicSource> source_;
  std::shared_ptr<TopicSink> sink_;
  Changes changes_;
  int64_t now_ns_ = 0;
};

TEST_P(EveryStore, ASampleIsTakenConfirmedOrOld) {
  const uint32_t h = open_topic(describe("x"));
  EXPECT_EQ(put_text(h, 5, "five"), PutResult::kTaken);
  EXPECT_EQ(put_text(h, 5, "five"), PutResult::kConfirmed);
  EXPECT_EQ(put_text(h, 4, "four"), PutResult::kOld);
  EXPECT_EQ(put_text(h, uint64_t{1} << 63, "far"), PutResult::kTaken);
  collect();
  uint64_t sequence = 0;
  EXPECT_EQ(sample(find_id("x"), &sequence), "far");
  EXPECT_EQ(sequence, uint64_t{1} << 63);
  EXPECT_EQ(source_->topic(find_id("x"))->origin, describe("x").origin);
  EXPECT_EQ(source_->topic(find_id("x"))->hops, 1u);
}

TEST_P(EveryStore, AChangeIsToldOnce) {
  const uint32_t h = open_topic(describe("x"));
  put_text(h, 1, "one");
  collect();
  const uint32_t id = find_id("x");
  EXPECT_TRUE(has(changes_.described, id));
  EXPECT_TRUE(has(changes_.updated, id));
  collect();
  EXPECT_FALSE(has(changes_.described, id));
  EXPECT_FALSE(has(changes_.updated, id));
  put_text(h, 2, "two");
  put_text(h, 3, "three");
  collect();
  EXPECT_TRUE(has(changes_.updated, id));
  EXPECT_FALSE(has(changes_.described, id));
  put_text(h, 3, "three");
  put_text(h, 2, "two");
  collect();
  EXPECT_FALSE(has(changes_.updated, id));
}

TEST_P(EveryStore, AnotherTypeOrSourceBeginsEmptyAndTheSameGoesOn) {
  uint32_t h = open_topic(describe("x"));
  put_text(h, 9, "nine");
  collect();
  h = open_topic(describe("x"));
  collect();
  EXPECT_EQ(sample(find_id("x")), "nine");
  h = open_topic(describe("x", Schema::bytes(), 100, 3));
  collect();
  EXPECT_EQ(sample(find_id("x")), "(none)");
  EXPECT_EQ(put_text(h, 1, "one"), PutResult::kTaken);
  h = open_topic(describe("x", Schema::scalar(Type::kU64), 0, 3));
  collect();
  EXPECT_TRUE(has(changes_.described, find_id("x")));
  EXPECT_EQ(source_->topic(find_id("x"))->value_bytes, 8u);
  EXPECT_EQ(put_text(h, 1, "12345678"), PutResult::kTaken);
  collect();
  EXPECT_EQ(sample(find_id("x")), "12345678");
}

TEST_P(EveryStore, ATopicThatIsRemovedIsGoneAndItsIdIsFreeAfterThat) {
  const uint32_t h = open_topic(describe("x"));
  put_text(h, 1, "one");
  collect();
  const uint32_t id = find_id("x");
  sink_->remove(h);
  collect();
  EXPECT_TRUE(has(changes_.removed, id));
  EXPECT_EQ(source_->topic(id), nullptr);
  collect();
  for (int i = 0; i < 100; ++i) {
    const std::string name = "y" + std::to_string(i);
    const uint32_t again = open_topic(describe(name));
    put_text(again, 1, name);
    collect();
    EXPECT_EQ(sample(find_id(name)), name);
    sink_->remove(again);
    collect();
    EXPECT_EQ(find_id(name), ~0u);
  }
  EXPECT_LE(source_->topic_limit(), 4u);
}

TEST_P(EveryStore, AValueInPiecesIsThereWhenItIsCommitted) {
  const uint32_t h = open_topic(describe("x", Schema::bytes(), 1000));
  put_text(h, 1, "one");
  std::span<std::byte> room = sink_->loan(h, 1000);
  ASSERT_EQ(room.size(), 1000u);
  std::fill(room.begin(), room.end(), std::byte{'a'});
  collect();
  EXPECT_EQ(sample(find_id("x")), "one");
  EXPECT_EQ(sink_->commit(h, head(2)), PutResult::kTaken);
  collect();
  EXPECT_TRUE(has(changes_.updated, find_id("x")));
  EXPECT_EQ(sample(find_id("x")), std::string(1000, 'a'));
  room = sink_->loan(h, 500);
  ASSERT_EQ(room.size(), 500u);
  EXPECT_EQ(sink_->commit(h, head(1)), PutResult::kOld);
  room = sink_->loan(h, 500);
  ASSERT_EQ(room.size(), 500u);
  sink_->abandon(h);
  EXPECT_EQ(put_text(h, 3, "three"), PutResult::kTaken);
  collect();
  EXPECT_EQ(sample(find_id("x")), "three");
}

// Of topics with numbers; each has a value of its own.
class PlainSamples : public EveryStore {
 protected:
  PlainSamples() {
    for (const char* name : {"a", "b", "c"}) handles_.push_back(open_number(describe_number(name)));
  }
  TopicDescription describe_number(const std::string& name) {
    return describe(name, Schema::scalar(Type::kU64));
  }
  // After its first sample there is nothing to ask of the next one.
  uint32_t open_number(const TopicDescription& d) {
    const uint32_t handle = open_topic(d);
    const uint64_t first = 1;
    EXPECT_EQ(sink_->put(handle, head(1), std::as_bytes(std::span(&first, 1))), PutResult::kTaken);
    return handle;
  }
  struct Sample {
    uint32_t handle;
    uint64_t sequence, value;
  };
  size_t put(const std::vector<Sample>& samples, const Provenance& provenance = {}) {
    std::vector<PlainSample> rows;
    std::vector<uint64_t> values;
    const int64_t now = boottime_ns();
    for (const Sample& s : samples) {
      rows.push_back({s.handle, 8, s.sequence, static_cast<int64_t>(100 + s.value), now - 7});
      values.push_back(s.value);
    }
    return sink_->put_plain(rows, std::as_bytes(std::span(values)).data(), now, provenance);
  }
  uint64_t number(const std::string& name, SampleHead* head = nullptr) {
    uint64_t value = 0, bytes = 0;
    SampleHead h;
    EXPECT_EQ(source_->read_newest(find_id(name), &h, reinterpret_cast<std::byte*>(&value), &bytes),
              SampleRead::kOk);
    if (head != nullptr) *head = h;
    return value;
  }
  std::vector<uint32_t> handles_;
};

TEST_P(PlainSamples, EachGoesIntoItsTopicWithItsOwnHead) {
  EXPECT_EQ(put({{handles_[2], 2, 22}, {handles_[0], 5, 20}, {handles_[1], 3, 21}, {handles_[0], 6, 26}}),
            4u);
  collect();
  for (const auto& [name, sequence, value] :
       std::vector<std::tuple<std::string, uint64_t, uint64_t>>{{"a", 6, 26}, {"b", 3, 21}, {"c", 2, 22}}) {
    EXPECT_TRUE(has(changes_.updated, find_id(name)));
    SampleHead head;
    EXPECT_EQ(number(name, &head), value);
    EXPECT_EQ(head.sequence, sequence);
    EXPECT_EQ(head.stamp_ns, static_cast<int64_t>(100 + value));
    EXPECT_EQ(head.written_ns, head.born_ns + 7);
  }
  EXPECT_EQ(sink_->held(handles_[0]).sequence, 6u);
}

TEST_P(PlainSamples, EndWithTheFirstThatIsNotNewer) {
  EXPECT_EQ(put({{handles_[0], 2, 20}, {handles_[1], 1, 99}, {handles_[2], 2, 22}}), 1u);
  collect();
  EXPECT_EQ(number("a"), 20u);
  EXPECT_EQ(number("b"), 1u);
  EXPECT_EQ(number("c"), 1u) << "it comes after the one that put() decides about";
}

TEST_P(PlainSamples, OfATopicThatIsAnnouncedAnewAreItsOwn) {
  const TopicDescription other = describe("a", Schema::scalar(Type::kU64), 0, 3);
  const uint32_t again = open_topic(other);
  put({{again, 9, 29}});
  EXPECT_EQ(put_text(again, 10, "12345678"), PutResult::kTaken);
  EXPECT_EQ(put({{again, 11, 31}}), 1u);
  collect();
  EXPECT_EQ(number("a"), 31u);
  EXPECT_EQ(source_->topic(find_id("a"))->origin, other.origin);
}

TEST_P(PlainSamples, ShowTheStateThatTheSourceSays) {
  sink_->report_state(handles_[0], State::kSourceDead);
  collect();
  EXPECT_EQ(source_->reported_state(find_id("a")), State::kSourceDead);
  put({{handles_[0], 2, 20}});
  sink_->report_state(handles_[0], State::kEmpty);
  EXPECT_EQ(put_text(handles_[0], 3, "12345678"), PutResult::kTaken);
  EXPECT_EQ(put({{handles_[0], 4, 20}}), 1u);
  collect();
  EXPECT_EQ(source_->reported_state(find_id("a")), State::kEmpty);
}

TEST_P(PlainSamples, TellHowWrongTheirAgesAre) {
  EXPECT_EQ(put({{handles_[0], 2, 20}, {handles_[1], 2, 21}}, {5'000, 300}), 2u);
  collect();
  EXPECT_EQ(source_->provenance(find_id("b"), 2).age_error_ns, 5'000);
  EXPECT_EQ(put({{handles_[0], 3, 20}}, {Provenance::kUnknown, 300}), 1u);
  collect();
  EXPECT_EQ(source_->provenance(find_id("a"), 3).age_error_ns, Provenance::kUnknown);
  EXPECT_EQ(source_->provenance(find_id("b"), 2).age_error_ns, 5'000);
}

TEST_P(EveryStore, AStateThatIsToldIsRead) {
  const uint32_t h = open_topic(describe("x"));
  put_text(h, 1, "one");
  collect();
  const uint32_t id = find_id("x");
  EXPECT_EQ(source_->reported_state(id), State::kEmpty);
  for (const State s : {State::kSourceDead, State::kLinkDown, State::kSubstituted, State::kEmpty}) {
    sink_->report_state(h, s);
    collect();
    EXPECT_TRUE(has(changes_.state, id));
    EXPECT_EQ(source_->reported_state(id), s);
    collect();
    EXPECT_FALSE(has(changes_.state, id));
  }
}

TEST_P(EveryStore, ReadingIsCountedAndNothingElse) {
  const uint32_t h = open_topic(describe("x"));
  for (int i = 1; i < 50; ++i) put_text(h, static_cast<uint64_t>(i), "v");
  collect();
  EXPECT_EQ(source_->slot_reads(), 0u);
  sample(find_id("x"));
  sample(find_id("x"));
  EXPECT_EQ(source_->slot_reads(), 2u);
}

TEST_P(EveryStore, TheNewestOfManyTopicsAreReadAtOnceAndOnlyThoseThatAreNew) {
  std::vector<uint32_t> handles, ids;
  std::vector<uint64_t> sent;
  for (int i = 0; i < 100; ++i) handles.push_back(open_topic(describe("t" + std::to_string(i))));
  for (uint64_t i = 0; i < 100; ++i) {
    if (i % 10 != 9) put_text(handles[i], 5 + i, std::string(i % 20, 'v') + std::to_string(i));
  }
  collect();
  for (uint64_t i = 0; i < 100; ++i) {
    ids.push_back(find_id("t" + std::to_string(i)));
    sent.push_back(i % 3 == 0 ? 5 + i : 2);
  }
  std::vector<std::byte> room(100 * 100);
  std::byte* const values = room.data();
  SampleRows rows;
  std::vector<uint32_t> busy;
  const int64_t now = boottime_ns() + 1'000'000'000;
  source_->read_newest({ids.data(), 50}, {sent.data(), 50}, now, values, &rows, &busy);
  const size_t half = rows.count();
  size_t at = 0;
  for (const SampleRow& row : rows.all()) at += row.bytes;
  source_->read_newest({&ids[50], 50}, {&sent[50], 50}, now, values + at, &rows, &busy);
  EXPECT_EQ(half, 30u);
  EXPECT_TRUE(busy.empty());
  std::vector<uint64_t> expected;
  for (uint64_t i = 0; i < 100; ++i) {
    if (i % 10 != 9 && i % 3 != 0) expected.push_back(i);
  }
  ASSERT_EQ(rows.count(), expected.size());
  at = 0;
  for (size_t k = 0; k < rows.count(); ++k) {
    const SampleRow& row = rows.all()[k];
    const uint64_t i = expected[k];
    EXPECT_EQ(row.id, ids[i]);
    EXPECT_EQ(row.head.sequence, 5 + i);
    EXPECT_EQ(row.step, 3 + i);
    EXPECT_EQ(row.head.stamp_ns, 5);
    EXPECT_EQ(row.age_ns, now - row.head.born_ns);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(values + at), row.bytes),
              std::string(i % 20, 'v') + std::to_string(i));
    at += row.bytes;
  }
}

TEST_P(EveryStore, EachSampleThatIsThereIsReadInOrder) {
  TopicDescription d = describe("x");
  d.every = true;
  const uint32_t h = open_topic(d);
  for (uint64_t sequence = 1; sequence <= 4; ++sequence) put_text(h, sequence, std::to_string(sequence));
  collect();
  const uint32_t id = find_id("x");
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

TEST_P(EveryStore, TheSamplesOfManyTopicsThatFollowAreReadAtOnceAsTheyAreOneByOne) {
  std::mt19937 random(11);
  std::vector<uint32_t> ids, max_samples;
  std::vector<uint64_t> after;
  std::vector<std::vector<uint64_t>> held(100);
  for (uint64_t i = 0; i < 100; ++i) {
    TopicDescription d = describe("t" + std::to_string(i));
    d.every = true;
    const uint32_t h = open_topic(d);
    uint64_t sequence = 5;
    // More than the ring holds of some, none of others, and with gaps.
    for (uint64_t n = random() % 7; n > 0; --n) {
      put_text(h, sequence, std::string(sequence % 20, 'v') + std::to_string(i));
      held[i].push_back(sequence);
      sequence += random() % 4 == 0 ? 2 : 1;
    }
    if (held[i].size() > d.history) held[i].erase(held[i].begin(), held[i].end() - d.history);
    after.push_back(4 + random() % 6);
    max_samples.push_back(1 + random() % 5);
  }
  collect();
  for (uint64_t i = 0; i < 100; ++i) ids.push_back(find_id("t" + std::to_string(i)));
  std::vector<std::byte> room(500 * 100);
  SampleRows rows;
  std::vector<uint32_t> busy;
  const int64_t now = boottime_ns() + 1'000'000'000;
  const uint64_t reads = source_->slot_reads();
  const size_t bytes = source_->read_after(ids, after, max_samples, now, room.data(), &rows, &busy);
  EXPECT_TRUE(busy.empty());
  EXPECT_EQ(source_->slot_reads() - reads, rows.count());
  std::vector<uint64_t> newest(ids.size());
  source_->newest_sequences(ids, newest.data());
  size_t k = 0, at = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(newest[i], source_->newest_sequence(ids[i]));
    std::byte value[100];
    SampleHead head;
    uint64_t size = 0, last = after[i];
    for (uint32_t n = 0; n < max_samples[i]; ++n, ++k) {
      if (source_->read_after(ids[i], last, &head, value, &size) != SampleRead::kOk) break;
      ASSERT_LT(k, rows.count());
      const SampleRow& row = rows.all()[k];
      ASSERT_EQ(row.id, ids[i]);
      ASSERT_EQ(row.head.sequence, head.sequence) << i;
      for (const uint64_t other : held[i]) EXPECT_FALSE(last < other && other < head.sequence) << i;
      EXPECT_EQ(row.step, head.sequence - last);
      EXPECT_EQ(row.age_ns, now - head.born_ns);
      ASSERT_EQ(row.bytes, size);
      EXPECT_EQ(memcmp(room.data() + at, value, size), 0) << i;
      at += size;
      last = head.sequence;
    }
  }
  EXPECT_EQ(k, rows.count());
  EXPECT_EQ(at, bytes);
  EXPECT_GT(k, 100u);
}

TEST_P(EveryStore, ATopicWithoutASampleIsEmpty) {
  open_topic(describe("x"));
  collect();
  const uint32_t id = find_id("x");
  std::byte room[100];
  SampleHead head;
  uint64_t bytes = 0;
  EXPECT_EQ(sample(id), "(none)");
  EXPECT_EQ(source_->newest_sequence(id), 0u);
  EXPECT_EQ(source_->read_after(id, 0, &head, room, &bytes), SampleRead::kEmpty);
  EXPECT_TRUE(source_->is_current(id));
}

TEST(MemStore, TakesNoMoreBytesThanItMayWhateverWasAnnounced) {
  MemStore store(1000);
  const auto open = [&](const std::string& name) {
    return *store.open(describe(name, Schema::bytes(), 10, {{1}, {2}, "robot", "d", "n"}), 9);
  };
  const uint32_t a = open("a"), b = open("b");
  const std::vector<std::byte> value(600);
  EXPECT_EQ(store.put(a, {1, 5, 1, 1}, value), PutResult::kTaken);
  EXPECT_EQ(store.put(b, {1, 5, 1, 1}, value), PutResult::kRefused);
  EXPECT_TRUE(store.loan(b, 600).empty());
  EXPECT_EQ(store.put(a, {2, 5, 1, 1}, value), PutResult::kTaken) << "in place of the first";
}

std::string name_of(Kind kind) {
  return kind == Kind::kMem ? "Mem" : kind == Kind::kShm ? "Shm" : "ShmHalves";
}
INSTANTIATE_TEST_SUITE_P(Stores, EveryStore, testing::Values(Kind::kMem, Kind::kShm, Kind::kShmHalves),
                         [](const auto& test) { return name_of(test.param); });
INSTANTIATE_TEST_SUITE_P(Stores, PlainSamples, testing::Values(Kind::kMem, Kind::kShm, Kind::kShmHalves),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace smt::relay
