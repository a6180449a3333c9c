// A message that repeats: told at once, then once a minute with its count, whatever comes between; but a
// change of state is no repeat.
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
  void turn(const std::string& thing, const std::string& state, int64_t seconds) {
    log_.log(Severity::kInfo, relay::MessageKey::state(thing, state), thing + " " + state, seconds * kSecond);
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

TEST_F(RepeatLogTest, NeverHoldsBackAChangeOfState) {
  turn("vm", "is here", 0);
  turn("vm", "is gone", 5);
  turn("vm", "is here", 6);
  turn("vm", "is gone", 7);
  turn("vm", "is here", 8);
  EXPECT_THAT(taken(), ElementsAre("vm is here", "vm is gone", "vm is here", "vm is gone", "vm is here"));
  turn("vm", "is here", 9);
  EXPECT_THAT(taken(), IsEmpty()) << "the same state again is a repeat";
  turn("base", "is here", 9);
  EXPECT_THAT(taken(), ElementsAre("base is here"));
}

TEST_F(RepeatLogTest, TellsAnewWhatItToldBeforeAnotherState) {
  const auto refuse = [&](int64_t seconds) {
    log_.log(Severity::kWarning, {"vm", "refused"}, "vm refuses", seconds * kSecond);
  };
  for (int64_t s = 0; s < 4; ++s) refuse(s);
  EXPECT_THAT(taken(), ElementsAre("vm refuses"));
  turn("vm", "is here", 4);
  EXPECT_THAT(taken(), ElementsAre("vm refuses (2 more in the last 4 s)", "vm is here"))
      << "what was held back stands before the change that came after it";
  turn("vm", "is gone", 5);
  refuse(6);
  refuse(7);
  EXPECT_THAT(taken(), ElementsAre("vm is gone", "vm refuses"));
}

TEST_F(RepeatLogTest, TellsTheLastStateOfAThingThatChangesAllTheTimeWithinSeconds) {
  const auto name = [](int64_t i) { return i % 2 == 0 ? "is here" : "is gone"; };
  for (int64_t i = 0; i < 1000; ++i) turn("vm", name(i), 0);
  EXPECT_EQ(taken().size(), static_cast<size_t>(RepeatLog::kMaxChanges));
  tick(1);
  EXPECT_THAT(taken(), IsEmpty());
  tick(2);
  EXPECT_THAT(taken(), ElementsAre("vm is gone (changes before it that are left out: 969)"));
  for (int64_t s = 3; s < 63; ++s) turn("vm", name(s), s), tick(s);
  EXPECT_LE(taken().size(), 31u);
  tick(64);
  taken();
  tick(300);
  turn("vm", "is here", 301);
  turn("vm", "is gone", 301);
  EXPECT_THAT(taken(), ElementsAre("vm is here", "vm is gone")) << "after a rest each change is told";
  for (int64_t i = 0; i < 1001; ++i) turn("vm", name(i), 301);
  taken();
  log_.finish(301 * kSecond);
  EXPECT_THAT(taken(), ElementsAre(testing::StartsWith("vm is here (")));
}

TEST_F(RepeatLogTest, IsBoundedWhateverKeysCome) {
  std::mt19937 random(7);
  for (int i = 0; i < 100'000; ++i) say(std::to_string(random()), "x", 0);
  EXPECT_EQ(taken().size(), RepeatLog::kMaxKeys + 1);
  for (int i = 0; i < 1000; ++i) turn(std::to_string(random()), "is here", 1);
  EXPECT_LE(taken().size(), 2u * RepeatLog::kMaxChanges);
  tick(61);
  EXPECT_LE(taken().size(), 2u);
  tick(200);
  for (int i = 0; i < 10; ++i) turn(std::to_string(i), "is here", 201);
  EXPECT_EQ(taken().size(), 10u) << "there is room again";
}

}  // namespace
}  // namespace smt::cmd
