// Credit on a simulated link: a queue of a rate, then a delay; a message that asks for a report is reported
// when it arrives, and with it those before. Seeded bug that must make this file fail: relay/credit.cc,
// Rule() that returns twice as much.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "relay/credit.h"

namespace smt::relay {
namespace {

constexpr int64_t kMs = 1'000'000, kSecond = 1000 * kMs;

struct Outcome {
  double share;           // of what the link carries
  int64_t median_ns = 0;  // waiting in line, beyond the way itself
  int64_t worst_ns = 0;
};

// Always more to send than the link carries; the first two seconds do not count.
Outcome Saturate(double bytes_per_s, int64_t rtt_ns, int64_t duration_ns = 12 * kSecond) {
  struct Arrival {
    uint64_t number;
    int64_t report_ns;
  };
  Credit credit;
  std::deque<Arrival> reports;
  std::vector<int64_t> waits;
  int64_t link_free_ns = kSecond, now = kSecond;
  const int64_t begin = now, counted = now + 2 * kSecond;
  double delivered = 0;
  for (uint64_t number = 1; now < begin + duration_ns;) {
    if (credit.open(now)) {
      const size_t bytes = credit.batch_bytes();
      const auto takes = static_cast<int64_t>(static_cast<double>(bytes) / bytes_per_s * 1e9);
      const int64_t waited = std::max<int64_t>(0, link_free_ns - now);
      link_free_ns = std::max(link_free_ns, now) + takes;
      if (credit.wants_report_of(bytes)) reports.push_back({number, link_free_ns + rtt_ns});
      credit.sent(number++, bytes, now);
      if (now >= counted) {
        waits.push_back(waited);
        delivered += static_cast<double>(bytes);
      }
      continue;
    }
    now = std::max(now, reports.front().report_ns);
    credit.acknowledged(reports.front().number, 0, now);
    reports.pop_front();
  }
  std::sort(waits.begin(), waits.end());
  return {delivered / bytes_per_s / (static_cast<double>(now - counted) / 1e9), waits[waits.size() / 2],
          waits.back()};
}

class OfALink : public testing::TestWithParam<std::tuple<double, int64_t>> {};

TEST_P(OfALink, FillsItAndKeepsTheLineShort) {
  const auto [bits_per_s, rtt_ns] = GetParam();
  const Outcome o = Saturate(bits_per_s / 8, rtt_ns);
  RecordProperty("share_percent", static_cast<int>(100 * o.share));
  RecordProperty("median_wait_us", static_cast<int>(o.median_ns / 1000));
  EXPECT_GE(o.share, 0.9);
  EXPECT_LE(o.median_ns, 35 * kMs);
  EXPECT_LE(o.worst_ns, 120 * kMs);
}

INSTANTIATE_TEST_SUITE_P(Rates, OfALink,
                         testing::Combine(testing::Values(1e6, 1e7, 1e8, 1e9), testing::Values(0, 50 * kMs)),
                         [](const auto& test) {
                           return "Mbit" + std::to_string(static_cast<int>(std::get<0>(test.param) / 1e6)) +
                                  "Rtt" + std::to_string(std::get<1>(test.param) / kMs);
                         });

TEST(Credit, OnALoopbackTheWindowIsSoonLarge) {
  Credit credit;
  int64_t now = kSecond;
  uint64_t number = 1;
  for (int round = 0; round < 20; ++round) {
    const uint64_t first = number;
    while (credit.open(now)) credit.sent(number++, credit.batch_bytes(), now);
    now += 50'000;
    for (uint64_t n = first; n < number; ++n) credit.acknowledged(n, 0, now);
  }
  EXPECT_GE(credit.window_bytes(), 4'000'000u);
  EXPECT_EQ(credit.in_flight_bytes(), 0u);
}

TEST(Credit, AReportHeldBackDoesNotPassForALongerWay) {
  Credit credit;
  credit.sent(1, 1000, kSecond);
  credit.acknowledged(1, 190 * kMs, kSecond + 200 * kMs);
  EXPECT_EQ(credit.least_rtt_ns(), 10 * kMs);
}

TEST(Credit, WhatWasNotSentOrIsKnownAlreadyChangesNothing) {
  Credit credit;
  credit.acknowledged(5, 0, kSecond);
  credit.sent(1, 1000, kSecond);
  credit.sent(2, 1000, kSecond);
  credit.acknowledged(1, 0, kSecond + kMs);
  credit.acknowledged(1, 0, kSecond + 2 * kMs);
  credit.acknowledged(0, 0, kSecond + 3 * kMs);
  EXPECT_EQ(credit.in_flight_bytes(), 1000u);
}

}  // namespace
}  // namespace smt::relay
