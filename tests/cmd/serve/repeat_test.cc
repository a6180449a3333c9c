// A message that repeats: told at once, then once a minute with its count, whatever comes between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "cmd/serve/repeat_log.h"
#include "tests/times.h"

namespace smt::cmd {
namespace {

using relay::Severity;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RepeatLogTest : public testing::Test {
 protected:
  std::vector<std::string> taken() { return std::exchange(told_, {}); }
  void say(const std::string& key, const std::string& text, int64_t seconds) {
    log_.log(Severity::kWarning, key, text, seconds * kSecond);
  }
  void tick(int64_t seconds) { log_.tick(seconds * kSecond); }

  std::vector<std::string> told_;
  RepeatLog log_{[this](Severity, const std::string& text) { told_.push_back(text); }};
};

TEST_F(RepeatLogTest, TellsEachMessageAtItsFirstTime) {
  say("a", "a is late", 0);
  say("b", "b is late", 0);
  EXPECT_THAT(taken(), ElementsAre("a is late", "b is late"));
}

TEST_F(RepeatLogTest, TellsAtTheEndWhatIsStillHeldBack) {
  for (int64_t s = 0; s < 5; ++s) say("a", "a is late", s);
  say("b", "b is late", 5);
  taken();
  log_.finish(6 * kSecond);
  EXPECT_THAT(taken(), ElementsAre("a is late (3 more in the last 6 s)"));
}

TEST_F(RepeatLogTest, TellsRepeatsOnceAMinuteWithTheirCountAndTheLastText) {
  say("a", "port 1", 0);
  for (int64_t s = 1; s < 60; ++s) say("a", "port 2", s);
  EXPECT_THAT(taken(), ElementsAre("port 1"));
  say("a", "port 3", 60);
  EXPECT_THAT(taken(), ElementsAre("port 3 (59 more in the last 60 s)"));
  say("a", "port 4", 61);
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(RepeatLogTest, TellsWhatWasHeldBackEvenIfItNeverComesAgain) {
  say("a", "x", 0);
  say("a", "x", 1);
  say("a", "x", 2);
  tick(59);
  EXPECT_THAT(taken(), ElementsAre("x"));
  tick(60);
  EXPECT_THAT(taken(), ElementsAre("x (1 more in the last 60 s)"));
  say("a", "x", 61);
  EXPECT_THAT(taken(), IsEmpty()) << "the minute began anew when it was told";
  tick(120);
  EXPECT_THAT(taken(), ElementsAre("x"));
}

TEST_F(RepeatLogTest, ForgetsWhatWasSilentForAMinute) {
  say("a", "x", 0);
  tick(60);
  say("a", "x", 61);
  EXPECT_THAT(taken(), ElementsAre("x", "x"));
}

TEST_F(RepeatLogTest, IsBoundedWhateverKeysCome) {
  std::mt19937 random(7);
  for (int i = 0; i < 100'000; ++i) say(std::to_string(random()), "x", 0);
  EXPECT_EQ(taken().size(), RepeatLog::kMaxKeys + 1);
  tick(60);
  EXPECT_EQ(taken().size(), 1u);
}

}  // namespace
}  // namespace smt::cmd
