// What a supervisor is told: state changes at once and each once, the watchdog at half of its time, and
// nothing is lost or waited for where the supervisor reads late.
#include "cmd/cli/service_notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "cmd/text/deadline.h"
#include "tests/notify_socket.h"
#include "tests/temp_folder.h"
#include "tests/times.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ServiceNotifierTest : public testing::Test {
 protected:
  ~ServiceNotifierTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }
  LogSink log() {
    return LogSink([this](LogLevel, const std::string& line) { warnings_.push_back(line); });
  }
  ServiceNotifier notifier(int64_t watchdog_ns = 0) { return {supervisor_.name(), watchdog_ns, log()}; }
  ServiceNotifier from_environment(const std::string& us, const std::string& pid) {
    setenv("NOTIFY_SOCKET", supervisor_.name().c_str(), 1);
    setenv("WATCHDOG_USEC", us.c_str(), 1);
    setenv("WATCHDOG_PID", pid.c_str(), 1);
    return ServiceNotifier::from_environment(log());
  }

  TempFolder folder_;
  NotifySocket supervisor_{folder_.path() + "/notify"};
  std::vector<std::string> warnings_;
};

TEST_F(ServiceNotifierTest, TellsStateAndStatus) {
  ServiceNotifier service = notifier();
  service.status("one peer");
  service.ready();
  service.stopping();
  EXPECT_THAT(supervisor_.lines(), ElementsAre("STATUS=one peer", "READY=1", "STOPPING=1"));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(ServiceNotifierTest, FindsAnAbstractSocket) {
  NotifySocket abstract("@smt-test-" + std::to_string(getpid()));
  ServiceNotifier service(abstract.name(), 0, log());
  service.ready();
  EXPECT_THAT(abstract.lines(), ElementsAre("READY=1"));
}

TEST_F(ServiceNotifierTest, AReloadHasTheTimeOfItsBeginningInTheSameDatagram) {
  ServiceNotifier service = notifier();
  timespec before;
  clock_gettime(CLOCK_MONOTONIC, &before);
  service.reloading();
  const std::string told = supervisor_.take().value_or("");
  ASSERT_THAT(told, StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  const int64_t us = std::stoll(told.substr(told.rfind('=') + 1));
  EXPECT_GE(us, before.tv_sec * 1'000'000 + before.tv_nsec / 1000);
  EXPECT_LT(us, (before.tv_sec + 60) * 1'000'000);
}

TEST_F(ServiceNotifierTest, SendsAStatusOnceAndAsOneLine) {
  ServiceNotifier service = notifier();
  service.status("a\nREADY=1");
  service.status("a\nREADY=1");
  EXPECT_THAT(supervisor_.lines(), ElementsAre("STATUS=a?READY=1"));
  service.status("b");
  EXPECT_THAT(supervisor_.lines(), ElementsAre("STATUS=b"));
}

TEST_F(ServiceNotifierTest, FeedsTheWatchdogAtHalfOfItsTime) {
  ServiceNotifier service = notifier(2 * kSecond);
  EXPECT_EQ(service.look(10 * kSecond), 11 * kSecond);
  EXPECT_THAT(supervisor_.lines(), ElementsAre("WATCHDOG=1"));
  EXPECT_EQ(service.look(11 * kSecond - 1), 11 * kSecond);
  EXPECT_THAT(supervisor_.lines(), IsEmpty());
  EXPECT_EQ(service.look(11 * kSecond), 12 * kSecond);
  EXPECT_THAT(supervisor_.lines(), ElementsAre("WATCHDOG=1"));
}

TEST_F(ServiceNotifierTest, HasNothingToDoWithoutSupervisorOrWatchdog) {
  ServiceNotifier alone("", kSecond, log());
  EXPECT_FALSE(alone.has_supervisor());
  alone.ready();
  EXPECT_EQ(alone.look(kSecond), kNever);
  EXPECT_EQ(notifier().look(kSecond), kNever);
  EXPECT_THAT(supervisor_.lines(), IsEmpty());
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(ServiceNotifierTest, KeepsWhatASupervisorHasNoRoomForAndTellsItLater) {
  ServiceNotifier service = notifier();
  // A datagram socket of the kernel takes some ten datagrams that nobody reads.
  for (int i = 0; i < 1000; ++i) service.status(std::to_string(i));
  service.ready();
  EXPECT_EQ(service.look(kSecond), kSecond + 10'000'000);
  supervisor_.lines();
  EXPECT_EQ(service.look(2 * kSecond), kNever);
  EXPECT_THAT(supervisor_.lines(), ElementsAre("STATUS=999", "READY=1"));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(ServiceNotifierTest, TriesAgainWhereTheSocketIsGoneAndWarnsOnce) {
  const std::string path = folder_.path() + "/later";
  ServiceNotifier service(path, 0, log());
  service.ready();
  EXPECT_EQ(service.look(kSecond), 2 * kSecond);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("No such file")));
  NotifySocket later(path);
  service.look(2 * kSecond - 1);
  EXPECT_THAT(later.lines(), IsEmpty());
  service.look(2 * kSecond);
  EXPECT_THAT(later.lines(), ElementsAre("READY=1"));
}

TEST_F(ServiceNotifierTest, ASocketThatIsNoPathIsToldAndNotUsed) {
  for (const std::string& name : {std::string("vsock:2:1234"), "/" + std::string(200, 'x')}) {
    warnings_.clear();
    ServiceNotifier service(name, kSecond, log());
    EXPECT_FALSE(service.has_supervisor());
    EXPECT_THAT(warnings_, ElementsAre(HasSubstr("no path of a socket")));
  }
}

TEST_F(ServiceNotifierTest, TheWatchdogIsThatOfThisProcess) {
  EXPECT_EQ(from_environment("2000000", std::to_string(getpid())).look(kSecond), 2 * kSecond);
  EXPECT_EQ(from_environment("2000000", "").look(kSecond), 2 * kSecond);
  EXPECT_EQ(from_environment("2000000", "1").look(kSecond), kNever);
  EXPECT_EQ(from_environment("", "").look(kSecond), kNever);
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(ServiceNotifierTest, AWatchdogThatIsNoNumberIsToldAndNotFed) {
  for (const char* us : {"soon", "-1", "0", "1x", "99999999999999999999", "9000000000000000000"}) {
    warnings_.clear();
    EXPECT_EQ(from_environment(us, "").look(kSecond), kNever) << us;
    EXPECT_THAT(warnings_, ElementsAre(HasSubstr(us)));
  }
}

}  // namespace
}  // namespace smt::cmd
