// Whoever is to say who may connect is not there, does not answer, or has died: nobody new is let in, known
// or not, and who was let in before goes on. And the try with a stranger's key finds a listener that lets
// strangers in.
#include "relay/zmq/zap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "relay/zmq/connections.h"
#include "relay/zmq/link_zmq.h"
#include "shm/clock.h"
#include "tests/eventually.h"
#include "tests/relay/keys/keys_fixture.h"
#include "tests/row.h"

namespace smt::relay {
namespace {

using ::testing::HasSubstr;

class ZapTest : public KeysTest {
 protected:
  ZapTest() {
    write("peers/known.pub", known_.public_text());
    const auto ring = Keyring::read(dir_);
    EXPECT_TRUE(ring.ok()) << ring.status().message();
    keys_ = *ring;
  }

  // A listener as relays have them, except that a handshake that nobody answers ends soon.
  zmq::socket_t listen() {
    zmq::socket_t s(server_, zmq::socket_type::router);
    s.set(zmq::sockopt::linger, 0);
    s.set(zmq::sockopt::handshake_ivl, 100);
    guard_socket(&s, self_);
    s.bind("tcp://127.0.0.1:*");
    return s;
  }
  struct Client {
    zmq::socket_t socket;
    std::unique_ptr<Connections> handshakes;
    ~Client() { handshakes.reset(); }
  };
  // Says something to whoever listens there.
  std::unique_ptr<Client> knock(const zmq::socket_t& at, const KeyPair& who) {
    auto c = std::make_unique<Client>();
    c->socket = zmq::socket_t(client_, zmq::socket_type::dealer);
    c->socket.set(zmq::sockopt::linger, 0);
    c->socket.set(zmq::sockopt::reconnect_ivl, 20);
    await(&c->socket, who, self_.public_key);
    c->handshakes = std::make_unique<Connections>(&client_, &c->socket);
    c->socket.connect(at.get(zmq::sockopt::last_endpoint));
    c->socket.send(zmq::str_buffer("let me in"), zmq::send_flags::dontwait);
    return c;
  }
  // Messages until so many handshakes of the client have failed, or one has not.
  size_t heard_until_refused(zmq::socket_t* server, Client* client, int times) {
    size_t heard = 0;
    for (int looks = 0; looks < 1000 && times > 0; ++looks) {
      if (zap_) zap_->answer();
      zmq::message_t m;
      while (server->recv(m, zmq::recv_flags::dontwait)) heard += m.to_string() == "let me in";
      const Handshake how = client->handshakes->last(boottime_ns());
      if (how == Handshake::kDone) return heard + 1;
      times -= how != Handshake::kNone;
      zmq::pollitem_t items[] = {client->handshakes->poll_item(), {server->handle(), 0, ZMQ_POLLIN, 0}};
      zmq::poll(items, 2, std::chrono::milliseconds(20));
    }
    EXPECT_EQ(times, 0) << "no handshake ends";
    return heard;
  }
  bool served(zmq::socket_t* server, const std::string& text) {
    for (int looks = 0; looks < 1000; ++looks) {
      if (zap_) zap_->answer();
      zmq::message_t m;
      while (server->recv(m, zmq::recv_flags::dontwait)) {
        if (m.to_string() == text) return true;
      }
      zmq::pollitem_t item{server->handle(), 0, ZMQ_POLLIN, 0};
      zmq::poll(&item, 1, std::chrono::milliseconds(5));
    }
    return false;
  }
  void answer() {
    zap_.emplace(&server_, keys_, [this](const std::string& address, const std::string& fingerprint) {
      refused_ = address + " " + fingerprint;
    });
  }
  // The status that libzmq gets for these frames behind the version.
  std::string asked(const std::string& domain, const std::string& mechanism, std::string_view key,
                    const std::string& version = "1.0", const std::string& address = "10.0.0.1") {
    zmq::socket_t s(server_, zmq::socket_type::req);
    s.set(zmq::sockopt::linger, 0);
    s.connect("inproc://zeromq.zap.01");
    for (const std::string& frame :
         {version, std::string("1"), domain, address, std::string("id"), mechanism})
      s.send(zmq::buffer(frame), zmq::send_flags::sndmore);
    s.send(zmq::buffer(key), zmq::send_flags::none);
    EXPECT_EQ(zap_->answer(), 1u);
    std::vector<std::string> reply;
    zmq::message_t frame;
    do {
      if (!s.recv(frame, zmq::recv_flags::dontwait)) return "nothing";
      reply.push_back(frame.to_string());
    } while (frame.more());
    return reply.size() == 6 && reply[0] == "1.0" ? reply[2] : "no reply of ZAP";
  }
  static std::string_view text_of(const KeyBytes& key) {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
  }

  const KeyPair known_ = KeyPair::make("known"), stranger_ = KeyPair::make("stranger");
  std::shared_ptr<const Keyring> keys_;
  zmq::context_t server_, client_;  // as two processes
  std::optional<ZapHandler> zap_;
  std::string refused_;  // last
};

TEST_F(ZapTest, OnlyAKnownKeyThatComesByCurveAndForUsPasses) {
  answer();
  const std::string_view known = text_of(known_.public_key);
  EXPECT_EQ(asked("smtrelay", "CURVE", known), "200");
  EXPECT_EQ(refused_, "");
  EXPECT_EQ(asked("smtrelay", "CURVE", text_of(stranger_.public_key)), "400");
  EXPECT_EQ(refused_, "10.0.0.1 " + fingerprint_of(stranger_.public_key));
  EXPECT_EQ(asked("smtrelay", "CURVE", text_of(self_.public_key)), "200")
      << "a program beside the relay, with its keys, may ask it";
  EXPECT_EQ(asked("", "CURVE", known), "400");
  EXPECT_EQ(asked("other", "CURVE", known), "400");
  EXPECT_EQ(asked("smtrelay", "NULL", known), "400");
  EXPECT_EQ(asked("smtrelay", "PLAIN", known), "400");
  EXPECT_EQ(asked("smtrelay", "CURVE", known.substr(1)), "400");
  EXPECT_EQ(asked("smtrelay", "CURVE", ""), "400");
  EXPECT_EQ(asked("smtrelay", "CURVE", known, "2.0"), "400");
}

TEST_F(ZapTest, AddressesOfIPv4AreShownAsSuch) {
  answer();
  const std::pair<const char*, const char*> kTable[] = {{"::ffff:192.0.2.7", "192.0.2.7 "},
                                                        {"::1", "::1 "},
                                                        {"fe80::1%eth0", "fe80::1%eth0 "},
                                                        {"::ffff:1", "::ffff:1 "}};
  for (const auto& [address, shown] : kTable) {
    EXPECT_EQ(asked("smtrelay", "CURVE", text_of(stranger_.public_key), "1.0", address), "400");
    EXPECT_EQ(refused_, shown + fingerprint_of(stranger_.public_key));
  }
}

TEST_F(ZapTest, WhereNobodyAnswersNobodyIsServed) {
  uint64_t let_in = 0, tried = 0;
  // Never there.
  zmq::socket_t absent = listen();
  for (const KeyPair* who : {&known_, &stranger_}) {
    const auto client = knock(absent, *who);
    let_in += heard_until_refused(&absent, client.get(), 3);
    ++tried;
  }
  absent.close();
  // It died: its socket is closed as the kernel would close it.
  answer();
  zmq::socket_t server = listen();
  const auto before = knock(server, known_);
  ASSERT_TRUE(served(&server, "let me in"));
  zap_.reset();
  for (const KeyPair* who : {&known_, &stranger_}) {
    const auto client = knock(server, *who);
    let_in += heard_until_refused(&server, client.get(), 3);
    ++tried;
  }
  before->socket.send(zmq::str_buffer("still here"), zmq::send_flags::dontwait);
  EXPECT_TRUE(served(&server, "still here")) << "who was let in before goes on";
  // It begins anew.
  answer();
  const auto after = knock(server, known_);
  EXPECT_TRUE(served(&server, "let me in"));
  const auto refused = knock(server, stranger_);
  let_in += heard_until_refused(&server, refused.get(), 1);
  ++tried;
  print_row(Row{.id = "S2", .what = "the ZAP handler is absent or dead", .n = tried, .violations = let_in});
  EXPECT_EQ(let_in, 0u);
}

TEST_F(ZapTest, WhereTheAnswerDoesNotComeNobodyIsServed) {
  // There, and stuck.
  ZapHandler hung(&server_, keys_, [](const std::string&, const std::string&) {});
  zmq::socket_t server = listen();
  uint64_t let_in = 0;
  for (const KeyPair* who : {&known_, &stranger_}) {
    const auto client = knock(server, *who);
    let_in += heard_until_refused(&server, client.get(), 3);
  }
  print_row(Row{.id = "S2", .what = "the ZAP handler hangs", .n = 2, .violations = let_in});
  EXPECT_EQ(let_in, 0u);
}

TEST_F(ZapTest, AListenerThatLetsStrangersInIsFoundOutAndSoIsOneThatDoesNotAnswer) {
  answer();
  zmq::context_t careless;
  zmq::socket_t open(careless, zmq::socket_type::router);
  open.set(zmq::sockopt::curve_server, true);
  open.set(zmq::sockopt::curve_secretkey, zmq::buffer(self_.secret.bytes().data(), 32));
  open.bind("tcp://127.0.0.1:*");
  const Status let_in =
      try_a_stranger(&client_, open.get(zmq::sockopt::last_endpoint), self_, stranger_, &*zap_);
  EXPECT_EQ(let_in.code(), Code::kSystem);
  EXPECT_THAT(let_in.message(), HasSubstr("a stranger was let in"));
  zmq::socket_t guarded = listen();
  const std::string endpoint = guarded.get(zmq::sockopt::last_endpoint);
  EXPECT_TRUE(try_a_stranger(&client_, endpoint, self_, stranger_, &*zap_).ok());
  guarded.close();
  const Status silent = try_a_stranger(&client_, "tcp://127.0.0.1:1", self_, stranger_, &*zap_);
  EXPECT_THAT(silent.message(), HasSubstr("nothing is served"));
  print_row(Row{
      .id = "S2", .what = "a listener that is tried before it serves", .n = 3, .violations = HasFailure()});
}

TEST_F(ZapTest, AListenerHasItsNewKeyOnceItListensAgainAtItsAddress) {
  ZmqContext context;
  ASSERT_TRUE(context.set_keys(keys_, [](const std::string&, const std::string&) {}).ok());
  const auto link = context.bind("tcp://127.0.0.1:*"), any = context.bind("tcp://*:*");
  ASSERT_TRUE(link.ok()) << link.status().message();
  ASSERT_TRUE(any.ok()) << any.status().message();
  const std::string endpoint = (*link)->endpoint();
  EXPECT_TRUE(context.listen_again().ok()) << "nothing has changed";

  write("self.key", KeyPair::make("base").secret_text(), 0600);
  const auto ring = Keyring::read(dir_);
  ASSERT_TRUE(ring.ok()) << ring.status().message();
  ASSERT_TRUE(context.change_keys(*ring).ok());
  Status listens;
  EXPECT_TRUE(eventually([&] {
    listens = context.listen_again();
    return listens.code() != Code::kInUse;
  }));
  EXPECT_TRUE(listens.ok()) << listens.message();
  EXPECT_EQ((*link)->endpoint(), endpoint);
  EXPECT_TRUE(context.listen_again().ok());
}

TEST_F(ZapTest, TwoThatAnswerAreRefused) {
  ZmqContext context;
  const auto nobody = [](const std::string&, const std::string&) {};
  ASSERT_TRUE(context.set_keys(keys_, nobody).ok());
  answer();
  EXPECT_THROW(ZapHandler(&server_, keys_, nobody), zmq::error_t);
}

}  // namespace
}  // namespace smt::relay
