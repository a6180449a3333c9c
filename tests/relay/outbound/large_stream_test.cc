// A stream of large values over a gigabit, more than it carries: what they take, and what stands behind them.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "relay/link/link_impair.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

constexpr uint64_t kBitsPerS = 1'000'000'000;
constexpr size_t kMiB = 1 << 20;

// A large value takes four steps to be copied.
class SlowToCopy : public MemStore {
 public:
  SampleRead read_whole(uint32_t id, std::optional<uint64_t> after, uint64_t max_bytes,
                        WholeSample* whole) override {
    return ++turns_ % 4 != 0 ? SampleRead::kMore : MemStore::read_whole(id, after, max_bytes, whole);
  }

 private:
  uint64_t turns_ = 0;
};

class LargeStream : public RelayTest {
 protected:
  void SetUp() override {
    a_ = &host("a");
    b_ = &host("b", subscriber());
    b_->add([this] {
      return std::make_unique<ImpairedLink>(net().dial("mem://a", "b"),
                                            Impairment{.delay_ns = kMs / 10, .bits_per_s = kBitsPerS},
                                            [this] { return now_; });
    });
    // Each value begins with the time at which it was published.
    b_->store().on_sample = [this](uint32_t id) {
      const std::span<const std::byte> value = b_->store().value(id);
      const std::string text(reinterpret_cast<const char*>(value.data()), time_bytes_);
      ages_[b_->store().topic(id)->name].push_back(now_ - std::stoll(text));
    };
  }
  void TearDown() override {
    b_->store().on_sample = nullptr;
    RelayTest::TearDown();
  }
  void publish(const std::string& name, const std::string& value) {
    if (slow_ == nullptr) return a_->publish(name, value, now_);
    const std::optional<uint32_t> known = slow_->find(name);
    const uint32_t id = known ? *known : *slow_->open(a_->topic(name, Schema::bytes(), value.size()), 0);
    EXPECT_EQ(slow_->put(id, {slow_->head(id).sequence + 1, now_, now_, 0}, byte_view(value)),
              PutResult::kTaken);
  }
  // 1,000 images and 100 poses a second.
  void stream(int64_t ns) {
    constexpr int64_t kTick = kMs / 20;
    for (const int64_t end = now_ + ns; now_ < end; now_ += kTick) {
      if (now_ % kMs == 0) {
        image_.replace(0, time_bytes_, std::to_string(now_));
        publish("image", image_);
      }
      if (now_ % (10 * kMs) == 0) publish("pose", std::to_string(now_));
      settle();
    }
  }
  double age_ms(const std::string& topic, size_t percent) {
    std::vector<int64_t>& ages = ages_[topic];
    std::sort(ages.begin(), ages.end());
    return ages.empty() ? 1e9 : static_cast<double>(ages[ages.size() * percent / 100]) / kMs;
  }

  const size_t time_bytes_ = std::to_string(now_).size();
  std::string image_ = make_noise(kMiB);
  std::map<std::string, std::vector<int64_t>> ages_;
  MemStore* slow_ = nullptr;  // instead of a's
};

TEST_F(LargeStream, FillsTheLinkAndAPoseBesideItWaitsForAboutAPiece) {
  bind(*a_);
  stream(2 * kSecond);
  ages_.clear();
  stream(2 * kSecond);
  const double image_ms = 8e3 * kMiB / kBitsPerS;
  EXPECT_GE(static_cast<double>(ages_["image"].size()), 0.95 * 2e3 / image_ms);
  EXPECT_LE(age_ms("image", 50), image_ms + 3) << "it takes " << image_ms << " ms by itself";
  EXPECT_LE(age_ms("image", 99), image_ms + 5);
  EXPECT_EQ(ages_["pose"].size(), 200u);
  EXPECT_LE(age_ms("pose", 50), 1.5);
  EXPECT_LE(age_ms("pose", 99), 2.5);
  for (const char* topic : {"image", "pose"}) {
    RecordProperty(std::string(topic) + "_p50_us", static_cast<int>(1000 * age_ms(topic, 50)));
    RecordProperty(std::string(topic) + "_p99_us", static_cast<int>(1000 * age_ms(topic, 99)));
  }
}

// A link that has nothing to carry meanwhile is not measured.
TEST_F(LargeStream, TheTimeThatACopyTakesDoesNotPassForNothingToSend) {
  SlowToCopy store;
  slow_ = &store;
  RelayOptions options;
  options.name = "slow";
  options.origin_id = make_id(50);
  options.instance = 50;
  options.send.emplace_back().topic = {"**"};
  options.random = [n = uint64_t{50}]() mutable { return ++n; };
  Relay relay(&store, std::move(options));
  relay.add(net().bind("mem://a"));
  more_.push_back(&relay);
  stream(2 * kSecond);
  EXPECT_GT(ages_["image"].size(), 100u);
  EXPECT_LE(relay.counters().outbound.window_bytes, kBitsPerS / 8 / 1000 * 2) << "2 ms";
  more_.clear();
}

}  // namespace
}  // namespace smt::relay
