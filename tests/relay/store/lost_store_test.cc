// The memory of a relay's store is removed while it runs.
#include <filesystem>

#include "relay/store/shm_store.h"
#include "shm/clock.h"
#include "tests/relay/store/relay_description.h"
#include "tests/shm/shm_fixture.h"

namespace smt::relay {
namespace {

class LostStoreTest : public ShmTest {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Store>> store =
        ShmStore::open(open_domain(), {.mirror = "m", .segment_bytes = 1 << 24, .sets = "s"});
    ASSERT_TRUE(store.ok()) << store.status().message();
    store_ = std::move(*store);
    Result<uint32_t> handle =
        store_->open(describe("image", Schema::bytes(), 64, {{1}, {2}, "robot", "d", "n"}), 9);
    ASSERT_TRUE(handle.ok());
    handle_ = *handle;
  }
  static std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
  static SampleHead head(uint64_t sequence) {
    const int64_t now = boottime_ns();
    return {sequence, 77, now, now};
  }
  void lose() {
    std::filesystem::remove_all(root_ + "/d");
    EXPECT_FALSE(store_->healthy());
    SMT_ASSERT_OK(store_->remake());
    EXPECT_TRUE(store_->healthy());
  }
  std::string newest() {
    store_->flush(boottime_ns());
    Domain d = open_domain();
    return text_of(open_reader(d, "image").latest());
  }

  std::unique_ptr<Store> store_;
  uint32_t handle_ = 0;
};

TEST_F(LostStoreTest, AMirrorGoesOnWithItsTopicsUnderTheSameHandles) {
  EXPECT_EQ(store_->put(handle_, head(5), bytes("five")), PutResult::kTaken);
  lose();
  EXPECT_EQ(newest(), "five");
  EXPECT_EQ(store_->put(handle_, head(5), bytes("five")), PutResult::kConfirmed);
  EXPECT_EQ(store_->put(handle_, head(6), bytes("six")), PutResult::kTaken);
  EXPECT_EQ(newest(), "six");
  Domain d = open_domain();
  Reader reader = open_reader(d, "image");
  EXPECT_EQ(reader.latest()->sequence, 6u);
  EXPECT_EQ(reader.freshness().origin.host, "robot");
  EXPECT_EQ(reader.state(), State::kFresh);
}

TEST_F(LostStoreTest, AValueThatArrivesInPiecesGoesOnArriving) {
  EXPECT_EQ(store_->put(handle_, head(1), bytes("old")), PutResult::kTaken);
  const std::span<std::byte> room = store_->loan(handle_, 8);
  ASSERT_EQ(room.size(), 8u);
  memcpy(room.data(), "half", 4);
  lose();
  EXPECT_EQ(newest(), "old");
  memcpy(room.data() + 4, "rest", 4);
  EXPECT_EQ(store_->commit(handle_, head(2)), PutResult::kTaken);
  EXPECT_EQ(newest(), "halfrest");
  // One that is given up, and one that comes after.
  (void)store_->loan(handle_, 8);
  lose();
  store_->abandon(handle_);
  EXPECT_EQ(store_->commit(handle_, head(3)), PutResult::kRefused);
  EXPECT_EQ(store_->put(handle_, head(4), bytes("four")), PutResult::kTaken);
  EXPECT_EQ(newest(), "four");
}

}  // namespace
}  // namespace smt::relay
