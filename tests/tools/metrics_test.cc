// What relays tell of themselves over HTTP, asked from outside.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>

#include <chrono>
#include <map>
#include <set>

#include "shm/clock.h"
#include "tests/loopback.h"
#include "tests/tools/json.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class MetricsTest : public RelayTest {
 protected:
  static uint16_t port_of_pages(Relay& relay) { return port_of("tcp://" + pages_of(relay)); }
  // The whole answer, with its head; the server closes after it.
  static std::string ask(uint16_t port, const std::string& path, const std::string& host = "localhost") {
    const Fd socket = dial(port);
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    const timeval limit{20, 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    std::string answer;
    for (char room[65536];;) {
      const ssize_t n = recv(socket.get(), room, sizeof room, 0);
      if (n <= 0) return answer;
      answer.append(room, static_cast<size_t>(n));
    }
  }
  static std::string body(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
  // The values of all metrics, by name and labels.
  static std::map<std::string, double> metrics(uint16_t port) {
    std::map<std::string, double> values;
    for (const std::string& line : split_lines(body(ask(port, "/metrics")))) {
      const size_t space = line.rfind(' ');
      if (!line.starts_with("#") && space != line.npos)
        values[line.substr(0, space)] = std::stod(line.substr(space + 1));
    }
    return values;
  }
  static bool is_ready(uint16_t port) { return ask(port, "/readyz").starts_with("HTTP/1.1 200 "); }
  static std::string at(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }
};

TEST_F(MetricsTest, ARelayTellsWhetherItLivesIsReadyAndWhatItCounts) {
  publish("arm/pose", "f64", "4.25");
  Relay pub_relay = pub({"--metrics", "127.0.0.1:*"});
  Relay sub_relay = sub(pub_relay.endpoint(), {"--metrics", "127.0.0.1:*"});
  const uint16_t port = port_of_pages(sub_relay), pub_port = port_of_pages(pub_relay);
  EXPECT_THAT(ask(port, "/livez"), StartsWith("HTTP/1.1 200 OK\r\n"));
  ASSERT_TRUE(eventually([&] { return metrics(port)["smtrelay_inbound_samples_total"] > 0; }));
  EXPECT_THAT(ask(port, "/metrics"), HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_EQ(metrics(port).count("smtrelay_topic_fresh{topic=\"arm/pose\"}"), 1u);
  EXPECT_EQ(metrics(pub_port)["smtrelay_peers"], 1);
  const Json status = Json::parse(body(ask(port, "/status")));
  EXPECT_EQ(status["name"], "base");
  EXPECT_EQ(status["role"], "sub");
  EXPECT_EQ(status["endpoints"][0]["stands"], "fine");
  EXPECT_EQ(status["named_topics"][0]["topic"], "arm/pose");
  EXPECT_THAT(ask(port, "/metrics") + ask(port, "/status"), ::testing::Not(HasSubstr("4.25"))) << "a value";
  EXPECT_THAT(ask(port, "/"), AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("/livez")));
  EXPECT_THAT(ask(port, "/metrics", "evil.example"), StartsWith("HTTP/1.1 421 "));
}

TEST_F(MetricsTest, WhoAsksWithinASecondGetsTheSameBytes) {
  Relay relay = pub({"--metrics", "127.0.0.1:*"});
  const uint16_t port = port_of_pages(relay);
  const int64_t begin = boottime_ns();
  std::set<std::string> pages;
  // Each page tells the uptime of its snapshot.
  while (boottime_ns() - begin < 2'500'000'000) pages.insert(body(ask(port, "/metrics")));
  EXPECT_GE(pages.size(), 2u);
  EXPECT_LE(pages.size(), 4u);
}

// What came in is what was written, what was dropped with a reason, and what is held back.
TEST_F(MetricsTest, WhatCameInHasAnOutcomeToTheLastSample) {
  Process source({"smtsinewave", "wave", "--domain", "robot", "--rate", "500"}, env());
  Relay pub_relay = pub({"--metrics", "127.0.0.1:*"});
  Relay sub_relay = sub(pub_relay.endpoint(), {"--metrics", "127.0.0.1:*"});
  Relay other =
      start({"smtrelay_sub", "--domain", "other", "--connect", pub_relay.endpoint(), "--rate", "20"});
  const uint16_t port = port_of_pages(sub_relay), pub_port = port_of_pages(pub_relay);
  ASSERT_TRUE(eventually([&] { return metrics(port)["smtrelay_inbound_samples_total"] > 500; }));
  const auto sum_of_drops = [](const std::map<std::string, double>& all, const std::string& group) {
    double sum = 0;
    for (const auto& [name, value] : all) {
      if (name.starts_with("smtrelay_" + group + "_drops_total{")) sum += value;
    }
    return sum;
  };
  std::map<std::string, double> in = metrics(port), out = metrics(pub_port);
  EXPECT_EQ(in["smtrelay_inbound_samples_total"],
            in["smtrelay_inbound_written_total"] + in["smtrelay_inbound_confirmed_total"] +
                sum_of_drops(in, "inbound") + in["smtrelay_inbound_held"]);
  EXPECT_EQ(out["smtrelay_outbound_publications_total"],
            out["smtrelay_outbound_samples_total"] + sum_of_drops(out, "outbound"));
  EXPECT_EQ(out["smtrelay_outbound_pending"], 0);
  EXPECT_GT(sum_of_drops(out, "outbound"), 0) << "the second mirror takes 20 a second";
}

// G40: unready within 5 s; here within 2 s. A relay that has lost its peer lives.
TEST_F(MetricsTest, ReadyTurnsWithTheTopicAndWithThePeerAndAliveDoesNot) {
  auto source = std::make_unique<Process>(
      std::vector<std::string>{"smtsinewave", "wave", "--domain", "robot", "--rate", "50"}, env());
  Relay pub_relay = pub();
  Relay sub_relay = sub(pub_relay.endpoint(), {"--metrics", "127.0.0.1:*", "--ready", "wave"});
  const uint16_t port = port_of_pages(sub_relay);
  ASSERT_TRUE(eventually([&] { return is_ready(port); }));
  EXPECT_EQ(run({"smtrelay_health", "--metrics", at(port), "--ready"}).exit_code, 0);

  const auto turns_within_two_seconds = [&] {
    return eventually([&] { return !is_ready(port); }, std::chrono::milliseconds(2000));
  };
  source->send(SIGKILL);
  EXPECT_TRUE(turns_within_two_seconds());
  EXPECT_THAT(ask(port, "/healthz"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("topic wave is source-dead\n")));
  const Ended ended = run({"smtrelay_health", "--metrics", at(port), "--ready"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("topic wave is source-dead"));

  source = std::make_unique<Process>(
      std::vector<std::string>{"smtsinewave", "wave", "--domain", "robot", "--rate", "50"}, env());
  ASSERT_TRUE(eventually([&] { return is_ready(port); }));
  pub_relay.process->send(SIGKILL);
  EXPECT_TRUE(turns_within_two_seconds());
  EXPECT_THAT(ask(port, "/readyz"), HasSubstr("no peer is at tcp://127.0.0.1:"));
  EXPECT_THAT(ask(port, "/livez"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(run({"smtrelay_health", "--metrics", at(port)}).exit_code, 0);
}

TEST_F(MetricsTest, AProxyTellsOfTheTopicsThatItHolds) {
  publish("map/grid", "f64", "1.5");
  Relay pub_relay = pub();
  Relay gate = proxy({"--connect", pub_relay.endpoint(), "--cache", "map/**", "--ready", "map/grid",
                      "--metrics", "127.0.0.1:*"});
  const uint16_t port = port_of_pages(gate);
  ASSERT_TRUE(
      eventually([&] { return metrics(port).count("smtrelay_topic_fresh{topic=\"map/grid\"}") == 1; }));
  EXPECT_EQ(metrics(port)["smtrelay_topics{state=\"source-dead\"}"], 1) << "its publisher has ended";
  EXPECT_THAT(ask(port, "/readyz"), HasSubstr("topic map/grid is source-dead"));
}

// A relay that is stopped does not answer, and the tool says so in time.
TEST_F(MetricsTest, ALoopThatStandsStillIsNotAlive) {
  Relay relay = pub({"--metrics", "127.0.0.1:*"});
  const uint16_t port = port_of_pages(relay);
  relay.process->send(SIGSTOP);
  const Ended ended = run({"smtrelay_health", "--metrics", at(port), "--timeout", "200ms"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("has not answered in time"));
  relay.process->send(SIGCONT);
  EXPECT_EQ(run({"smtrelay_health", "--metrics", at(port)}).exit_code, 0);
  relay.process->send(SIGTERM);
  EXPECT_EQ(relay.process->wait().exit_code, 0);
  EXPECT_THAT(run({"smtrelay_health", "--metrics", at(port)}).err, HasSubstr("nobody answers"));
}

TEST_F(MetricsTest, WhatCannotBeServedIsSaidAtTheStart) {
  uint16_t port = 0;
  const Fd taken = bound(&port);
  ASSERT_EQ(listen(taken.get(), 1), 0);
  const auto refused = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = {"smtrelay_pub", "--bind", "tcp://127.0.0.1:*"};
    args.insert(args.end(), more.begin(), more.end());
    return run(args);
  };
  const Ended busy = refused({"--metrics", at(port)});
  EXPECT_EQ(busy.exit_code, 1);
  EXPECT_THAT(busy.err, AllOf(HasSubstr(at(port)), HasSubstr("another process has the port")));
  const Ended open = refused({"--metrics", "0.0.0.0:9464"});
  EXPECT_EQ(open.exit_code, 2);
  EXPECT_THAT(open.err, HasSubstr("--metrics-open"));
  EXPECT_EQ(refused({"--metrics", "robot:9464"}).exit_code, 2);
  EXPECT_EQ(refused({"--metrics", "127.0.0.1:99999"}).exit_code, 2);
  EXPECT_EQ(refused({"--metrics", "127.0.0.1:*", "--ready", "re:("}).exit_code, 2);
  EXPECT_EQ(run({"smtrelay_health"}).exit_code, 2);
  EXPECT_EQ(run({"smtrelay_health", "--metrics", "127.0.0.1:1", "livez"}).exit_code, 2);
}

}  // namespace
}  // namespace smt::tools
