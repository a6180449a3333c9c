// Wall clocks that jump, by an hour or ten years, forwards and back: nothing pauses, nothing passes for down,
// and ages and stamps stay what they are, since no relay looks at a wall clock but for its log and its own
// stamps.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "shm/clock.h"
#include "tests/hosts/hosts.h"
#include "tests/hosts/timed_topics.h"

namespace smt::hosts {
namespace {

constexpr int64_t kPeriodNs = 20'000'000, kSecondNs = 1'000'000'000;
constexpr int64_t kHourNs = 3600 * kSecondNs, kTenYearsNs = 87'660 * kHourNs;

// The wall clock of the programs that are started with its environment, moved as one likes.
class WallClock {
 public:
  explicit WallClock(std::string path) : path_(std::move(path)) {
    const Fd fd(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd.ok() || ftruncate(fd.get(), sizeof *offset_) != 0) abort();
    void* at = mmap(nullptr, sizeof *offset_, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (at == MAP_FAILED) abort();
    offset_ = static_cast<std::atomic<int64_t>*>(at);
  }
  ~WallClock() { munmap(offset_, sizeof *offset_); }
  void set(int64_t offset_ns) { *offset_ = offset_ns; }
  int64_t offset_ns() const { return *offset_; }
  std::map<std::string, std::string> environment() const {
    return {{"LD_PRELOAD", SMT_WALL_CLOCK_SHIM}, {"WALL_CLOCK_OFFSET", path_}};
  }

 private:
  const std::string path_;
  std::atomic<int64_t>* offset_ = nullptr;
};

class RelayClock : public HostsTest {
 protected:
  void start_robots() {
    source_ = std::make_unique<TimedSource>(in("robot"), topics_);
    environment_ = gate_.environment();
    start_proxy();
    environment_ = robot_.environment();
    start_pub();
    environment_ = base_.environment();
    start_sub();
    watch_ = std::make_unique<Watch>(in("base"), topics_);
    ASSERT_TRUE(await(milliseconds(20'000), [&] { return watch_->all_have(100); }));
  }
  // Longest gap of so long a time, and whether a reader took anything for not fresh in it.
  int64_t gap_of(milliseconds time, bool* down) {
    watch_->begin();
    for (const int64_t end = boottime_ns() + std::chrono::nanoseconds(time).count(); boottime_ns() < end;) {
      *down |= watch_->state(0) != State::kFresh;
      storm::elapse(milliseconds(1));
    }
    return watch_->of(0).max_gap_ns;
  }
  // How far the wall clock of a relay is off, by the stamp of its counters.
  int64_t offset_seen_ns(const std::string& domain, const std::string& topic) {
    Reader reader = storm::must(Reader::open(in(domain), topic));
    const Sample* sample = reader.latest();
    if (sample == nullptr) return 0;
    return sample->stamp_ns - realtime_ns() + boottime_ns() - sample->born_ns;
  }
  bool seen_by(const std::string& domain, const std::string& topic, int64_t offset_ns) {
    return await(milliseconds(5'000),
                 [&] { return std::abs(offset_seen_ns(domain, topic) - offset_ns) < kSecondNs; });
  }

  const std::vector<TimedTopic> topics_ = {{.name = "pose", .bytes = 56, .period_ns = kPeriodNs}};
  WallClock robot_{root_ + "/robot-clock"}, gate_{root_ + "/gate-clock"}, base_{root_ + "/base-clock"};
  std::unique_ptr<TimedSource> source_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(RelayClock, JumpsOfTheWallClockChangeNothing) {
  start_robots();
  bool down = false;
  const int64_t normal_ns = gap_of(milliseconds(storm::scaled(1'000, 5'000)), &down);
  int64_t jumped_ns = 0, age_error_ns = 0, stamp_error_ns = 0;
  size_t jumps = 0;
  std::vector<int64_t> offsets = {kHourNs, -kHourNs, kTenYearsNs, -kTenYearsNs, 0};
  for (uint64_t round = 0; round < storm::scaled(1, 5); ++round) {
    for (const int64_t offset_ns : offsets) {
      // All at once, then one after the other.
      for (WallClock* clock : {&robot_, &gate_, &base_}) {
        clock->set(offset_ns);
        ++jumps;
        if (round % 2 == 1) jumped_ns = std::max(jumped_ns, gap_of(milliseconds(300), &down));
      }
      jumped_ns = std::max(jumped_ns, gap_of(milliseconds(500), &down));
      const Arrivals a = watch_->of(0);
      age_error_ns = std::max(age_error_ns, a.age_error_ns);
      stamp_error_ns =
          std::max(stamp_error_ns, std::abs(a.stamp_ns - a.published_ns - realtime_ns() + boottime_ns()));
      EXPECT_EQ(a.wrong + a.back, 0u);
      // They did jump.
      EXPECT_TRUE(seen_by("robot", "smt/relay/robot/pub/outbound", offset_ns));
      EXPECT_TRUE(seen_by("base", "smt/relay/base/sub/inbound", offset_ns));
    }
  }
  const auto ms = [](int64_t ns) { return static_cast<double>(ns) / 1e6; };
  print_figures(
      "relay_clock: {} jumps of 1 h and 10 y: longest gap {:.1f} ms (without jumps {:.1f}), {}; ages wrong "
      "by at "
      "most {:.2f}, stamps by {:.2f} ms; {}",
      jumps, ms(jumped_ns), ms(normal_ns), down ? "taken for down" : "never down", ms(age_error_ns),
      ms(stamp_error_ns), load());
  EXPECT_LE(jumped_ns, std::max(normal_ns, kPeriodNs) + 2 * kPeriodNs);
  EXPECT_FALSE(down);
  EXPECT_LE(age_error_ns, 2 * kPeriodNs);
  EXPECT_LE(stamp_error_ns, kPeriodNs);
  print_row(Row{.id = "R14",
                .what = "jumps of the wall clock: longest gap",
                .n = jumps,
                .violations = HasFailure(),
                .max_ms = ms(jumped_ns)});
}

TEST_F(RelayClock, AgesAreRightWhereTheGatewaysClockIsAnHourOff) {
  gate_.set(kHourNs);
  start_robots();
  bool down = false;
  gap_of(milliseconds(storm::scaled(1'000, 10'000)), &down);
  Arrivals a = watch_->of(0);
  print_figures("relay_clock: the proxy's clock an hour off: ages {}, wrong by at most {:.2f} ms; {}",
                a.ages.text(), static_cast<double>(a.age_error_ns) / 1e6, load());
  EXPECT_FALSE(down);
  EXPECT_LE(a.age_error_ns, kPeriodNs);
  EXPECT_LE(std::abs(a.stamp_ns - a.published_ns - realtime_ns() + boottime_ns()), kPeriodNs);
}

}  // namespace
}  // namespace smt::hosts
