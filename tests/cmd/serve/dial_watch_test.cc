// Where nothing flows is told after a while, then once a minute while it lasts, under a clock that the test
// moves; probes are real ones, of paths that do not exist.
#include "cmd/serve/dial_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/temp_folder.h"
#include "tests/times.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Stands = relay::DialedEndpoint::Stands;

class DialWatchTest : public testing::Test {
 protected:
  static constexpr int64_t kLookNs = 250'000'000;

  // Looks until then; each probe that has begun ends at once.
  void run_until(int64_t seconds) {
    for (; now_ <= seconds * kSecond; now_ += kLookNs) {
      watch_.look(dialed_, false, now_);
      while (watch_.found(dialed_[0].endpoint).answer == Answer::kLookUp) std::this_thread::yield();
    }
  }
  std::vector<std::string> told() { return std::exchange(told_, {}); }

  const TempFolder temp_;
  const std::string endpoint_ = "ipc://" + temp_.path() + "/none";
  std::vector<std::string> told_;
  DialWatch watch_{LogSink([this](LogLevel, const std::string& line) { told_.push_back(line); }),
                   DialWatch::kProbeAfterNs};
  int64_t now_ = 100 * kSecond;
  std::vector<relay::DialedEndpoint> dialed_{{endpoint_, Stands::kSilent, now_, "", Status(), 0}};
};

TEST_F(DialWatchTest, ASilentEndpointIsToldAfterFiveSecondsAndThenOnceAMinute) {
  run_until(104);
  EXPECT_THAT(told(), IsEmpty());
  run_until(106);
  EXPECT_THAT(told(), ElementsAre("nobody has answered at " + endpoint_ +
                                  " for 5 s: there is no socket at this path; start a relay that binds it, "
                                  "or correct the path"));
  run_until(164);
  EXPECT_THAT(told(), IsEmpty());
  run_until(226);
  EXPECT_THAT(told(), ElementsAre(HasSubstr(" for 65 s: "), HasSubstr(" for 2 min: ")));
}

TEST_F(DialWatchTest, OneThatComesAndGoesIsToldNoMoreThanOnceAMinute) {
  for (int64_t seconds = 106; seconds < 220; seconds += 6) {
    run_until(seconds);
    dialed_[0].since_ns = now_;  // a peer was there in between
  }
  EXPECT_EQ(told().size(), 2u);
}

TEST_F(DialWatchTest, APeerWithWhichNothingFlowsIsTold) {
  dialed_[0].stands = Stands::kWantsNothing;
  dialed_[0].peer = "robot2";
  run_until(170);
  EXPECT_THAT(told(), ElementsAre(HasSubstr("peer robot2 on " + endpoint_ + " wants nothing"),
                                  HasSubstr("wants nothing")));
}

TEST_F(DialWatchTest, AnEndpointThatIsReachedElsewhereIsNotTold) {
  dialed_[0].stands = Stands::kElsewhere;
  run_until(170);
  EXPECT_THAT(told(), IsEmpty());
}

}  // namespace
}  // namespace smt::cmd
