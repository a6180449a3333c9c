// What every Link does: through memory, inproc, ipc and tcp.
// Seeded bug that must make this file fail: relay/zmq/link_zmq.cc without ZMQ_ROUTER_MANDATORY (a peer that is
// gone takes messages for ever).
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <thread>

#include "relay/zmq/link_zmq.h"
#include "tests/relay/link_mem.h"

namespace smt::relay {
namespace {

class EveryLink : public testing::TestWithParam<std::string> {
 protected:
  EveryLink() {
    if (GetParam() == "mem") {
      binder_ = net_.bind("mem://a");
    } else {
      Result<std::unique_ptr<Link>> link = zmq_.bind(Endpoint());
      EXPECT_TRUE(link.ok()) << link.status().message();
      binder_ = std::move(*link);
    }
  }
  std::string Endpoint() const {
    if (GetParam() == "ipc") return "ipc:///tmp/smt-link-test-" + std::to_string(getpid());
    return GetParam() == "tcp" ? "tcp://127.0.0.1:*" : "inproc://a";
  }
  std::unique_ptr<Link> Dial(const std::string& name = "d") {
    if (GetParam() == "mem") return net_.dial("mem://a", name);
    Result<std::unique_ptr<Link>> link = zmq_.dial(binder_->endpoint());
    EXPECT_TRUE(link.ok()) << link.status().message();
    return std::move(*link);
  }
  static bool Until(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  static Frame Payload(const std::string& text) {
    std::shared_ptr<std::byte[]> room = Frame::room(text.size());
    memcpy(room.get(), text.data(), text.size());
    Frame f;
    f.bytes = {room.get(), text.size()};
    f.block = std::move(room);
    return f;
  }
  static Sent Send(Link& link, const PeerId& to, std::string_view header, const std::string& payload = "") {
    return link.send(to, std::as_bytes(std::span(header)), Payload(payload));
  }
  static std::string Text(std::span<const std::byte> b) {
    return std::string(reinterpret_cast<const char*>(b.data()), b.size());
  }
  struct Got {
    PeerId peer;
    std::string header, payload;
  };
  static Got Receive(Link& link) {
    Incoming in;
    EXPECT_TRUE(Until([&] { return link.receive(&in); }));
    EXPECT_FALSE(in.malformed);
    return {in.peer, Text(in.header), Text(in.payload)};
  }

  int64_t now_ns_ = 1;
  MemNet net_{&now_ns_};
  ZmqContext zmq_;
  std::unique_ptr<Link> binder_;
};

TEST_P(EveryLink, CarriesHeaderAndPayloadBothWaysInOrder) {
  std::unique_ptr<Link> d = Dial();
  EXPECT_TRUE(d->dials());
  EXPECT_FALSE(binder_->dials());
  ASSERT_TRUE(Until([&] { return Send(*d, "", "hello") == Sent::kOk; }));
  const Got hello = Receive(*binder_);
  EXPECT_EQ(hello.header, "hello");
  EXPECT_EQ(hello.payload, "");
  const std::string large(500'000, 'p');
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(Send(*binder_, hello.peer, std::to_string(i), i % 2 == 0 ? large : "small"), Sent::kOk);
  }
  for (int i = 0; i < 50; ++i) {
    const Got got = Receive(*d);
    EXPECT_EQ(got.peer, "");
    EXPECT_EQ(got.header, std::to_string(i));
    EXPECT_TRUE(got.payload == (i % 2 == 0 ? large : "small"));
  }
  Incoming in;
  EXPECT_FALSE(d->receive(&in));
}

TEST_P(EveryLink, TellsItsPeersApart) {
  std::unique_ptr<Link> a = Dial("a"), b = Dial("b");
  ASSERT_TRUE(Until([&] { return Send(*a, "", "of a") == Sent::kOk; }));
  const Got of_a = Receive(*binder_);
  ASSERT_TRUE(Until([&] { return Send(*b, "", "of b") == Sent::kOk; }));
  const Got of_b = Receive(*binder_);
  EXPECT_NE(of_a.peer, of_b.peer);
  ASSERT_EQ(Send(*binder_, of_b.peer, "to b"), Sent::kOk);
  EXPECT_EQ(Receive(*b).header, "to b");
  Incoming in;
  EXPECT_FALSE(a->receive(&in));
}

TEST_P(EveryLink, NobodyThereIsFullForADiallerAndGoneForABinder) {
  std::unique_ptr<Link> d = Dial();
  EXPECT_EQ(Send(*binder_, std::string("\0nobd", 5), "x"), Sent::kGone);
  ASSERT_TRUE(Until([&] { return Send(*d, "", "hello") == Sent::kOk; }));
  const PeerId peer = Receive(*binder_).peer;
  d.reset();
  // A ROUTER notices the end of a connection when it looks for messages, as each step of a relay does.
  Incoming in;
  EXPECT_TRUE(Until([&] {
    binder_->receive(&in);
    return Send(*binder_, peer, "x") == Sent::kGone;
  }));
  d = Dial();
  ASSERT_TRUE(Until([&] { return Send(*d, "", "hello") == Sent::kOk; }));
  EXPECT_EQ(Receive(*binder_).header, "hello");
  if (GetParam() == "inproc") return;  // cannot be connected again below the application
  binder_.reset();
  EXPECT_TRUE(Until([&] { return Send(*d, "", "x") == Sent::kFull; }));
}

TEST_P(EveryLink, RedialMakesAnotherPeer) {
  std::unique_ptr<Link> d = Dial();
  ASSERT_TRUE(Until([&] { return Send(*d, "", "one") == Sent::kOk; }));
  const PeerId before = Receive(*binder_).peer;
  d->redial();
  ASSERT_TRUE(Until([&] { return Send(*d, "", "two") == Sent::kOk; }));
  const Got after = Receive(*binder_);
  EXPECT_EQ(after.header, "two");
  EXPECT_NE(after.peer, before);
  // An ended connection is noticed while receiving.
  EXPECT_TRUE(Until([&] {
    Incoming in;
    binder_->receive(&in);
    return Send(*binder_, before, "x") == Sent::kGone;
  }));
}

TEST_P(EveryLink, ReadableSaysWhetherReceiveHasSomething) {
  std::unique_ptr<Link> d = Dial();
  EXPECT_FALSE(binder_->readable());
  ASSERT_TRUE(Until([&] { return Send(*d, "", "x") == Sent::kOk; }));
  EXPECT_TRUE(Until([&] { return binder_->readable(); }));
  Receive(*binder_);
  EXPECT_FALSE(binder_->readable());
}

INSTANTIATE_TEST_SUITE_P(Links, EveryLink, testing::Values("mem", "inproc", "ipc", "tcp"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace smt::relay
