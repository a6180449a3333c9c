// The connections of a listening socket, with peers that speak no more of ZMTP than it takes.
#include "relay/zmq/connections.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <list>
#include <string>

#include "shm/clock.h"
#include "tests/times.h"
#include "tests/tools/process.h"
#include "tests/tools/raw_peer.h"

namespace smt::relay {
namespace {

using tools::RawPeer;

constexpr int kSoonMs = 2000;

class ConnectionsTest : public testing::Test {
 protected:
  ConnectionsTest() : router_(context_, zmq::socket_type::router), connections_(&context_, &router_) {
    router_.set(zmq::sockopt::linger, 0);
    router_.bind("tcp://127.0.0.1:*");
    const std::string endpoint = router_.get(zmq::sockopt::last_endpoint);
    port_ = static_cast<uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
  }
  // Takes messages out as if this key had been shown; how many.
  size_t take(const std::string& key) {
    size_t taken = 0;
    for (zmq::message_t id, body; router_.recv(id, zmq::recv_flags::dontwait); ++taken) {
      uint64_t bytes = 0;
      do {
        (void)router_.recv(body);
        bytes += Connections::wire_bytes(body.size(), false);
      } while (body.more());
      last_ = id.to_string();
      connections_.on_received(zmq_msg_get(body.handle(), ZMQ_SRCFD), last_, key, bytes, now_);
    }
    return taken;
  }
  RawPeer& dial(const std::string& key = "") {
    RawPeer& peer = peers_.emplace_back(port_);
    EXPECT_TRUE(peer.connected());
    if (key.empty()) return peer;
    EXPECT_TRUE(peer.send("hello"));
    EXPECT_TRUE(eventually([&] { return take(key) == 1; }));
    return peer;
  }
  std::vector<Connections::Cut> check(int64_t now_ns) {
    connections_.check(true, now_ns);
    std::vector<Connections::Cut> cuts;
    for (Connections::Cut cut; connections_.take_cut(&cut);) cuts.push_back(cut);
    return cuts;
  }

  zmq::context_t context_{1};
  zmq::socket_t router_;
  Connections connections_;
  uint16_t port_ = 0;
  const int64_t now_ = boottime_ns();
  std::string last_;  // peer
  std::list<RawPeer> peers_;
};

TEST_F(ConnectionsTest, WhoSaysNothingIsCutAfterTenSeconds) {
  RawPeer& silent = dial();
  RawPeer& speaks = dial("key");
  check(now_);
  check(now_ + 9 * kSecond);
  EXPECT_FALSE(silent.ends(100));
  EXPECT_TRUE(speaks.send("still here"));
  EXPECT_TRUE(eventually([&] {
    zmq::message_t id, body;
    if (!router_.recv(id, zmq::recv_flags::dontwait)) return false;
    (void)router_.recv(body);
    connections_.on_received(zmq_msg_get(body.handle(), ZMQ_SRCFD), last_, "key", 12, now_ + 9 * kSecond);
    return true;
  }));
  EXPECT_TRUE(check(now_ + 11 * kSecond).empty());
  EXPECT_TRUE(silent.ends(kSoonMs));
  EXPECT_FALSE(speaks.ends(100));
}

TEST_F(ConnectionsTest, OfTooManySilentOnesTheOldestAreCut) {
  rlimit before{}, few{};
  getrlimit(RLIMIT_NOFILE, &before);
  for (int i = 0; i < 20; ++i) dial();
  check(now_);
  few = {60, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &few);
  check(now_);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(peers_.front().ends(100));  // 20 of 60 are few enough
  few.rlim_cur = 30;
  setrlimit(RLIMIT_NOFILE, &few);
  check(now_);
  setrlimit(RLIMIT_NOFILE, &before);
  size_t ended = 0;
  for (RawPeer& peer : peers_) ended += peer.ends(50);
  EXPECT_EQ(ended, 5u);
}

TEST_F(ConnectionsTest, WhoNeverEndsAMessageIsCutAndNamed) {
  RawPeer& honest = dial("honest");
  RawPeer& hoarder = dial("hoarder");
  const std::string peer = last_, frame(1 << 20, 'x');
  size_t sent = 0;
  std::vector<Connections::Cut> cuts;
  for (; cuts.empty() && sent < 200 && hoarder.send(frame, true); ++sent) cuts = check(now_);
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_GE(sent, Connections::kMaxHeldBytes >> 20);
  EXPECT_LE(sent, 100u);  // libzmq reads on while this looks
  EXPECT_EQ(cuts[0].key, "hoarder");
  EXPECT_EQ(cuts[0].peer, peer);
  EXPECT_TRUE(cuts[0].hoards);
  EXPECT_TRUE(hoarder.ends(kSoonMs));
  EXPECT_FALSE(honest.ends(100));
}

TEST_F(ConnectionsTest, InACrowdWhoNeverEndsAMessageIsCutToo) {
  for (int i = 0; i < 300; ++i) dial();  // more than are counted at once
  RawPeer& hoarder = dial("hoarder");
  const std::string frame(1 << 20, 'x');
  std::vector<Connections::Cut> cuts;
  for (size_t sent = 0; cuts.empty() && sent < 200 && hoarder.send(frame, true); ++sent) cuts = check(now_);
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].key, "hoarder");
  EXPECT_TRUE(hoarder.ends(kSoonMs));
  EXPECT_FALSE(peers_.front().ends(100));
}

TEST_F(ConnectionsTest, WhoseMessagesAreTakenMaySendAsManyAsItLikes) {
  RawPeer& peer = dial("key");
  const std::string frame(1 << 20, 'x');
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(peer.send("small", true));
    ASSERT_TRUE(peer.send(frame));
    ASSERT_TRUE(eventually([&] { return take("key") == 1; }));
    ASSERT_TRUE(check(now_).empty());
  }
}

TEST_F(ConnectionsTest, OneKeyHasThirtyTwoConnections) {
  for (size_t i = 0; i < Connections::kMaxOfAKey; ++i) dial("key");
  EXPECT_TRUE(check(now_).empty());
  RawPeer& one_more = dial("key");
  RawPeer& other = dial("other");
  const std::vector<Connections::Cut> cuts = check(now_);
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_FALSE(cuts[0].hoards);
  EXPECT_TRUE(one_more.ends(kSoonMs));
  EXPECT_FALSE(other.ends(100));
  // Another one may come when one has gone.
  peers_.pop_front();
  EXPECT_TRUE(eventually([&] {
    (void)check(now_);
    RawPeer& next = dial("key");
    return check(now_).empty() && !next.ends(50);
  }));
}

TEST_F(ConnectionsTest, WhoIsDroppedHearsWhatWasSentBefore) {
  RawPeer& peer = dial("key");
  router_.send(zmq::buffer(last_), zmq::send_flags::sndmore);
  router_.send(zmq::str_buffer("goodbye"));
  connections_.drop(last_, now_);
  check(now_ + 400 * kMs);
  EXPECT_EQ(peer.hear(kSoonMs), "goodbye");
  EXPECT_FALSE(peer.ends(100));
  EXPECT_TRUE(check(now_ + 600 * kMs).empty());
  EXPECT_TRUE(peer.ends(kSoonMs));
}

}  // namespace
}  // namespace smt::relay
