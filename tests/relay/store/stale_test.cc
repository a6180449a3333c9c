// What a mirror does with a topic whose maximum age is over.
#include "relay/store/shm_store.h"
#include "shm/clock.h"
#include "shm/topic.h"
#include "tests/relay/store/relay_description.h"
#include "tests/shm/shm_fixture.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

constexpr int64_t kMaxAgeNs = 200 * kMs;

// Time is what the test says; the domain's own clock does not matter here.
class StaleTest : public ShmTest {
 protected:
  void start_mirror(OnStale on_stale) {
    store_.reset();
    Result<std::unique_ptr<Store>> store =
        ShmStore::open(open_domain(), {.mirror = "m", .segment_bytes = 1 << 24});
    ASSERT_TRUE(store.ok()) << store.status().message();
    store_ = std::move(*store);
    TopicDescription d = describe("cmd_vel", schema_of<double>(), 0, {{1}, {2}, "robot", "d", "n"});
    d.max_age_ns = kMaxAgeNs;
    d.on_stale = on_stale;
    description_ = d;
    announce();
    Result<TopicReader<double>> reader = TopicReader<double>::open(open_domain(), "cmd_vel");
    reader_.emplace(std::move(*reader));
  }
  void announce() {
    Result<uint32_t> handle = store_->open(description_, 9);
    ASSERT_TRUE(handle.ok());
    handle_ = *handle;
    store_->report_state(handle_, State::kEmpty);
  }
  // A sample that was born `age_ns` ago.
  PutResult comes(uint64_t sequence, double value, int64_t age_ns = 0) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(&value, 1));
    const PlainSample sample{handle_, 8, sequence, 77, now_ - age_ns};
    const PutResult put = store_->put_plain({&sample, 1}, bytes.data(), now_, {}) == 1
                              ? PutResult::kTaken
                              : store_->put(handle_, {sequence, 77, now_ - age_ns, now_}, bytes);
    store_->flush(now_);
    return put;
  }
  // Lets time pass as the relay's loop does: it steps when something is due, and every 100 ms.
  void pass(int64_t ns) {
    for (const int64_t end = now_ + ns; now_ < end;) {
      now_ = std::min({end, now_ + 100 * kMs, std::max(now_ + 1, store_->due_ns())});
      store_->flush(now_);
    }
  }
  State shown() {
    (void)reader_->reader().refresh();
    return reader_->reader().state();
  }

  int64_t now_ =
      boottime_ns() + int64_t{3600} * 1000 * kMs;  // ahead, so that the mirror is alive for readers
  std::unique_ptr<Store> store_;
  TopicDescription description_;
  uint32_t handle_ = 0;
  std::optional<TopicReader<double>> reader_;
};

TEST_F(StaleTest, HeldItKeepsItsValue) {
  start_mirror(OnStale::kHold);
  comes(1, 1.5);
  pass(1000 * kMs);
  EXPECT_EQ(store_->due_ns(), INT64_MAX);
  EXPECT_EQ(reader_->latest(), 1.5);
  EXPECT_EQ(shown(), State::kFresh);
}

TEST_F(StaleTest, ZeroStandsInAsSoonAsItsAgeIsOverAndGoesWithTheNextSample) {
  start_mirror(OnStale::kZero);
  comes(1, 1.5);
  pass(150 * kMs);
  comes(2, 2.5);  // it is watched from its own birth
  pass(kMaxAgeNs);
  EXPECT_EQ(reader_->latest(), 2.5);
  EXPECT_EQ(shown(), State::kFresh);
  pass(1);
  EXPECT_EQ(reader_->latest(), 0);
  EXPECT_EQ(shown(), State::kSubstituted);
  EXPECT_EQ(reader_->head().sequence, 2u);
  EXPECT_EQ(reader_->head().stamp_ns, 77);
  EXPECT_EQ(reader_->head().born_ns, now_ - kMaxAgeNs - 1) << "its age goes on growing";
  EXPECT_EQ(reader_->latest_fresh(), std::nullopt);
  pass(1000 * kMs);
  EXPECT_EQ(comes(3, 3.5), PutResult::kTaken);
  EXPECT_EQ(reader_->latest(), 3.5);
  EXPECT_EQ(shown(), State::kFresh);
  // And again, and each sample was there once.
  pass(kMaxAgeNs + 1);
  EXPECT_EQ(reader_->latest(), 0);
  EXPECT_EQ(shown(), State::kSubstituted);
}

TEST_F(StaleTest, WhatItsSourceSaysDoesNotHideThatItIsSubstituted) {
  start_mirror(OnStale::kZero);
  comes(1, 1.5);
  pass(kMaxAgeNs + 1);
  store_->report_state(handle_, State::kLinkDown);
  store_->flush(now_);
  EXPECT_EQ(shown(), State::kSubstituted);
  store_->report_state(handle_, State::kEmpty);
  EXPECT_EQ(shown(), State::kSubstituted);
}

TEST_F(StaleTest, WhatComesTooLateIsNeverShown) {
  start_mirror(OnStale::kZero);
  EXPECT_EQ(comes(5, 1.5, kMaxAgeNs + 1), PutResult::kTooOld);
  EXPECT_EQ(reader_->next(), 0);
  EXPECT_EQ(shown(), State::kSubstituted);
  EXPECT_EQ(comes(5, 1.5, kMaxAgeNs + 2), PutResult::kConfirmed) << "the same again";
  EXPECT_EQ(reader_->next(), std::nullopt);
  EXPECT_EQ(comes(6, 2.5, kMaxAgeNs), PutResult::kTaken);
  EXPECT_EQ(reader_->next(), 2.5);
  EXPECT_EQ(comes(7, 3.5, kMaxAgeNs + 1), PutResult::kTooOld) << "after one that was in time";
  EXPECT_EQ(reader_->next(), 0);
}

TEST_F(StaleTest, AfterARestartOfTheRelayWhatStoodInStillDoes) {
  start_mirror(OnStale::kZero);
  comes(1, 1.5);
  pass(kMaxAgeNs + 1);
  start_mirror(OnStale::kZero);
  store_->flush(now_);
  EXPECT_EQ(comes(1, 1.5, 500 * kMs), PutResult::kConfirmed);
  EXPECT_EQ(reader_->latest(), 0);
  EXPECT_EQ(shown(), State::kSubstituted);
}

TEST_F(StaleTest, WhatGrewTooOldWhileTheRelayWasAwayIsReplacedWhenItIsConfirmed) {
  start_mirror(OnStale::kZero);
  comes(1, 1.5);
  start_mirror(OnStale::kZero);
  EXPECT_EQ(comes(1, 1.5, 100 * kMs), PutResult::kConfirmed);
  EXPECT_EQ(reader_->latest(), 1.5);
  pass(kMaxAgeNs - 100 * kMs + 1);
  EXPECT_EQ(reader_->latest(), 0);
  comes(2, 2.5);
  start_mirror(OnStale::kZero);
  EXPECT_EQ(comes(2, 2.5, kMaxAgeNs + 1), PutResult::kConfirmed);
  EXPECT_EQ(reader_->latest(), 0);
  EXPECT_EQ(shown(), State::kSubstituted);
}

TEST_F(StaleTest, AnnouncedAgainItIsAsOldAsItWas) {
  start_mirror(OnStale::kZero);
  comes(1, 1.5);
  pass(100 * kMs);
  announce();
  pass(kMaxAgeNs - 100 * kMs + 1);
  EXPECT_EQ(reader_->latest(), 0);
  EXPECT_EQ(reader_->head().stamp_ns, 77);
  EXPECT_EQ(reader_->head().born_ns, now_ - kMaxAgeNs - 1);
}

TEST_F(StaleTest, NothingStandsInForATopicWithoutASample) {
  start_mirror(OnStale::kZero);
  comes(1, 1.5);
  store_->remove(handle_);
  announce();  // under the same handle, whose time has not come yet
  pass(1000 * kMs);
  (void)reader_->reader().refresh();
  EXPECT_EQ(reader_->latest(), std::nullopt);
}

TEST_F(StaleTest, ATombstoneIsATopicThatIsRemovedUntilTheNextSample) {
  start_mirror(OnStale::kTombstone);
  comes(1, 1.5);
  EXPECT_EQ(reader_->latest(), 1.5);
  pass(kMaxAgeNs + 1);
  EXPECT_EQ(shown(), State::kRemoved);
  EXPECT_EQ(reader_->latest_fresh(), std::nullopt);
  comes(1, 1.5, kMaxAgeNs + 2);
  EXPECT_EQ(shown(), State::kRemoved) << "the same again";
  EXPECT_EQ(comes(2, 2.5), PutResult::kTaken);
  (void)reader_->reader().refresh();
  EXPECT_EQ(reader_->latest(), 2.5);
  store_->remove(handle_);
  EXPECT_EQ(shown(), State::kRemoved);
  pass(1000 * kMs);
}

TEST_F(StaleTest, AValueUnderWayInPiecesIsNotDisturbed) {
  start_mirror(OnStale::kZero);
  comes(1, 1.5);
  const std::span<std::byte> room = store_->loan(handle_, sizeof(double));
  ASSERT_EQ(room.size(), sizeof(double));
  pass(kMaxAgeNs + 100 * kMs);
  EXPECT_EQ(reader_->latest(), 1.5) << "a newer one is coming in";
  const double value = 2.5;
  memcpy(room.data(), &value, sizeof value);
  EXPECT_EQ(store_->commit(handle_, {2, 77, now_, now_}), PutResult::kTaken);
  EXPECT_EQ(reader_->latest(), 2.5);
  pass(kMaxAgeNs + 1);
  EXPECT_EQ(reader_->latest(), 0);
  ASSERT_EQ(store_->loan(handle_, sizeof(double)).size(), sizeof(double));
  EXPECT_EQ(store_->commit(handle_, {3, 77, now_ - kMaxAgeNs - 1, now_}), PutResult::kTooOld);
  EXPECT_EQ(reader_->latest(), 0);
  EXPECT_EQ(reader_->head().sequence, 3u);
}

}  // namespace
}  // namespace smt::relay
