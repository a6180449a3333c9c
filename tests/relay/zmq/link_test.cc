// What every Link does: through memory, inproc, ipc and tcp.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "relay/zmq/link_zmq.h"
#include "shm/fd.h"
#include "tests/eventually.h"
#include "tests/relay/link_mem.h"

namespace smt::relay {
namespace {

class EveryLink : public testing::TestWithParam<std::string> {
 protected:
  EveryLink() {
    if (GetParam() == "mem") {
      binder_ = net_.bind("mem://a");
    } else {
      Result<std::unique_ptr<Link>> link = zmq_.bind(endpoint());
      EXPECT_TRUE(link.ok()) << link.status().message();
      binder_ = std::move(*link);
    }
  }
  std::string endpoint() const {
    if (GetParam() == "ipc") return "ipc:///tmp/smt-link-test-" + std::to_string(getpid());
    if (GetParam() == "tcp") return "tcp://127.0.0.1:*";
    return GetParam() == "inproc" ? "inproc://a" : "tcp://*:*";
  }
  // Of whoever dials. A listener of any address is dialled over the family that the parameter names.
  std::string address() const {
    const std::string& endpoint = binder_->endpoint();
    if (GetParam() != "IPv4" && GetParam() != "IPv6") return endpoint;
    EXPECT_EQ(endpoint.rfind("tcp://0.0.0.0:", 0), 0u) << endpoint << " is how it is shown";
    return (GetParam() == "IPv4" ? "tcp://127.0.0.1" : "tcp://[::1]") + endpoint.substr(endpoint.rfind(':'));
  }
  std::unique_ptr<Link> dial(const std::string& name = "d") {
    if (GetParam() == "mem") return net_.dial("mem://a", name);
    Result<std::unique_ptr<Link>> link = zmq_.dial(address());
    EXPECT_TRUE(link.ok()) << link.status().message();
    return std::move(*link);
  }
  static Frame payload_of(const std::string& text) {
    std::shared_ptr<std::byte[]> room = Frame::room(text.size());
    memcpy(room.get(), text.data(), text.size());
    Frame f;
    f.bytes = {room.get(), text.size()};
    f.block = std::move(room);
    return f;
  }
  static Sent send(Link& link, const PeerId& to, std::string_view header, const std::string& payload = "") {
    return link.send(to, std::as_bytes(std::span(header)), payload_of(payload));
  }
  static std::string text_of(std::span<const std::byte> b) {
    return std::string(reinterpret_cast<const char*>(b.data()), b.size());
  }
  struct Got {
    PeerId peer;
    std::string header, payload;
  };
  static Got receive(Link& link) {
    Incoming in;
    EXPECT_TRUE(eventually([&] { return link.receive(&in); }));
    EXPECT_FALSE(in.malformed);
    return {in.peer, text_of(in.header), text_of(in.payload)};
  }

  int64_t now_ns_ = 1;
  MemNet net_{&now_ns_};
  ZmqContext zmq_;
  std::unique_ptr<Link> binder_;
};

TEST_P(EveryLink, CarriesHeaderAndPayloadBothWaysInOrder) {
  std::unique_ptr<Link> d = dial();
  EXPECT_TRUE(d->dials());
  EXPECT_FALSE(binder_->dials());
  ASSERT_TRUE(eventually([&] { return send(*d, "", "hello") == Sent::kOk; }));
  const Got hello = receive(*binder_);
  EXPECT_EQ(hello.header, "hello");
  EXPECT_EQ(hello.payload, "");
  const std::string large(500'000, 'p');
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(send(*binder_, hello.peer, std::to_string(i), i % 2 == 0 ? large : "small"), Sent::kOk);
  }
  for (int i = 0; i < 50; ++i) {
    const Got got = receive(*d);
    EXPECT_EQ(got.peer, "");
    EXPECT_EQ(got.header, std::to_string(i));
    EXPECT_TRUE(got.payload == (i % 2 == 0 ? large : "small"));
  }
  Incoming in;
  EXPECT_FALSE(d->receive(&in));
}

TEST_P(EveryLink, TellsItsPeersApart) {
  std::unique_ptr<Link> a = dial("a"), b = dial("b");
  ASSERT_TRUE(eventually([&] { return send(*a, "", "of a") == Sent::kOk; }));
  const Got of_a = receive(*binder_);
  ASSERT_TRUE(eventually([&] { return send(*b, "", "of b") == Sent::kOk; }));
  const Got of_b = receive(*binder_);
  EXPECT_NE(of_a.peer, of_b.peer);
  ASSERT_EQ(send(*binder_, of_b.peer, "to b"), Sent::kOk);
  EXPECT_EQ(receive(*b).header, "to b");
  Incoming in;
  EXPECT_FALSE(a->receive(&in));
}

TEST_P(EveryLink, WhoIsNotThereYetIsFullAndWhoHasGoneIsGone) {
  std::unique_ptr<Link> d = dial();
  EXPECT_NE(send(*d, "", "hello"), Sent::kGone);
  EXPECT_EQ(send(*binder_, std::string("\0nobd", 5), "x"), Sent::kGone);
  ASSERT_TRUE(eventually([&] { return send(*d, "", "hello") == Sent::kOk; }));
  const PeerId peer = receive(*binder_).peer;
  d.reset();
  // A ROUTER notices the end of a connection when it looks for messages, as each step of a relay does.
  Incoming in;
  EXPECT_TRUE(eventually([&] {
    binder_->receive(&in);
    return send(*binder_, peer, "x") == Sent::kGone;
  }));
  d = dial();
  ASSERT_TRUE(eventually([&] { return send(*d, "", "hello") == Sent::kOk; }));
  EXPECT_EQ(receive(*binder_).header, "hello");
  if (GetParam() == "inproc") return;  // cannot be connected again below the application
  binder_.reset();
  EXPECT_TRUE(eventually([&] { return send(*d, "", "x") == Sent::kGone; }));
  d->redial();
  EXPECT_EQ(send(*d, "", "x"), Sent::kFull) << "a connection that is not there yet has not ended";
}

// A loop that takes only so much in a step looks before it sleeps: the descriptor tells of changes only.
TEST_P(EveryLink, IsReadableAsLongAsSomethingIsLeft) {
  std::unique_ptr<Link> d = dial();
  ASSERT_TRUE(eventually([&] { return send(*d, "", "hello") == Sent::kOk; }));
  const PeerId peer = receive(*binder_).peer;
  Incoming in;
  for (int round = 0; round < 3; ++round) {
    ASSERT_FALSE(d->receive(&in)) << "all is taken";
    ASSERT_EQ(send(*binder_, peer, "one"), Sent::kOk);
    ASSERT_EQ(send(*binder_, peer, "two"), Sent::kOk);
    EXPECT_EQ(receive(*d).header, "one");
    EXPECT_TRUE(eventually([&] { return d->readable(); }));
    EXPECT_EQ(receive(*d).header, "two");
  }
}

// One look is enough before a sleep, also after a message was sent.
TEST_P(EveryLink, IsNotAskedTwiceWhereNothingIsThere) {
  if (GetParam() == "mem") GTEST_SKIP();
  std::unique_ptr<Link> d = dial();
  ASSERT_TRUE(eventually([&] { return send(*d, "", "hello") == Sent::kOk; }));
  const PeerId peer = receive(*binder_).peer;
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(send(*d, "", "more"), Sent::kOk);
    EXPECT_EQ(receive(*binder_).header, "more");
    ASSERT_FALSE(d->readable());
    pollfd changed = {d->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&changed, 1, 0), 0);
    d->quiet();
    ASSERT_EQ(send(*binder_, peer, "one"), Sent::kOk);
    EXPECT_EQ(poll(&changed, 1, 10'000), 1) << "what comes after the look is told";
    Incoming in;
    EXPECT_FALSE(d->receive(&in)) << "asked again";
    EXPECT_EQ(receive(*d).header, "one");
  }
}

// As a loop does that polls its descriptor. inproc and memory have nobody who tells.
TEST_P(EveryLink, WhoHasDialledIsToldThatTheConnectionHasEndedAndThatNobodyListens) {
  if (GetParam() == "mem" || GetParam() == "inproc") GTEST_SKIP();
  const auto d = dial();
  const auto told = [&] {
    pollfd event = {d->event_fd(), POLLIN, 0};
    if (poll(&event, 1, 0) == 1) d->on_event();
    Incoming in;
    d->receive(&in);
  };
  ASSERT_TRUE(eventually([&] { return send(*d, "", "hello") == Sent::kOk; }));
  receive(*binder_);
  told();
  EXPECT_FALSE(d->has_ended());
  EXPECT_FALSE(d->is_refused());
  binder_.reset();
  EXPECT_TRUE(eventually([&] { return told(), d->has_ended(); }));
  d->redial();
  EXPECT_FALSE(d->has_ended());
  EXPECT_TRUE(eventually([&] { return told(), d->is_refused(); }));
}

TEST_P(EveryLink, RedialMakesAnotherPeer) {
  std::unique_ptr<Link> d = dial();
  ASSERT_TRUE(eventually([&] { return send(*d, "", "one") == Sent::kOk; }));
  const PeerId before = receive(*binder_).peer;
  d->redial();
  ASSERT_TRUE(eventually([&] { return send(*d, "", "two") == Sent::kOk; }));
  const Got after = receive(*binder_);
  EXPECT_EQ(after.header, "two");
  EXPECT_NE(after.peer, before);
  // An ended connection is noticed while receiving.
  EXPECT_TRUE(eventually([&] {
    Incoming in;
    binder_->receive(&in);
    return send(*binder_, before, "x") == Sent::kGone;
  }));
}

TEST_P(EveryLink, ReadableSaysWhetherReceiveHasSomething) {
  std::unique_ptr<Link> d = dial();
  EXPECT_FALSE(binder_->readable());
  ASSERT_TRUE(eventually([&] { return send(*d, "", "x") == Sent::kOk; }));
  EXPECT_TRUE(eventually([&] { return binder_->readable(); }));
  receive(*binder_);
  EXPECT_FALSE(binder_->readable());
}

std::vector<std::string> kinds_of_links() {
  std::vector<std::string> kinds = {"mem", "inproc", "ipc", "tcp", "IPv4"};
  sockaddr_in6 local{};
  local.sin6_family = AF_INET6;
  local.sin6_addr = in6addr_loopback;
  const Fd socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) == 0)
    kinds.push_back("IPv6");
  return kinds;
}

INSTANTIATE_TEST_SUITE_P(Links, EveryLink, testing::ValuesIn(kinds_of_links()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace smt::relay
