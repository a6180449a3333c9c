// When the supervisor of a relay hears that the relay is ready, and what its status says.
#include "cmd/relays/relay_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/store/mem_store.h"
#include "tests/notify_socket.h"
#include "tests/temp_folder.h"
#include "tests/times.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class RelayServiceTest : public testing::Test {
 protected:
  RelayServiceTest() {
    Result<RelayLoop::Links> links = loop_.bind("inproc://service-test");
    EXPECT_TRUE(links.ok()) << links.status().message();
    if (links.ok()) loop_.add(std::move(*links));
  }

  TempFolder folder_;
  NotifySocket supervisor_{folder_.path() + "/notify"};
  relay::MemStore store_;
  RelayLoop loop_{&store_, relay::RelayOptions()};
  RelayService service_{ServiceNotifier(supervisor_.name(), 0, LogSink())};
};

TEST_F(RelayServiceTest, IsReadyOnceWithItsEndpointsInTheStatus) {
  EXPECT_EQ(service_.look(loop_, "", kSecond), 2 * kSecond);
  EXPECT_THAT(supervisor_.lines(),
              ElementsAre("STATUS=at inproc://service-test, peers connected: 0", "READY=1"));
  service_.look(loop_, "", 2 * kSecond);
  EXPECT_THAT(supervisor_.lines(), IsEmpty());
}

TEST_F(RelayServiceTest, IsReadyAgainAfterAReload) {
  service_.look(loop_, "", kSecond);
  supervisor_.lines();
  service_.begin_reload();
  service_.look(loop_, "", kSecond);
  EXPECT_THAT(supervisor_.lines(), ElementsAre("RELOADING=1", StartsWith("MONOTONIC_USEC="), "READY=1"));
}

TEST_F(RelayServiceTest, TellsWhyAReloadWasRefusedUntilOneIsTaken) {
  service_.begin_reload();
  service_.look(loop_, "pub.toml:3:1: no", kSecond);
  service_.look(loop_, "", 2 * kSecond);
  EXPECT_THAT(
      supervisor_.lines(),
      ElementsAre("RELOADING=1", StartsWith("MONOTONIC_USEC="),
                  "STATUS=reload refused: pub.toml:3:1: no; at inproc://service-test, peers connected: 0",
                  "READY=1", "STATUS=at inproc://service-test, peers connected: 0"));
}

}  // namespace
}  // namespace smt::cmd
