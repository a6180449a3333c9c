// The HTTP server of a relay, asked by honest clients and by others, under a clock of the test.
#include "relay/http/http_server.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/eventually.h"
#include "tests/loopback.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kGet[] = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

class HttpServerTest : public testing::Test {
 protected:
  struct Client {
    Fd socket;
    std::string got;
    bool closed = false;
  };

  void SetUp() override {
    Result<std::unique_ptr<HttpServer>> server = HttpServer::open(
        *HttpAddress::parse("127.0.0.1:*"), [this](const HttpRequest& request) { return answer(request); });
    ASSERT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(*server);
    port_ = static_cast<uint16_t>(std::stoi(server_->address().substr(server_->address().rfind(':') + 1)));
  }
  std::optional<HttpResponse> answer(const HttpRequest& request) {
    asked_.push_back(request.path);
    local_ = request.local;
    if (request.path == "/later" && !answers_) return std::nullopt;
    if (request.path == "/large") return HttpResponse::text(200, std::string(16 << 20, 'x'));
    return HttpResponse::text(200, "ok " + request.path + "\n");
  }

  Client connect() const { return {dial(port_), "", false}; }
  void say(Client* client, const std::string& text) const {
    ASSERT_EQ(send(client->socket.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  Client ask(const std::string& text) {
    Client client = connect();
    say(&client, text);
    return client;
  }
  // Reads what is there.
  void look(Client* client, size_t max = 1 << 20) const {
    std::string room(max, '\0');
    const ssize_t n = recv(client->socket.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n > 0) client->got.append(room, 0, static_cast<size_t>(n));
    client->closed = client->closed || n == 0 || (n < 0 && errno != EAGAIN);
  }
  // Steps the server until the client has what it waits for.
  bool comes(Client* client, const std::function<bool(const Client&)>& condition) {
    return eventually([&] {
      server_->step(now_);
      look(client);
      return condition(*client);
    });
  }
  bool gets(Client* client, const std::string& text) {
    return comes(client, [&](const Client& c) { return c.got.find(text) != c.got.npos; });
  }
  bool closes(Client* client) {
    return comes(client, [](const Client& c) { return c.closed; });
  }
  // The whole answer to a request, after which the server closes.
  std::string refused(const std::string& text) {
    Client client = ask(text);
    EXPECT_TRUE(closes(&client)) << client.got;
    return client.got;
  }
  // Steps, so that everything that has come by now is dealt with.
  void settle() {
    for (int i = 0; i < 50; ++i) server_->step(now_);
  }
  const HttpCounters& counts() const { return server_->counters(); }

  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
  int64_t now_ = 1'000 * kMs;
  bool answers_ = false, local_ = false;
  std::vector<std::string> asked_;
};

TEST_F(HttpServerTest, ARequestIsAnsweredAndTheConnectionIsKept) {
  Client client = ask("GET /metrics?name=x HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n");
  ASSERT_TRUE(gets(&client, "ok /metrics\n"));
  EXPECT_THAT(client.got, AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 12\r\n"),
                                HasSubstr("Connection: keep-alive\r\n")));
  EXPECT_TRUE(local_);
  say(&client, "GET /livez HTTP/1.1\r\nHost: [::1]:9464\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(gets(&client, "ok /livez\n"));
  EXPECT_TRUE(closes(&client));
  client.socket.reset();
  EXPECT_EQ(counts().connections, 1u);
  EXPECT_EQ(counts().requests, 2u);
  EXPECT_TRUE(eventually([&] { return server_->step(now_), counts().open == 0; }));
}

TEST_F(HttpServerTest, HeadHasTheSizeAndNoBodyAndHttp10IsClosed) {
  Client client = ask("HEAD /livez HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(closes(&client));
  EXPECT_THAT(client.got, AllOf(HasSubstr("Content-Length: 10\r\n"), HasSubstr("Connection: close\r\n"),
                                EndsWith("\r\n\r\n")));
}

TEST_F(HttpServerTest, RequestsInOnePieceAreAnsweredInOrderAndAllOfThem) {
  constexpr int kRequests = 100;
  std::string all;
  for (int i = 0; i < kRequests; ++i)
    all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  Client client = ask(all);
  ASSERT_TRUE(gets(&client, "ok /99\n"));
  ASSERT_EQ(asked_.size(), size_t{kRequests});
  for (int i = 0; i < kRequests; ++i) EXPECT_EQ(asked_[i], "/" + std::to_string(i));
}

TEST_F(HttpServerTest, OneClientWithManyRequestsDoesNotHoldUpAStep) {
  std::string all;
  for (int i = 0; i < 60; ++i) all += kGet;
  Client client = ask(all);
  ASSERT_TRUE(eventually([&] { return server_->step(now_), !asked_.empty(); }));
  EXPECT_LE(asked_.size(), 16u);
}

TEST_F(HttpServerTest, ManyWhoComeAtOnceDoNotHoldUpAStep) {
  std::vector<Client> clients(60);
  for (Client& client : clients) client = connect();
  ASSERT_TRUE(eventually([&] { return server_->step(now_), counts().connections != 0; }));
  EXPECT_LE(counts().connections, 4u);
  EXPECT_TRUE(eventually([&] { return server_->step(now_), counts().connections == 60; }));
}

TEST_F(HttpServerTest, ARequestMayComeByteByByte) {
  Client client = connect();
  for (const char c : std::string(kGet)) {
    say(&client, std::string(1, c));
    settle();
  }
  EXPECT_TRUE(gets(&client, "ok /livez\n"));
}

TEST_F(HttpServerTest, AForeignHostIsMisdirected) {
  for (const char* host : {"evil.example", "evil.example:9464", "127.0.0.1.evil.example", "10.0.0.1", "::1",
                           "localhost.evil", ""}) {
    const std::string got = refused(std::string("GET /metrics HTTP/1.1\r\nHost: ") + host + "\r\n\r\n");
    EXPECT_THAT(got, StartsWith("HTTP/1.1 421 ")) << host;
  }
  EXPECT_EQ(counts().refused_foreign_host, 7u);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(HttpServerTest, WhatIsNoRequestIsRefusedWithAReason) {
  EXPECT_THAT(refused("\x16\x03\x01\x02\x00\x01\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused("GET /x HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 ")) << "no Host";
  EXPECT_THAT(refused("GET /x HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused("GET http://localhost/x HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused("DELETE /x HTTP/1.1\r\nHost: localhost\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_EQ(counts().refused_malformed, 5u);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(HttpServerTest, WhatIsTooLargeIsRefusedAndTheClientLearnsWhy) {
  const std::string begin = "GET /x HTTP/1.1\r\nHost: localhost\r\n";
  EXPECT_THAT(refused(begin + "A: " + std::string(1 << 16, 'a')), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(refused("GET /" + std::string(1 << 16, 'a')), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(refused(begin + "Content-Length: 1\r\n\r\na"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(refused(begin + "Content-Length: 99999999999\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(refused(begin + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(counts().refused_too_large, 5u);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(HttpServerTest, ARequestThatNeverEndsIsRefusedWhenItsTimeIsOver) {
  Client silent = connect(), slow = ask("GET /x HTTP/1.1\r\n");
  settle();
  now_ += 4'900 * kMs;
  say(&slow, "A: b\r\n");
  settle();
  look(&slow);
  EXPECT_EQ(slow.got, "");
  EXPECT_LE(server_->next_due_ns(), now_ + 200 * kMs);
  now_ += 200 * kMs;
  EXPECT_TRUE(gets(&slow, "HTTP/1.1 408 ")) << "each byte gives it no more time";
  EXPECT_TRUE(gets(&silent, "HTTP/1.1 408 "));
  EXPECT_EQ(counts().refused_slow, 2u);
}

TEST_F(HttpServerTest, AConnectionThatIsNotUsedIsClosed) {
  Client client = ask(kGet);
  ASSERT_TRUE(gets(&client, "ok /livez\n"));
  now_ += 29'000 * kMs;
  settle();
  look(&client);
  EXPECT_FALSE(client.closed);
  now_ += 2'000 * kMs;
  EXPECT_TRUE(closes(&client));
  EXPECT_EQ(counts().dropped_idle, 1u);
}

TEST_F(HttpServerTest, AnAnswerThatIsNotTakenIsDroppedAndHoldsNobodyUp) {
  Client slow = ask("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"), other = connect();
  settle();
  say(&other, kGet);
  EXPECT_TRUE(gets(&other, "ok /livez\n"));
  EXPECT_EQ(counts().open, 2u);
  now_ += 10'001 * kMs;
  settle();
  EXPECT_EQ(counts().dropped_slow_reader, 1u);
  EXPECT_EQ(counts().open, 1u);
}

TEST_F(HttpServerTest, ALargeAnswerComesWhole) {
  Client client = ask("GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(closes(&client));
  EXPECT_EQ(client.got.size() - client.got.find("\r\n\r\n") - 4, size_t{16 << 20});
}

TEST_F(HttpServerTest, AnAnswerThatIsNotThereYetIsAskedForAgain) {
  Client client = ask("GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server_->step(now_), asked_.size() > 2; }));
  answers_ = true;
  EXPECT_TRUE(gets(&client, "ok /later\n"));
  answers_ = false;
  say(&client, "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const size_t asked = asked_.size();
  ASSERT_TRUE(eventually([&] { return server_->step(now_), asked_.size() > asked; }));
  now_ += 5'001 * kMs;
  EXPECT_TRUE(gets(&client, "HTTP/1.1 503 "));
  EXPECT_EQ(counts().refused_unready, 1u);
}

TEST_F(HttpServerTest, AClientThatGoesAwayIsForgotten) {
  Client waits = ask("GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n"), half = ask("GET /x HT");
  ASSERT_TRUE(eventually([&] { return server_->step(now_), counts().open == 2 && !asked_.empty(); }));
  const linger reset{1, 0};
  setsockopt(waits.socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  waits.socket.reset();
  half.socket.reset();
  EXPECT_TRUE(eventually([&] { return server_->step(now_), counts().open == 0; }));
  EXPECT_EQ(counts().dropped_broken, 2u);
}

// A thousand at once, as after a switch was restarted: each is answered.
TEST_F(HttpServerTest, AThousandClientsAtOnceAreAllAnswered) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
  setrlimit(RLIMIT_NOFILE, &files);
  std::vector<Client> clients(1000);
  for (Client& client : clients) client = ask(kGet);
  for (Client& client : clients) {
    ASSERT_TRUE(client.socket.ok());
    ASSERT_TRUE(gets(&client, "ok /livez\n"));
  }
  EXPECT_LE(counts().open, HttpLimits().max_connections);
  EXPECT_EQ(counts().dropped_full, 1000 - HttpLimits().max_connections);
}

TEST_F(HttpServerTest, WhoWasAnsweredMakesRoomFirstAndThenWhoHasBeenQuietForTheLongest) {
  std::vector<Client> slow(HttpLimits().max_connections - 1);
  for (Client& client : slow) {
    client = ask("GET /x HTTP/1.1\r\n");
    now_ += kMs;
    settle();
  }
  Client answered = ask(kGet);
  ASSERT_TRUE(gets(&answered, "ok /livez\n"));
  Client next = connect();
  EXPECT_TRUE(closes(&answered));
  look(&slow.front());
  EXPECT_FALSE(slow.front().closed);
  Client last = connect();
  EXPECT_TRUE(closes(&slow.front()));
  look(&slow.back());
  EXPECT_FALSE(slow.back().closed);
  EXPECT_EQ(counts().dropped_full, 2u);
}

// Nor do a thousand that say nothing, or little, keep others out.
TEST_F(HttpServerTest, AThousandSlowClientsKeepNobodyOut) {
  std::vector<Client> clients(1000);
  for (size_t i = 0; i < clients.size(); ++i) {
    clients[i] = i % 2 == 0 ? connect() : ask("GET /x HTTP/1.1\r\n");
    now_ += kMs / 10;
    server_->step(now_);
  }
  Client probe = ask(kGet);
  EXPECT_TRUE(gets(&probe, "ok /livez\n"));
  EXPECT_LE(counts().open, HttpLimits().max_connections);
  settle();
  EXPECT_EQ(counts().connections, 1001u);
  EXPECT_EQ(counts().dropped_full, 1001 - HttpLimits().max_connections);
}

// The server is at the limit of what the process may open: it waits, and its descriptor is quiet meanwhile.
TEST_F(HttpServerTest, WithoutADescriptorTheServerWaitsAndGoesOn) {
  Client client = ask(kGet);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool refused = eventually([&] { return server_->step(now_), counts().not_accepted == 1; });
  server_->step(now_);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(refused);
  EXPECT_EQ(counts().not_accepted, 1u) << "it does not ask again and again";
  EXPECT_LE(server_->next_due_ns(), now_ + 100 * kMs);
  now_ += 100 * kMs;
  EXPECT_TRUE(gets(&client, "ok /livez\n"));
}

TEST(HttpAddressTest, AnAddressIsANumberOrLocalhostAndAPort) {
  for (const char* text : {"127.0.0.1:9464", "localhost:9464", "[::1]:9464", "127.9.9.9:*"}) {
    const Result<HttpAddress> address = HttpAddress::parse(text);
    ASSERT_TRUE(address.ok()) << address.status().message();
    EXPECT_TRUE(address->is_loopback()) << text;
  }
  for (const char* text : {"*:9464", "0.0.0.0:9464", "[::]:9464", "10.0.0.1:1", "[::ffff:10.0.0.1]:1"}) {
    const Result<HttpAddress> address = HttpAddress::parse(text);
    ASSERT_TRUE(address.ok()) << address.status().message();
    EXPECT_FALSE(address->is_loopback()) << text;
  }
  for (const char* text : {"", "9464", "127.0.0.1", "127.0.0.1:", ":9464", "127.0.0.1:0", "127.0.0.1:65536",
                           "127.0.0.1:12x", "robot:9464", "::1:9464", "[::1]9464", "127.0.0.1:-1"}) {
    EXPECT_EQ(HttpAddress::parse(text).status().code(), Code::kInvalid) << text;
  }
  EXPECT_EQ(HttpAddress::parse("*:9464")->to_dial().text(), "127.0.0.1:9464");
  EXPECT_EQ(HttpAddress::parse("[::]:9464")->to_dial().text(), "[::1]:9464");
  EXPECT_EQ(HttpAddress::parse("10.0.0.1:9464")->to_dial().text(), "10.0.0.1:9464");
}

TEST(HttpAddressTest, APortThatIsTakenIsSaidWithTheCommandThatShowsByWhom) {
  uint16_t port = 0;
  const Fd taken = bound(&port);
  ASSERT_EQ(listen(taken.get(), 1), 0);
  const Result<Fd> second = listen_at(*HttpAddress::parse("127.0.0.1:" + std::to_string(port)));
  EXPECT_EQ(second.status().code(), Code::kInUse);
  EXPECT_THAT(second.status().message(), HasSubstr("ss -ltnp"));
}

}  // namespace
}  // namespace smt::relay
