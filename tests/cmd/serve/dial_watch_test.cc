// Where nothing flows is told after a while, then once a minute while it lasts, under a clock that the test
// moves; probes are real ones, of paths that do not exist.
#include "cmd/serve/dial_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "shm/fd.h"
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

TEST_F(DialWatchTest, ANewOutageIsToldAfterFiveSecondsWheneverTheLastOneWas) {
  run_until(106);
  EXPECT_THAT(told(), ElementsAre(HasSubstr(" for 5 s: there is no socket")));
  dialed_[0].stands = Stands::kFine;
  dialed_[0].since_ns = now_;
  run_until(110);
  dialed_[0].stands = Stands::kSilent;
  dialed_[0].since_ns = now_;
  run_until(114);
  EXPECT_THAT(told(), IsEmpty());
  run_until(116);
  EXPECT_THAT(told(), ElementsAre(HasSubstr(" for 5 s: there is no socket")));
  run_until(170);
  EXPECT_THAT(told(), IsEmpty()) << "while it lasts once a minute";
}

TEST_F(DialWatchTest, AnotherReasonIsToldAtOnceAndEachOnceAMinute) {
  run_until(106);
  EXPECT_THAT(told(), ElementsAre(HasSubstr("there is no socket")));
  const Fd nobody_listens(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = temp_.path() + "/none";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(nobody_listens.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  run_until(120);
  EXPECT_THAT(told(), ElementsAre(HasSubstr("nobody listens there")));
  std::filesystem::remove(path);
  run_until(164);
  EXPECT_THAT(told(), IsEmpty());
  run_until(168);
  EXPECT_THAT(told(), ElementsAre(HasSubstr("there is no socket")));
}

TEST_F(DialWatchTest, TellsWhatTheEngineDoesNot) {
  dialed_[0].refusal = Status(Code::kMismatch, "the relay there has another key");
  dialed_[0].refused_ns = now_;
  run_until(106);
  EXPECT_THAT(told(), ElementsAre(HasSubstr("there is no socket"))) << "the probe knows better";
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
