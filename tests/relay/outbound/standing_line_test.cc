// What stands in line at simulated links, and what they carry, beside what the rule of a line that is always
// whole carried (10 ms, of that 2 MiB at most). docs/architecture.md has the table.
#include "relay/outbound/standing_line.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tests/relay/outbound/simulated_link.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

constexpr int64_t kUs = 1000;
constexpr size_t kSegment = 65536;

constexpr Line kLoopback{.bits_per_s = 16e9, .rtt_ns = 100 * kUs, .packet = kSegment};
constexpr Line kGigabit{.bits_per_s = 1e9, .rtt_ns = 200 * kUs};
constexpr Line kWifi50{.bits_per_s = 4e8, .rtt_ns = 2 * kMs, .jitter_ns = kMs};
constexpr Line kWifi100{.bits_per_s = 8e8, .rtt_ns = 2 * kMs, .jitter_ns = kMs};
constexpr Line kRadio{.bits_per_s = 2e7, .rtt_ns = 5 * kMs};

// The sender sleeps for up to `ns`, each so often.
constexpr Line sleeps(Line link, int64_t ns, int64_t each_ns) {
  link.sleep_ns = ns;
  link.sleeps_each_ns = each_ns;
  return link;
}
constexpr Line in_bunches(Line link, int64_t ns, double loss = 0) {
  link.bunch_ns = ns;
  link.loss = loss;
  return link;
}
// A machine with other things to do: the rate wavers, and so do round trips.
constexpr Line busy(double bits_per_s, size_t packet) {
  Line link{.bits_per_s = bits_per_s, .rtt_ns = 150 * kUs, .jitter_ns = 50 * kUs, .packet = packet};
  link.wavers_ns = 5 * kMs;
  return sleeps(link, 2 * kMs, 20 * kMs);
}
// For a quarter of the time it is another one.
constexpr Line meanwhile(Line link, const Line& other) {
  link.later_bits_per_s = other.bits_per_s;
  link.later_rtt_ns = other.rtt_ns;
  link.and_back = true;
  link.packet = 8192;
  return link;
}

struct Case {
  const char* name;
  int64_t seconds;
  double whole_share;            // carried with a line that is always whole
  double line_ms, late_line_ms;  // bounds
  Line link;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

const Case kCases[] = {
    {"Loopback", 12, 1.000, 0.3, 0.7, kLoopback},
    {"LoopbackSleeps5MsIn100", 12, 0.983, 0.4, 0.9, sleeps(kLoopback, 5 * kMs, 100 * kMs)},
    {"LoopbackSleeps5MsIn20", 12, 0.927, 1, 1.6, sleeps(kLoopback, 5 * kMs, 20 * kMs)},
    {"LoopbackSleeps1MsIn5", 12, 1.000, 1, 1.8, sleeps(kLoopback, kMs, 5 * kMs)},
    {"BusyLoopback", 12, 1.001, 0.9, 4, busy(8e9, kSegment)},
    {"BusyProcessor", 12, 0.996, 2.5, 32, busy(4.8e8, kSegment / 4)},
    {"Gigabit", 12, 1.000, 0.7, 2, kGigabit},
    {"GigabitSleeps5MsIn100", 12, 0.999, 1, 2.5, sleeps(kGigabit, 5 * kMs, 100 * kMs)},
    {"GigabitSleeps5MsIn20", 12, 0.999, 5, 12, sleeps(kGigabit, 5 * kMs, 20 * kMs)},
    {"FastEthernet", 20, 1.000, 10, 18, {.bits_per_s = 1e8, .rtt_ns = 300 * kUs}},
    {"Wifi100", 20, 0.999, 4, 9, kWifi100},
    {"Wifi50InBunches", 30, 0.998, 8, 18, in_bunches(kWifi50, 8 * kMs)},
    {"Wifi100InBunches", 30, 0.999, 8, 18, in_bunches(kWifi100, 8 * kMs)},
    {"LossyWifi100InBunches", 30, 0.999, 9, 16, in_bunches(kWifi100, 4 * kMs, 0.001)},
    {"Wifi100Late", 30, 0.996, 11, 20, {.bits_per_s = 8e8, .rtt_ns = 2 * kMs, .late_ns = 8 * kMs}},
    {"Radio", 20, 0.999, 10, 22, kRadio},
    {"Lte", 60, 0.844, 12, 51, {.bits_per_s = 4e7, .rtt_ns = 50 * kMs, .jitter_ns = 20 * kMs}},
    {"Satellite", 60, 0.906, 50, 610, {.bits_per_s = 1e7, .rtt_ns = 600 * kMs}},
    {"GigabitThenRadioThenGigabit", 40, 1.000, 1, 12, meanwhile(kGigabit, kRadio)},
    {"LoopbackThenGigabitThenLoopback", 24, 1.000, 0.5, 2, meanwhile(kLoopback, kGigabit)},
};

class StandingLineOf : public testing::TestWithParam<Case> {};

TEST_P(StandingLineOf, IsAsShortAsTheLinkStaysBusyWith) {
  const Case& c = GetParam();
  const Outcome o = carry(c.link, c.seconds * kSecond);
  RecordProperty("share_per_mille", static_cast<int>(1000 * o.share));
  RecordProperty("line_us", static_cast<int>(1000 * o.line_ms));
  RecordProperty("late_line_us", static_cast<int>(1000 * o.late_line_ms));
  EXPECT_GE(o.share, 0.97 * c.whole_share);
  EXPECT_LE(o.line_ms, c.line_ms);
  EXPECT_LE(o.late_line_ms, c.late_line_ms);
}

INSTANTIATE_TEST_SUITE_P(Links, StandingLineOf, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(StandingLine, OfASlowLinkAMessageIsWhatLeavesIn10Ms) {
  const StandingLine line;
  const StandingLine::LinkShape radio{.bandwidth = kRadio.bits_per_s / 8e9, .way_ns = kRadio.rtt_ns};
  EXPECT_DOUBLE_EQ(line.bytes(radio), 25'000);
  EXPECT_DOUBLE_EQ(line.message_bytes(radio), 25'000);
}

}  // namespace
}  // namespace smt::relay
