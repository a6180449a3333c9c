// What --impair takes and what it says of anything else.
#include "cmd/relays/impair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace smt::cmd {
namespace {

TEST(Impair, ReadsEachPartInAnyOrder) {
  const Result<relay::Impairment> all = parse_impairment("rate=2mbit,loss=2%,delay=80ms,seed=9,jitter=20ms");
  ASSERT_TRUE(all.ok()) << all.status().message();
  EXPECT_EQ(all->delay_ns, 80'000'000);
  EXPECT_EQ(all->jitter_ns, 20'000'000);
  EXPECT_DOUBLE_EQ(all->loss, 0.02);
  EXPECT_EQ(all->bits_per_s, 2'000'000u);
  EXPECT_EQ(all->seed, 9u);
  EXPECT_EQ(impairment_text(*all), "delay 80 ms +- 20 ms, loss 2 %, 2 Mbit/s");
  const Result<relay::Impairment> one = parse_impairment("rate=500.5kbit");
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->bits_per_s, 500'500u);
  EXPECT_EQ(one->delay_ns, 0);
  EXPECT_EQ(one->loss, 0);
}

TEST(Impair, SaysWhichPartIsWrong) {
  const std::pair<const char*, const char*> kTable[] = {
      {"", "\"\": write delay="},
      {"delay", "\"delay\": write a time"},
      {"delay=", "\"delay=\": write a time"},
      {"delay=80", "\"delay=80\": write a time of 60s at most"},
      {"loss=1%,delay=-1ms", "\"delay=-1ms\""},
      {"delay=2m", "60s at most"},
      {"jitter=x", "\"jitter=x\""},
      {"jitter=5ms", "jitter is greater than delay"},
      {"loss=2", "\"loss=2\": write 0% to 99%"},
      {"loss=100%", "\"loss=100%\""},
      {"loss=-1%", "\"loss=-1%\""},
      {"loss=nan%", "\"loss=nan%\""},
      {"loss=2%%", "\"loss=2%%\""},
      {"rate=2", "\"rate=2\": write 1kbit"},
      {"rate=2mb", "\"rate=2mb\""},
      {"rate=0mbit", "\"rate=0mbit\""},
      {"rate=1e300gbit", "\"rate=1e300gbit\""},
      {"seed=-1", "\"seed=-1\""},
      {"seed=1.5", "\"seed=1.5\""},
      {"delay=1ms,delay=2ms", "\"delay=2ms\": it is given twice"},
      {"delay=1ms,", "\"delay=1ms\": something follows the comma"},
      {"delay=1ms,,loss=1%", "\"\": write delay="},
      {"dealy=1ms", "\"dealy=1ms\": write delay="},
      {"Delay=1ms", "\"Delay=1ms\""},
      {" delay=1ms", "\" delay=1ms\""},
      {"delay=1ms loss=1%", "\"delay=1ms loss=1%\""},
  };
  for (const auto& [text, message] : kTable) {
    const Result<relay::Impairment> parsed = parse_impairment(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), Code::kInvalid);
    EXPECT_THAT(parsed.status().message(), testing::HasSubstr(message)) << text;
  }
}

}  // namespace
}  // namespace smt::cmd
