// Credit on simulated links.
#include "relay/outbound/congestion_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "tests/relay/outbound/simulated_link.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

class OfALink : public testing::TestWithParam<std::tuple<double, int64_t>> {};

TEST_P(OfALink, FillsItAndKeepsTheLineShort) {
  const auto [bits_per_s, rtt_ns] = GetParam();
  const Outcome o = carry({.bits_per_s = bits_per_s, .rtt_ns = rtt_ns});
  RecordProperty("share_percent", static_cast<int>(100 * o.share));
  RecordProperty("median_wait_us", static_cast<int>(o.median_ns / 1000));
  EXPECT_GE(o.share, 0.9);
  const auto packet_ns = static_cast<int64_t>(1400 * 8e9 / bits_per_s);
  EXPECT_LE(o.median_ns, 25 * kMs + 2 * packet_ns);
  EXPECT_LE(o.late_ns, rtt_ns + 30 * kMs + 2 * packet_ns);
}

INSTANTIATE_TEST_SUITE_P(Rates, OfALink,
                         testing::Combine(testing::Values(2e5, 1e6, 1e7, 1e8, 1e9),
                                          testing::Values(0, 20 * kMs, 50 * kMs)),
                         [](const auto& test) {
                           return "Kbit" + std::to_string(static_cast<int>(std::get<0>(test.param) / 1e3)) +
                                  "Rtt" + std::to_string(std::get<1>(test.param) / kMs);
                         });

TEST(CongestionWindow, FillsALinkOverASatellite) {
  for (const double bits_per_s : {2e5, 1e7}) {
    const Outcome o = carry({.bits_per_s = bits_per_s, .rtt_ns = 600 * kMs}, 60 * kSecond);
    EXPECT_GE(o.later_share, 0.8) << bits_per_s;
    EXPECT_LE(o.late_ns, 3 * 300 * kMs) << bits_per_s;
  }
}

TEST(CongestionWindow, JitterIsNotTakenForALineOfOnesOwn) {
  for (const Line& link : {Line{.bits_per_s = 25e6, .rtt_ns = 40 * kMs, .jitter_ns = 10 * kMs},
                           Line{.bits_per_s = 1e8, .rtt_ns = 20 * kMs, .jitter_ns = 5 * kMs},
                           Line{.bits_per_s = 1e9, .rtt_ns = 100 * kMs, .jitter_ns = 5 * kMs}}) {
    const Outcome o = carry(link, 60 * kSecond);
    EXPECT_GE(o.share, 0.9) << link.bits_per_s;
    EXPECT_LE(o.late_ns, 3 * link.rtt_ns / 2 + 4 * link.jitter_ns + 20 * kMs) << link.bits_per_s;
  }
}

TEST(CongestionWindow, PacketsThatTcpSendsOnceMoreDoNotMakeTheWindowSmall) {
  for (const Line& link : {Line{.bits_per_s = 25e6, .rtt_ns = 40 * kMs, .loss = 0.005},
                           Line{.bits_per_s = 25e6, .rtt_ns = 40 * kMs, .jitter_ns = 10 * kMs, .loss = 0.005},
                           Line{.bits_per_s = 5e6, .rtt_ns = 20 * kMs, .jitter_ns = 5 * kMs, .loss = 0.01}}) {
    EXPECT_GE(carry(link, 60 * kSecond).share, 0.8) << link.bits_per_s;
  }
}

TEST(CongestionWindow, WhatIsOfferedPassesALinkThatCarriesThreeTimesAsMuch) {
  const Outcome o = carry({.bits_per_s = 25e6,
                           .rtt_ns = 40 * kMs,
                           .jitter_ns = 10 * kMs,
                           .loss = 0.005,
                           .offered_bits_per_s = 8e6},
                          60 * kSecond);
  EXPECT_GE(o.share, 0.95 * 8 / 25);
  EXPECT_LE(o.late_ns, 85 * kMs);
}

TEST(CongestionWindow, FollowsALinkWhoseRateChanges) {
  constexpr double k1 = 1e6, k10 = 1e7, k100 = 1e8;
  for (const auto& [before, after] : {std::pair(k10, k1), std::pair(k1, k10), std::pair(k1, k100)}) {
    const Outcome o = carry({.bits_per_s = before, .rtt_ns = 20 * kMs, .later_bits_per_s = after});
    EXPECT_GE(o.later_share, 0.9) << before << " to " << after;
    EXPECT_LE(o.median_ns, 35 * kMs) << before << " to " << after;
    EXPECT_LE(o.late_ns, 200 * kMs) << before << " to " << after;
  }
}

TEST(CongestionWindow, FollowsALinkWhoseWayBecomesLonger) {
  for (const auto& [bits_per_s, before_ms, after_ms] : {std::tuple(25e6, 2, 100), std::tuple(25e6, 2, 20),
                                                        std::tuple(1e7, 20, 200), std::tuple(1e6, 10, 300)}) {
    const Outcome o = carry(
        {.bits_per_s = bits_per_s, .rtt_ns = before_ms * kMs, .later_rtt_ns = after_ms * kMs}, 40 * kSecond);
    EXPECT_GE(o.later_share, 0.8) << bits_per_s << " bit/s, " << before_ms << " ms to " << after_ms << " ms";
    EXPECT_LE(o.late_ns, (200 + after_ms) * kMs)
        << bits_per_s << " bit/s, " << before_ms << " ms to " << after_ms << " ms";
  }
}

// All that a machine sends over one link, in sessions of their own: for two minutes, and the second of them
// is like the first.
TEST(CongestionWindow, SeveralOnOneLinkDoNotDriveEachOtherOn) {
  constexpr int64_t kRtt = 20 * kMs;
  for (const size_t sessions : {2u, 3u}) {
    const double bits_per_s = 2e6;
    std::vector<CongestionWindow> credits(sessions);
    std::vector<uint64_t> last(sessions);
    std::vector<double> carried(sessions);
    std::multimap<int64_t, std::pair<size_t, uint64_t>> reports;
    std::vector<int64_t> ages;
    int64_t now = kSecond, link_free = now;
    while (now < 120 * kSecond) {
      bool sent = false;
      for (size_t i = 0; i < sessions; ++i) {
        CongestionWindow& c = credits[i];
        if (!c.open(now)) continue;
        const size_t bytes = c.piece_bytes();
        link_free =
            std::max(link_free, now) + static_cast<int64_t>(static_cast<double>(bytes) * 8e9 / bits_per_s);
        const int64_t held = c.wants_report_of(bytes) ? 0 : 50 * kMs;
        reports.insert({link_free + kRtt + held, {i, ++last[i]}});
        c.on_sent(last[i], bytes, now);
        sent = true;
        if (now < 60 * kSecond) continue;
        ages.push_back(link_free + kRtt / 2 - now);
        carried[i] += static_cast<double>(bytes);
      }
      if (sent) continue;
      now = std::max(now, reports.begin()->first);
      const auto [i, number] = reports.begin()->second;
      reports.erase(reports.begin());
      credits[i].on_acknowledged(number, 0, now);
    }
    std::sort(ages.begin(), ages.end());
    EXPECT_LE(ages[ages.size() * 99 / 100], static_cast<int64_t>(sessions) * 75 * kMs) << sessions;
    const auto [min, max] = std::minmax_element(carried.begin(), carried.end());
    EXPECT_LE(*max, 2 * *min) << sessions;
  }
}

TEST(CongestionWindow, NeverExceedsTheWindowByAMessage) {
  for (const double bits_per_s : {1e6, 1e8}) {
    const Outcome o = carry({.bits_per_s = bits_per_s, .rtt_ns = 20 * kMs});
    EXPECT_LT(o.beyond_bytes, std::max(1400.0, bits_per_s / 800)) << bits_per_s;
  }
}

TEST(CongestionWindow, OnALoopbackTheWindowIsSoonLarge) {
  CongestionWindow credit;
  int64_t now = kSecond;
  uint64_t number = 1;
  const size_t first_batch_bytes = credit.batch_bytes();
  for (int round = 0; round < 20; ++round) {
    const uint64_t first = number;
    while (credit.open(now)) credit.on_sent(number++, credit.batch_bytes(), now);
    now += 50'000;
    for (uint64_t n = first; n < number; ++n) credit.on_acknowledged(n, 0, now);
  }
  EXPECT_GE(credit.window_bytes(), 4'000'000u);
  EXPECT_EQ(credit.in_flight_bytes(), 0u);
  EXPECT_GT(credit.batch_bytes(), 4 * first_batch_bytes);
}

TEST(CongestionWindow, AReportHeldBackDoesNotPassForALongerWay) {
  CongestionWindow credit;
  credit.on_sent(1, 1000, kSecond);
  credit.on_acknowledged(1, 190 * kMs, kSecond + 200 * kMs);
  EXPECT_EQ(credit.min_rtt_ns(), 10 * kMs);
}

TEST(CongestionWindow, WhatWasNotSentOrIsKnownAlreadyChangesNothing) {
  CongestionWindow credit;
  credit.on_acknowledged(5, 0, kSecond);
  credit.on_sent(1, 1000, kSecond);
  credit.on_sent(2, 1000, kSecond);
  credit.on_acknowledged(1, 0, kSecond + kMs);
  credit.on_acknowledged(1, 0, kSecond + 2 * kMs);
  credit.on_acknowledged(0, 0, kSecond + 3 * kMs);
  EXPECT_EQ(credit.in_flight_bytes(), 1000u);
}

}  // namespace
}  // namespace smt::relay
