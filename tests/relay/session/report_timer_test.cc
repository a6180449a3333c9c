#include "relay/session/report_timer.h"

#include <gtest/gtest.h>

namespace smt::relay {
namespace {

constexpr int64_t kStart = 1'000'000'000, kMs = 1'000'000;

// A timer with a heartbeat of 200 ms whose first report has left at kStart.
class ReportTimerTest : public testing::Test {
 protected:
  ReportTimerTest() { timer_.on_sent(kStart); }
  ReportTimer timer_{200 * kMs};
};

TEST(ReportTimerAtFirst, ASessionBeginsWithAReport) { EXPECT_TRUE(ReportTimer(kMs).due(0)); }

TEST(ReportTimerOfSeconds, AStampIsEchoedWithin200MsAndThenAReportIsDueAtEachHeartbeat) {
  ReportTimer timer(3000 * kMs);
  timer.on_sent(kStart);
  EXPECT_EQ(timer.due_ns(), kStart + 200 * kMs);
  timer.on_sent(kStart + 200 * kMs);
  EXPECT_EQ(timer.due_ns(), kStart + 400 * kMs) << "no stamp has come yet";
  timer.on_report(7, kStart + 300 * kMs);
  timer.on_sent(kStart + 400 * kMs);
  EXPECT_EQ(timer.due_ns(), kStart + 3400 * kMs);
  timer.on_message(1, false, kStart + 500 * kMs);
  EXPECT_EQ(timer.due_ns(), kStart + 550 * kMs);
}

TEST_F(ReportTimerTest, WithoutMessagesAReportIsDueAtEachHeartbeat) {
  EXPECT_FALSE(timer_.due(kStart + 199 * kMs));
  EXPECT_TRUE(timer_.due(kStart + 200 * kMs));
  timer_.on_sent(kStart + 200 * kMs);
  EXPECT_EQ(timer_.due_ns(), kStart + 400 * kMs);
}

TEST(ReportTimerAtTicks, AHeartbeatComesAtTheLastTickBeforeItIsDue) {
  ReportTimer timer(200 * kMs, true);
  timer.on_sent(kStart + 1);
  EXPECT_EQ(timer.due_ns(), kStart + 200 * kMs);
  timer.on_sent(kStart + 200 * kMs);
  EXPECT_EQ(timer.due_ns(), kStart + 400 * kMs);
  timer.on_sent(kStart + 290 * kMs);
  EXPECT_EQ(timer.due_ns(), kStart + 400 * kMs);
  timer.on_message(1, false, kStart + 310 * kMs);
  EXPECT_EQ(timer.due_ns(), kStart + 360 * kMs) << "what is acknowledged does not wait for one";
  ReportTimer often(60 * kMs, true);
  often.on_sent(kStart + 10 * kMs);
  EXPECT_EQ(often.due_ns(), kStart + 70 * kMs) << "there is no tick";
  often.on_sent(kStart + 80 * kMs);
  EXPECT_EQ(often.due_ns(), kStart + 140 * kMs) << "it is too soon";
}

TEST_F(ReportTimerTest, AMessageIsAcknowledgedAfterAWhileFromTheFirstThatWaits) {
  EXPECT_TRUE(timer_.on_message(1, false, kStart + 10 * kMs));
  EXPECT_TRUE(timer_.on_message(2, false, kStart + 40 * kMs));
  EXPECT_EQ(timer_.due_ns(), kStart + 60 * kMs);
  const proto::Report report = timer_.report(kStart + 60 * kMs);
  EXPECT_EQ(report.acknowledged(), 2u);
  EXPECT_EQ(report.held_ns(), 20u * kMs);
}

TEST_F(ReportTimerTest, APromptMessageIsAcknowledgedAtOnce) {
  timer_.on_message(1, true, kStart);
  EXPECT_TRUE(timer_.due(kStart));
  timer_.on_sent(kStart);
  EXPECT_FALSE(timer_.due(kStart));
}

TEST_F(ReportTimerTest, ManyMessagesAreAcknowledgedAtOnce) {
  for (uint64_t number = 1; number < ReportTimer::kMaxUnreported; ++number)
    timer_.on_message(number, false, kStart);
  EXPECT_FALSE(timer_.due(kStart));
  timer_.on_message(ReportTimer::kMaxUnreported, false, kStart);
  EXPECT_TRUE(timer_.due(kStart));
}

TEST_F(ReportTimerTest, AnyNumberButTheNextIsRefused) {
  EXPECT_FALSE(timer_.on_message(2, false, kStart));
  EXPECT_TRUE(timer_.on_message(1, false, kStart));
  EXPECT_FALSE(timer_.on_message(1, false, kStart));
  EXPECT_EQ(timer_.report(kStart).acknowledged(), 1u);
}

TEST_F(ReportTimerTest, AStampOfThePeerIsEchoedOnce) {
  timer_.on_report(7, kStart + kMs);
  const proto::Report report = timer_.report(kStart + 2 * kMs);
  EXPECT_EQ(report.echo_sent_ns(), 7u);
  EXPECT_EQ(report.echo_received_ns(), static_cast<uint64_t>(kStart + kMs));
  EXPECT_EQ(report.sent_ns(), static_cast<uint64_t>(kStart + 2 * kMs));
  timer_.on_sent(kStart + 2 * kMs);
  EXPECT_EQ(timer_.report(kStart + 3 * kMs).echo_sent_ns(), 0u);
}

}  // namespace
}  // namespace smt::relay
