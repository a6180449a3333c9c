// Each knob of the chaos proxy does what it says: a test that relies on it must not pass because nothing
// happened.
#include "tests/tools/chaos_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <numeric>
#include <optional>

#include "shm/clock.h"
#include "tests/loopback.h"

namespace smt::tools {
namespace {

constexpr int kPatienceMs = 5'000;

class ChaosProxyTest : public testing::Test {
 protected:
  ChaosProxyTest() {
    uint16_t port = 0;
    listener_ = bound(&port);
    if (listen(listener_.get(), 8) != 0) abort();
    proxy_.emplace(port, 1);
  }

  // A connection through the proxy: `near_` has dialled, `far_` was dialled.
  void connect() {
    near_ = dial(proxy_->port());
    ASSERT_TRUE(near_.ok());
    pollfd fd{listener_.get(), POLLIN, 0};
    ASSERT_EQ(poll(&fd, 1, kPatienceMs), 1);
    far_ = Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    send_text(near_, "hello");
    ASSERT_EQ(receive_text(far_, 5), "hello");
  }

  static void send_text(const Fd& to, const std::string& text) {
    ASSERT_EQ(send(to.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // So many bytes, or what came before the end or an error; `errno_` is that of the last read.
  std::string receive_text(const Fd& from, size_t bytes, int timeout_ms = kPatienceMs) {
    std::string text;
    errno_ = 0;
    while (text.size() < bytes) {
      pollfd fd{from.get(), POLLIN, 0};
      if (poll(&fd, 1, timeout_ms) != 1) {
        errno_ = ETIMEDOUT;
        break;
      }
      char buffer[4096];
      const ssize_t n = recv(from.get(), buffer, std::min(sizeof buffer, bytes - text.size()), 0);
      if (n < 0) errno_ = errno;
      if (n <= 0) break;
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }
  static int count_turned(const std::string& a, const std::string& b) {
    return std::transform_reduce(a.begin(), a.end(), b.begin(), 0, std::plus<>(), [](char x, char y) {
      return std::popcount(static_cast<unsigned char>(x ^ y));
    });
  }

  Fd listener_, near_, far_;
  std::optional<ChaosProxy> proxy_;
  int errno_ = 0;
};

TEST_F(ChaosProxyTest, CarriesBothWaysAndTellsTheEndOfEach) {
  connect();
  send_text(far_, "answer");
  EXPECT_EQ(receive_text(near_, 6), "answer");
  shutdown(near_.get(), SHUT_WR);
  EXPECT_EQ(receive_text(far_, 1), "");
  EXPECT_EQ(errno_, 0);
  send_text(far_, "still");
  EXPECT_EQ(receive_text(near_, 5), "still");
  EXPECT_EQ(proxy_->counts().flips[0] + proxy_->counts().resets, 0u);
}

TEST_F(ChaosProxyTest, DelaysOneWay) {
  connect();
  proxy_->set(ChaosProxy::kDown, {.delay_ns = 100'000'000});
  const int64_t begin = boottime_ns();
  send_text(far_, "x");
  EXPECT_EQ(receive_text(near_, 1), "x");
  EXPECT_GE(boottime_ns() - begin, 100'000'000);
  const int64_t back = boottime_ns();
  send_text(near_, "y");
  EXPECT_EQ(receive_text(far_, 1), "y");
  EXPECT_LT(boottime_ns() - back, 90'000'000);
}

TEST_F(ChaosProxyTest, LetsThroughNoMoreThanItsRate) {
  connect();
  proxy_->set(ChaosProxy::kUp, {.bytes_per_s = 100'000});
  const int64_t begin = boottime_ns();
  send_text(near_, std::string(30'000, 'x'));
  EXPECT_EQ(receive_text(far_, 30'000).size(), 30'000u);
  const double seconds = static_cast<double>(boottime_ns() - begin) / 1e9;
  EXPECT_GE(seconds, 0.29);
  EXPECT_LT(seconds, 2.0);
}

TEST_F(ChaosProxyTest, TurnsOverAsManyBitsAsItSays) {
  connect();
  proxy_->set(ChaosProxy::kUp, {.flip = 0.01, .flip_from = 5 + 10'000});
  const std::string sent(60'000, 'x');
  send_text(near_, sent);
  const std::string came = receive_text(far_, sent.size());
  ASSERT_EQ(came.size(), sent.size());
  EXPECT_EQ(came.substr(0, 10'000), sent.substr(0, 10'000));
  const int turned = count_turned(sent, came);
  EXPECT_EQ(static_cast<uint64_t>(turned), proxy_->counts().flips[ChaosProxy::kUp]);
  EXPECT_NEAR(turned, 500, 120);
  send_text(far_, sent.substr(0, 1000));
  EXPECT_EQ(receive_text(near_, 1000), sent.substr(0, 1000));
}

TEST_F(ChaosProxyTest, SwallowsOneWayWhileTheOtherGoesOn) {
  connect();
  proxy_->set(ChaosProxy::kUp, {.swallow = true});
  send_text(near_, "nobody hears this");
  send_text(far_, "answer");
  EXPECT_EQ(receive_text(near_, 6), "answer");
  EXPECT_EQ(receive_text(far_, 1, 50), "");
  EXPECT_EQ(errno_, ETIMEDOUT);
  EXPECT_EQ(proxy_->counts().swallowed[ChaosProxy::kUp], 17u);
}

TEST_F(ChaosProxyTest, CutsAfterExactlySoManyBytes) {
  connect();
  proxy_->set(ChaosProxy::kUp, {.cut_after = 5 + 1000});
  send_text(near_, std::string(3000, 'x'));
  const std::string came = receive_text(far_, 3000);
  EXPECT_LE(came.size(), 1000u);  // an RST overtakes what the receiver has not read
  EXPECT_EQ(errno_, ECONNRESET);
  EXPECT_EQ(receive_text(near_, 1), "");
  EXPECT_EQ(errno_, ECONNRESET);
}

TEST_F(ChaosProxyTest, ResetsBothSidesAndTakesNewConnections) {
  connect();
  proxy_->reset();
  EXPECT_EQ(receive_text(near_, 1), "");
  EXPECT_EQ(errno_, ECONNRESET);
  EXPECT_EQ(receive_text(far_, 1), "");
  EXPECT_EQ(errno_, ECONNRESET);
  EXPECT_EQ(proxy_->counts().resets, 2u);
  connect();
  EXPECT_EQ(proxy_->counts().connections, 2u);
}

TEST_F(ChaosProxyTest, ClosesOneWayOnly) {
  connect();
  proxy_->half_close(ChaosProxy::kUp);
  EXPECT_EQ(receive_text(far_, 1), "");
  EXPECT_EQ(errno_, 0);
  send_text(far_, "answer");
  EXPECT_EQ(receive_text(near_, 6), "answer");
}

TEST_F(ChaosProxyTest, ResetsWhoDialsWhileNobodyListensBehindIt) {
  listener_.reset();
  near_ = dial(proxy_->port());
  ASSERT_TRUE(near_.ok());
  EXPECT_EQ(receive_text(near_, 1), "");
  EXPECT_EQ(errno_, ECONNRESET);
}

}  // namespace
}  // namespace smt::tools
