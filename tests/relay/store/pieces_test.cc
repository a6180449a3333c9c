// Large values in pieces, so that a relay turns to its links in between: copied out of shared memory,
// compared, and written into a mirror whose ring is made in pieces as well.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "relay/outbound/change.h"
#include "relay/outbound/outbound.h"
#include "relay/rules/access.h"
#include "relay/store/mem_store.h"
#include "relay/store/shm_sink.h"
#include "relay/store/shm_source.h"
#include "shm/reader.h"
#include "tests/relay/store/relay_description.h"
#include "tests/shm/shm_fixture.h"

namespace smt::relay {
namespace {

constexpr size_t kBytes = 2 * kPieceOfWork + 24;

std::vector<std::byte> value_of(unsigned seed, size_t bytes = kBytes) {
  std::vector<std::byte> value(bytes);
  for (size_t i = 0; i < bytes; ++i) value[i] = static_cast<std::byte>(i * 7 + i / 4096 + seed);
  return value;
}

class PiecesTest : public ShmTest {
 protected:
  PiecesTest()
      : node_(std::move(*Node::open(domain_, {.name = "camera", .segment_bytes = 64 << 20}))),
        image_(
            std::move(*node_->advertise({.name = "image", .schema = Schema::bytes(), .max_bytes = kBytes}))),
        source_(std::move(*ShmSource::open(domain_))) {}
  void publish(unsigned seed) { ASSERT_TRUE(image_.publish(value_of(seed)).ok()); }
  uint32_t id() {
    Changes changes;
    source_->collect(boottime_ns(), &changes);
    for (uint32_t i = 0; i < source_->topic_limit(); ++i) {
      if (source_->topic(i) != nullptr && source_->topic(i)->name == "image") return i;
    }
    return ~0u;
  }
  static bool holds(const WholeSample& whole, unsigned seed) {
    return std::ranges::equal(whole.value.bytes, value_of(seed));
  }

  const Domain domain_ = open_domain();
  std::unique_ptr<Node> node_;
  Publisher image_;
  std::unique_ptr<ShmSource> source_;
};

TEST_F(PiecesTest, ASampleIsCopiedPieceByPieceWhileNewerOnesCome) {
  publish(1);
  const uint32_t image = id();
  WholeSample whole;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(source_->read_whole(image, {}, kPieceOfWork, &whole), SampleRead::kMore);
    publish(2);
  }
  EXPECT_EQ(source_->read_whole(image, {}, kPieceOfWork, &whole), SampleRead::kOk);
  EXPECT_EQ(whole.head.sequence, 1u);
  EXPECT_TRUE(holds(whole, 1));
  WholeSample next;
  while (source_->read_whole(image, 1, kPieceOfWork, &next) == SampleRead::kMore) {
  }
  EXPECT_EQ(next.head.sequence, 2u) << "the one after it";
}

TEST_F(PiecesTest, ASampleThatIsWrittenOverIsBegunAnewWithTheNewest) {
  publish(1);
  const uint32_t image = id();
  WholeSample whole;
  EXPECT_EQ(source_->read_whole(image, {}, kPieceOfWork, &whole), SampleRead::kMore);
  for (unsigned seed = 2; seed < 6; ++seed) publish(seed);
  EXPECT_EQ(source_->read_whole(image, {}, kPieceOfWork, &whole), SampleRead::kBusy);
  while (source_->read_whole(image, {}, kPieceOfWork, &whole) == SampleRead::kMore) {
  }
  EXPECT_EQ(whole.head.sequence, 5u);
  EXPECT_TRUE(holds(whole, 5));
}

TEST_F(PiecesTest, TheHeadOfASampleIsReadWithoutItsValue) {
  const uint32_t image = id();
  EXPECT_FALSE(source_->newest_head(image));
  publish(1);
  const uint64_t reads = source_->slot_reads();
  EXPECT_EQ(source_->newest_head(image)->sequence, 1u);
  EXPECT_EQ(source_->slot_reads(), reads);
}

TEST_F(PiecesTest, NoTurnCopiesMoreThanAPieceForAllPeersTogether) {
  publish(1);
  OutboundCounters counters;
  const Access access;
  Outbound outbound(source_.get(), &access, &counters);
  outbound.collect(boottime_ns());
  const uint32_t image = id();
  outbound.add_wanted(image, 2);
  std::shared_ptr<WholeSample> first, second;
  uint64_t copied = 0;
  for (int turn = 1; turn <= 3; ++turn) {
    outbound.collect(boottime_ns());
    const SampleRead read = outbound.sample_whole(image, {}, &first);
    EXPECT_EQ(read, turn < 3 ? SampleRead::kMore : SampleRead::kOk);
    EXPECT_EQ(outbound.sample_whole(image, {}, &second), read);
    EXPECT_EQ(first, second) << "it is copied once";
    EXPECT_LE(first->copied - copied, kPieceOfWork);
    copied = first->copied;
  }
  EXPECT_TRUE(holds(*first, 1));
  std::shared_ptr<WholeSample> third;
  outbound.collect(boottime_ns());
  EXPECT_EQ(outbound.sample_whole(image, {}, &third), SampleRead::kOk) << "kept for a third one";
  EXPECT_EQ(third->value.block, first->value.block);
  EXPECT_EQ(counters.overtaken, 0u);
}

// A link that delays messages has the payload of one while the next is encoded.
TEST_F(PiecesTest, ASmallPayloadIsNotWrittenOverWhileSomebodyHasIt) {
  Publisher small = std::move(*node_->advertise({.name = "small", .schema = Schema::scalar(Type::kU8)}));
  OutboundCounters counters;
  const Access access;
  Outbound outbound(source_.get(), &access, &counters);
  uint64_t sent = 0;
  const auto encode = [&](uint8_t value) {
    EXPECT_TRUE(small.publish(std::as_bytes(std::span(&value, 1))).ok());
    outbound.collect(boottime_ns());
    BatchPlan plan;
    for (uint32_t i = 0; i < source_->topic_limit(); ++i) {
      if (source_->topic(i) != nullptr && source_->topic(i)->name == "small") plan.add(i, sent++, 0);
    }
    plan.max_value_bytes = 1;
    return outbound.encode(plan, boottime_ns()).payload;
  };
  const Frame first = encode(1), second = encode(2);
  ASSERT_EQ(first.bytes.size(), 1u);
  ASSERT_EQ(second.bytes.size(), 1u);
  EXPECT_EQ(first.bytes[0], std::byte{1});
  EXPECT_EQ(second.bytes[0], std::byte{2});
  const std::byte* const third = encode(3).bytes.data();
  EXPECT_EQ(encode(4).bytes.data(), third) << "nobody has it any more";
}

TEST_F(PiecesTest, ALargeValueIsComparedInPieces) {
  Frame sent, same, other;
  for (Frame* frame : {&sent, &same, &other}) {
    const std::vector<std::byte> value = value_of(1);
    std::shared_ptr<std::byte[]> room = Frame::room(kBytes);
    std::ranges::copy(value, room.get());
    constexpr double kFar = 1e9;
    if (frame == &other) memcpy(&room[kBytes - sizeof kFar], &kFar, sizeof kFar);
    frame->bytes = {room.get(), kBytes};
    frame->block = std::move(room);
  }
  const Schema array = Schema::scalar(Type::kF64, kBytes / sizeof(double));
  for (const double deadband : {0.0, 0.1}) {
    ChangeFilter filter(array.text(), deadband);
    size_t compared = 0;
    EXPECT_EQ(filter.changed(sent, kPieceOfWork, &compared), true) << "none was sent before";
    filter.on_sent(sent, 1);
    for (const bool changed : {false, true}) {
      compared = 0;
      const Frame& value = changed ? other : same;
      EXPECT_EQ(filter.changed(value, kPieceOfWork, &compared), std::nullopt);
      EXPECT_EQ(compared, kPieceOfWork);
      EXPECT_EQ(filter.changed(value, kPieceOfWork, &compared), std::nullopt);
      EXPECT_EQ(filter.changed(value, kPieceOfWork, &compared), changed);
    }
  }
}

TEST(LargeRooms, AreGivenBackInPieces) {
  while (Frame::give_back()) {
  }
  std::shared_ptr<std::byte[]> room = Frame::room(kBytes);
  room[0] = room[kBytes - 1] = std::byte{1};
  EXPECT_FALSE(Frame::give_back()) << "somebody has it";
  room.reset();
  EXPECT_TRUE(Frame::give_back());
  EXPECT_TRUE(Frame::give_back());
  EXPECT_FALSE(Frame::give_back());
}

TEST(MemStore, SharesALargeValueInsteadOfCopyingIt) {
  MemStore store;
  const uint32_t x = *store.open(describe("x", Schema::bytes(), kBytes, {{1}, {2}, "robot", "d", "n"}), 9);
  const std::span<std::byte> room = store.loan(x, kBytes);
  ASSERT_EQ(room.size(), kBytes);
  std::ranges::copy(value_of(1), room.data());
  EXPECT_EQ(store.commit(x, {1, 5, 1, 1}), PutResult::kTaken);
  WholeSample whole;
  EXPECT_EQ(store.read_whole(x, {}, 8, &whole), SampleRead::kOk);
  EXPECT_EQ(whole.value.bytes.data(), room.data());
  EXPECT_TRUE(std::ranges::equal(store.value(x), value_of(1)));
  EXPECT_EQ(store.put(x, {2, 5, 1, 1}, value_of(2, 10)), PutResult::kTaken);
  EXPECT_TRUE(std::ranges::equal(store.value(x), value_of(2, 10)));
  EXPECT_TRUE(std::ranges::equal(whole.value.bytes, value_of(1))) << "whoever has it keeps it";
}

// A mirror, and a topic of it whose ring is larger than what one step may make.
class MirrorTest : public ShmTest {
 protected:
  static constexpr uint64_t kImage = 8 << 20;
  MirrorTest() {
    NodeOptions node;
    node.name = "mirror-m";
    node.segment_bytes = 256 << 20;
    node.mirror = true;
    sink_ = std::move(*ShmSink::open(domain_, node));
  }
  uint32_t open_image() {
    TopicDescription d = describe("image", Schema::bytes(), kImage, {{1}, {2}, "robot", "d", "n"});
    d.hops = 1;
    return *sink_->open(d, 9);
  }
  uint64_t backed() const {
    struct stat st {};
    stat((domain_.path() + "/mirror-m").c_str(), &st);
    return static_cast<uint64_t>(st.st_blocks) * 512;
  }
  // Steps until nothing is to be done; none takes more memory than a few pieces.
  void advance_all() {
    for (uint64_t before = backed(); sink_->advance(); before = backed()) {
      EXPECT_LE(backed() - before, 4 * kPieceOfWork);
    }
  }
  std::string text_of_image() {
    Result<Reader> reader = Reader::open(domain_, "image");
    const Sample* sample = reader.ok() ? reader->latest() : nullptr;
    return sample == nullptr ? "(none)" : std::string(reinterpret_cast<const char*>(sample->bytes.data()), 3);
  }
  static SampleHead head(uint64_t sequence) {
    const int64_t now = boottime_ns();
    return {sequence, 5, now, now};
  }

  const Domain domain_ = open_domain();
  std::unique_ptr<ShmSink> sink_;
};

TEST_F(MirrorTest, MakesALargeRingInPiecesAndKeepsTheNewestSampleMeanwhile) {
  const uint64_t before = backed();
  const uint32_t image = open_image();
  EXPECT_LE(backed() - before, 4 * kPieceOfWork);
  EXPECT_FALSE(sink_->is_ready(image));
  for (const std::string text : {"one", "two"}) {
    EXPECT_EQ(sink_->put(image, head(text == "one" ? 1 : 2), std::as_bytes(std::span(text))),
              PutResult::kTaken);
  }
  EXPECT_EQ(sink_->put(image, head(2), {}), PutResult::kConfirmed);
  EXPECT_EQ(sink_->put(image, head(1), {}), PutResult::kOld);
  EXPECT_EQ(sink_->held(image).sequence, 2u);
  EXPECT_EQ(text_of_image(), "(none)");
  advance_all();
  EXPECT_TRUE(sink_->is_ready(image));
  EXPECT_EQ(sink_->held(image).sequence, 2u);
  EXPECT_EQ(text_of_image(), "two");
}

TEST_F(MirrorTest, TakesALargeValueThatArrivesBeforeItsRingIsThere) {
  const uint32_t image = open_image();
  std::span<std::byte> room = sink_->loan(image, kImage);
  ASSERT_EQ(room.size(), kImage);
  advance_all();
  EXPECT_FALSE(sink_->is_ready(image)) << "the value is still arriving";
  const std::string text = "all";
  for (size_t i = 0; i < text.size(); ++i) room[i] = static_cast<std::byte>(text[i]);
  EXPECT_EQ(sink_->commit(image, head(3)), PutResult::kTaken);
  advance_all();
  EXPECT_TRUE(sink_->is_ready(image));
  EXPECT_EQ(text_of_image(), "all");
  room = sink_->loan(image, kImage);
  EXPECT_EQ(room.size(), kImage) << "the next one comes into the ring at once";
  sink_->abandon(image);
}

TEST_F(MirrorTest, KeepsANumberToo) {
  TopicDescription d = describe("number", Schema::scalar(Type::kU64), 0, {{1}, {2}, "robot", "d", "n"});
  uint32_t number = *sink_->open(d, 9);
  const uint64_t value = 7;
  const std::span<const std::byte> bytes = std::as_bytes(std::span(&value, 1));
  EXPECT_EQ(sink_->put(number, head(1), bytes), PutResult::kTaken);
  PlainSample sample{number, 8, 2, 5, boottime_ns()};
  EXPECT_EQ(sink_->put_plain({&sample, 1}, bytes.data(), boottime_ns(), {}), 1u);
  d.history = 1 << 20;
  number = *sink_->open(d, 9);
  ASSERT_FALSE(sink_->is_ready(number));
  sample = {number, 8, 3, 5, boottime_ns()};
  EXPECT_EQ(sink_->put_plain({&sample, 1}, bytes.data(), boottime_ns(), {}), 0u) << "its ring is not there";
  EXPECT_EQ(sink_->put(number, head(3), bytes), PutResult::kTaken);
  advance_all();
  EXPECT_EQ(sink_->held(number).sequence, 3u);
  sink_->flush(boottime_ns());
  EXPECT_EQ(Reader::open(domain_, "number")->latest()->sequence, 3u);
}

TEST_F(MirrorTest, SaysAtOnceThatALargeRingHasNoRoom) {
  TopicDescription d = describe("image", Schema::bytes(), 100 << 20, {{1}, {2}, "robot", "d", "n"});
  EXPECT_EQ(sink_->open(d, 9).status().code(), Code::kNoSpace);
}

}  // namespace
}  // namespace smt::relay
