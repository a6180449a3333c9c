// Hundreds of megabytes a second are written while a link is gone: nobody hoards them, the mirror says that
// the link is down, and what comes first when it is back is of now.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "shm/clock.h"
#include "shm/node.h"
#include "tests/hosts/hosts.h"

namespace smt::hosts {
namespace {

constexpr size_t kLargeBytes = 1 << 20;
constexpr int64_t kLargePeriodNs = 1'700'000;  // 617 MB/s
constexpr int64_t kSmallPeriodNs = 10'000'000;

// Publishes values that begin with the time of their publication: one large topic and one small one.
class Source {
 public:
  explicit Source(const Domain& domain) : node_(storm::must(Node::open(domain, {.name = "source"}))) {
    thread_ = std::thread([this, large = open("large", kLargeBytes / 8), small = open("small", 1)]() mutable {
      std::vector<int64_t> value(kLargeBytes / 8, 1);
      int64_t large_due = boottime_ns(), small_due = large_due;
      while (!stop_) {
        const int64_t now = boottime_ns();
        if (now >= small_due) {
          value[0] = now;
          storm::must(small.publish(std::as_bytes(std::span(value.data(), 1))));
          small_due += kSmallPeriodNs;
        }
        if (now >= large_due) {
          value[0] = now;
          storm::must(large.publish(std::as_bytes(std::span(value))));
          large_due += kLargePeriodNs;
          bytes_ += kLargeBytes;
        }
        storm::elapse(
            std::chrono::nanoseconds(std::max<int64_t>(0, std::min(large_due, small_due) - boottime_ns())));
      }
    });
  }
  ~Source() {
    stop_ = true;
    thread_.join();
  }
  uint64_t bytes() const { return bytes_; }

 private:
  Publisher open(const char* topic, uint32_t words) {
    return storm::must(node_->advertise({.name = topic, .schema = Schema::scalar(Type::kI64, words)}));
  }
  std::unique_ptr<Node> node_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> bytes_{0};
  std::thread thread_;
};

// What the base has of a topic, followed by latest().
struct Follower {
  Reader reader;
  uint64_t sequence = 0;
  int64_t published_ns = 0;
  int64_t wrong_ns = 0;  // the most that an age differed from the true one

  bool read() {
    const Sample* sample = reader.latest();
    if (sample == nullptr || sample->sequence == sequence) return false;
    sequence = sample->sequence;
    memcpy(&published_ns, sample->bytes.data(), sizeof published_ns);
    wrong_ns = std::max(wrong_ns, std::abs(sample->born_ns - published_ns));
    return true;
  }
};

struct Way {
  const char* name;
  Host end;
  bool by_filter;  // else the interfaces are set down
};

class RelayOutage : public HostsTest, public testing::WithParamInterface<Way> {
 protected:
  void lose() const {
    if (GetParam().by_filter) return hosts_.cut(GetParam().end);
    hosts_.link(GetParam().end, false);
  }
  void restore() const {
    if (GetParam().by_filter) return hosts_.heal(GetParam().end);
    hosts_.link(GetParam().end, true);
  }
};

TEST_P(RelayOutage, NothingIsHoardedAndTheFirstValueIsOfNow) {
  SMT_NEED_NAMESPACES();
  const int64_t seconds = static_cast<int64_t>(storm::scaled(3, 60));
  Source source(in("robot"));
  start_all();
  Follower large{storm::must(Reader::open(in("base"), "large"))};
  Follower small{storm::must(Reader::open(in("base"), "small"))};
  const auto flows = [&](Follower& f, uint64_t than) {
    (void)f.reader.refresh();
    f.read();
    return f.sequence > than && f.reader.state() == State::kFresh;
  };
  ASSERT_TRUE(await(milliseconds(10'000), [&] { return flows(large, 20) && flows(small, 100); }));

  const int64_t lost = boottime_ns();
  lose();
  const bool noticed = await(milliseconds(10'000), [&] {
    large.read();
    small.read();
    return large.reader.state() == State::kLinkDown && small.reader.state() == State::kLinkDown;
  });
  const int64_t noticed_ns = boottime_ns() - lost;
  ASSERT_TRUE(noticed);

  const std::array<pid_t, 3> pids = {pub_->pid(), proxy_->pid(), sub_->pid()};
  std::array<int64_t, 3> before{}, grown{};
  const auto memory = [&](size_t i) { return static_cast<int64_t>(tools::memory_bytes(pids[i], "RssAnon")); };
  for (size_t i = 0; i < pids.size(); ++i) before[i] = memory(i);
  const auto cpu = [&] { return std::array{cpu_ns_of(pids[0]), cpu_ns_of(pids[1]), cpu_ns_of(pids[2])}; };
  const std::array cpu_before = cpu();
  const int64_t begin = boottime_ns();
  const uint64_t bytes = source.bytes();
  while (boottime_ns() - begin < seconds * 1'000'000'000) {
    storm::elapse(milliseconds(50));
    for (size_t i = 0; i < pids.size(); ++i) grown[i] = std::max(grown[i], memory(i) - before[i]);
  }
  const int64_t lasted = boottime_ns() - begin;
  const double rate = static_cast<double>(source.bytes() - bytes) / static_cast<double>(lasted) * 1e3;
  std::array<int64_t, 3> percent = cpu();
  for (size_t i = 0; i < pids.size(); ++i) percent[i] = (percent[i] - cpu_before[i]) * 100 / lasted;
  EXPECT_FALSE(large.read() || small.read());
  EXPECT_EQ(large.reader.state(), State::kLinkDown);

  const int64_t restored = boottime_ns();
  restore();
  ASSERT_TRUE(await(milliseconds(20'000), [&] { return small.read(); }));
  const int64_t back = boottime_ns() - restored, small_first = small.published_ns - restored;
  ASSERT_TRUE(await(milliseconds(20'000), [&] { return large.read(); }));
  const int64_t large_first = large.published_ns - restored;
  ASSERT_TRUE(await(milliseconds(20'000), [&] {
    large.read();
    return large.published_ns > restored && (small.read() || small.published_ns > restored);
  }));
  const int64_t current = boottime_ns() - restored;
  const auto ms = [](int64_t ns) { return static_cast<double>(ns) / 1e6; };
  print_figures(
      "relay_outage {}: {} s at {:.0f} MB/s, noticed after {:.0f} ms; pub, proxy and sub: RssAnon grew by {} "
      "{} {} "
      "KiB (from {} {} {}), processor {} {} {} %",
      GetParam().name, seconds, rate, ms(noticed_ns), grown[0] >> 10, grown[1] >> 10, grown[2] >> 10,
      before[0] >> 10, before[1] >> 10, before[2] >> 10, percent[0], percent[1], percent[2]);
  print_figures(
      "relay_outage {}: back after {:.0f} ms, values of now after {:.0f} ms; the first ones were published "
      "{:.1f} "
      "(large) and {:.1f} ms (small) after the return, their ages wrong by at most {:.2f} ms",
      GetParam().name, ms(back), ms(current), ms(large_first), ms(small_first),
      ms(std::max(large.wrong_ns, small.wrong_ns)));
  EXPECT_GE(rate, 500 / static_cast<double>(storm::patience_factor()));
  EXPECT_LE(noticed_ns, 1'000'000'000 * storm::patience_factor());
  EXPECT_LE(back, 1'000'000'000 * storm::patience_factor());
  EXPECT_LE(current, 1'000'000'000 * storm::patience_factor());
  for (const int64_t more : grown) EXPECT_LT(more, 1 << 20);
  for (const int64_t p : percent) EXPECT_LE(p, 10 * storm::patience_factor());
  EXPECT_GE(large_first, -kLargePeriodNs);
  EXPECT_GE(small_first, -kSmallPeriodNs);
  EXPECT_LE(std::max(large.wrong_ns, small.wrong_ns), 50'000'000 * storm::patience_factor());
  print_row(Row{.id = "R6",
                .what = fmt::format("nothing hoarded while away, {}", GetParam().name),
                .n = static_cast<uint64_t>(seconds),
                .violations = HasFailure(),
                .max_ms = ms(current)});
}

INSTANTIATE_TEST_SUITE_P(Link, RelayOutage,
                         testing::Values(Way{"robot_filtered", Host::kRobot, true},
                                         Way{"base_filtered", Host::kBase, true},
                                         Way{"robot_down", Host::kRobot, false}),
                         [](const auto& way) { return way.param.name; });

}  // namespace
}  // namespace smt::hosts
