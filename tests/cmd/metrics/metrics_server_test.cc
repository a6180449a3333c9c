// The pages of a relay, served by a loop that the test turns.
#include "cmd/metrics/metrics_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include "relay/store/mem_store.h"
#include "tests/eventually.h"
#include "tests/loopback.h"
#include "tests/relay/store/relay_description.h"
#include "tests/text.h"
#include "tests/times.h"

namespace smt::cmd {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class MetricsServerTest : public testing::Test {
 protected:
  void SetUp() override {
    relay::RelayOptions options;
    options.name = "gate";
    options.random = [this] { return ++random_; };
    relay_ = std::make_unique<relay::Relay>(&store_, std::move(options));
    MetricsOptions metrics{"127.0.0.1:*", {"t/**"}, {}, "gate", "proxy", {}, &store_};
    Result<std::unique_ptr<MetricsServer>> server = MetricsServer::open(metrics, now_);
    ASSERT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(*server);
    const std::string address = server_->address();
    port_ = static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }
  Fd send_request(const std::string& path) const {
    Fd socket = dial(port_);
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    EXPECT_GT(send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
    return socket;
  }
  std::string answer_at(const Fd& socket) {
    std::string answer;
    EXPECT_TRUE(eventually([&] {
      server_->step(*relay_, now_);
      std::string room(1 << 16, '\0');
      const ssize_t n = recv(socket.get(), room.data(), room.size(), MSG_DONTWAIT);
      if (n > 0) answer.append(room, 0, static_cast<size_t>(n));
      return n == 0;
    }));
    return answer;
  }
  std::string ask(const std::string& path) { return answer_at(send_request(path)); }
  // Of the server's descriptors: 0, somebody asks; 1, pages have come.
  bool is_readable(size_t which) const {
    return eventually([&] {
      pollfd one = {server_->fds()[which], POLLIN, 0};
      return poll(&one, 1, 0) == 1;
    });
  }
  // Takes the request and begins a snapshot for it.
  void take_request() {
    ASSERT_TRUE(is_readable(0));
    server_->step(*relay_, now_);
  }
  void put(const std::string& name, int64_t born_ns, int64_t max_age_ns = 0) {
    relay::TopicDescription d = relay::describe(name, Schema::bytes(), 8, {});
    d.max_age_ns = max_age_ns;
    const Result<uint32_t> handle = store_.open(d, 0);
    ASSERT_TRUE(handle.ok());
    EXPECT_EQ(store_.put(*handle, {1, 0, born_ns, born_ns}, byte_view("12345678")), relay::PutResult::kTaken);
  }

  uint64_t random_ = 0;
  int64_t now_ = 5'000 * kMs;
  relay::MemStore store_;
  std::unique_ptr<relay::Relay> relay_;
  std::unique_ptr<MetricsServer> server_;
  uint16_t port_ = 0;
};

TEST_F(MetricsServerTest, PagesAreRenderedOnceASecondAndTheSameBytesUntilThen) {
  const std::string first = ask("/metrics");
  EXPECT_THAT(first, HasSubstr("smtrelay_uptime_seconds 0\n"));
  now_ += 990 * kMs;
  EXPECT_EQ(ask("/metrics"), first);
  now_ += 20 * kMs;
  EXPECT_THAT(ask("/metrics"), HasSubstr("smtrelay_uptime_seconds 1.01\n"));
}

TEST_F(MetricsServerTest, AStoreOfManyTopicsIsCopiedAFewAtATimeAndWhole) {
  for (int i = 0; i < 2'500; ++i) put("t/" + std::to_string(i), now_);
  EXPECT_THAT(ask("/metrics"), HasSubstr("smtrelay_topics{state=\"fresh\"} 2500\n"));
  EXPECT_THAT(ask("/readyz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, ATopicOfAStoreBecomesStaleWithItsAge) {
  put("t/a", now_, 1'500 * kMs);
  EXPECT_THAT(ask("/readyz"), StartsWith("HTTP/1.1 200 "));
  now_ += 2'000 * kMs;
  EXPECT_THAT(ask("/readyz"), HasSubstr("\r\n\r\ntopic t/a is stale\n"));
  EXPECT_THAT(ask("/livez"), StartsWith("HTTP/1.1 200 "));
}

// /readyz tells no state of a time before the question.
TEST_F(MetricsServerTest, PagesOfSomebodyWhoIsGoneAreNotPagesOfNow) {
  put("t/a", now_, 1'500 * kMs);
  {
    const Fd goes_away = send_request("/readyz");
    take_request();
  }
  ASSERT_TRUE(is_readable(1));
  server_->step(*relay_, now_);
  now_ += 2'000 * kMs;
  EXPECT_THAT(ask("/readyz"), EndsWith("topic t/a is stale\n"));
}

TEST_F(MetricsServerTest, PagesThatComeLateAnswerWhoHasWaitedAndNobodyElse) {
  put("t/a", now_, 1'500 * kMs);
  const Fd waits = send_request("/readyz");
  take_request();
  ASSERT_TRUE(is_readable(1));
  now_ += 2'000 * kMs;  // the loop stands still meanwhile
  EXPECT_THAT(ask("/readyz"), EndsWith("topic t/a is stale\n"));
  EXPECT_THAT(answer_at(waits), EndsWith("ready\n"));
}

TEST_F(MetricsServerTest, PagesAreAsOldAsTheBeginningOfTheirSnapshot) {
  for (int i = 0; i < 2'500; ++i) put("t/" + std::to_string(i), now_);
  const Fd waits = send_request("/metrics");
  take_request();
  for (int part = 0; part < 2; ++part) {
    now_ += 700 * kMs;
    server_->step(*relay_, now_);
  }
  EXPECT_THAT(answer_at(waits), HasSubstr("smtrelay_uptime_seconds 0\n"));
  EXPECT_THAT(ask("/metrics"), HasSubstr("smtrelay_uptime_seconds 1.4\n"));
}

}  // namespace
}  // namespace smt::cmd
