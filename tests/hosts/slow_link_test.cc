// More is published than the link carries, and the link is slow, far or bad: small values are as new on
// arrival as the link allows, every topic goes on, and each large value that was begun arrives whole.
#include <gtest/gtest.h>

#include "tests/hosts/hosts.h"
#include "tests/hosts/naive_relay.h"
#include "tests/hosts/timed_topics.h"

namespace smt::hosts {
namespace {

using storm::patience_factor;

constexpr int64_t kMsNs = 1'000'000, kSecondNs = 1'000'000'000;

// A chunk on a slow link with what is around it, and what may be under way before anything is known of it.
constexpr uint64_t kPieceBytes = 1600, kFirstWindowBytes = 14'000 * 2;

double ms(int64_t ns) { return static_cast<double>(ns) / 1e6; }

constexpr size_t kScalars = 50;

// Scalars at 100 Hz and large values, which are smaller, and as many more, where the run is shorter than such
// a value takes.
std::vector<TimedTopic> seventeen_mbit() {
  const uint64_t shrink = storm::sized(16, 1, 8);
  std::vector<TimedTopic> topics;
  for (size_t i = 0; i < kScalars; ++i) topics.push_back({.name = "scalar/" + std::to_string(i)});
  topics.push_back({.name = "large",
                    .bytes = (1 << 20) / shrink,
                    .period_ns = 500 * kMsNs / static_cast<int64_t>(shrink)});
  return topics;
}

class RelaySlowLink : public HostsTest {
 protected:
  // A counter of the robot's relay.
  uint64_t sent(const std::string& field) const {
    Reader reader = storm::must(Reader::open(in("robot"), "smt/relay/robot/pub/outbound"));
    const Sample* sample = reader.latest();
    const std::optional<Schema> schema = reader.schema();
    if (sample == nullptr || !schema) return 0;
    for (const Field& f : schema->fields) {
      uint64_t count = 0;
      if (f.name != field) continue;
      memcpy(&count, sample->bytes.data() + f.offset, sizeof count);
      return count;
    }
    ADD_FAILURE() << "no counter " << field;
    return 0;
  }
  // Nothing is published any more. The newest value of each topic comes, and of the last topic, the large
  // one, as many as the sender's counters say were sent: samples and their bytes together tell how many were
  // large. `superseded_percent`: of two that come together after a stall the gateway passes on the newer one.
  void expect_all_large_ones_came(TimedSource* source, const Watch& watch,
                                  const std::vector<TimedTopic>& topics, milliseconds limit,
                                  uint64_t superseded_percent = 0) {
    source->stop();
    EXPECT_TRUE(await(limit, [&] {
      for (size_t i = 0; i < topics.size(); ++i) {
        if (watch.of(i).sequence != source->published(i)) return false;
      }
      return true;
    })) << "the newest values do not come";
    const size_t small = topics.front().bytes, large = topics.back().bytes;
    uint64_t came = 0, left = 0;
    EXPECT_TRUE(await(milliseconds(5'000),
                      [&] {
                        const uint64_t bytes = sent("payload_bytes") - sent("samples") * small;
                        came = large_before_ + watch.of(topics.size() - 1).count;
                        left = bytes / (large - small);
                        return bytes % (large - small) == 0 && came <= left &&
                               (left - came) * 100 <= left * superseded_percent;
                      }))
        << came << " large values came of " << left;
    EXPECT_EQ(watch.of(0, topics.size()).wrong, 0u);
    EXPECT_EQ(watch.of(0, topics.size()).back, 0u);
  }
  // Follows until every topic has come and the relay knows its link, which takes it a cycle of slots
  // (CongestionWindow); then counts anew.
  void settle(Watch* watch) {
    ASSERT_TRUE(await(milliseconds(20'000), [&] { return watch->all_have(1); }));
    storm::elapse(milliseconds(4'000));
    watch->begin(&large_before_);
  }
  uint64_t large_before_ = 0;  // large ones that came before counting began anew
};

TEST_F(RelaySlowLink, FiftyTopicsAndALargeOneOnAMegabit) {
  constexpr int64_t kRttNs = 20 * kMsNs, kBitsPerS = 1'000'000;
  SMT_NEED_BAD_CABLE(Host::kRobot, {.bits_per_s = kBitsPerS, .delay_ns = kRttNs / 2});
  const std::vector<TimedTopic> topics = seventeen_mbit();
  TimedSource source(in("robot"), topics);
  start_all();
  Watch watch(in("base"), topics);
  settle(&watch);
  storm::elapse(milliseconds(storm::scaled(3'000, 60'000, 10'000)));
  Arrivals scalars = watch.of(0, kScalars), large = watch.of(kScalars);
  // A batch and a piece of 1400 bytes each, with what is around them.
  const double message_ms = 1600.0 * 8e3 / kBitsPerS;
  const double bound_ms = 2 * ms(kRttNs) + 2 * message_ms + 20;
  const BadCable::Traffic up = hosts_.traffic(Host::kRobot, true);
  const uint64_t max = sent("most_in_flight_bytes"), beyond = sent("most_beyond_window_bytes");
  print_figures(
      "relay_slow_link 1 Mbit/s, RTT 20 ms, 17 Mbit/s offered: age of scalars on arrival {} (bound p99 "
      "{:.0f}), "
      "longest gap {:.0f} ms; large {} came, age {}; wrong {}, ages wrong by at most {:.2f} ms; bytes under "
      "way at most {}, beyond the window {}; packets lost {}; {}",
      scalars.ages.text(), bound_ms, ms(scalars.max_gap_ns), large.count, large.ages.text(),
      scalars.wrong + large.wrong, ms(std::max(scalars.age_error_ns, large.age_error_ns)), max, beyond,
      up.overflow, load());
  EXPECT_LE(scalars.ages.percentile_ms(99), bound_ms);
  EXPECT_GE(large.count, 2u);
  EXPECT_LT(scalars.max_gap_ns, kSecondNs * patience_factor());
  // The window and one chunk: here a packet's worth, and what is around it; and of the beginning.
  EXPECT_LE(beyond, kPieceBytes);
  EXPECT_LE(max, kFirstWindowBytes + kPieceBytes);
  EXPECT_GT(max, 0u);
  expect_all_large_ones_came(&source, watch, topics, milliseconds(60'000));
  print_row(Row{.id = "R18",
                .what = "17 Mbit/s offered to 1 Mbit/s: age",
                .n = scalars.count,
                .violations = HasFailure(),
                .max_ms = scalars.ages.percentile_ms(100),
                .p99_ms = scalars.ages.percentile_ms(99)});
}

// The same without smtrelay.
TEST_F(RelaySlowLink, ANaiveRelayOnAMegabitDeliversThePast) {
  SMT_NEED_BAD_CABLE(Host::kRobot, {.bits_per_s = 1'000'000, .delay_ns = 10 * kMsNs});
  const std::vector<TimedTopic> topics = seventeen_mbit();
  TimedSource source(in("robot"), topics);
  NaiveRelay naive(hosts_, Host::kRobot, in("robot"), topics);
  storm::elapse(milliseconds(storm::scaled(3'000, 10'000)));
  naive.stop();
  print_figures(
      "relay_slow_link 1 Mbit/s, RTT 20 ms, 17 Mbit/s offered, naive relay: age of scalars {}; large {}; {}",
      naive.ages().text(), naive.large(), load());
  ASSERT_GT(naive.ages().count(), 0u);
  EXPECT_GT(naive.ages().percentile_ms(99), 500.0) << "smtrelay's bound is 86: is the link slow at all?";
}

TEST_F(RelaySlowLink, APoseBesideValuesOfTenMegabytes) {
  constexpr int64_t kRttNs = 20 * kMsNs;
  SMT_NEED_BAD_CABLE(Host::kRobot, {.bits_per_s = 8'000'000, .delay_ns = kRttNs / 2});
  const std::vector<TimedTopic> topics = {
      {.name = "pose", .bytes = 56, .period_ns = 20 * kMsNs},
      {.name = "map", .bytes = storm::sized(500'000, 10'000'000, 4'000'000), .period_ns = kSecondNs / 2}};
  TimedSource source(in("robot"), topics);
  start_all();
  Watch watch(in("base"), topics);
  settle(&watch);
  storm::elapse(milliseconds(storm::scaled(3'000, 30'000, 12'000)));
  Arrivals pose = watch.of(0), map = watch.of(1);
  print_figures(
      "relay_slow_link 8 Mbit/s, RTT 20 ms, values of {} bytes: age of the pose on arrival {} (bound p99 "
      "{:.0f}), "
      "{} came at 50 Hz, longest gap {:.0f} ms; large {} came, age {}; wrong {}; packets lost {}; {}",
      topics[1].bytes, pose.ages.text(), 60 + ms(kRttNs), pose.count, ms(pose.max_gap_ns), map.count,
      map.ages.text(), pose.wrong + map.wrong, hosts_.traffic(Host::kRobot, true).overflow, load());
  EXPECT_LT(pose.ages.percentile_ms(99), 60 + ms(kRttNs));
  EXPECT_GE(map.count, 2u);
  expect_all_large_ones_came(&source, watch, topics, milliseconds(40'000));
}

TEST_F(RelaySlowLink, ALossyLinkWithJitterDegradesAndDoesNotStop) {
  SMT_NEED_BAD_CABLE(
      Host::kRobot,
      {.loss = 0.005, .bits_per_s = 25'000'000, .delay_ns = 20 * kMsNs, .jitter_ns = 10 * kMsNs});
  constexpr size_t kSmall = 20;
  std::vector<TimedTopic> topics;
  for (size_t i = 0; i < kSmall; ++i) topics.push_back({.name = "small/" + std::to_string(i), .bytes = 56});
  topics.push_back({.name = "camera", .bytes = 100'000, .period_ns = 100 * kMsNs});
  TimedSource source(in("robot"), topics);
  start_all();
  Watch watch(in("base"), topics);
  settle(&watch);
  storm::elapse(milliseconds(storm::scaled(4'000, 60'000, 10'000)));
  Arrivals small = watch.of(0, kSmall), camera = watch.of(kSmall);
  const BadCable::Traffic up = hosts_.traffic(Host::kRobot, true);
  print_figures(
      "relay_slow_link 25 Mbit/s, 20+-10 ms, 0.5 % loss: age of small ones on arrival {}, longest gap {:.0f} "
      "ms; camera {} came, age {}, longest gap {:.0f} ms; wrong {}; packets {} lost {} no room {}; {}",
      small.ages.text(), ms(small.max_gap_ns), camera.count, camera.ages.text(), ms(camera.max_gap_ns),
      small.wrong + camera.wrong, up.packets, up.lost, up.overflow, load());
  EXPECT_GT(up.lost, 0u);
  EXPECT_LT(small.max_gap_ns, kSecondNs * patience_factor());
  EXPECT_LT(camera.max_gap_ns, kSecondNs * patience_factor());
  EXPECT_LT(small.ages.percentile_ms(99), 100.0 * static_cast<double>(patience_factor()));
  expect_all_large_ones_came(&source, watch, topics, milliseconds(10'000), 2);
  print_row(Row{.id = "R18",
                .what = "25 Mbit/s, 20+-10 ms, 0.5 % loss: age",
                .n = small.count,
                .violations = HasFailure(),
                .max_ms = small.ages.percentile_ms(100),
                .p99_ms = small.ages.percentile_ms(99)});
}

}  // namespace
}  // namespace smt::hosts
